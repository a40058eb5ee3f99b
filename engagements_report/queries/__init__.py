"""The reports as SQL: which statement with which values, and the connection that runs it."""
