-- Question: which contacts, companies and deals were worked on, how much, and when last?
-- Grain: one row an object that has engagements, those with most first. With untouched_for: one row
--   an object without an engagement in so many days, the longest untouched first, also those that
--   never had one, if their table is loaded; deleted objects and closed deals are left out then.
-- Units: objectType contact, company or deal; name of the object, NULL where its table is not
--   loaded; num_engagements of any type, of which calls, emails (EMAIL, INCOMING_EMAIL and
--   FORWARDED_EMAIL) and meetings; last_day by the zone's calendar; days_ago whole days since then.
-- Run: engagements-report sql touches --period last-week | mysql hubspot
--   or, as it stands, up to today in UTC: mysql hubspot < touches.sql
-- Values to put in behind their names: untouched_for, days, or NULL; now_ms, in Unix ms; kinds, the
--   types of objects; contacts, companies and deals: tables of id, name and is_closed, and 1 for
--   their has_, where they are loaded; the others as in daily_in_zone.sql.
-- Groups are by numbers: texts would make the server sort them on disk.
SELECT ELT(k.kind, 'contact', 'company', 'deal') AS objectType, k.objectId,
  COALESCE(contacts.name, companies.name, deals.name) AS name,
  k.num_engagements, k.calls, k.emails, k.meetings,
  CAST(DATE_ADD('1970-01-01', INTERVAL (k.last_ms + z.offset_ms) DIV 86400000
    - ((k.last_ms + z.offset_ms) MOD 86400000 < 0) DAY) AS DATE) AS last_day,
  (/*:now_ms*/ (1000 * UNIX_TIMESTAMP()) - k.last_ms) DIV 86400000 AS days_ago
FROM (
  SELECT u.kind, u.objectId, CAST(SUM(u.num) AS SIGNED) AS num_engagements,
    CAST(SUM(u.calls) AS SIGNED) AS calls, CAST(SUM(u.emails) AS SIGNED) AS emails,
    CAST(SUM(u.meetings) AS SIGNED) AS meetings, MAX(u.last_ms) AS last_ms
  FROM (
    SELECT FIELD(touched.objectType, 'contact', 'company', 'deal') AS kind, touched.objectId,
      COUNT(*) AS num,
      COUNT(CASE WHEN e.type = 'CALL' THEN 1 END) AS calls,
      COUNT(CASE WHEN e.type IN ('EMAIL', 'INCOMING_EMAIL', 'FORWARDED_EMAIL') THEN 1 END)
        AS emails,
      COUNT(CASE WHEN e.type = 'MEETING' THEN 1 END) AS meetings,
      MAX(e./*:time*/createdAt) AS last_ms
    FROM engagements AS e
    JOIN engagement_associations AS touched ON touched.engagementId = e.id
    WHERE e.type IS NOT NULL AND touched.objectType IN /*:kinds*/ ('contact', 'company', 'deal')
      AND /*:only*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
      AND e./*:time*/createdAt >= /*:start_ms*/ 100000000000
      AND e./*:time*/createdAt < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1969-12-31'))
    GROUP BY 1, 2
    UNION ALL
    SELECT 1, contacts.id, 0, 0, 0, 0, NULL
    FROM /*:contacts*/ (SELECT NULL AS id, NULL AS name, NULL AS is_closed) AS contacts
    WHERE /*:untouched_for*/ NULL IS NOT NULL
    UNION ALL
    SELECT 2, companies.id, 0, 0, 0, 0, NULL
    FROM /*:companies*/ (SELECT NULL AS id, NULL AS name, NULL AS is_closed) AS companies
    WHERE /*:untouched_for*/ NULL IS NOT NULL
    UNION ALL
    SELECT 3, deals.id, 0, 0, 0, 0, NULL
    FROM /*:deals*/ (SELECT NULL AS id, NULL AS name, NULL AS is_closed) AS deals
    WHERE /*:untouched_for*/ NULL IS NOT NULL
  ) AS u
  WHERE u.objectId IS NOT NULL
    AND ELT(u.kind, 'contact', 'company', 'deal') IN /*:kinds*/ ('contact', 'company', 'deal')
  GROUP BY u.kind, u.objectId
) AS k
LEFT JOIN /*:contacts*/ (SELECT NULL AS id, NULL AS name, NULL AS is_closed) AS contacts
  ON k.kind = 1 AND contacts.id = k.objectId
LEFT JOIN /*:companies*/ (SELECT NULL AS id, NULL AS name, NULL AS is_closed) AS companies
  ON k.kind = 2 AND companies.id = k.objectId
LEFT JOIN /*:deals*/ (SELECT NULL AS id, NULL AS name, NULL AS is_closed) AS deals
  ON k.kind = 3 AND deals.id = k.objectId
LEFT JOIN /*:offsets*/ (SELECT 0 AS start_ms, 253370764800000 AS end_ms, 0 AS offset_ms) AS z
  ON k.last_ms >= z.start_ms AND k.last_ms < z.end_ms
WHERE /*:untouched_for*/ NULL IS NULL OR (
  (k.last_ms IS NULL
    OR k.last_ms < /*:now_ms*/ (1000 * UNIX_TIMESTAMP()) - 86400000 * /*:untouched_for*/ NULL)
  AND CASE k.kind
    WHEN 1 THEN /*:has_contacts*/ NULL IS NULL OR contacts.id IS NOT NULL
    WHEN 2 THEN /*:has_companies*/ NULL IS NULL OR companies.id IS NOT NULL
    WHEN 3 THEN /*:has_deals*/ NULL IS NULL OR deals.id IS NOT NULL
  END
  AND COALESCE(deals.is_closed, 0) = 0
)
ORDER BY CASE WHEN /*:untouched_for*/ NULL IS NULL THEN -k.num_engagements END,
  CASE WHEN /*:untouched_for*/ NULL IS NOT NULL THEN k.last_ms END, k.kind, k.objectId
