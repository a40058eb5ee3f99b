"""From a RECORD line to a row of the load file. Pure."""
