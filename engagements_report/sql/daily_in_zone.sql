-- Question: how many engagements of each type were there on each day of a time zone?
-- Grain: one row a type and day that has live engagements; without a type or a time, none.
-- Units: day by the zone's calendar, exact to the millisecond; num_engagements a count.
-- Run: engagements-report sql daily --tz America/New_York | mysql hubspot
--   or, as it stands, up to today in UTC: mysql hubspot < daily_in_zone.sql
-- Values to put in behind their names: start_ms and end_ms, from when to before when, in Unix ms;
--   offsets, between which times the zone's clocks showed UTC plus how much, all in ms; only, which
--   rows: the live ones, which are neither inactive nor deleted, or TRUE for all; time, createdAt or
--   timestamp.
-- A quotient would be rounded, on MySQL to the next day where a day is nearly over: whole division,
-- and one less for times before 1970.
SELECT LEFT(e.type, 255) AS type,
  DATE_ADD('1970-01-01', INTERVAL (e./*:time*/createdAt + z.offset_ms) DIV 86400000
    - ((e./*:time*/createdAt + z.offset_ms) MOD 86400000 < 0) DAY) AS day,
  COUNT(*) AS num_engagements
FROM engagements AS e
STRAIGHT_JOIN
  /*:offsets*/ (SELECT 0 AS start_ms, 253370764800000 AS end_ms, 0 AS offset_ms) AS z
  ON e./*:time*/createdAt >= z.start_ms AND e./*:time*/createdAt < z.end_ms
WHERE e.type IS NOT NULL AND /*:only*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
  AND e./*:time*/createdAt >= /*:start_ms*/ 100000000000
  AND e./*:time*/createdAt < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1969-12-31'))
GROUP BY 1, 2
ORDER BY 1, 2
