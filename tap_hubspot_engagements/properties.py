"""
HubSpot's properties and their types, declared once, as typed structs.

The fast path decodes into the structs. The fallback in records.py uses their types.
Sources: HubSpot's engagements overview, and recorded responses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, UnsetType

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
INNER, EXTRA, METADATA = "engagement", "extra", "metadata"
STRING_OR_INT = object()
"""The type of a text that some records have as an integer: the record keeps its digits as text."""

Int64 = Annotated[int, Meta(ge=INT64_MIN, le=INT64_MAX)]
StringOrInt = Annotated[str, Meta(description="HubSpot sends an integer in some records")]


class StrictStruct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A struct that refuses unknown properties; missing properties are null."""


class InnerEngagement(StrictStruct):
    """The properties of an engagement's inner `engagement`, in the order of the schema."""

    id: Int64
    portalId: Int64 | None = None
    active: bool | None = None
    createdAt: Int64 | None = None
    lastUpdated: Int64 | None = None
    createdBy: Int64 | None = None
    modifiedBy: Int64 | None = None
    timestamp: Int64 | None = None
    ownerId: Int64 | None = None
    type: str | None = None
    uid: str | None = None
    source: str | None = None
    sourceId: str | None = None
    teamId: Int64 | None = None
    activityType: str | None = None
    bodyPreview: str | None = None
    bodyPreviewHtml: str | None = None
    bodyPreviewIsTruncated: bool | None = None
    gdprDeleted: bool | None = None
    allAccessibleTeamIds: list[Raw] | None = None
    queueMembershipIds: list[Raw] | None = None


class NoteDetails(StrictStruct):
    """The `metadata` of a NOTE."""

    body: str | None = None


class TaskDetails(StrictStruct):
    """The `metadata` of a TASK."""

    body: str | None = None
    subject: str | None = None
    status: str | None = None
    forObjectType: str | None = None
    taskType: str | None = None
    priority: str | None = None
    completionDate: Int64 | None = None
    reminders: list[Raw] | None = None
    sendDefaultReminder: bool | None = None
    isAllDay: bool | None = None
    sequenceStepOrder: Int64 | None = None


class CallDetails(StrictStruct):
    """The `metadata` of a CALL."""

    title: str | None = None
    body: str | None = None
    status: str | None = None
    disposition: str | None = None
    durationMilliseconds: Int64 | None = None
    toNumber: str | None = None
    fromNumber: str | None = None
    recordingUrl: str | None = None
    externalId: str | None = None
    externalAccountId: str | None = None
    calleeObjectId: Int64 | None = None
    calleeObjectType: str | None = None
    source: str | None = None


class MeetingDetails(StrictStruct):
    """The `metadata` of a MEETING."""

    title: str | None = None
    body: str | None = None
    startTime: Int64 | None = None
    endTime: Int64 | None = None
    meetingOutcome: str | None = None
    activityType: str | None = None
    location: str | None = None
    externalUrl: str | None = None
    videoConferenceUrl: str | None = None
    webConferenceMeetingId: StringOrInt | None = None
    iCalUid: str | None = None
    source: str | None = None
    sourceId: str | None = None
    createdFromLinkId: Int64 | None = None
    preMeetingProspectReminders: list[Raw] | None = None
    attendeeOwnerIds: list[Raw] | None = None
    guestEmails: list[Raw] | None = None


class EmailColumns(StrictStruct):
    """The `metadata` of an e-mail of any direction, without people."""

    subject: str | None = None
    html: str | None = None
    text: str | None = None
    status: str | None = None
    messageId: str | None = None
    threadId: StringOrInt | None = None
    trackerKey: str | None = None
    loggedFrom: str | None = None
    sentVia: str | None = None
    emailSendEventId: dict[str, Raw] | None = None
    facsimileSendId: str | None = None
    postSendStatus: str | None = None
    mediaProcessingStatus: str | None = None
    attachedVideoOpened: bool | None = None
    attachedVideoWatched: bool | None = None
    errorMessage: str | None = None
    sequenceStepOrder: Int64 | None = None
    validationSkipped: list[Raw] | None = None
    recipientDropReasons: list[Raw] | None = None
    pendingInlineImageIds: list[Raw] | None = None


class Person(StrictStruct):
    """A sender or recipient of an e-mail."""

    email: str | None = None
    firstName: str | None = None
    lastName: str | None = None
    raw: str | None = None


class EmailDetails(EmailColumns):
    """The `metadata` of an e-mail, with people."""

    from_: Person | None | UnsetType = msgspec.field(default=None, name="from")
    sender: Person | None | UnsetType = None
    to: list[Person] | None | UnsetType = None
    cc: list[Person] | None | UnsetType = None
    bcc: list[Person] | None | UnsetType = None


class CallDisposition(StrictStruct):
    """An outcome that calls may have."""

    id: str
    label: str | None = None
    deleted: bool | None = None


class PropertyDefinition(StrictStruct):
    """The definition of a property of HubSpot's objects."""

    objectType: str
    name: str
    label: str | None = None
    type: str | None = None
    fieldType: str | None = None
    options: list[Raw] | None = None
    description: str | None = None
    archived: bool | None = None


class Owner(StrictStruct):
    """A user or team that owns engagements."""

    id: Int64
    email: str | None = None
    type: str | None = None
    firstName: str | None = None
    lastName: str | None = None
    userId: Int64 | None = None
    userIdIncludingInactive: Int64 | None = None
    createdAt: str | None = None
    updatedAt: str | None = None
    archived: bool | None = None
    teams: list[Raw] | None = None


_FALLBACK_TYPES: Mapping[Any, Any] = {
    Int64: int,
    Int64 | None: int,
    bool | None: bool,
    str: str,
    str | None: str,
    StringOrInt | None: STRING_OR_INT,
    list[Raw] | None: list,
    dict[str, Raw] | None: dict,
}


def types_of(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the Python type of each property of a struct, in order, for records.py."""
    return {
        field.encode_name: _FALLBACK_TYPES[field.type] for field in msgspec.structs.fields(struct)
    }


INNER_TYPES = types_of(InnerEngagement)
# Properties beside the inner `engagement`.
OUTER_TYPES: Mapping[str, Any] = {
    "scheduledTasks": list,
    "attachments": list,
    "associations": dict,
    METADATA: dict,
}
NOTE_TYPES = types_of(NoteDetails)
TASK_TYPES = types_of(TaskDetails)
CALL_TYPES = types_of(CallDetails)
MEETING_TYPES = types_of(MeetingDetails)
EMAIL_TYPES = types_of(EmailColumns)
PERSON_TYPES = types_of(Person)
DISPOSITION_TYPES = types_of(CallDisposition)
OWNER_TYPES = types_of(Owner)
DEFINITION_TYPES = types_of(PropertyDefinition)

PEOPLE = ("from", "sender")  # one person each: columns of the e-mail's record
ROLES = ("to", "cc", "bcc")  # lists of people: records of their own
EMAILS = ("EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL")
TYPES_WITH_STREAM = frozenset(("NOTE", "TASK", "CALL", "MEETING", *EMAILS))
"""Types of engagements whose details have a stream of their own."""

REDACTED_MARK = "The content of this email has been redacted"
