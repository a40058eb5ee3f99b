"""`python -m tap_hubspot_engagements` is `tap-hubspot-engagements`."""

from tap_hubspot_engagements.cli import main

main()
