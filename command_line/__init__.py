"""What the command lines of several programs share: options, signals, standard input and output."""
