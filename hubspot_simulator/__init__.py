"""A HubSpot portal on loopback, as awkward as the real one."""
