-- Question: how did each owner's calls and meetings end?
-- Grain: one row an owner, type and outcome, as HubSpot has it or, for calls, by its label; of the
--   owner and type with most first.
-- Units: num a count; of_type the owner's calls or meetings; share = num / of_type, from 0 to 1,
--   4 decimals. Without the stream owners, owner is the id; without call_dispositions, the
--   disposition's id stands for its label.
-- Run: engagements-report sql outcomes --from 2018-07-01 | mysql hubspot
--   or, as it stands, up to today in UTC: mysql hubspot < outcomes.sql
-- Values to put in behind their names: start_ms and end_ms, from when to before when, in Unix ms;
--   only and time as in daily_in_zone.sql; owners as in owners.sql, dispositions as in calls.sql.
SELECT NULLIF(k.ownerId, 0) AS ownerId,
  CASE WHEN k.ownerId = 0 THEN '(no owner)' ELSE COALESCE(
    NULLIF(TRIM(CONCAT_WS(' ', owners.firstName, owners.lastName)), ''), owners.email,
    CONCAT('owner ', k.ownerId)
  ) END AS owner,
  k.type, k.outcome, k.num, t.of_type, ROUND(k.num / t.of_type, 4) AS share
FROM (
  SELECT COALESCE(e.ownerId, 0) AS ownerId, LEFT(e.type, 7) AS type,
    LEFT(CASE WHEN e.type = 'CALL'
      THEN COALESCE(dispositions.label, NULLIF(engagement_calls.disposition, ''), '(none)')
      ELSE COALESCE(NULLIF(engagement_meetings.meetingOutcome, ''), '(none)') END, 255) AS outcome,
    COUNT(*) AS num
  FROM engagements AS e
  LEFT JOIN engagement_calls ON e.type = 'CALL' AND engagement_calls.engagementId = e.id
  LEFT JOIN /*:dispositions*/ call_dispositions AS dispositions
    ON dispositions.id = engagement_calls.disposition
  LEFT JOIN engagement_meetings
    ON e.type = 'MEETING' AND engagement_meetings.engagementId = e.id
  WHERE e.type IN ('CALL', 'MEETING')
    AND /*:only*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
    AND e./*:time*/createdAt >= /*:start_ms*/ 100000000000
    AND e./*:time*/createdAt < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1969-12-31'))
  GROUP BY 1, 2, 3
) AS k
JOIN (
  SELECT COALESCE(e.ownerId, 0) AS ownerId, LEFT(e.type, 7) AS type, COUNT(*) AS of_type
  FROM engagements AS e
  WHERE e.type IN ('CALL', 'MEETING')
    AND /*:only*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
    AND e./*:time*/createdAt >= /*:start_ms*/ 100000000000
    AND e./*:time*/createdAt < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1969-12-31'))
  GROUP BY 1, 2
) AS t ON t.ownerId = k.ownerId AND t.type = k.type
LEFT JOIN /*:owners*/ owners AS owners ON owners.id = k.ownerId
ORDER BY k.type, t.of_type DESC, k.ownerId, k.num DESC, k.outcome
