-- Question: from when to when are there engagements?
-- Grain: one row.
-- Units: first_ms and last_ms, createdAt in Unix ms; NULL without any that has type and createdAt.
-- Parameters: none.
SELECT MIN(createdAt) AS first_ms, MAX(createdAt) AS last_ms
FROM engagements
WHERE type IS NOT NULL
