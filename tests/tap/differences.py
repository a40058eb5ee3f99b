"""
What the objects API shows differently from v1: all differences between the tables, in one list.

docs/hubspot.md has the same list in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Row = dict[str, Any]
Tables = Mapping[str, Mapping[tuple[Any, ...], Row]]

# Types without an endpoint of their own.
MISSING_TYPES = ("PUBLISHING_TASK", "CONVERSATION_SESSION")
# An empty text is null. An absent value is null, where v1 may have an empty list or object; an
# engagement without attachments has an empty list.
EMPTY_IS_NULL = (
    "allAccessibleTeamIds",
    "queueMembershipIds",
    "reminders",
    "preMeetingProspectReminders",
    "attendeeOwnerIds",
    "guestEmails",
    "validationSkipped",
    "recipientDropReasons",
    "pendingInlineImageIds",
    "emailSendEventId",
)
# Of associations, the objects API has these types alone, and v1's names of them.
ASSOCIATIONS = ("contact", "company", "deal", "ticket", "quote", "marketingEvent")
KEYS = ("contactIds", "companyIds", "dealIds", "ticketIds", "quoteIds", "marketingEventIds")
# Properties that are unknown to v1's schema have no name in the objects API.
WITHOUT_EXTRA = "extra"
# Its members are named after properties, and absent ones are missing.
METADATA = "metadata"
# v1 has it in the details of a meeting, in its engagement, or in both.
ACTIVITY_TYPE = "activityType"
NO_PROPERTY = ("sequenceStepOrder",)  # of e-mails
# Properties that some types alone have.
TYPES_WITH_SCHEDULED_TASKS = ("TASK", "MEETING")


def as_objects_show(tables: Tables) -> dict[str, dict[tuple[Any, ...], Row]]:
    """Return the tables that v1 makes as the objects API makes them."""
    missing = {key for key, row in tables["engagements"].items() if row["type"] in MISSING_TYPES}
    return {
        stream: {
            key: _row(stream, row)
            for key, row in rows.items()
            if (stream == "owners" or key[:1] not in missing) and _has_type(stream, row)
        }
        for stream, rows in tables.items()
    }


def comparable(tables: Tables) -> dict[str, dict[tuple[Any, ...], Row]]:
    """Return tables without the columns that are not compared."""
    ignored = (METADATA, ACTIVITY_TYPE)
    return {
        stream: {
            key: {name: value for name, value in row.items() if name not in ignored}
            for key, row in rows.items()
        }
        for stream, rows in tables.items()
    }


def _has_type(stream: str, row: Row) -> bool:
    return stream != "engagement_associations" or row["objectType"] in ASSOCIATIONS


def _row(stream: str, row: Row) -> Row:
    shown = {
        name: None if value == "" or (name in EMPTY_IS_NULL and not value) else value
        for name, value in row.items()
    }
    if WITHOUT_EXTRA in row:
        shown[WITHOUT_EXTRA] = None
    if stream == "engagements":
        if row["type"] not in TYPES_WITH_SCHEDULED_TASKS:
            shown["scheduledTasks"] = None
        shown["attachments"] = [{"id": file["id"]} for file in row["attachments"] or []]
        associations = row["associations"] or {}
        shown["associations"] = {
            key: list(dict.fromkeys(associations.get(key) or [])) for key in KEYS
        }
    if stream == "engagement_emails":
        shown |= dict.fromkeys(NO_PROPERTY)
    return shown
