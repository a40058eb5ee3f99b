"""`python -m engagements_report` is `engagements-report`."""

from engagements_report.cli import main

main()
