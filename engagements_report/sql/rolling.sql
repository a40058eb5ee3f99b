-- Question: how many engagements of each type were there a day, over the 14 days up to each day?
-- Grain: one row a type and calendar day from first_shown to last_day, days without any included;
--   types that have some in these days or the 13 before; those without type or time do not count.
-- Units: day by the zone's calendar; sum_14d counts day-13 to day; days_in_window the days of
--   these from first_day on; avg_14d = sum_14d / days_in_window; avg_14d_full = sum_14d / 14, NULL
--   while the window is partial or the day is not over; both a day, 4 decimals, half up.
-- Run: engagements-report sql rolling --from 2018-06-15 | mysql hubspot
--   or, as it stands, from the first day with data to yesterday in UTC: mysql hubspot < rolling.sql
-- Values to put in behind their names: days, a row of the days: first_day, the first that the data
--   covers, first_shown and last_day, the days to show, 10,000 at most; partial_day, the day that
--   is not over; window, days, 100 at most; start_ms and end_ms, the limits of the days counted
--   (the windows' before first_shown, too) in Unix ms; offsets, only, time as in daily_in_zone.sql;
--   kind, 'ALL' for all types together; the names of the columns.
-- A quotient would be rounded, on MySQL to the next day where a day is nearly over: whole division,
-- and one less for times before 1970.
SELECT k.type, c.day,
  CAST(COALESCE(w.num, 0) AS SIGNED) AS num_engagements,
  CAST(COALESCE(w.total, 0) AS SIGNED) AS /*:sum_name*/sum_14d,
  c.days_in_window,
  ROUND(COALESCE(w.total, 0) / c.days_in_window, 4) AS /*:avg_name*/avg_14d,
  CASE WHEN c.day < /*:partial_day*/ UTC_DATE AND c.days_in_window = /*:window*/ 14
    THEN ROUND(COALESCE(w.total, 0) / /*:window*/ 14, 4) END AS /*:full_name*/avg_14d_full
FROM (
  SELECT b.day, LEAST(/*:window*/ 14, DATEDIFF(b.day, b.first_day) + 1) AS days_in_window
  FROM (
    SELECT s.first_day, CAST(DATE_ADD(s.first_shown, INTERVAL n.nth DAY) AS DATE) AS day
    FROM /*:days*/ (
      SELECT DATE_ADD('1970-01-01', INTERVAL t.first_ms DIV 86400000 DAY) AS first_day,
        DATE_ADD('1970-01-01', INTERVAL t.first_ms DIV 86400000 DAY) AS first_shown,
        DATE_ADD('1970-01-01', INTERVAL t.last_ms DIV 86400000 DAY) AS last_day
      FROM (
        SELECT MIN(e.createdAt) AS first_ms,
          LEAST(MAX(e.createdAt), 86400000 * DATEDIFF(UTC_DATE, '1970-01-01') - 1) AS last_ms
        FROM engagements AS e
        WHERE e.type IS NOT NULL AND e.createdAt >= 100000000000
      ) AS t
    ) AS s
    JOIN (
      SELECT i0.n + 10 * i1.n + 100 * i2.n + 1000 * i3.n AS nth
      FROM (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3
        UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7
        UNION ALL SELECT 8 UNION ALL SELECT 9) AS i0
      JOIN (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3
        UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7
        UNION ALL SELECT 8 UNION ALL SELECT 9) AS i1
      JOIN (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3
        UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7
        UNION ALL SELECT 8 UNION ALL SELECT 9) AS i2
      JOIN (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3
        UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7
        UNION ALL SELECT 8 UNION ALL SELECT 9) AS i3
    ) AS n ON n.nth <= DATEDIFF(s.last_day, s.first_shown)
  ) AS b
) AS c
CROSS JOIN (
  SELECT DISTINCT LEFT(/*:kind*/ e.type, 255) AS type
  FROM engagements AS e
  WHERE e.type IS NOT NULL AND /*:only*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
    AND e./*:time*/createdAt >= /*:start_ms*/ 100000000000
    AND e./*:time*/createdAt < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1970-01-01'))
) AS k
-- A day's count is part of 14 windows: that day's and those of the 13 days after it.
LEFT JOIN (
  SELECT d.type, CAST(DATE_ADD(d.day, INTERVAL i0.n + 10 * i1.n DAY) AS DATE) AS day,
    SUM(CASE WHEN i0.n + 10 * i1.n = 0 THEN d.num END) AS num, SUM(d.num) AS total
  FROM (
    SELECT LEFT(/*:kind*/ e.type, 255) AS type,
      DATE_ADD('1970-01-01', INTERVAL (e./*:time*/createdAt + z.offset_ms) DIV 86400000
        - ((e./*:time*/createdAt + z.offset_ms) MOD 86400000 < 0) DAY) AS day,
      COUNT(*) AS num
    FROM engagements AS e
    STRAIGHT_JOIN
      /*:offsets*/ (SELECT 0 AS start_ms, 253370764800000 AS end_ms, 0 AS offset_ms) AS z
      ON e./*:time*/createdAt >= z.start_ms AND e./*:time*/createdAt < z.end_ms
    WHERE e.type IS NOT NULL AND /*:only*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
      AND e./*:time*/createdAt >= /*:start_ms*/ 100000000000
      AND e./*:time*/createdAt < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1970-01-01'))
    GROUP BY 1, 2
  ) AS d
  JOIN (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
    UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8
    UNION ALL SELECT 9) AS i0
  JOIN (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
    UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8
    UNION ALL SELECT 9) AS i1
    ON i0.n + 10 * i1.n < /*:window*/ 14
  GROUP BY 1, 2
) AS w ON w.type = k.type AND w.day = c.day
ORDER BY k.type, c.day
