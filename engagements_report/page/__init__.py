"""The HTML page of all reports: sections, charts and texts."""
