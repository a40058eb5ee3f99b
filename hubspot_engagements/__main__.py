"""`python -m hubspot_engagements` is the command hubspot-engagements."""

from hubspot_engagements.cli import main

main()
