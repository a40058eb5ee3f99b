"""A Singer tap for HubSpot engagements."""

PROGRAM = "tap-hubspot-engagements"
