-- Question: which tasks are open now, and how long are they overdue?
-- Grain: one row an owner that has open tasks, who has most overdue first; last one for all owners.
-- Units: counts of tasks whose status is not COMPLETED; a task is due at its timestamp. num_open =
--   overdue + due_later + no_due_date; overdue = up to 1 day late + up to 7 + up to 30 + more;
--   oldest_days the whole days since the oldest of them was due. Without the stream owners, owner is
--   the id.
-- Run: engagements-report sql tasks --team West | mysql hubspot
--   or, as it stands, of all tasks logged up to today in UTC: mysql hubspot < tasks.sql
-- Values to put in behind their names: now_ms, in Unix ms; start_ms and end_ms, from when to before
--   when, in Unix ms; only and time as in daily_in_zone.sql; owners as in owners.sql.
SELECT NULLIF(k.ownerId, 0) AS ownerId,
  CASE
    WHEN k.ownerId IS NULL THEN '(all owners)'
    WHEN k.ownerId = 0 THEN '(no owner)'
    ELSE COALESCE(
      NULLIF(TRIM(CONCAT_WS(' ', owners.firstName, owners.lastName)), ''), owners.email,
      CONCAT('owner ', k.ownerId)
    )
  END AS owner,
  k.num_open, k.overdue, k.overdue_1d, k.overdue_7d, k.overdue_30d, k.overdue_longer, k.due_later,
  k.no_due_date,
  CASE WHEN k.overdue > 0 THEN k.oldest_ms DIV 86400000 END AS oldest_days
FROM (
  SELECT j.ownerId, COUNT(*) AS num_open,
    COUNT(CASE WHEN j.late_ms > 0 THEN 1 END) AS overdue,
    COUNT(CASE WHEN j.late_ms > 0 AND j.late_ms <= 86400000 THEN 1 END) AS overdue_1d,
    COUNT(CASE WHEN j.late_ms > 86400000 AND j.late_ms <= 604800000 THEN 1 END) AS overdue_7d,
    COUNT(CASE WHEN j.late_ms > 604800000 AND j.late_ms <= 2592000000 THEN 1 END) AS overdue_30d,
    COUNT(CASE WHEN j.late_ms > 2592000000 THEN 1 END) AS overdue_longer,
    COUNT(CASE WHEN j.late_ms <= 0 THEN 1 END) AS due_later,
    COUNT(CASE WHEN j.late_ms IS NULL THEN 1 END) AS no_due_date,
    MAX(j.late_ms) AS oldest_ms
  FROM (
    SELECT COALESCE(e.ownerId, 0) AS ownerId,
      CASE WHEN e.`timestamp` BETWEEN 100000000000 AND 253370764800000
        THEN /*:now_ms*/ (1000 * UNIX_TIMESTAMP()) - e.`timestamp` END AS late_ms
    FROM engagements AS e
    JOIN engagement_tasks ON engagement_tasks.engagementId = e.id
    WHERE e.type = 'TASK' AND COALESCE(engagement_tasks.status, '') <> 'COMPLETED'
      AND /*:only*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
      AND e./*:time*/createdAt >= /*:start_ms*/ 100000000000
      AND e./*:time*/createdAt < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1969-12-31'))
  ) AS j
  GROUP BY j.ownerId WITH ROLLUP
) AS k
LEFT JOIN /*:owners*/ owners AS owners ON owners.id = k.ownerId
WHERE k.num_open > 0
ORDER BY k.ownerId IS NULL, k.overdue DESC, k.num_open DESC, k.ownerId
