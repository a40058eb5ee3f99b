"""A whole run on a single machine, for a person to watch."""
