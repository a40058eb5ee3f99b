-- Question: what was done on each day, by type and owner?
-- Grain: one row a day, type and owner that has any; ownerId is 0 for no owner. Page, teams and
--   changes add these rows up.
-- Units: counts, but call_ms, which is in ms. num_engagements, connected (calls whose disposition is
--   HubSpot's Connected, or has that label) and call_ms are of the day of `time`. meetings_held have
--   the outcome COMPLETED, and are of the day on which they start; tasks_done have the status
--   COMPLETED, and are of the day on which they were completed, else of that of `time`: counted by
--   when they were logged, the latest weeks would always have the fewest. A column is NULL where the
--   table that it needs is missing.
-- Run: engagements-report sql measures --period last-week --tz America/New_York | mysql hubspot
--   or, as it stands, up to today in UTC: mysql hubspot < measures.sql
-- Values to put in behind their names: as in daily_in_zone.sql; on_any_day as only there;
--   dispositions, call_details, meeting_details and task_details: tables that are not loaded are
--   (SELECT NULL AS id, …), and their has_ is NULL.
-- Groups are by numbers alone, the day's from 1970-01-01 and the type's checksum: with texts the
-- server's temporary tables would not fit its memory, and take ten times as long. Whole division,
-- since quotients are rounded; and one less for times before 1970.
SELECT CAST(DATE_ADD('1970-01-01', INTERVAL k.day_number DAY) AS DATE) AS day,
  LEFT(example.type, 255) AS type,
  k.ownerId,
  CAST(k.num AS SIGNED) AS num_engagements,
  CAST(CASE WHEN /*:has_call_details*/ 1 = 1 THEN k.connected END AS SIGNED) AS connected,
  CAST(CASE WHEN /*:has_call_details*/ 1 = 1 THEN k.call_ms END AS SIGNED) AS call_ms,
  CAST(CASE WHEN /*:has_meeting_details*/ 1 = 1 THEN k.held END AS SIGNED) AS meetings_held,
  CAST(CASE WHEN /*:has_task_details*/ 1 = 1 THEN k.done END AS SIGNED) AS tasks_done
FROM (
  SELECT u.day_number, u.ownerId, MIN(u.example_id) AS example_id, SUM(u.num) AS num,
    SUM(u.connected) AS connected, SUM(u.call_ms) AS call_ms, SUM(u.held) AS held,
    SUM(u.done) AS done
  FROM (
    SELECT (e./*:time*/createdAt + z.offset_ms) DIV 86400000
        - ((e./*:time*/createdAt + z.offset_ms) MOD 86400000 < 0) AS day_number,
      CRC32(e.type) AS type_code, COALESCE(e.ownerId, 0) AS ownerId, MIN(e.id) AS example_id,
      COUNT(*) AS num,
      COUNT(CASE WHEN calls.disposition = 'f240bbac-87c9-4f6e-bf70-924b57d47db7'
        OR dispositions.label = 'Connected' THEN 1 END) AS connected,
      COALESCE(SUM(calls.durationMilliseconds), 0) AS call_ms, 0 AS held, 0 AS done
    FROM engagements AS e
    STRAIGHT_JOIN
      /*:offsets*/ (SELECT 0 AS start_ms, 253370764800000 AS end_ms, 0 AS offset_ms) AS z
      ON e./*:time*/createdAt >= z.start_ms AND e./*:time*/createdAt < z.end_ms
    LEFT JOIN /*:call_details*/ engagement_calls AS calls
      ON e.type = 'CALL' AND calls.engagementId = e.id
    LEFT JOIN /*:dispositions*/ call_dispositions AS dispositions
      ON dispositions.id = calls.disposition
    WHERE e.type IS NOT NULL
      AND /*:on_any_day*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
      AND e./*:time*/createdAt >= /*:start_ms*/ 100000000000
      AND e./*:time*/createdAt < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1969-12-31'))
    GROUP BY 1, 2, 3
    UNION ALL
    SELECT (COALESCE(meetings.startTime, e.`timestamp`) + z.offset_ms) DIV 86400000,
      CRC32(e.type), COALESCE(e.ownerId, 0), MIN(e.id), 0, 0, 0, COUNT(*), 0
    FROM /*:meeting_details*/ engagement_meetings AS meetings
    STRAIGHT_JOIN engagements AS e ON e.id = meetings.engagementId AND e.type = 'MEETING'
    STRAIGHT_JOIN
      /*:offsets*/ (SELECT 0 AS start_ms, 253370764800000 AS end_ms, 0 AS offset_ms) AS z
      ON COALESCE(meetings.startTime, e.`timestamp`) >= z.start_ms
      AND COALESCE(meetings.startTime, e.`timestamp`) < z.end_ms
    WHERE meetings.meetingOutcome = 'COMPLETED'
      AND COALESCE(meetings.startTime, /*:start_ms*/ 100000000000) >= /*:start_ms*/ 100000000000
      AND COALESCE(meetings.startTime, e.`timestamp`) >= /*:start_ms*/ 100000000000
      AND COALESCE(meetings.startTime, e.`timestamp`)
        < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1969-12-31'))
      AND /*:on_any_day*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
    GROUP BY 1, 2, 3
    UNION ALL
    SELECT (COALESCE(tasks.completionDate, e./*:time*/createdAt) + z.offset_ms) DIV 86400000,
      CRC32(e.type), COALESCE(e.ownerId, 0), MIN(e.id), 0, 0, 0, 0, COUNT(*)
    FROM /*:task_details*/ engagement_tasks AS tasks
    STRAIGHT_JOIN engagements AS e ON e.id = tasks.engagementId AND e.type = 'TASK'
    STRAIGHT_JOIN
      /*:offsets*/ (SELECT 0 AS start_ms, 253370764800000 AS end_ms, 0 AS offset_ms) AS z
      ON COALESCE(tasks.completionDate, e./*:time*/createdAt) >= z.start_ms
      AND COALESCE(tasks.completionDate, e./*:time*/createdAt) < z.end_ms
    WHERE tasks.status = 'COMPLETED'
      AND COALESCE(tasks.completionDate, /*:start_ms*/ 100000000000) >= /*:start_ms*/ 100000000000
      AND COALESCE(tasks.completionDate, e./*:time*/createdAt) >= /*:start_ms*/ 100000000000
      AND COALESCE(tasks.completionDate, e./*:time*/createdAt)
        < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1969-12-31'))
      AND /*:on_any_day*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
    GROUP BY 1, 2, 3
  ) AS u
  GROUP BY u.day_number, u.type_code, u.ownerId
) AS k
JOIN engagements AS example ON example.id = k.example_id
ORDER BY 1, 2, 3
