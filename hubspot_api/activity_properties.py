"""
HubSpot's properties of engagements, and the names of their values in the v1 API, declared once.

Names are those of HubSpot's property lists of all activity types. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Kind = Literal["text", "int", "ms", "bool", "ids", "texts"]
"""
The type of a value in v1, where the objects API has a text.

`ms` are Unix ms for a date-time, `ids` and `texts` are lists for a text joined by semicolons.
"""

OBJECT_TYPES = ("notes", "emails", "calls", "tasks", "meetings", "communications", "postal_mail")
"""HubSpot's names of the types of engagements in the objects API."""


class Property(NamedTuple):
    """A property, its key in v1, and the type of the value there."""

    name: str
    key: str
    kind: Kind = "text"


def _properties(prefix: str, names: str, kind: Kind = "text") -> tuple[Property, ...]:
    """Return properties of `names`, pairs `suffix=key`; one is named `<prefix><suffix>`."""
    pairs = (pair.split("=") for pair in names.split())
    return tuple(Property(prefix + suffix, key, kind) for suffix, key in pairs)


INNER: tuple[Property, ...] = (
    *_properties("hs_", "createdate=createdAt lastmodifieddate=lastUpdated", "ms"),
    *_properties("hs_", "timestamp=timestamp", "ms"),
    *_properties("hubspot_", "owner_id=ownerId team_id=teamId", "int"),
    *_properties("hs_", "created_by=createdBy modified_by=modifiedBy", "int"),
    *_properties("hs_", "unique_id=uid engagement_source=source engagement_source_id=sourceId"),
    *_properties("hs_", "body_preview=bodyPreview body_preview_html=bodyPreviewHtml"),
    *_properties("hs_", "body_preview_is_truncated=bodyPreviewIsTruncated", "bool"),
    *_properties("hs_", "gdpr_deleted=gdprDeleted", "bool"),
    *_properties("hs_", "all_accessible_team_ids=allAccessibleTeamIds", "ids"),
    *_properties("hs_", "queue_membership_ids=queueMembershipIds", "ids"),
)
"""Of every type, in a v1 engagement's inner `engagement`."""

ID, CREATED, MODIFIED = "hs_object_id", "hs_createdate", "hs_lastmodifieddate"
ATTACHMENTS, SCHEDULED_TASKS = "hs_attachment_ids", "hs_scheduled_tasks"
ACTIVITY_TYPE = Property("hs_activity_type", "activityType")
DIRECTION, CHANNEL = "hs_email_direction", "hs_communication_channel_type"
HEADERS = "hs_email_headers"
SEND_EVENT, SEND_EVENT_CREATED = "hs_email_send_event_id", "hs_email_send_event_id_created"
PERSON_PARTS = {"email": "email", "firstname": "firstName", "lastname": "lastName", "raw": "raw"}
PEOPLE, ROLES = ("from", "sender"), ("to", "cc", "bcc")

_NOTES = _properties("hs_note_", "body=body")
_CALLS = (
    *_properties(
        "hs_call_",
        "title=title body=body status=status disposition=disposition to_number=toNumber"
        " from_number=fromNumber recording_url=recordingUrl external_id=externalId"
        " external_account_id=externalAccountId callee_object_type=calleeObjectType source=source",
    ),
    *_properties(
        "hs_call_", "duration=durationMilliseconds callee_object_id=calleeObjectId", "int"
    ),
)
_TASKS = (
    *_properties(
        "hs_task_",
        "body=body subject=subject status=status for_object_type=forObjectType type=taskType"
        " priority=priority",
    ),
    *_properties("hs_task_", "completion_date=completionDate", "ms"),
    *_properties("hs_task_", "reminders=reminders", "ids"),
    *_properties(
        "hs_task_", "send_default_reminder=sendDefaultReminder is_all_day=isAllDay", "bool"
    ),
    *_properties("hs_task_", "sequence_step_order=sequenceStepOrder", "int"),
)
_MEETINGS = (
    *_properties(
        "hs_meeting_",
        "title=title body=body outcome=meetingOutcome location=location external_url=externalUrl"
        " web_conference_meeting_id=webConferenceMeetingId source=source source_id=sourceId",
    ),
    *_properties("hs_meeting_", "start_time=startTime end_time=endTime", "ms"),
    *_properties("hs_meeting_", "created_from_link_id=createdFromLinkId", "int"),
    *_properties(
        "hs_meeting_", "pre_meeting_prospect_reminders=preMeetingProspectReminders", "ids"
    ),
    ACTIVITY_TYPE,
    *_properties("hs_", "video_conference_url=videoConferenceUrl i_cal_uid=iCalUid"),
    *_properties("hs_", "attendee_owner_ids=attendeeOwnerIds", "ids"),
    *_properties("hs_", "guest_emails=guestEmails", "texts"),
)
_EMAILS = (
    *_properties(
        "hs_email_",
        "subject=subject html=html text=text status=status message_id=messageId thread_id=threadId"
        " tracker_key=trackerKey logged_from=loggedFrom sent_via=sentVia"
        " facsimile_send_id=facsimileSendId post_send_status=postSendStatus"
        " media_processing_status=mediaProcessingStatus error_message=errorMessage",
    ),
    *_properties(
        "hs_email_",
        "attached_video_opened=attachedVideoOpened attached_video_watched=attachedVideoWatched",
        "bool",
    ),
    *_properties(
        "hs_email_",
        "validation_skipped=validationSkipped recipient_drop_reasons=recipientDropReasons"
        " pending_inline_image_ids=pendingInlineImageIds",
        "texts",
    ),
)
_COMMUNICATIONS = (
    *_properties("hs_communication_", "body=body logged_from=loggedFrom"),
    *_properties("hs_communication_", "conversations_thread_id=conversationsThreadId", "int"),
)
_POSTAL_MAIL = _properties("hs_postal_mail_", "body=body type=type")

METADATA: Mapping[str, tuple[Property, ...]] = {
    "notes": _NOTES,
    "emails": _EMAILS,
    "calls": _CALLS,
    "tasks": _TASKS,
    "meetings": _MEETINGS,
    "communications": _COMMUNICATIONS,
    "postal_mail": _POSTAL_MAIL,
}
"""By the type's name in the objects API, in a v1 engagement's `metadata`."""

assert tuple(METADATA) == OBJECT_TYPES

ASSOCIATIONS = {
    "contacts": "contactIds",
    "companies": "companyIds",
    "deals": "dealIds",
    "tickets": "ticketIds",
    "quotes": "quoteIds",
    "marketing_events": "marketingEventIds",
}
"""Types that engagements are associated with, and v1's names of their ids."""
