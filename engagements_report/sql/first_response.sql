-- Question: how soon are incoming e-mails answered?
-- Grain: one row a span of time, also those in which none was answered; no row without e-mails.
-- Units: each INCOMING_EMAIL counts once, in the span from its timestamp to that of the next EMAIL
--   to one of its contacts, whenever that was sent; 'no contact' are those tied to none, where no
--   reply can be found; 'too recent' are those of the last day before the last load, answered or
--   not: they have not had a day. share of all others, share_so_far up to this span: from 0 to 1, 4
--   decimals.
--   E-mails with an impossible timestamp are left out; the report quality counts them.
-- Run: engagements-report sql first-response --from 2018-07-01 | mysql hubspot
--   or, as it stands, up to today in UTC: mysql hubspot < first_response.sql
-- Values to put in behind their names: batched_at, NULL where there is no such column; start_ms and end_ms, from when to before when the e-mails
--   came, in Unix ms; only and time as in daily_in_zone.sql; reply_only, as only, with r for e.
-- An index on engagement_associations (objectId) makes it fast.
SELECT b.replied_within,
  CAST(SUM(CASE WHEN w.nth = b.nth THEN w.num ELSE 0 END) AS SIGNED) AS num_emails,
  CASE WHEN b.nth <= 9
    THEN ROUND(SUM(CASE WHEN w.nth = b.nth THEN w.num ELSE 0 END)
      / NULLIF(SUM(CASE WHEN w.nth <= 9 THEN w.num ELSE 0 END), 0), 4)
  END AS share,
  CASE WHEN b.nth <= 7
    THEN ROUND(SUM(CASE WHEN w.nth <= b.nth THEN w.num ELSE 0 END)
      / NULLIF(SUM(CASE WHEN w.nth <= 9 THEN w.num ELSE 0 END), 0), 4)
  END AS share_so_far
FROM (
  SELECT 1 AS nth, '15 minutes' AS replied_within
  UNION ALL SELECT 2, '1 hour'
  UNION ALL SELECT 3, '4 hours'
  UNION ALL SELECT 4, '1 day'
  UNION ALL SELECT 5, '3 days'
  UNION ALL SELECT 6, '7 days'
  UNION ALL SELECT 7, 'longer'
  UNION ALL SELECT 8, 'no reply'
  UNION ALL SELECT 9, 'no contact'
  UNION ALL SELECT 10, 'too recent'
) AS b
JOIN (
  SELECT
    CASE
      WHEN f.came_ms > loaded.at_ms - 86400000 THEN 10
      WHEN f.response_ms <= 900000 THEN 1
      WHEN f.response_ms <= 3600000 THEN 2
      WHEN f.response_ms <= 14400000 THEN 3
      WHEN f.response_ms <= 86400000 THEN 4
      WHEN f.response_ms <= 259200000 THEN 5
      WHEN f.response_ms <= 604800000 THEN 6
      WHEN f.response_ms IS NOT NULL THEN 7
      WHEN f.contacts > 0 THEN 8
      ELSE 9
    END AS nth,
    COUNT(*) AS num
  FROM (
    SELECT e.id, MAX(e.`timestamp`) AS came_ms, COUNT(contact.objectId) AS contacts,
      MIN(answered.response_ms) AS response_ms
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
  GROUP BY 1
) AS w
GROUP BY b.nth, b.replied_within
ORDER BY b.nth
