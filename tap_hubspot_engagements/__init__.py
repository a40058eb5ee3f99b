"""A Singer tap for HubSpot engagements."""
