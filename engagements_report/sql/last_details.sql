-- Question: what are these engagements, and which records are they about?
-- Grain: one row an engagement of the list.
-- Units: at_ms in Unix ms; title the subject, title or preview, NULL without any; record the first of the
--   records that it is tied to, as type and id: contact, company, deal, ticket.
-- Run: engagements-report html FILE; or, without titles: mysql hubspot < last_details.sql
-- Values to put in behind their names: ids, a list; time as in daily_in_zone.sql; columns, NULL where
--   there is no such column; tables, (SELECT NULL AS engagementId, …) where there is no such table.
SELECT e.id, /*:portal*/ NULL AS portalId, e.type, COALESCE(e.ownerId, 0) AS ownerId,
  e./*:time*/createdAt AS at_ms,
  LEFT(COALESCE(
    NULLIF(/*:emails_title*/ NULL, ''), NULLIF(/*:tasks_title*/ NULL, ''),
    NULLIF(/*:meetings_title*/ NULL, ''), NULLIF(/*:calls_title*/ NULL, ''),
    NULLIF(/*:preview*/ NULL, '')
  ), 200) AS title,
  (SELECT CONCAT(a.objectType, ' ', a.objectId) FROM /*:associations*/ engagement_associations AS a
    WHERE a.engagementId = e.id AND a.objectType IN ('contact', 'company', 'deal', 'ticket')
    ORDER BY FIELD(a.objectType, 'contact', 'company', 'deal', 'ticket'), a.objectId LIMIT 1
  ) AS record
FROM engagements AS e
LEFT JOIN /*:emails*/ engagement_emails AS emails ON emails.engagementId = e.id
LEFT JOIN /*:tasks*/ engagement_tasks AS tasks ON tasks.engagementId = e.id
LEFT JOIN /*:meetings*/ engagement_meetings AS meetings ON meetings.engagementId = e.id
LEFT JOIN /*:calls*/ engagement_calls AS calls ON calls.engagementId = e.id
WHERE e.id IN /*:ids*/ (SELECT MAX(k.id) FROM engagements AS k GROUP BY k.ownerId)
ORDER BY e./*:time*/createdAt DESC, e.id DESC
