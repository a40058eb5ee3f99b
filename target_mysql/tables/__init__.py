"""From a SCHEMA to a table's columns, and to the ALTER that an existing table needs. Pure."""
