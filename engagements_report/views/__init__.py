"""Views of the loaded tables for BI tools: DATETIME columns, names, details, is_deleted."""
