-- Question: how did calls end, and how many reached someone?
-- Grain: one row a disposition, by its label, the most frequent first; last one for all calls.
-- Units: counts; connected are calls whose disposition is HubSpot's Connected, or has that label;
--   connect_rate = connected / num_calls, a share from 0 to 1, 4 decimals, calls without a
--   disposition included; total_minutes 1 decimal; avg_minutes over calls that lasted, 2 decimals.
-- Run: engagements-report sql calls --from 2018-07-01 | mysql hubspot
--   or, as it stands, up to today in UTC: mysql hubspot < calls.sql
-- Values to put in behind their names: start_ms and end_ms, from when to before when, in Unix ms;
--   only and time as in daily_in_zone.sql; dispositions, (SELECT NULL AS id, NULL AS label) where
--   there is no such table: ids then stand for labels.
SELECT COALESCE(k.disposition, '(all calls)') AS disposition,
  k.num_calls, k.connected,
  ROUND(k.connected / k.num_calls, 4) AS connect_rate,
  -- The decimals keep MySQL from rounding a quotient to four digits, and then once more.
  ROUND(COALESCE(k.total_ms, 0) * 1.0000000000 / 60000, 1) AS total_minutes,
  ROUND(k.total_ms * 1.0000000000 / (k.lasted * 60000), 2) AS avg_minutes
FROM (
  SELECT j.disposition, COUNT(*) AS num_calls, SUM(j.connected) AS connected,
    SUM(j.duration_ms) AS total_ms, COUNT(CASE WHEN j.duration_ms > 0 THEN 1 END) AS lasted
  FROM (
    SELECT
      LEFT(COALESCE(dispositions.label, NULLIF(engagement_calls.disposition, ''), '(none)'), 255)
        AS disposition,
      CASE WHEN engagement_calls.disposition = 'f240bbac-87c9-4f6e-bf70-924b57d47db7'
        OR dispositions.label = 'Connected' THEN 1 ELSE 0 END AS connected,
      engagement_calls.durationMilliseconds AS duration_ms
    FROM engagements AS e
    LEFT JOIN engagement_calls ON engagement_calls.engagementId = e.id
    LEFT JOIN /*:dispositions*/ call_dispositions AS dispositions
      ON dispositions.id = engagement_calls.disposition
    WHERE e.type = 'CALL' AND /*:only*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
      AND e./*:time*/createdAt >= /*:start_ms*/ 100000000000
      AND e./*:time*/createdAt < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1969-12-31'))
  ) AS j
  GROUP BY j.disposition WITH ROLLUP
) AS k
WHERE k.num_calls > 0
ORDER BY k.disposition IS NULL, k.num_calls DESC, k.disposition
