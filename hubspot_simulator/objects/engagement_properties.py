"""
Engagements as properties: which value of a v1 engagement each property shows.

Names are those of HubSpot's property lists of all activity types; the table is this simulator's
own, so that a client's misunderstanding is not repeated here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from hubspot_simulator.contents import DISPOSITIONS
from hubspot_simulator.objects.object_types import ACTIVITIES, ObjectType
from hubspot_simulator.objects.properties import Property, Values
from hubspot_simulator.objects.texts import Kind

PEOPLE = ("to", "cc", "bcc")
APP_ID = "9000002"


def _from(part: str, key: str) -> Callable[[Values], Any]:
    """Return a reader of `key` in `part` of a v1 engagement."""

    def read(record: Values) -> Any:
        try:
            return record[part].get(key)
        except (AttributeError, KeyError):  # absent, null, or another type: as odd as real ones
            return None

    return read


def _engagement(name: str, key: str, kind: Kind = "text", read_only: bool = False) -> Property:
    path = "engagement", key
    return Property(name, kind, _from(*path), read_only=read_only, path=path)


def _details(prefix: str, names: str, kind: Kind = "text") -> list[Property]:
    """Return properties `<prefix><suffix>` of metadata keys; `names` holds `suffix=key` pairs."""
    pairs = (pair.split("=") for pair in names.split())
    return [
        Property(prefix + suffix, kind, _from("metadata", key), path=("metadata", key))
        for suffix, key in pairs
    ]


def _person(role: str, suffix: str, key: str) -> Property:
    """Return a part of one person, e.g. `hs_email_from_email`."""

    def read(record: Values) -> Any:
        try:
            return record["metadata"][role].get(key)
        except (AttributeError, KeyError, TypeError):
            return None

    return Property(f"hs_email_{role}_{suffix}", "text", read, read_only=True)


def _people(role: str, suffix: str, key: str) -> Property:
    """Return a part of several people, joined by semicolons, e.g. `hs_email_to_email`."""

    def read(record: Values) -> Any:
        people = (record.get("metadata") or {}).get(role)
        if not isinstance(people, list) or not any(key in person for person in people):
            return None
        return [person.get(key) or "" for person in people]

    return Property(f"hs_email_{role}_{suffix}", "list", read, read_only=True)


def _headers(record: Values) -> str | None:
    """Return the JSON text of sender and recipients, in which address and name stay together."""
    metadata = record.get("metadata") or {}
    roles = [role for role in ("from", *PEOPLE, "sender") if role in metadata]
    if not roles:
        return None
    return msgspec.json.encode({role: _addresses(metadata[role]) for role in roles}).decode()


def _addresses(people: Any) -> Any:
    if isinstance(people, list):
        return [_addresses(person) for person in people]
    if not isinstance(people, dict):
        return people
    return {key: value for key, value in people.items() if key != "raw"}


def _attachments(record: Values) -> list[Any]:
    return [item.get("id") for item in record.get("attachments") or ()]


def _scheduled_tasks(record: Values) -> str | None:
    tasks = record.get("scheduledTasks")
    return None if tasks is None else msgspec.json.encode({"scheduledTasks": tasks}).decode()


def _owners(record: Values) -> Any:
    return (record.get("engagement") or {}).get("ownerId") or None


def _activity_type(record: Values) -> Any:
    inner, metadata = record.get("engagement") or {}, record.get("metadata") or {}
    return inner.get("activityType", metadata.get("activityType"))


def _event(key: str) -> Callable[[Values], Any]:
    def read(record: Values) -> Any:
        event = (record.get("metadata") or {}).get("emailSendEventId")
        return event.get(key) if isinstance(event, dict) else None

    return read


def _task_state(record: Values) -> int:
    return int((record.get("metadata") or {}).get("status") == "COMPLETED")


def _object_source(record: Values) -> str:
    """Return what made a record: a person in HubSpot's pages, or a program."""
    is_of_pages = (record.get("engagement") or {}).get("source") == "CRM_UI"
    return "CRM_UI" if is_of_pages else "INTEGRATION"


def _object_source_id(record: Values) -> str:
    return "userId:215482" if _object_source(record) == "CRM_UI" else APP_ID


def _constant(value: Any) -> Callable[[Values], Any]:
    return lambda _: value


_COMMON = [
    _engagement("hs_object_id", "id", "number", read_only=True),
    _engagement("hs_createdate", "createdAt", "time", read_only=True),
    _engagement("hs_lastmodifieddate", "lastUpdated", "time", read_only=True),
    _engagement("hs_timestamp", "timestamp", "time"),
    _engagement("hubspot_owner_id", "ownerId", "number"),
    _engagement("hubspot_team_id", "teamId", "number"),
    _engagement("hs_created_by", "createdBy", "number", read_only=True),
    _engagement("hs_created_by_user_id", "createdBy", "number", read_only=True),
    _engagement("hs_modified_by", "modifiedBy", "number", read_only=True),
    _engagement("hs_updated_by_user_id", "modifiedBy", "number", read_only=True),
    _engagement("hs_unique_id", "uid"),
    _engagement("hs_engagement_source", "source"),
    _engagement("hs_engagement_source_id", "sourceId"),
    _engagement("hs_body_preview", "bodyPreview", read_only=True),
    _engagement("hs_body_preview_html", "bodyPreviewHtml", read_only=True),
    _engagement("hs_body_preview_is_truncated", "bodyPreviewIsTruncated", "bool", read_only=True),
    _engagement("hs_gdpr_deleted", "gdprDeleted", "bool"),
    _engagement("hs_all_accessible_team_ids", "allAccessibleTeamIds", "list"),
    Property("hs_attachment_ids", "list", _attachments),
    Property("hs_all_owner_ids", "list", _owners, read_only=True),
    Property("hs_object_source", "text", _object_source, read_only=True),
    Property("hs_object_source_id", "text", _object_source_id, read_only=True),
    Property("hs_object_source_label", "text", _object_source, read_only=True),
]
_QUEUES = _engagement("hs_queue_membership_ids", "queueMembershipIds", "list")
_SCHEDULED = Property("hs_scheduled_tasks", "json", _scheduled_tasks)
_ACTIVITY_TYPE = Property("hs_activity_type", "text", _activity_type)
_CUSTOM = Property(
    "sentimentscore",
    "number",
    _from("metadata", "sentimentScore"),
    label="Sentiment score",
    is_custom=True,
)

_CALLS = [
    *_details(
        "hs_call_",
        "title=title body=body status=status to_number=toNumber from_number=fromNumber"
        " recording_url=recordingUrl external_id=externalId"
        " external_account_id=externalAccountId callee_object_type=calleeObjectType source=source",
    ),
    *_details(
        "hs_call_", "duration=durationMilliseconds callee_object_id=calleeObjectId", "number"
    ),
    Property(
        "hs_call_disposition",
        "text",
        _from("metadata", "disposition"),
        label="Call outcome",
        options=tuple(DISPOSITIONS.items()),
        path=("metadata", "disposition"),
    ),
    Property("hs_call_direction", "text", _constant("OUTBOUND")),
    _ACTIVITY_TYPE,
]
_TASKS = [
    *_details(
        "hs_task_",
        "body=body subject=subject status=status for_object_type=forObjectType type=taskType"
        " priority=priority",
    ),
    *_details("hs_task_", "completion_date=completionDate", "time"),
    *_details("hs_task_", "reminders=reminders", "list"),
    *_details("hs_task_", "send_default_reminder=sendDefaultReminder is_all_day=isAllDay", "bool"),
    *_details("hs_task_", "sequence_step_order=sequenceStepOrder", "number"),
    Property("hs_task_family", "text", _constant("SALES"), read_only=True),
    Property("hs_task_is_completed", "number", _task_state, read_only=True),
    _SCHEDULED,
]
_MEETINGS = [
    *_details(
        "hs_meeting_",
        "title=title body=body outcome=meetingOutcome location=location external_url=externalUrl"
        " web_conference_meeting_id=webConferenceMeetingId source=source source_id=sourceId",
    ),
    *_details("hs_meeting_", "start_time=startTime end_time=endTime", "time"),
    *_details("hs_meeting_", "created_from_link_id=createdFromLinkId", "number"),
    *_details("hs_meeting_", "pre_meeting_prospect_reminders=preMeetingProspectReminders", "list"),
    *_details("hs_", "video_conference_url=videoConferenceUrl i_cal_uid=iCalUid"),
    *_details("hs_", "attendee_owner_ids=attendeeOwnerIds guest_emails=guestEmails", "list"),
    _ACTIVITY_TYPE,
    _SCHEDULED,
]
_EMAILS = [
    _engagement("hs_email_direction", "type"),
    *_details(
        "hs_email_",
        "subject=subject html=html text=text status=status message_id=messageId"
        " thread_id=threadId tracker_key=trackerKey logged_from=loggedFrom sent_via=sentVia"
        " facsimile_send_id=facsimileSendId post_send_status=postSendStatus"
        " media_processing_status=mediaProcessingStatus error_message=errorMessage",
    ),
    *_details(
        "hs_email_",
        "attached_video_opened=attachedVideoOpened attached_video_watched=attachedVideoWatched",
        "bool",
    ),
    *_details(
        "hs_email_",
        "validation_skipped=validationSkipped recipient_drop_reasons=recipientDropReasons"
        " pending_inline_image_ids=pendingInlineImageIds",
        "list",
    ),
    Property("hs_email_send_event_id", "text", _event("id")),
    Property("hs_email_send_event_id_created", "time", _event("created")),
    Property("hs_email_headers", "text", _headers),
    *(
        part
        for suffix, key in (
            ("email", "email"),
            ("firstname", "firstName"),
            ("lastname", "lastName"),
            ("raw", "raw"),
        )
        for part in (
            *(_person(role, suffix, key) for role in ("from", "sender")),
            *(_people(role, suffix, key) for role in PEOPLE),
        )
    ),
    Property("hs_email_open_count", "number", _constant(0)),
]
_COMMUNICATIONS = [
    _engagement("hs_communication_channel_type", "type"),
    *_details("hs_communication_", "body=body logged_from=loggedFrom"),
    *_details("hs_communication_", "conversations_thread_id=conversationsThreadId", "number"),
]
_BY_TYPE: Mapping[str, Iterable[Property]] = {
    "notes": [*_details("hs_note_", "body=body"), _QUEUES],
    "emails": [*_EMAILS, _QUEUES],
    "calls": [*_CALLS, _QUEUES],
    "tasks": [*_TASKS, _QUEUES],
    "meetings": [*_MEETINGS, _QUEUES],
    "communications": _COMMUNICATIONS,
    "postal_mail": [*_details("hs_postal_mail_", "body=body type=type"), _QUEUES],
}


def _coordinates(object_type: ObjectType) -> Property:
    """Return the property that names type and id, e.g. `0-46-77033`."""

    def read(record: Values) -> str:
        return f"{object_type.type_id}-{record['engagement']['id']}"

    return Property("hs_obj_coords", "text", read, read_only=True)


# By the type's name, then by the property's, in order of the name as answers show them.
ENGAGEMENT_PROPERTIES: Mapping[str, Mapping[str, Property]] = {
    kind.name: {
        prop.name: prop
        for prop in sorted(
            (*_COMMON, *_BY_TYPE[kind.name], _CUSTOM, _coordinates(kind)),
            key=lambda prop: prop.name,
        )
    }
    for kind in ACTIVITIES
}
