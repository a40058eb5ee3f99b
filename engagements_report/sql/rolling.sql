-- Question: how many engagements of each type were logged a day, over the 14 days up to each day?
-- Grain: one row a type and calendar day from %(first_shown)s to %(last_day)s, days without any
--   included; types that have some from %(first_day)s to %(last_day)s; deleted and inactive
--   engagements count; those without type or createdAt do not.
-- Units: day by the zone's calendar; sum_14d counts day-13 to day; days_in_window the days of
--   these from %(first_day)s on; avg_14d = sum_14d / days_in_window; avg_14d_full = sum_14d / 14,
--   NULL while the window is partial; both engagements a day, 4 decimals, half up.
-- Parameters: %(first_day)s the first day that the data covers, %(first_shown)s the first to show,
--   %(last_day)s the last; {offsets} as in daily_in_zone.sql, from first_day to last_day.
SELECT k.type, c.day,
  CAST(COALESCE(SUM(CASE WHEN d.day = c.day THEN d.num END), 0) AS SIGNED) AS num_engagements,
  CAST(COALESCE(SUM(d.num), 0) AS SIGNED) AS sum_14d,
  LEAST(14, DATEDIFF(c.day, %(first_day)s) + 1) AS days_in_window,
  ROUND(COALESCE(SUM(d.num), 0) / LEAST(14, DATEDIFF(c.day, %(first_day)s) + 1), 4) AS avg_14d,
  CASE WHEN DATEDIFF(c.day, %(first_day)s) >= 13
    THEN ROUND(COALESCE(SUM(d.num), 0) / 14, 4) END AS avg_14d_full
FROM (
  SELECT CAST(DATE_ADD(%(first_shown)s, INTERVAL
    i0.n + 10 * i1.n + 100 * i2.n + 1000 * i3.n + 10000 * i4.n DAY) AS DATE) AS day
  FROM ({digits}) AS i0, ({digits}) AS i1, ({digits}) AS i2, ({digits}) AS i3, ({digits}) AS i4
  WHERE i0.n + 10 * i1.n + 100 * i2.n + 1000 * i3.n + 10000 * i4.n
    <= DATEDIFF(%(last_day)s, %(first_shown)s)
) AS c
CROSS JOIN (
  SELECT DISTINCT LEFT(e.type, 255) AS type
  FROM ({offsets}) AS z
  JOIN engagements AS e ON e.createdAt >= z.start_ms AND e.createdAt < z.end_ms
  WHERE e.type IS NOT NULL
) AS k
LEFT JOIN (
  SELECT LEFT(e.type, 255) AS type,
    DATE_ADD('1970-01-01', INTERVAL FLOOR((e.createdAt + z.offset_ms) / 86400000) DAY) AS day,
    COUNT(*) AS num
  FROM ({offsets}) AS z
  JOIN engagements AS e ON e.createdAt >= z.start_ms AND e.createdAt < z.end_ms
  WHERE e.type IS NOT NULL
  GROUP BY 1, 2
) AS d ON d.type = k.type AND d.day BETWEEN DATE_SUB(c.day, INTERVAL 13 DAY) AND c.day
GROUP BY k.type, c.day
ORDER BY k.type, c.day
