-- Question: from when to when are there engagements?
-- Grain: one row.
-- Units: first_ms and last_ms in Unix ms; NULL without any that has a type and a time. Times before
--   1973 are seconds that someone took for milliseconds: they are left out.
-- Run: mysql hubspot < covered.sql; put timestamp for createdAt to go by when things happened.
-- An index on the column answers it at once; MIN and MAX would not use it.
SELECT
  (SELECT e./*:time*/createdAt FROM engagements AS e
    WHERE e.type IS NOT NULL AND e./*:time*/createdAt >= 100000000000
    ORDER BY e./*:time*/createdAt LIMIT 1) AS first_ms,
  (SELECT e./*:time*/createdAt FROM engagements AS e
    WHERE e.type IS NOT NULL AND e./*:time*/createdAt >= 100000000000
    ORDER BY e./*:time*/createdAt DESC LIMIT 1) AS last_ms
