"""The options and signals that the command lines of several programs share."""
