-- Question: when were engagements loaded last?
-- Grain: one row.
-- Units: synced_at in UTC, the load's clock; NULL without engagements.
-- Run: mysql hubspot < synced.sql
SELECT MAX(e._sdc_batched_at) AS synced_at FROM engagements AS e
