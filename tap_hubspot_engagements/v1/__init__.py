"""HubSpot's engagements API of 2016 as a source: three lists, ids read in parallel."""
