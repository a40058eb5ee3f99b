-- Question: which e-mail came when, and how long after it was the next one sent to a contact of it?
-- Grain: one row an INCOMING_EMAIL; `response` makes median and 90th percentile of these rows.
-- Units: ownerId 0 for no owner; came_ms its timestamp, in Unix ms; response_ms from it to the next
--   EMAIL to one of its contacts, whenever that was sent, NULL without one; contacts the number of
--   its contacts; is_recent 1 for those of the last day before the last load, which have not had a
--   day. E-mails with an impossible timestamp are left out; the report quality counts them.
-- Run: engagements-report sql response --from 2018-07-01 | mysql hubspot
--   or, as it stands, up to today in UTC: mysql hubspot < response_pairs.sql
-- Values to put in behind their names: batched_at, NULL where there is no such column; the others
--   as in first_response.sql.
-- An index on engagement_associations (objectId) makes it fast.
SELECT f.id, f.ownerId, f.came_ms, f.response_ms, f.contacts,
  CASE WHEN f.came_ms > loaded.at_ms - 86400000 THEN 1 ELSE 0 END AS is_recent
FROM (
  SELECT e.id, COALESCE(MAX(e.ownerId), 0) AS ownerId, MAX(e.`timestamp`) AS came_ms,
    COUNT(contact.objectId) AS contacts, MIN(answered.response_ms) AS response_ms
  FROM engagements AS e
  LEFT JOIN engagement_associations AS contact
    ON contact.engagementId = e.id AND contact.objectType = 'contact'
  LEFT JOIN (
    SELECT asked.id, MIN(r.`timestamp` - asked.asked_ms) AS response_ms
    FROM (
      -- Grouped, so that it becomes a table with a key on objectId: without it and without an
      -- index every e-mail would be compared with every other.
      SELECT e.id, contact.objectId, e.`timestamp` AS asked_ms
      FROM engagements AS e
      JOIN engagement_associations AS contact
        ON contact.engagementId = e.id AND contact.objectType = 'contact'
      WHERE e.type = 'INCOMING_EMAIL'
        AND /*:only*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
        AND e./*:time*/createdAt >= /*:start_ms*/ 100000000000
        AND e./*:time*/createdAt < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1969-12-31'))
      GROUP BY e.id, contact.objectId, e.`timestamp`
    ) AS asked
    JOIN engagement_associations AS replied
      ON replied.objectType = 'contact' AND replied.objectId = asked.objectId
    JOIN engagements AS r
      ON r.id = replied.engagementId AND r.type = 'EMAIL' AND r.`timestamp` > asked.asked_ms
      AND r.`timestamp` BETWEEN 100000000000 AND 253370764800000
      AND /*:reply_only*/ (COALESCE(r.active, 1) = 1 AND r._sdc_deleted_at IS NULL)
    GROUP BY asked.id
  ) AS answered ON answered.id = e.id
  WHERE e.type = 'INCOMING_EMAIL'
    AND /*:only*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
    AND e.`timestamp` BETWEEN 100000000000 AND 253370764800000
    AND e./*:time*/createdAt >= /*:start_ms*/ 100000000000
    AND e./*:time*/createdAt < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1969-12-31'))
  GROUP BY e.id
) AS f
JOIN (
  SELECT 1000 * TIMESTAMPDIFF(SECOND, '1970-01-01',
    COALESCE(MAX(/*:batched_at*/ e._sdc_batched_at), UTC_TIMESTAMP)) AS at_ms
  FROM engagements AS e
) AS loaded
ORDER BY f.id
