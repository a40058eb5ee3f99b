"""HubSpot's CRM objects API, `v3` and dated versions, as a source of engagements."""
