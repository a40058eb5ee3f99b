-- Question: what became of meetings?
-- Grain: one row an outcome, as HubSpot has it, the most frequent first; last one for all meetings.
-- Units: num_meetings a count; total_hours and avg_minutes from their planned starts to their
--   planned ends, held or not, over those that have both, 1 decimal.
-- Run: engagements-report sql meetings --from 2018-07-01 | mysql hubspot
--   or, as it stands, up to today in UTC: mysql hubspot < meetings.sql
-- Values to put in behind their names: start_ms and end_ms, from when to before when, in Unix ms;
--   only and time as in daily_in_zone.sql. A meeting's timestamp is its start.
SELECT COALESCE(k.outcome, '(all meetings)') AS outcome,
  k.num_meetings,
  -- The decimals keep MySQL from rounding a quotient to four digits, and then once more.
  ROUND(COALESCE(k.total_ms, 0) * 1.0000000000 / 3600000, 1) AS total_hours,
  ROUND(k.total_ms * 1.0000000000 / (k.timed * 60000), 1) AS avg_minutes
FROM (
  SELECT j.outcome, COUNT(*) AS num_meetings, SUM(j.duration_ms) AS total_ms,
    COUNT(j.duration_ms) AS timed
  FROM (
    SELECT LEFT(COALESCE(NULLIF(engagement_meetings.meetingOutcome, ''), '(none)'), 255) AS outcome,
      engagement_meetings.endTime - engagement_meetings.startTime AS duration_ms
    FROM engagements AS e
    LEFT JOIN engagement_meetings ON engagement_meetings.engagementId = e.id
    WHERE e.type = 'MEETING' AND /*:only*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
      AND e./*:time*/createdAt >= /*:start_ms*/ 100000000000
      AND e./*:time*/createdAt < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1969-12-31'))
  ) AS j
  GROUP BY j.outcome WITH ROLLUP
) AS k
WHERE k.num_meetings > 0
ORDER BY k.outcome IS NULL, k.num_meetings DESC, k.outcome
