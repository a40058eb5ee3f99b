-- Question: how many engagements of each type were logged a day, over the 14 days up to each day?
-- Grain: one row a type and calendar day from %(first_shown)s to %(last_day)s, days without any
--   included; types that have some in these days or the 13 before them; deleted and inactive
--   engagements count; those without type or createdAt do not.
-- Units: day by the zone's calendar; sum_14d counts day-13 to day; days_in_window the days of
--   these from %(first_day)s on; avg_14d = sum_14d / days_in_window; avg_14d_full = sum_14d / 14,
--   NULL while the window is partial; both engagements a day, 4 decimals, half up.
-- Parameters: %(first_day)s the first day that the data covers, %(first_shown)s the first to show,
--   %(last_day)s the last; {offsets} as in daily_in_zone.sql, from 13 days before first_shown, or
--   from first_day if that is later, to last_day; %(start_ms)s and %(end_ms)s, the limits of these
--   days in Unix ms; {digits}, a table of n from 0 to 9.
-- A quotient would be rounded, on MySQL to the next day where a day is nearly over: whole division,
-- and one less for times before 1970.
SELECT k.type, c.day,
  CAST(COALESCE(w.num, 0) AS SIGNED) AS num_engagements,
  CAST(COALESCE(w.sum_14d, 0) AS SIGNED) AS sum_14d,
  LEAST(14, DATEDIFF(c.day, %(first_day)s) + 1) AS days_in_window,
  ROUND(COALESCE(w.sum_14d, 0) / LEAST(14, DATEDIFF(c.day, %(first_day)s) + 1), 4) AS avg_14d,
  CASE WHEN DATEDIFF(c.day, %(first_day)s) >= 13
    THEN ROUND(COALESCE(w.sum_14d, 0) / 14, 4) END AS avg_14d_full
FROM (
  SELECT CAST(DATE_ADD(%(first_shown)s, INTERVAL
    i0.n + 10 * i1.n + 100 * i2.n + 1000 * i3.n + 10000 * i4.n DAY) AS DATE) AS day
  FROM ({digits}) AS i0, ({digits}) AS i1, ({digits}) AS i2, ({digits}) AS i3, ({digits}) AS i4
  WHERE i0.n + 10 * i1.n + 100 * i2.n + 1000 * i3.n + 10000 * i4.n
    <= DATEDIFF(%(last_day)s, %(first_shown)s)
) AS c
CROSS JOIN (
  SELECT DISTINCT LEFT(e.type, 255) AS type
  FROM engagements AS e
  WHERE e.type IS NOT NULL AND e.createdAt >= %(start_ms)s AND e.createdAt < %(end_ms)s
) AS k
-- A day's count is part of 14 windows: that day's and those of the 13 days after it.
LEFT JOIN (
  SELECT d.type, CAST(DATE_ADD(d.day, INTERVAL i0.n + 10 * i1.n DAY) AS DATE) AS day,
    SUM(CASE WHEN i0.n + 10 * i1.n = 0 THEN d.num END) AS num, SUM(d.num) AS sum_14d
  FROM (
    SELECT LEFT(e.type, 255) AS type,
      DATE_ADD('1970-01-01', INTERVAL (e.createdAt + z.offset_ms) DIV 86400000
        - ((e.createdAt + z.offset_ms) MOD 86400000 < 0) DAY) AS day,
      COUNT(*) AS num
    FROM engagements AS e
    STRAIGHT_JOIN ({offsets}) AS z ON e.createdAt >= z.start_ms AND e.createdAt < z.end_ms
    WHERE e.type IS NOT NULL AND e.createdAt >= %(start_ms)s AND e.createdAt < %(end_ms)s
    GROUP BY 1, 2
  ) AS d
  JOIN ({digits}) AS i0
  JOIN ({digits}) AS i1 ON i0.n + 10 * i1.n < 14
  GROUP BY 1, 2
) AS w ON w.type = k.type AND w.day = c.day
ORDER BY k.type, c.day
