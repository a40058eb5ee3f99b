"""A Singer target that writes engagements to HubSpot, each once."""

PROGRAM = "target-hubspot-engagements"
