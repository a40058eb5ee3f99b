"""What target-mysql is compared with, each a program of its own."""
