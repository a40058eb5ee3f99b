-- Question: what in the data is missing or wrong, so that the reports leave it out or misplace it?
-- Grain: one row a check, also those that find nothing.
-- Units: num, engagements that fail it, of out_of, those that it asks about; share = num / out_of,
--   from 0 to 1, 4 decimals; state is ok, wrong, or not checked where a table is not loaded. The
--   first four checks are of all rows, whatever the period. The last has the whole hours since the
--   last load, out of those allowed.
-- Run: engagements-report sql quality --from 2018-07-01 | mysql hubspot
--   or, as it stands, up to today in UTC: mysql hubspot < quality.sql
-- Values to put in behind their names: max_age_s, how old the last load may be; batched_at, NULL
--   where there is no such column; start_ms and end_ms, from when to before when, in Unix ms; only,
--   which is on_any_day, too, and time as in daily_in_zone.sql; owners, calls and so on: tables that
--   are not loaded are (SELECT NULL AS id, …), and their has_ is NULL. A detail cannot be without
--   its engagement: target-mysql ties them by foreign keys.
SELECT s.what, s.num, s.out_of,
  CASE WHEN s.nth < 17 THEN ROUND(s.num / NULLIF(s.out_of, 0), 4) END AS share,
  CASE
    WHEN s.num IS NULL THEN 'not checked'
    WHEN s.num = 0 OR s.nth = 17 AND s.age_s <= /*:max_age_s*/ 86400 THEN 'ok'
    ELSE 'wrong'
  END AS state
FROM (
  SELECT n.nth, n.what, f.age_s,
    CASE n.nth
      WHEN 1 THEN t.without_time
      WHEN 2 THEN t.in_seconds
      WHEN 3 THEN t.impossible_times
      WHEN 4 THEN t.impossible_timestamps
      WHEN 5 THEN k.untyped
      WHEN 6 THEN k.unknown_types
      WHEN 7 THEN CASE WHEN /*:has_owners*/ 1 = 1 THEN k.unknown_owners END
      WHEN 8 THEN CASE WHEN /*:has_calls*/ 1 = 1 THEN k.bare_calls END
      WHEN 9 THEN CASE WHEN /*:has_emails*/ 1 = 1 THEN k.bare_emails END
      WHEN 10 THEN CASE WHEN /*:has_meetings*/ 1 = 1 THEN k.bare_meetings END
      WHEN 11 THEN CASE WHEN /*:has_notes*/ 1 = 1 THEN k.bare_notes END
      WHEN 12 THEN CASE WHEN /*:has_tasks*/ 1 = 1 THEN k.bare_tasks END
      WHEN 13 THEN CASE WHEN /*:has_other*/ 1 = 1 THEN k.bare_others END
      WHEN 14 THEN CASE WHEN /*:has_calls*/ 1 = 1 AND /*:has_dispositions*/ 1 = 1
        THEN k.unknown_dispositions END
      WHEN 15 THEN CASE WHEN /*:has_emails*/ 1 = 1 THEN k.redacted END
      WHEN 16 THEN CASE WHEN k.num = 0 THEN 1 ELSE 0 END
      WHEN 17 THEN f.age_s DIV 3600
    END AS num,
    CASE n.nth
      WHEN 1 THEN t.num
      WHEN 2 THEN t.num
      WHEN 3 THEN t.num
      WHEN 4 THEN t.num
      WHEN 5 THEN k.num
      WHEN 6 THEN k.num - k.untyped
      WHEN 7 THEN k.owned
      WHEN 8 THEN k.calls
      WHEN 9 THEN k.emails
      WHEN 10 THEN k.meetings
      WHEN 11 THEN k.notes
      WHEN 12 THEN k.tasks
      WHEN 13 THEN k.num - k.untyped - k.calls - k.emails - k.meetings - k.notes - k.tasks
      WHEN 14 THEN k.disposed
      WHEN 15 THEN k.emails
      WHEN 17 THEN /*:max_age_s*/ 86400 DIV 3600
    END AS out_of
  FROM (
    SELECT 1 AS nth, 'no time: on no day' AS what
    UNION ALL SELECT 2, 'time in seconds, not milliseconds: on a day of 1970'
    UNION ALL SELECT 3, 'time 0, negative, or after the year 9998'
    UNION ALL SELECT 4, 'timestamp missing or impossible'
    UNION ALL SELECT 5, 'no type'
    UNION ALL SELECT 6, 'type that HubSpot does not document'
    UNION ALL SELECT 7, 'owner who is not in owners'
    UNION ALL SELECT 8, 'call without details'
    UNION ALL SELECT 9, 'e-mail without details'
    UNION ALL SELECT 10, 'meeting without details'
    UNION ALL SELECT 11, 'note without details'
    UNION ALL SELECT 12, 'task without details'
    UNION ALL SELECT 13, 'engagement of another type without details'
    UNION ALL SELECT 14, 'call outcome that is not in call_dispositions'
    UNION ALL SELECT 15, 'e-mail whose text HubSpot holds back'
    UNION ALL SELECT 16, 'no engagements on these days'
    UNION ALL SELECT 17, 'hours since the last load'
  ) AS n
  JOIN (
    SELECT GREATEST(0, TIMESTAMPDIFF(SECOND, MAX(/*:batched_at*/ e._sdc_batched_at),
      UTC_TIMESTAMP)) AS age_s
    FROM engagements AS e
  ) AS f
  JOIN (
    SELECT COUNT(*) AS num,
      COUNT(CASE WHEN e./*:time*/createdAt IS NULL THEN 1 END) AS without_time,
      COUNT(CASE WHEN e./*:time*/createdAt BETWEEN 1 AND 99999999999 THEN 1 END) AS in_seconds,
      COUNT(CASE WHEN e./*:time*/createdAt <= 0 OR e./*:time*/createdAt > 253370764800000
        THEN 1 END) AS impossible_times,
      COUNT(CASE WHEN COALESCE(e.`timestamp`, 0) NOT BETWEEN 100000000000 AND 253370764800000
        THEN 1 END) AS impossible_timestamps
    FROM engagements AS e
    WHERE /*:on_any_day*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
  ) AS t
  JOIN (
    SELECT COUNT(*) AS num,
      COUNT(CASE WHEN COALESCE(e.type, '') = '' THEN 1 END) AS untyped,
      COUNT(CASE WHEN e.type NOT IN (
        '', 'CALL', 'CONVERSATION_SESSION', 'EMAIL', 'FORWARDED_EMAIL', 'INCOMING_EMAIL',
        'LINKEDIN_MESSAGE', 'MEETING', 'NOTE', 'POSTAL_MAIL', 'PUBLISHING_TASK', 'SMS', 'TASK',
        'WHATS_APP'
      ) THEN 1 END) AS unknown_types,
      COUNT(NULLIF(e.ownerId, 0)) AS owned,
      COUNT(CASE WHEN e.ownerId <> 0 AND owners.id IS NULL THEN 1 END) AS unknown_owners,
      COUNT(CASE WHEN e.type = 'CALL' THEN 1 END) AS calls,
      COUNT(CASE WHEN e.type = 'CALL' AND calls.engagementId IS NULL THEN 1 END) AS bare_calls,
      COUNT(CASE WHEN e.type IN ('EMAIL', 'INCOMING_EMAIL', 'FORWARDED_EMAIL') THEN 1 END)
        AS emails,
      COUNT(CASE WHEN e.type IN ('EMAIL', 'INCOMING_EMAIL', 'FORWARDED_EMAIL')
        AND emails.engagementId IS NULL THEN 1 END) AS bare_emails,
      COUNT(CASE WHEN e.type = 'MEETING' THEN 1 END) AS meetings,
      COUNT(CASE WHEN e.type = 'MEETING' AND meetings.engagementId IS NULL THEN 1 END)
        AS bare_meetings,
      COUNT(CASE WHEN e.type = 'NOTE' THEN 1 END) AS notes,
      COUNT(CASE WHEN e.type = 'NOTE' AND notes.engagementId IS NULL THEN 1 END) AS bare_notes,
      COUNT(CASE WHEN e.type = 'TASK' THEN 1 END) AS tasks,
      COUNT(CASE WHEN e.type = 'TASK' AND tasks.engagementId IS NULL THEN 1 END) AS bare_tasks,
      COUNT(CASE WHEN e.type NOT IN (
        '', 'CALL', 'EMAIL', 'INCOMING_EMAIL', 'FORWARDED_EMAIL', 'MEETING', 'NOTE', 'TASK'
      ) AND other.engagementId IS NULL THEN 1 END) AS bare_others,
      COUNT(NULLIF(calls.disposition, '')) AS disposed,
      COUNT(CASE WHEN calls.disposition <> '' AND dispositions.id IS NULL THEN 1 END)
        AS unknown_dispositions,
      COUNT(CASE WHEN emails.html LIKE 'The content of this email has been redacted%' THEN 1 END)
        AS redacted
    FROM engagements AS e
    LEFT JOIN /*:owners*/ owners AS owners ON owners.id = e.ownerId
    LEFT JOIN /*:calls*/ engagement_calls AS calls
      ON e.type = 'CALL' AND calls.engagementId = e.id
    LEFT JOIN /*:emails*/ engagement_emails AS emails
      ON e.type IN ('EMAIL', 'INCOMING_EMAIL', 'FORWARDED_EMAIL') AND emails.engagementId = e.id
    LEFT JOIN /*:meetings*/ engagement_meetings AS meetings
      ON e.type = 'MEETING' AND meetings.engagementId = e.id
    LEFT JOIN /*:notes*/ engagement_notes AS notes
      ON e.type = 'NOTE' AND notes.engagementId = e.id
    LEFT JOIN /*:tasks*/ engagement_tasks AS tasks
      ON e.type = 'TASK' AND tasks.engagementId = e.id
    LEFT JOIN /*:other*/ engagement_other AS other
      ON e.type NOT IN (
        '', 'CALL', 'EMAIL', 'INCOMING_EMAIL', 'FORWARDED_EMAIL', 'MEETING', 'NOTE', 'TASK'
      ) AND other.engagementId = e.id
    LEFT JOIN /*:dispositions*/ call_dispositions AS dispositions
      ON dispositions.id = calls.disposition
    WHERE /*:only*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
      AND e./*:time*/createdAt >= /*:start_ms*/ 100000000000
      AND e./*:time*/createdAt < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1969-12-31'))
  ) AS k
) AS s
ORDER BY s.nth
