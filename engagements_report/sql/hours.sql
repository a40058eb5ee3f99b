-- Question: on which weekdays and at which hours are there engagements?
-- Grain: one row a weekday and hour of the zone's clock that has engagements.
-- Units: weekday from 0, Monday, to 6; hour from 0 to 23, the hour that clocks show twice in autumn
--   counted as one; num_engagements a count.
-- Run: engagements-report sql hours --tz America/New_York | mysql hubspot
--   or, as it stands, up to today in UTC: mysql hubspot < hours.sql
-- Values to put in behind their names: as in daily_in_zone.sql.
-- Whole division, since MySQL rounds quotients; and the day before for times before 1970.
SELECT
  WEEKDAY(DATE_ADD('1970-01-01', INTERVAL j.local_ms DIV 86400000
    - (j.local_ms MOD 86400000 < 0) DAY)) AS weekday,
  (j.local_ms MOD 86400000 + 86400000) MOD 86400000 DIV 3600000 AS hour,
  COUNT(*) AS num_engagements
FROM (
  SELECT e./*:time*/createdAt + z.offset_ms AS local_ms
  FROM engagements AS e
  STRAIGHT_JOIN
    /*:offsets*/ (SELECT 0 AS start_ms, 253370764800000 AS end_ms, 0 AS offset_ms) AS z
    ON e./*:time*/createdAt >= z.start_ms AND e./*:time*/createdAt < z.end_ms
  WHERE e.type IS NOT NULL AND /*:only*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
    AND e./*:time*/createdAt >= /*:start_ms*/ 100000000000
    AND e./*:time*/createdAt < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1969-12-31'))
) AS j
GROUP BY 1, 2
ORDER BY 1, 2
