"""
From what HubSpot sends to what the schemas promise. Pure.

Nothing is dropped: a key that a schema does not know, and a value that does not have the type that
it names, go into the record's `extra`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tap_hubspot_engagements.json_text import to_json

Engagement = Mapping[str, Any]
"""An engagement as HubSpot sends it: engagement, associations, attachments, metadata, and more."""

Record = dict[str, Any]
Misfits = list[str]
"""Names of the values that did not have their type, for counting."""

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
INNER, EXTRA, METADATA = "engagement", "extra", "metadata"
TEXT_OF_INT = object()
"""The type of a text that some records have as an integer: its digits are as good."""

# Keys of the inner `engagement`, in the order of the schema, with the type that each has.
INNER_TYPES: Mapping[str, Any] = {
    "id": int,
    "portalId": int,
    "active": bool,
    "createdAt": int,
    "lastUpdated": int,
    "createdBy": int,
    "modifiedBy": int,
    "timestamp": int,
    "ownerId": int,
    "type": str,
    "uid": str,
    "source": str,
    "sourceId": str,
    "teamId": int,
    "activityType": str,
    "bodyPreview": str,
    "bodyPreviewHtml": str,
    "bodyPreviewIsTruncated": bool,
    "gdprDeleted": bool,
    "allAccessibleTeamIds": list,
    "queueMembershipIds": list,
}
# Keys beside the inner `engagement`.
OUTER_TYPES: Mapping[str, Any] = {
    "scheduledTasks": list,
    "attachments": list,
    "associations": dict,
    METADATA: dict,
}
# Keys of `metadata` by type of engagement (HubSpot's engagements overview, and recorded answers).
NOTE_TYPES: Mapping[str, Any] = {"body": str}
TASK_TYPES: Mapping[str, Any] = {
    "body": str,
    "subject": str,
    "status": str,
    "forObjectType": str,
    "taskType": str,
    "priority": str,
    "completionDate": int,
    "reminders": list,
    "sendDefaultReminder": bool,
    "isAllDay": bool,
    "sequenceStepOrder": int,
}
CALL_TYPES: Mapping[str, Any] = {
    "title": str,
    "body": str,
    "status": str,
    "disposition": str,
    "durationMilliseconds": int,
    "toNumber": str,
    "fromNumber": str,
    "recordingUrl": str,
    "externalId": str,
    "externalAccountId": str,
    "calleeObjectId": int,
    "calleeObjectType": str,
    "source": str,
}
MEETING_TYPES: Mapping[str, Any] = {
    "title": str,
    "body": str,
    "startTime": int,
    "endTime": int,
    "meetingOutcome": str,
    "activityType": str,
    "location": str,
    "externalUrl": str,
    "videoConferenceUrl": str,
    "webConferenceMeetingId": TEXT_OF_INT,
    "iCalUid": str,
    "source": str,
    "sourceId": str,
    "createdFromLinkId": int,
    "preMeetingProspectReminders": list,
    "attendeeOwnerIds": list,
    "guestEmails": list,
}
EMAIL_TYPES: Mapping[str, Any] = {
    "subject": str,
    "html": str,
    "text": str,
    "status": str,
    "messageId": str,
    "threadId": TEXT_OF_INT,
    "trackerKey": str,
    "loggedFrom": str,
    "sentVia": str,
    "emailSendEventId": dict,
    "facsimileSendId": str,
    "postSendStatus": str,
    "mediaProcessingStatus": str,
    "attachedVideoOpened": bool,
    "attachedVideoWatched": bool,
    "errorMessage": str,
    "sequenceStepOrder": int,
    "validationSkipped": list,
    "recipientDropReasons": list,
    "pendingInlineImageIds": list,
}
PERSON_TYPES: Mapping[str, Any] = {"email": str, "firstName": str, "lastName": str, "raw": str}
PEOPLE = {"from": "from", "sender": "sender"}  # one person each: columns of the e-mail's record
ROLES = ("to", "cc", "bcc")  # lists of people: records of their own
DISPOSITION_TYPES: Mapping[str, Any] = {"id": str, "label": str, "deleted": bool}
OWNER_TYPES: Mapping[str, Any] = {
    "id": int,
    "email": str,
    "type": str,
    "firstName": str,
    "lastName": str,
    "userId": int,
    "userIdIncludingInactive": int,
    "createdAt": str,
    "updatedAt": str,
    "archived": bool,
    "teams": list,
}
EMAILS = ("EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL")
REDACTED_MARK = "The content of this email has been redacted"

PROPERTIES = frozenset((*INNER_TYPES, *OUTER_TYPES, EXTRA))

_INNER_ITEMS = tuple(INNER_TYPES.items())
_OUTER_ITEMS = tuple(OUTER_TYPES.items())
_OUTER_KEYS = frozenset((INNER, *OUTER_TYPES))


def to_engagements(engagement: Engagement, misfits: Misfits) -> Sequence[Record]:
    """Return the one record of the engagement itself, every property in it."""
    inner = engagement[INNER]
    record: Record = {}
    extra = _unknown(engagement, inner)
    _take(inner, _INNER_ITEMS, record, extra, misfits)
    _take(engagement, _OUTER_ITEMS, record, extra, misfits)
    record[EXTRA] = extra or None
    return (record,)


def to_notes(engagement: Engagement, misfits: Misfits) -> Sequence[Record]:
    return (_typed(engagement, NOTE_TYPES, misfits),)


def to_tasks(engagement: Engagement, misfits: Misfits) -> Sequence[Record]:
    return (_typed(engagement, TASK_TYPES, misfits),)


def to_calls(engagement: Engagement, misfits: Misfits) -> Sequence[Record]:
    return (_typed(engagement, CALL_TYPES, misfits),)


def to_meetings(engagement: Engagement, misfits: Misfits) -> Sequence[Record]:
    return (_typed(engagement, MEETING_TYPES, misfits),)


def to_emails(engagement: Engagement, misfits: Misfits) -> Sequence[Record]:
    """Return the record of an e-mail of any direction: sender in columns, recipients apart."""
    record = _typed(engagement, EMAIL_TYPES, misfits)
    extra = record.pop(EXTRA) or {}
    for prefix in PEOPLE:
        person, rest = _person(extra.pop(prefix, None), prefix, misfits)
        record |= {f"{prefix}{name[0].upper()}{name[1:]}": one for name, one in person.items()}
        extra |= {prefix: rest} if rest else {}
    for role in ROLES:
        # What is a list of people has records of its own; anything else stays here.
        if isinstance(extra.get(role), list):
            del extra[role]
    record[EXTRA] = extra or None
    return (record,)


def to_other(engagement: Engagement, misfits: Misfits) -> Sequence[Record]:
    """Return the record of an engagement whose type has no stream: its metadata as it is."""
    record = {
        "engagementId": engagement[INNER]["id"],
        "type": type_of(engagement),
        METADATA: _metadata(engagement),
    }
    return (record,)


def to_email_recipients(engagement: Engagement, misfits: Misfits) -> Sequence[Record]:
    """Return a record for each recipient of an e-mail, `position` counting from 0 in each role."""
    inner, metadata = engagement[INNER], engagement.get(METADATA)
    if not isinstance(metadata, dict):
        return ()
    return [
        _recipient(inner["id"], role, position, person, misfits)
        for role in ROLES
        for position, person in enumerate(_list(metadata.get(role)))
    ]


def to_associations(engagement: Engagement, misfits: Misfits) -> Sequence[Record]:
    """Return a record a tie; what is no id stays in the engagement's own `associations`."""
    engagement_id = engagement[INNER]["id"]
    associations = engagement.get("associations")
    records: list[Record] = []
    for key, ids in associations.items() if isinstance(associations, dict) else ():
        if not ids:
            continue
        object_type = key.removesuffix("Ids") or key
        for object_id in dict.fromkeys(_ids(ids, "associations", misfits)):
            records.append(
                {
                    "engagementId": engagement_id,
                    "objectType": object_type,
                    "objectId": object_id,
                    # Some targets cannot update a table whose columns are all in its key.
                    "associationKey": key,
                }
            )
    return records


def to_attachments(engagement: Engagement, misfits: Misfits) -> Sequence[Record]:
    """Return a record a file; one without an id stays in the engagement's own `attachments`."""
    engagement_id = engagement[INNER]["id"]
    records: dict[int, Record] = {}
    for one in _list(engagement.get("attachments")):
        for attachment_id in _ids(
            [one.get("id") if isinstance(one, dict) else one], "attachments", misfits
        ):
            extra = (
                {name: one[name] for name in one if name != "id"} if isinstance(one, dict) else {}
            )
            records[attachment_id] = {
                "engagementId": engagement_id,
                "attachmentId": attachment_id,
                EXTRA: extra or None,
            }
    return list(records.values())


def to_disposition(given: Mapping[str, Any], misfits: Misfits) -> Record:
    """Return the record of a call's outcome."""
    return _flat(given, DISPOSITION_TYPES, misfits)


def to_owner(given: Mapping[str, Any], misfits: Misfits) -> Record:
    """Return the record of an owner; HubSpot has its id as text here, as a number elsewhere."""
    return _flat({**given, "id": int(given["id"])}, OWNER_TYPES, misfits)


TYPED = frozenset(("NOTE", "TASK", "CALL", "MEETING", *EMAILS))
"""Types whose details have a stream of their own."""


def select(record: Mapping[str, Any], properties: Iterable[str]) -> Record:
    """Return `record` with these properties alone, in their order."""
    return {name: record[name] for name in properties}


def type_of(engagement: Engagement) -> str | None:
    """Return HubSpot's name of the engagement's type; None where it does not say."""
    value = engagement[INNER].get("type")
    return value if isinstance(value, str) else None


def last_updated_ms(engagement: Engagement) -> int | None:
    """Return when the engagement was last updated, in Unix ms; None where it does not say."""
    value = engagement[INNER].get("lastUpdated")
    return value if value.__class__ is int else None


def has_type(value: Any, kind: Any) -> bool:
    """Whether a column of `kind` can hold `value`; a bool is no int, and an int has 64 bits."""
    if value.__class__ is not kind:
        return False
    return kind is not int or INT64_MIN <= value <= INT64_MAX


def is_redacted(engagement: Engagement) -> bool:
    """Tell whether HubSpot keeps an e-mail's text back, for want of a scope."""
    metadata = engagement.get(METADATA)
    html = metadata.get("html") if isinstance(metadata, dict) else None
    return isinstance(html, str) and html.startswith(REDACTED_MARK)


def _take(
    source: Mapping[str, Any],
    items: Iterable[tuple[str, Any]],
    record: Record,
    extra: Record,
    misfits: Misfits,
) -> None:
    """Put the values of `items` into `record`, those without their type into `extra` as text."""
    for name, kind in items:
        value = source.get(name)
        if value is not None and (
            value.__class__ is not kind or (kind is int and not INT64_MIN <= value <= INT64_MAX)
        ):
            if kind is TEXT_OF_INT and value.__class__ in (str, int):
                value = str(value)
            else:
                misfits.append(name)
                extra[name] = _as_text(value)
                value = None
        record[name] = value


def _typed(engagement: Engagement, types: Mapping[str, Any], misfits: Misfits) -> Record:
    """Return the record of an engagement's metadata in columns of `types`."""
    metadata = engagement.get(METADATA)
    record: Record = {"engagementId": engagement[INNER]["id"]}
    if not isinstance(metadata, dict):
        record |= dict.fromkeys(types)
        record[EXTRA] = {METADATA: _as_text(metadata)} if metadata is not None else None
        return record
    extra = {name: metadata[name] for name in sorted(metadata.keys() - types.keys())}
    _take(metadata, types.items(), record, extra, misfits)
    record[EXTRA] = extra or None
    return record


def _flat(given: Mapping[str, Any], types: Mapping[str, Any], misfits: Misfits) -> Record:
    record: Record = {}
    extra = {name: given[name] for name in sorted(given.keys() - types.keys())}
    _take(given, types.items(), record, extra, misfits)
    record[EXTRA] = extra or None
    return record


def _person(given: Any, name: str, misfits: Misfits) -> tuple[Record, Any]:
    """Return a person's columns, and what of it has none."""
    record: Record = dict.fromkeys(PERSON_TYPES)
    if not isinstance(given, dict):
        if given is not None:
            misfits.append(name)
        return record, _as_text(given) if given is not None else None
    rest = {key: given[key] for key in sorted(given.keys() - PERSON_TYPES.keys())}
    _take(given, PERSON_TYPES.items(), record, rest, misfits)
    return record, rest


def _recipient(
    engagement_id: int, role: str, position: int, person: Any, misfits: Misfits
) -> Record:
    columns, rest = _person(person, role, misfits)
    extra = rest if isinstance(rest, dict) or rest is None else {"value": rest}
    key = {"engagementId": engagement_id, "role": role, "position": position}
    return {**key, **columns, EXTRA: extra or None}


def _ids(given: Any, name: str, misfits: Misfits) -> Iterator[int]:
    """Yield what of a list is an id."""
    for one in given if isinstance(given, list) else [given]:
        if one.__class__ is int and INT64_MIN <= one <= INT64_MAX:
            yield one
        elif one is not None:
            misfits.append(name)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _metadata(engagement: Engagement) -> Any:
    """Return an engagement's metadata as an object, whatever it is."""
    metadata = engagement.get(METADATA)
    return metadata if metadata is None or isinstance(metadata, dict) else {"value": metadata}


def _unknown(engagement: Engagement, inner: Mapping[str, Any]) -> Record:
    """Return the keys that the schema of engagements has no property for."""
    extra: Record = {}
    for name in sorted(inner.keys() - INNER_TYPES.keys()):
        extra[_free_name(name, INNER, extra)] = inner[name]
    for name in sorted(engagement.keys() - _OUTER_KEYS):
        extra[_free_name(name, "record", extra)] = engagement[name]
    return extra


def _free_name(name: str, part: str, extra: Mapping[str, Any]) -> str:
    """
    Return the name in `extra` of a key that the schema has no property for in its `part`.

    The other part may have a key of this name, or a property: both are kept.
    """
    while name in extra or name in PROPERTIES:
        name = f"{part}.{name}"
    return name


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else to_json(value).decode()
