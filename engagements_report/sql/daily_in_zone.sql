-- Question: how many engagements of each type were logged on each day of a time zone?
-- Grain: one row a type and day that has engagements; deleted and inactive ones count; without
--   type or createdAt, none.
-- Units: day by the zone's calendar, exact to the millisecond; num_engagements a count.
-- Parameters: {offsets}, a table of start_ms, end_ms, offset_ms: between which times, in Unix ms,
--   the zone's clocks showed UTC plus how much; %(start_ms)s and %(end_ms)s, its first and last.
-- A quotient would be rounded, on MySQL to the next day where a day is nearly over: whole division,
-- and one less for times before 1970.
SELECT LEFT(e.type, 255) AS type,
  DATE_ADD('1970-01-01', INTERVAL (e.createdAt + z.offset_ms) DIV 86400000
    - ((e.createdAt + z.offset_ms) MOD 86400000 < 0) DAY) AS day,
  COUNT(*) AS num_engagements
FROM engagements AS e
STRAIGHT_JOIN ({offsets}) AS z ON e.createdAt >= z.start_ms AND e.createdAt < z.end_ms
WHERE e.type IS NOT NULL AND e.createdAt >= %(start_ms)s AND e.createdAt < %(end_ms)s
GROUP BY 1, 2
ORDER BY 1, 2
