"""
Converts engagements to the records that the schemas promise. Pure.

Nothing is dropped: a property without a column, and a value with another type than the column,
go into the record's `extra`. This is the fallback for engagements without a fast path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hubspot_api.json_codec import to_json
from tap_hubspot_engagements.engagement import is_int64
from tap_hubspot_engagements.properties import (
    CALL_TYPES,
    DEFINITION_TYPES,
    DISPOSITION_TYPES,
    EMAIL_TYPES,
    EXTRA,
    INNER,
    INNER_TYPES,
    INT64_MAX,
    INT64_MIN,
    MEETING_TYPES,
    METADATA,
    NOTE_TYPES,
    OUTER_TYPES,
    OWNER_TYPES,
    PEOPLE,
    PERSON_TYPES,
    REDACTED_MARK,
    ROLES,
    STRING_OR_INT,
    TASK_TYPES,
)

EngagementJson = Mapping[str, Any]
"""An engagement as HubSpot sends it: engagement, associations, attachments, metadata, and more."""

Record = dict[str, Any]
TypeMismatches = Sequence[str]
"""Names of the properties whose values do not have their type, for counting."""

Converted = tuple[Sequence[Record], TypeMismatches]
"""The records of one engagement in one stream, and the type mismatches."""

PROPERTIES = frozenset((*INNER_TYPES, *OUTER_TYPES, EXTRA))

_INNER_ITEMS = tuple(INNER_TYPES.items())
_OUTER_ITEMS = tuple(OUTER_TYPES.items())
_OUTER_KEYS = frozenset((INNER, *OUTER_TYPES))


def to_engagements(engagement: EngagementJson) -> Converted:
    """Return the record of the engagement itself, with every property."""
    inner = engagement[INNER]
    record: Record = {}
    extra = _unmapped_keys(engagement, inner)
    mismatches = _move_typed_values(inner, _INNER_ITEMS, record, extra)
    mismatches += _move_typed_values(engagement, _OUTER_ITEMS, record, extra)
    record[EXTRA] = extra or None
    return (record,), mismatches


def to_notes(engagement: EngagementJson) -> Converted:
    """Return the record of a note's details."""
    return _metadata_record(engagement, NOTE_TYPES)


def to_tasks(engagement: EngagementJson) -> Converted:
    """Return the record of a task's details."""
    return _metadata_record(engagement, TASK_TYPES)


def to_calls(engagement: EngagementJson) -> Converted:
    """Return the record of a call's details."""
    return _metadata_record(engagement, CALL_TYPES)


def to_meetings(engagement: EngagementJson) -> Converted:
    """Return the record of a meeting's details."""
    return _metadata_record(engagement, MEETING_TYPES)


def to_emails(engagement: EngagementJson) -> Converted:
    """
    Return the record of an e-mail of any direction.

    The sender has columns; recipients are records of another stream.
    """
    (record,), mismatches = _metadata_record(engagement, EMAIL_TYPES)
    extra = record.pop(EXTRA) or {}
    for prefix in PEOPLE:
        person, rest, more = _to_person(extra.pop(prefix, None), prefix)
        record |= {f"{prefix}{name[0].upper()}{name[1:]}": value for name, value in person.items()}
        extra |= {prefix: rest} if rest else {}
        mismatches = [*mismatches, *more]
    for role in ROLES:
        # A list of people becomes records of its own; any other value stays in `extra`.
        if isinstance(extra.get(role), list):
            del extra[role]
    record[EXTRA] = extra or None
    return (record,), mismatches


def to_other(engagement: EngagementJson) -> Converted:
    """Return the record of an engagement whose type has no stream: the metadata unchanged."""
    kind = engagement[INNER].get("type")
    record = {
        "engagementId": engagement[INNER]["id"],
        "type": kind if isinstance(kind, str) else None,
        METADATA: _metadata(engagement),
    }
    return (record,), ()


def to_email_recipients(engagement: EngagementJson) -> Converted:
    """Return a record for each recipient of an e-mail; `position` counts from 0 in each role."""
    engagement_id, metadata = engagement[INNER]["id"], engagement.get(METADATA)
    if not isinstance(metadata, dict):
        return (), ()
    records: list[Record] = []
    mismatches: list[str] = []
    for role in ROLES:
        for position, person in enumerate(_list(metadata.get(role))):
            columns, rest, more = _to_person(person, role)
            extra = rest if isinstance(rest, dict) or rest is None else {"value": rest}
            key = {"engagementId": engagement_id, "role": role, "position": position}
            records.append({**key, **columns, EXTRA: extra or None})
            mismatches += more
    return records, mismatches


def to_associations(engagement: EngagementJson) -> Converted:
    """
    Return a record for each associated object, deduplicated.

    A value that is no id stays in the engagement's own `associations`.
    """
    engagement_id = engagement[INNER]["id"]
    associations = engagement.get("associations")
    records: list[Record] = []
    mismatches: list[str] = []
    for key, values in associations.items() if isinstance(associations, dict) else ():
        if not values:
            continue
        ids, more = _split_ids(values if isinstance(values, list) else [values], "associations")
        mismatches += more
        object_type = key.removesuffix("Ids") or key
        # associationKey, since some targets cannot update a table without a column beside its key.
        records += [
            {
                "engagementId": engagement_id,
                "objectType": object_type,
                "objectId": object_id,
                "associationKey": key,
            }
            for object_id in dict.fromkeys(ids)
        ]
    return records, mismatches


def to_pairs(key: str | None, engagement: EngagementJson) -> Converted:
    """Return a record for each id under `key` of an engagement's associations, deduplicated."""
    return [to_pair(engagement[INNER]["id"], one) for one in ids_under(key, engagement)], ()


def ids_under(key: str | None, engagement: EngagementJson) -> Iterable[int]:
    """Return the ids under `key` of an engagement's associations, deduplicated."""
    associations = engagement.get("associations")
    ids = associations.get(key) if isinstance(associations, Mapping) else None
    return dict.fromkeys(one for one in _list(ids) if is_int64(one))


def to_pair(from_id: int, to_id: int, types: Sequence[Any] | None = None) -> Record:
    """Return the record of an association; `types` have the labels, None if unknown."""
    return {"from_id": from_id, "to_id": to_id, "associationTypes": types}


def to_attachments(engagement: EngagementJson) -> Converted:
    """Return a record for each file; a file without an id stays in the engagement's own record."""
    engagement_id = engagement[INNER]["id"]
    records: dict[int, Record] = {}
    mismatches: list[str] = []
    for file in _list(engagement.get("attachments")):
        properties = file if isinstance(file, dict) else {"id": file}
        ids, more = _split_ids([properties.get("id")], "attachments")
        mismatches += more
        for attachment_id in ids:
            extra = {name: properties[name] for name in properties if name != "id"}
            records[attachment_id] = {
                "engagementId": engagement_id,
                "attachmentId": attachment_id,
                EXTRA: extra or None,
            }
    return list(records.values()), mismatches


def to_disposition(disposition: Mapping[str, Any]) -> Converted:
    """Return the record of a call's outcome."""
    return _top_level_record(disposition, DISPOSITION_TYPES)


def to_definition(definition: Mapping[str, Any]) -> Converted:
    """Return the record of a property's definition, whose `objectType` the caller has added."""
    return _top_level_record(definition, DEFINITION_TYPES)


def to_owner(owner: Mapping[str, Any]) -> Converted:
    """Return the record of an owner, whose id HubSpot sends as text here, elsewhere not."""
    return _top_level_record({**owner, "id": int(owner["id"])}, OWNER_TYPES)


def keep_properties(record: Mapping[str, Any], properties: Iterable[str]) -> Record:
    """Return `record` with these properties alone, in their order."""
    return {name: record[name] for name in properties}


def is_redacted(engagement: EngagementJson) -> bool:
    """Tell whether HubSpot withholds an e-mail's text, because the token lacks a scope."""
    metadata = engagement.get(METADATA)
    html = metadata.get("html") if isinstance(metadata, dict) else None
    return isinstance(html, str) and html.startswith(REDACTED_MARK)


def _move_typed_values(
    source: Mapping[str, Any],
    items: Iterable[tuple[str, Any]],
    record: Record,
    extra: Record,
) -> list[str]:
    """
    Put the values of `items` into `record`, or, as text, into `extra` if their type is another.

    Returns the names of the latter.
    """
    mismatches: list[str] = []
    for name, kind in items:
        value = source.get(name)
        if value is not None and (
            value.__class__ is not kind or (kind is int and not INT64_MIN <= value <= INT64_MAX)
        ):
            if kind is STRING_OR_INT and value.__class__ in (str, int):
                value = str(value)
            else:
                mismatches.append(name)
                extra[name] = _as_text(value)
                value = None
        record[name] = value
    return mismatches


def _metadata_record(engagement: EngagementJson, types: Mapping[str, Any]) -> Converted:
    """Return the record of an engagement's metadata in columns of `types`."""
    metadata = engagement.get(METADATA)
    record: Record = {"engagementId": engagement[INNER]["id"]}
    if not isinstance(metadata, dict):
        record |= dict.fromkeys(types)
        record[EXTRA] = {METADATA: _as_text(metadata)} if metadata is not None else None
        return (record,), ()
    extra = {name: metadata[name] for name in sorted(metadata.keys() - types.keys())}
    mismatches = _move_typed_values(metadata, types.items(), record, extra)
    record[EXTRA] = extra or None
    return (record,), mismatches


def _top_level_record(value: Mapping[str, Any], types: Mapping[str, Any]) -> Converted:
    """Return the record of an object's own properties in columns of `types`."""
    record: Record = {}
    extra = {name: value[name] for name in sorted(value.keys() - types.keys())}
    mismatches = _move_typed_values(value, types.items(), record, extra)
    record[EXTRA] = extra or None
    return (record,), mismatches


def _to_person(value: Any, name: str) -> tuple[Record, Any, TypeMismatches]:
    """Return a person's columns, the rest without a column, and the type mismatches."""
    record: Record = dict.fromkeys(PERSON_TYPES)
    if value is None:
        return record, None, ()
    if not isinstance(value, dict):
        return record, _as_text(value), (name,)
    rest = {key: value[key] for key in sorted(value.keys() - PERSON_TYPES.keys())}
    mismatches = _move_typed_values(value, PERSON_TYPES.items(), record, rest)
    return record, rest, mismatches


def _split_ids(values: Iterable[Any], name: str) -> tuple[list[int], TypeMismatches]:
    """Return the ids among `values`, and `name` once for each other value but null."""
    ids = [value for value in values if is_int64(value)]
    others = sum(not is_int64(value) and value is not None for value in values)
    return ids, [name] * others


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _metadata(engagement: EngagementJson) -> Any:
    """Return an engagement's metadata as an object, or null; another type is put into an object."""
    metadata = engagement.get(METADATA)
    return metadata if metadata is None or isinstance(metadata, dict) else {"value": metadata}


def _unmapped_keys(engagement: EngagementJson, inner: Mapping[str, Any]) -> Record:
    """Return the properties that have no column in the schema of engagements."""
    extra: Record = {}
    for name in sorted(inner.keys() - INNER_TYPES.keys()):
        extra[_free_name(name, INNER, extra)] = inner[name]
    for name in sorted(engagement.keys() - _OUTER_KEYS):
        extra[_free_name(name, "record", extra)] = engagement[name]
    return extra


def _free_name(name: str, part: str, extra: Mapping[str, Any]) -> str:
    """
    Return the name in `extra` of a property without a column, in that `part` of the engagement.

    The other part, or the schema, may have the same name: both values are kept.
    """
    while name in extra or name in PROPERTIES:
        name = f"{part}.{name}"
    return name


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else to_json(value).decode()
