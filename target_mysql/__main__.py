"""`python -m target_mysql` is `target-mysql`."""

from target_mysql.cli import main

main()
