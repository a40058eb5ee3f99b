-- Question: who are the owners, and of which teams?
-- Grain: one row an owner, archived ones included.
-- Units: teams is HubSpot's JSON list of {id, name, primary}, NULL for an owner without teams.
-- Run: mysql hubspot < people.sql
-- Values to put in behind their names: the columns, NULL where there is no such column.
SELECT owners.id,
  COALESCE(
    NULLIF(TRIM(CONCAT_WS(' ', /*:firstName*/ owners.firstName, /*:lastName*/ owners.lastName)), ''),
    /*:email*/ owners.email, CONCAT('owner ', owners.id)
  ) AS name,
  /*:email*/ owners.email AS email, /*:teams*/ NULL AS teams
FROM owners
ORDER BY owners.id
