"""A whole run on one machine, for a person to watch."""
