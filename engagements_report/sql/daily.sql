-- Question: how many engagements of each type were logged on each day?
-- Grain: one row a type and day that has engagements; deleted and inactive ones count.
-- Units: day in the session's time zone (engagements-report sets UTC); num_engagements a count.
-- Run: mysql hubspot < daily.sql
SELECT type, DATE(FROM_UNIXTIME(createdAt/1000)) AS day, COUNT(*) AS num_engagements
FROM engagements GROUP BY type, day ORDER BY type, day ASC
