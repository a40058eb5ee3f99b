-- Question: what did each owner do?
-- Grain: one row an owner that has any of these engagements, and one for those without an owner,
--   whose ownerId is NULL or 0; the types that a person logs: CALL, EMAIL, MEETING, NOTE, TASK.
-- Units: counts, num_logged of these types together; call_minutes the sum of the calls' durations,
--   1 decimal; tasks_done the tasks whose status is COMPLETED now. Without the stream owners, owner
--   is the id.
-- Run: engagements-report sql owners --from 2018-07-01 | mysql hubspot
--   or, as it stands, up to today in UTC: mysql hubspot < owners.sql
-- Values to put in behind their names: start_ms and end_ms, from when to before when, in Unix ms;
--   only and time as in daily_in_zone.sql; owners, (SELECT NULL AS id, NULL AS firstName,
--   NULL AS lastName, NULL AS email) where there is no such table.
SELECT k.ownerId,
  COALESCE(
    NULLIF(TRIM(CONCAT_WS(' ', owners.firstName, owners.lastName)), ''), owners.email,
    CONCAT('owner ', k.ownerId), '(no owner)'
  ) AS owner,
  k.num_logged, k.calls, k.emails_sent, k.meetings, k.notes, k.tasks, k.call_minutes,
  k.tasks_done
FROM (
  SELECT NULLIF(e.ownerId, 0) AS ownerId,
    COUNT(*) AS num_logged,
    COUNT(CASE WHEN e.type = 'CALL' THEN 1 END) AS calls,
    COUNT(CASE WHEN e.type = 'EMAIL' THEN 1 END) AS emails_sent,
    COUNT(CASE WHEN e.type = 'MEETING' THEN 1 END) AS meetings,
    COUNT(CASE WHEN e.type = 'NOTE' THEN 1 END) AS notes,
    COUNT(CASE WHEN e.type = 'TASK' THEN 1 END) AS tasks,
    -- The decimals keep MySQL from rounding a quotient to four digits, and then once more.
    ROUND(COALESCE(SUM(engagement_calls.durationMilliseconds), 0) * 1.0000000000 / 60000, 1)
      AS call_minutes,
    COUNT(CASE WHEN engagement_tasks.status = 'COMPLETED' THEN 1 END) AS tasks_done
  FROM engagements AS e
  -- One row an engagement in each: nothing is counted twice.
  LEFT JOIN engagement_calls ON e.type = 'CALL' AND engagement_calls.engagementId = e.id
  LEFT JOIN engagement_tasks ON e.type = 'TASK' AND engagement_tasks.engagementId = e.id
  WHERE e.type IN ('CALL', 'EMAIL', 'MEETING', 'NOTE', 'TASK')
    AND /*:only*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
    AND e./*:time*/createdAt >= /*:start_ms*/ 100000000000
    AND e./*:time*/createdAt < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1969-12-31'))
  GROUP BY NULLIF(e.ownerId, 0)
) AS k
LEFT JOIN /*:owners*/ owners AS owners ON owners.id = k.ownerId
ORDER BY k.num_logged DESC, k.ownerId
