"""The expected tables of a portal, built from the portal's records without the tap's code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hubspot_simulator.portal import Portal

Record = dict[str, Any]
Row = dict[str, Any]

KEYS = {
    "engagements": ("id",),
    "engagement_notes": ("engagementId",),
    "engagement_emails": ("engagementId",),
    "engagement_tasks": ("engagementId",),
    "engagement_meetings": ("engagementId",),
    "engagement_calls": ("engagementId",),
    "engagement_other": ("engagementId",),
    "engagement_email_recipients": ("engagementId", "role", "position"),
    "engagement_associations": ("engagementId", "objectType", "objectId"),
    "engagement_attachments": ("engagementId", "attachmentId"),
    "call_dispositions": ("id",),
    "owners": ("id",),
}
INNER = (
    "id portalId active createdAt lastUpdated createdBy modifiedBy timestamp ownerId type uid"
    " source sourceId teamId activityType bodyPreview bodyPreviewHtml bodyPreviewIsTruncated"
    " gdprDeleted allAccessibleTeamIds queueMembershipIds"
).split()
OUTER = ("scheduledTasks", "attachments", "associations", "metadata")
DETAILS = {
    "NOTE": ("engagement_notes", "body"),
    "TASK": (
        "engagement_tasks",
        "body subject status forObjectType taskType priority completionDate reminders"
        " sendDefaultReminder isAllDay sequenceStepOrder",
    ),
    "CALL": (
        "engagement_calls",
        "title body status disposition durationMilliseconds toNumber fromNumber recordingUrl"
        " externalId externalAccountId calleeObjectId calleeObjectType source",
    ),
    "MEETING": (
        "engagement_meetings",
        "title body startTime endTime meetingOutcome activityType location externalUrl"
        " videoConferenceUrl webConferenceMeetingId iCalUid source sourceId createdFromLinkId"
        " preMeetingProspectReminders attendeeOwnerIds guestEmails",
    ),
    "EMAIL": (
        "engagement_emails",
        "subject html text status messageId threadId trackerKey loggedFrom sentVia"
        " emailSendEventId facsimileSendId postSendStatus mediaProcessingStatus"
        " attachedVideoOpened attachedVideoWatched errorMessage sequenceStepOrder"
        " validationSkipped recipientDropReasons pendingInlineImageIds",
    ),
}
DETAILS |= {"INCOMING_EMAIL": DETAILS["EMAIL"], "FORWARDED_EMAIL": DETAILS["EMAIL"]}
PERSON = ("email", "firstName", "lastName", "raw")
ROLES = ("to", "cc", "bcc")


def expected_tables(portal: Portal) -> dict[str, dict[tuple[Any, ...], Row]]:
    """Return each stream's rows by key."""
    tables: dict[str, dict[tuple[Any, ...], Row]] = {name: {} for name in KEYS}
    for record in portal.records():
        for stream, row in expected_rows(without_nul(record)):
            key = tuple(row[name] for name in KEYS[stream])
            assert key not in tables[stream], f"{stream} {key} twice"
            tables[stream][key] = row
    for owner in portal.owners:
        row = {name: owner.get(name) for name in OWNER} | {"id": int(owner["id"]), "extra": None}
        tables["owners"][row["id"],] = row
    return tables


OWNER = (
    "id email type firstName lastName userId userIdIncludingInactive createdAt updatedAt archived"
    " teams"
).split()


def expected_rows(record: Record) -> Iterator[tuple[str, Row]]:
    inner = record["engagement"]
    yield "engagements", expected_engagement(record)
    metadata = record.get("metadata") or {}
    kind = inner["type"]
    if kind in DETAILS:
        stream, names = DETAILS[kind]
        yield stream, details(inner["id"], metadata, names.split(), kind.endswith("EMAIL"))
    else:
        other = {"engagementId": inner["id"], "type": kind, "metadata": record.get("metadata")}
        yield "engagement_other", other
    if kind.endswith("EMAIL") and kind in DETAILS:
        yield from recipients(inner["id"], metadata)
    for key, ids in (record.get("associations") or {}).items():
        for one in sorted(set(ids)):
            name = key[:-3] if key.endswith("Ids") else key
            row = {"engagementId": inner["id"], "objectType": name, "objectId": one}
            yield "engagement_associations", {**row, "associationKey": key}
    for one in record.get("attachments") or []:
        extra = {name: one[name] for name in one if name != "id"}
        key = {"engagementId": inner["id"], "attachmentId": one["id"]}
        yield "engagement_attachments", {**key, "extra": extra or None}


def expected_engagement(record: Record) -> Row:
    inner = record["engagement"]
    row = {name: inner.get(name) for name in INNER}
    row |= {name: record.get(name) for name in OUTER}
    extra = {name: inner[name] for name in inner if name not in INNER}
    extra |= {name: record[name] for name in record if name not in (*OUTER, "engagement")}
    return {**row, "extra": extra or None}


def details(engagement_id: int, metadata: Record, names: Iterable[str], is_email: bool) -> Row:
    row: Row = {"engagementId": engagement_id} | {name: metadata.get(name) for name in names}
    columns = set(row)
    for name in ("threadId", "webConferenceMeetingId"):
        if isinstance(row.get(name), int):
            row[name] = str(row[name])
    extra = {name: metadata[name] for name in metadata if name not in columns}
    if is_email:
        for role in ROLES:
            extra.pop(role, None)
        for who in ("from", "sender"):
            person = extra.pop(who, None) or {}
            for name in PERSON:
                row[f"{who}{name[0].upper()}{name[1:]}"] = person.get(name)
            if rest := {name: person[name] for name in person if name not in PERSON}:
                extra[who] = rest
    return {**row, "extra": extra or None}


def recipients(engagement_id: int, metadata: Record) -> Iterator[tuple[str, Row]]:
    for role in ROLES:
        for position, person in enumerate(metadata.get(role) or []):
            key = {"engagementId": engagement_id, "role": role, "position": position}
            extra = {name: person[name] for name in person if name not in PERSON}
            columns = {name: person.get(name) for name in PERSON}
            yield "engagement_email_recipients", {**key, **columns, "extra": extra or None}


def without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [without_nul(one) for one in value]
    if isinstance(value, Mapping):
        return {name: without_nul(one) for name, one in value.items()}
    return value
