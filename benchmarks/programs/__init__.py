"""What is compared with and what is asked, each a program of its own."""
