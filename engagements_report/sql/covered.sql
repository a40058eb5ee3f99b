-- Question: from when to when are there engagements?
-- Grain: one row.
-- Units: first_ms and last_ms, createdAt in Unix ms; NULL without any that has type and createdAt.
-- Parameters: none. An index on createdAt answers it at once; MIN and MAX would not use it.
SELECT
  (SELECT createdAt FROM engagements WHERE type IS NOT NULL AND createdAt IS NOT NULL
    ORDER BY createdAt LIMIT 1) AS first_ms,
  (SELECT createdAt FROM engagements WHERE type IS NOT NULL AND createdAt IS NOT NULL
    ORDER BY createdAt DESC LIMIT 1) AS last_ms
