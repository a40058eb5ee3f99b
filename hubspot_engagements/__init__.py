"""One command for whoever has no orchestrator: runs the tap and the target as a pipe."""
