-- Question: which are each owner's last engagements?
-- Grain: one row an owner that has any; ownerId is 0 for no owner.
-- Units: ids, up to 1,024 characters of them with commas between, the latest first.
-- Run: engagements-report html FILE; or, as it stands: mysql hubspot < last_engagements.sql
-- Values to put in behind their names: start_ms and end_ms, from when to before when, in Unix ms;
--   only and time as in daily_in_zone.sql.
SELECT COALESCE(e.ownerId, 0) AS ownerId,
  GROUP_CONCAT(e.id ORDER BY e./*:time*/createdAt DESC, e.id DESC) AS ids
FROM engagements AS e
WHERE e.type IS NOT NULL AND /*:only*/ (COALESCE(e.active, 1) = 1 AND e._sdc_deleted_at IS NULL)
  AND e./*:time*/createdAt >= /*:start_ms*/ 100000000000
  AND e./*:time*/createdAt < /*:end_ms*/ (86400000 * DATEDIFF(UTC_DATE, '1969-12-31'))
GROUP BY 1
ORDER BY 1
