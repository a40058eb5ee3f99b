"""Makes `python -m target_hubspot_engagements` run the program."""

from target_hubspot_engagements.cli import main

main()
