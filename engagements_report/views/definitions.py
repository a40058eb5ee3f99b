"""
The views and their columns, as data; docs/reports.md lists the same.

A column names the table columns that it reads, such as `e.ownerId`, and is left out without one of
them. Of several columns of one name the first that can be read is taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# The range of a DATETIME, in Unix ms: from the year 1000 to the end of 9999.
FIRST_MS, LAST_MS = -30_610_224_000_000, 253_402_300_799_999
# A time out of the range is NULL; converted, it would be an error in strict mode. FROM_UNIXTIME
# would depend on the session's time zone, and on many servers end in 2038.
TO_DATETIME = (
    f"CAST(CASE WHEN {{0}} BETWEEN {FIRST_MS} AND {LAST_MS} THEN TIMESTAMPADD(MICROSECOND,"
    " {0} * 1000, '1970-01-01 00:00:00') END AS DATETIME(3))"
)
EMAIL_TYPES = ("EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL")
TYPES_WITH_VIEW = (*EMAIL_TYPES, "CALL", "MEETING", "NOTE", "TASK")


@dataclass(frozen=True)
class Table:
    """A table of a view, and its alias: e engagements, d the type's details or rows, o, c names."""

    name: str
    alias: str
    join: str = ""
    """The condition of its LEFT JOIN; the view's first table has none."""


@dataclass(frozen=True)
class Column:
    """A column of a view: its SQL, and the table columns that this reads, as `alias.column`."""

    name: str
    sql: str
    reads: tuple[str, ...]


@dataclass(frozen=True)
class View:
    """
    A view, with a row for each row of its first table that meets `condition`.

    `meaning` says what a row is. Without the table columns of `reads` there is no view.
    """

    name: str
    meaning: str
    tables: tuple[Table, ...]
    columns: tuple[Column, ...]
    reads: tuple[str, ...]
    condition: str = ""


def _to_snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _columns(alias: str, names: str, sql: str = "{0}") -> tuple[Column, ...]:
    """Return columns of one table column each; `column=name` gives another than snake_case."""
    columns = []
    for column, _, name in (pair.partition("=") for pair in names.split()):
        value = sql.format(f"{alias}.`{column}`")
        columns.append(Column(name or _to_snake_case(column), value, (f"{alias}.{column}",)))
    return tuple(columns)


def _times(alias: str, names: str) -> tuple[Column, ...]:
    """Return DATETIME columns in UTC, of table columns in Unix ms."""
    return _columns(alias, names, TO_DATETIME)


# What engagements_report.queries.statements calls live, negated.
IS_DELETED = (
    Column(
        "is_deleted",
        "(e._sdc_deleted_at IS NOT NULL OR COALESCE(e.active, 1) = 0)",
        ("e._sdc_deleted_at", "e.active"),
    ),
    Column("is_deleted", "(e._sdc_deleted_at IS NOT NULL)", ("e._sdc_deleted_at",)),
    Column("is_deleted", "(COALESCE(e.active, 1) = 0)", ("e.active",)),
)
# The name, or else the e-mail address, or else `owner` and the id.
OWNER_NAME = (
    "COALESCE(NULLIF(TRIM(CONCAT_WS(' ', o.firstName, o.lastName)), ''), NULLIF(o.email, ''),"
    " CONCAT('owner ', {0}))"
)
NAME_READS = ("o.id", "o.firstName", "o.lastName", "o.email")
HEADER = (
    *_columns("e", "id=engagement_id type"),
    *_times("e", "createdAt timestamp=occurred_at lastUpdated=last_updated_at"),
    *_columns("e", "ownerId", "NULLIF({0}, 0)"),  # 0 is no owner, either
    Column("owner_name", OWNER_NAME.format("NULLIF(e.ownerId, 0)"), ("e.ownerId", *NAME_READS)),
    Column("owner_email", "o.email", ("e.ownerId", "o.id", "o.email")),
    *IS_DELETED,
    *_columns("e", "_sdc_deleted_at=deleted_at active=is_active gdprDeleted=is_gdpr_deleted"),
    *_columns("e", "portalId teamId createdBy=created_by_user_id modifiedBy=modified_by_user_id"),
    *_columns("e", "activityType source sourceId uid bodyPreview _sdc_batched_at=loaded_at"),
)
ENGAGEMENTS = Table("engagements", "e")
OWNERS = Table("owners", "o", "o.id = e.ownerId")
DISPOSITIONS = Table("call_dispositions", "c", "c.id = d.disposition")
DISPOSITION_LABEL = Column("disposition_label", "c.label", ("d.disposition", "c.id", "c.label"))


def _typed_view(
    name: str,
    meaning: str,
    table: str,
    details: tuple[Column, ...],
    condition: str,
    names: tuple[Table, ...] = (),
) -> View:
    """Return the view of the engagements of some types, with the details of `table`."""
    tables = (ENGAGEMENTS, OWNERS, Table(table, "d", "d.engagementId = e.id"), *names)
    reads = ("e.id", "e.type", "d.engagementId")
    return View(name, meaning, tables, (*HEADER, *details), reads, condition)


def _rows_view(name: str, meaning: str, table: str, columns: tuple[Column, ...]) -> View:
    """Return the view of a table with several rows an engagement."""
    tables = (Table(table, "d"), Table("engagements", "e", "e.id = d.engagementId"))
    key = _columns("d", "engagementId")
    of_engagement = (*_columns("e", "type=engagement_type"), *IS_DELETED)
    return View(name, meaning, tables, (*key, *columns, *of_engagement), ("d.engagementId",))


def _is_of(*types: str) -> str:
    names = ", ".join(f"'{name}'" for name in types)
    return f"e.type IN ({names})"


VIEWS = (
    View("engagements", "an engagement of any type", (ENGAGEMENTS, OWNERS), HEADER, ("e.id",)),
    _typed_view(
        "calls",
        "a call",
        "engagement_calls",
        (
            *_columns("d", "title body status disposition"),
            DISPOSITION_LABEL,
            *_columns("d", "durationMilliseconds=duration_ms toNumber fromNumber recordingUrl"),
            *_columns("d", "externalId externalAccountId calleeObjectId calleeObjectType"),
            *_columns("d", "source=call_source extra"),
        ),
        _is_of("CALL"),
        (DISPOSITIONS,),
    ),
    _typed_view(
        "emails",
        "an e-mail, sent or received",
        "engagement_emails",
        (
            *_columns("d", "subject text html status messageId threadId trackerKey loggedFrom"),
            *_columns("d", "sentVia fromEmail fromFirstName fromLastName fromRaw senderEmail"),
            *_columns("d", "senderFirstName senderLastName senderRaw emailSendEventId"),
            *_columns("d", "facsimileSendId postSendStatus mediaProcessingStatus"),
            *_columns("d", "attachedVideoOpened attachedVideoWatched errorMessage"),
            *_columns("d", "sequenceStepOrder validationSkipped recipientDropReasons"),
            *_columns("d", "pendingInlineImageIds extra"),
        ),
        _is_of(*EMAIL_TYPES),
    ),
    _typed_view(
        "meetings",
        "a meeting",
        "engagement_meetings",
        (
            *_columns("d", "title body"),
            *_times("d", "startTime=starts_at endTime=ends_at"),
            *_columns("d", "meetingOutcome=outcome activityType=meeting_activity_type location"),
            *_columns(
                "d", "externalUrl videoConferenceUrl webConferenceMeetingId iCalUid=ical_uid"
            ),
            *_columns("d", "source=meeting_source sourceId=meeting_source_id createdFromLinkId"),
            *_columns("d", "preMeetingProspectReminders attendeeOwnerIds guestEmails extra"),
        ),
        _is_of("MEETING"),
    ),
    _typed_view("notes", "a note", "engagement_notes", _columns("d", "body extra"), _is_of("NOTE")),
    _typed_view(
        "tasks",
        "a task",
        "engagement_tasks",
        (
            *_columns("d", "subject body status"),
            *_times("d", "completionDate=completed_at"),
            *_columns("d", "taskType priority forObjectType isAllDay reminders"),
            *_columns("d", "sendDefaultReminder sequenceStepOrder extra"),
        ),
        _is_of("TASK"),
    ),
    _typed_view(
        "other_engagements",
        "an engagement of another type, or of none",
        "engagement_other",
        _columns("d", "metadata"),
        f"(e.type IS NULL OR NOT {_is_of(*TYPES_WITH_VIEW)})",
    ),
    _rows_view(
        "associations",
        "a contact, company, deal or other object that an engagement is associated with",
        "engagement_associations",
        _columns("d", "objectType objectId associationKey"),
    ),
    _rows_view(
        "email_recipients",
        "a recipient of an e-mail",
        "engagement_email_recipients",
        _columns("d", "role position email firstName lastName raw extra"),
    ),
    _rows_view(
        "attachments",
        "a file attached to an engagement",
        "engagement_attachments",
        _columns("d", "attachmentId extra"),
    ),
    View(
        "owners",
        "an owner, archived ones included",
        (Table("owners", "o"),),
        (
            *_columns("o", "id=owner_id"),
            Column("owner_name", OWNER_NAME.format("o.id"), NAME_READS),
            *_columns("o", "email=owner_email firstName lastName type=owner_type userId"),
            *_columns("o", "userIdIncludingInactive archived=is_archived"),
        ),
        ("o.id",),
    ),
    View(
        "call_dispositions",
        "an outcome that a call may have",
        (Table("call_dispositions", "c"),),
        _columns("c", "id=disposition label=disposition_label deleted=is_deleted"),
        ("c.id",),
    ),
)
