"""
Which property of the objects API is which property of a v1 engagement, declared once.

Names are those of HubSpot's property lists of all activity types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tap_hubspot_engagements.config import OBJECT_TYPES
from tap_hubspot_engagements.objects.values import Convert, to_bool, to_ids, to_int, to_ms, to_texts

TEXT: Convert | None = None
"""No conversion: the property's text is the value."""


class Column(NamedTuple):
    """A property, its name in v1, and the conversion of its text; None leaves the text as it is."""

    name: str
    key: str
    convert: Convert | None = TEXT


def _columns(prefix: str, names: str, convert: Convert | None = TEXT) -> tuple[Column, ...]:
    """Return columns of `names`, pairs `suffix=key`; a property is named `<prefix><suffix>`."""
    pairs = (pair.split("=") for pair in names.split())
    return tuple(Column(prefix + suffix, key, convert) for suffix, key in pairs)


INNER_COLUMNS = (
    *_columns("hs_", "createdate=createdAt lastmodifieddate=lastUpdated", to_ms),
    *_columns("hs_", "timestamp=timestamp", to_ms),
    *_columns("hubspot_", "owner_id=ownerId team_id=teamId", to_int),
    *_columns("hs_", "created_by=createdBy modified_by=modifiedBy", to_int),
    *_columns("hs_", "unique_id=uid engagement_source=source engagement_source_id=sourceId"),
    *_columns("hs_", "body_preview=bodyPreview body_preview_html=bodyPreviewHtml"),
    *_columns("hs_", "body_preview_is_truncated=bodyPreviewIsTruncated", to_bool),
    *_columns("hs_", "gdpr_deleted=gdprDeleted", to_bool),
    *_columns("hs_", "all_accessible_team_ids=allAccessibleTeamIds", to_ids),
    *_columns("hs_", "queue_membership_ids=queueMembershipIds", to_ids),
)
"""Of every type, in a v1 engagement's inner `engagement`."""

SUBSTITUTES = {
    "createdBy": ("hs_created_by_user_id", to_int),
    "modifiedBy": ("hs_updated_by_user_id", to_int),
}
"""Properties that have the value if the one of INNER_COLUMNS is empty, by v1's name."""

ID, CREATED, MODIFIED = "hs_object_id", "hs_createdate", "hs_lastmodifieddate"
ATTACHMENTS, SCHEDULED_TASKS = "hs_attachment_ids", "hs_scheduled_tasks"
ACTIVITY_TYPE = Column("hs_activity_type", "activityType")
DIRECTION, CHANNEL = "hs_email_direction", "hs_communication_channel_type"
HEADERS = "hs_email_headers"
SEND_EVENT, SEND_EVENT_CREATED = "hs_email_send_event_id", "hs_email_send_event_id_created"
PERSON_PARTS = {"email": "email", "firstname": "firstName", "lastname": "lastName", "raw": "raw"}
PEOPLE, ROLES = ("from", "sender"), ("to", "cc", "bcc")

_NOTES = _columns("hs_note_", "body=body")
_CALLS = (
    *_columns(
        "hs_call_",
        "title=title body=body status=status disposition=disposition to_number=toNumber"
        " from_number=fromNumber recording_url=recordingUrl external_id=externalId"
        " external_account_id=externalAccountId callee_object_type=calleeObjectType source=source",
    ),
    *_columns("hs_call_", "duration=durationMilliseconds callee_object_id=calleeObjectId", to_int),
)
_TASKS = (
    *_columns(
        "hs_task_",
        "body=body subject=subject status=status for_object_type=forObjectType type=taskType"
        " priority=priority",
    ),
    *_columns("hs_task_", "completion_date=completionDate", to_ms),
    *_columns("hs_task_", "reminders=reminders", to_ids),
    *_columns("hs_task_", "send_default_reminder=sendDefaultReminder is_all_day=isAllDay", to_bool),
    *_columns("hs_task_", "sequence_step_order=sequenceStepOrder", to_int),
)
_MEETINGS = (
    *_columns(
        "hs_meeting_",
        "title=title body=body outcome=meetingOutcome location=location external_url=externalUrl"
        " web_conference_meeting_id=webConferenceMeetingId source=source source_id=sourceId",
    ),
    *_columns("hs_meeting_", "start_time=startTime end_time=endTime", to_ms),
    *_columns("hs_meeting_", "created_from_link_id=createdFromLinkId", to_int),
    *_columns("hs_meeting_", "pre_meeting_prospect_reminders=preMeetingProspectReminders", to_ids),
    ACTIVITY_TYPE,
    *_columns("hs_", "video_conference_url=videoConferenceUrl i_cal_uid=iCalUid"),
    *_columns("hs_", "attendee_owner_ids=attendeeOwnerIds", to_ids),
    *_columns("hs_", "guest_emails=guestEmails", to_texts),
)
_EMAILS = (
    *_columns(
        "hs_email_",
        "subject=subject html=html text=text status=status message_id=messageId thread_id=threadId"
        " tracker_key=trackerKey logged_from=loggedFrom sent_via=sentVia"
        " facsimile_send_id=facsimileSendId post_send_status=postSendStatus"
        " media_processing_status=mediaProcessingStatus error_message=errorMessage",
    ),
    *_columns(
        "hs_email_",
        "attached_video_opened=attachedVideoOpened attached_video_watched=attachedVideoWatched",
        to_bool,
    ),
    *_columns(
        "hs_email_",
        "validation_skipped=validationSkipped recipient_drop_reasons=recipientDropReasons"
        " pending_inline_image_ids=pendingInlineImageIds",
        to_texts,
    ),
)
_COMMUNICATIONS = (
    *_columns("hs_communication_", "body=body logged_from=loggedFrom"),
    *_columns("hs_communication_", "conversations_thread_id=conversationsThreadId", to_int),
)
_POSTAL_MAIL = _columns("hs_postal_mail_", "body=body type=type")

METADATA_COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "notes": _NOTES,
    "emails": _EMAILS,
    "calls": _CALLS,
    "tasks": _TASKS,
    "meetings": _MEETINGS,
    "communications": _COMMUNICATIONS,
    "postal_mail": _POSTAL_MAIL,
}
"""By the type's name in the objects API, in a v1 engagement's `metadata`."""

assert tuple(METADATA_COLUMNS) == OBJECT_TYPES

_OTHERS: Mapping[str, tuple[str, ...]] = {
    "emails": (
        DIRECTION,
        HEADERS,
        SEND_EVENT,
        SEND_EVENT_CREATED,
        *(f"hs_email_{role}_{part}" for role in (*PEOPLE, *ROLES) for part in PERSON_PARTS),
    ),
    "calls": (ACTIVITY_TYPE.name,),
    "tasks": (SCHEDULED_TASKS,),
    "meetings": (SCHEDULED_TASKS,),
    "communications": (CHANNEL,),
}

ASSOCIATIONS = {
    "contacts": "contactIds",
    "companies": "companyIds",
    "deals": "dealIds",
    "tickets": "ticketIds",
    "quotes": "quoteIds",
    "marketing_events": "marketingEventIds",
}
"""Types that engagements are associated with, and v1's names of their ids."""


def properties_of(kind: str) -> tuple[str, ...]:
    """Return the names of all properties that a type's engagements are made of."""
    names = [column.name for column in (*INNER_COLUMNS, *METADATA_COLUMNS[kind])]
    names += [name for name, _ in SUBSTITUTES.values()]
    return tuple(dict.fromkeys((ID, ATTACHMENTS, *names, *_OTHERS.get(kind, ()))))
