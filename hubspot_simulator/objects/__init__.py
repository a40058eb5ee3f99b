"""HubSpot's CRM objects API (`v3` and dated paths) over the portal that also serves v1."""
