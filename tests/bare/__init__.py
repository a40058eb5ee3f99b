"""The project on a Debian that has only what the README asks for."""
