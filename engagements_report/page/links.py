"""Addresses of records in HubSpot. Pure."""

from __future__ import annotations

from engagements_report.queries.last_engagements import LastEngagement

HUBSPOT = "https://app.hubspot.com/contacts"
# HubSpot's numbers of the objects whose records have a timeline with engagements.
OBJECT_TYPE_IDS = {"contact": "0-1", "company": "0-2", "deal": "0-3", "ticket": "0-5"}
ENGAGEMENT_TYPE_IDS = {
    "NOTE": "0-46",
    "MEETING": "0-47",
    "CALL": "0-48",
    "EMAIL": "0-49",
    "INCOMING_EMAIL": "0-49",
    "FORWARDED_EMAIL": "0-49",
    "TASK": "0-27",
}


def address_of(engagement: LastEngagement) -> str | None:
    """
    Return where HubSpot shows an engagement: on the timeline of a record that it is tied to.

    One that is tied to none has a page of its own, if its type has. None without the portal's id.
    """
    if engagement.portal is None:
        return None
    portal = f"{HUBSPOT}/{int(engagement.portal)}/record"
    if engagement.record and engagement.record[0] in OBJECT_TYPE_IDS:
        kind, number = engagement.record
        return f"{portal}/{OBJECT_TYPE_IDS[kind]}/{number}?engagement={engagement.id}"
    type_id = ENGAGEMENT_TYPE_IDS.get(engagement.type)
    return f"{portal}/{type_id}/{engagement.id}" if type_id else None
