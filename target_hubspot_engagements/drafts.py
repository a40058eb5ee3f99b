"""
Makes drafts of records: checked by HubSpot's definitions, compared with the ledger. Pure.

A draft has the wanted state of an engagement, and the action that leads there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from hubspot_api.activity_properties import METADATA, OBJECT_TYPES
from hubspot_api.json_codec import to_json
from target_hubspot_engagements.engagement import HUBSPOT_ID, Engagement, Partners, SourceRecord
from target_hubspot_engagements.ledger import (
    CREATING,
    DONE,
    GONE,
    Entry,
)
from target_hubspot_engagements.validation import (
    TYPE_PROPERTIES,
    Checked,
    Definitions,
    Problem,
    check_properties,
    missing_on_creation,
    writable,
)

HASH_BYTES = 16


class Action(Enum):
    """The action for a record; the value is the name of the counter."""

    NOTHING = "unchanged"
    CREATE = "created"
    UPDATE = "updated"
    ARCHIVE = "archived"
    WAIT = "pending"


@dataclass(frozen=True)
class Draft:
    """
    A record that can be written.

    `texts` are the properties', `partners` the associations, None to leave them alone. `entry` is
    the ledger's, None for a new key. `problems` keep the record from being written.
    """

    source: SourceRecord
    kind: str
    texts: Mapping[str, str]
    partners: Partners | None
    entry: Entry | None
    hubspot_id: int | None
    is_deleted: bool
    payload_hash: bytes
    action: Action
    problems: tuple[Problem, ...] = ()

    @property
    def known_partners(self) -> Partners:
        """The associations that earlier runs may have made."""
        return (self.entry.partners if self.entry else None) or {}


def make_draft(
    source: SourceRecord,
    engagement: Engagement,
    definitions: Definitions,
    partners: Partners | None,
    entry: Entry | None,
) -> Draft:
    """Return the draft of a record; `partners` are the engagement's with contacts by e-mail."""
    is_deleted = engagement.is_deleted
    texts, problems = Checked({}, []) if is_deleted else _check(engagement, definitions)
    existing = entry if entry and entry.state != GONE else None
    hubspot_id = (existing.hubspot_id if existing else None) or engagement.hubspot_id
    payload_hash = _hash(engagement, texts, partners)
    action = _action(engagement, existing, hubspot_id, payload_hash)
    properties = {problem.property for problem in problems}
    new_problems = _action_problems(action, engagement, existing, texts)
    problems += [
        one for one in new_problems if one.property is None or one.property not in properties
    ]
    return Draft(
        source,
        existing.kind if existing else engagement.kind,
        _texts_to_send(action, engagement, texts, definitions),
        _of_all_types(engagement, partners, existing),
        entry,
        hubspot_id,
        is_deleted,
        payload_hash,
        action,
        tuple(problems),
    )


def _action_problems(
    action: Action, engagement: Engagement, existing: Entry | None, texts: Mapping[str, str]
) -> list[Problem]:
    """Return the problems of a creation, or of a change of an existing engagement."""
    if action is Action.CREATE:
        return missing_on_creation(engagement.kind, texts)
    if existing and existing.kind != engagement.kind and not engagement.is_deleted:
        return [Problem(f"is one of {existing.kind} in HubSpot: a type does not change")]
    known_id = existing.hubspot_id if existing else None
    if known_id and engagement.hubspot_id not in (None, known_id):
        return [Problem(f"is not {known_id}, which was written for this key", HUBSPOT_ID)]
    if action is Action.ARCHIVE and not existing and engagement.kind not in OBJECT_TYPES:
        return [Problem("is required, to archive an engagement that the ledger lacks", "type")]
    return []


def _check(engagement: Engagement, definitions: Definitions) -> Checked:
    """Return texts and problems of an engagement, without optional values that cannot be set."""
    values = engagement.values
    optional = {name: values[name] for name in values if name in engagement.optional}
    kept = writable(definitions, optional)
    values = {name: one for name, one in values.items() if name in kept or name not in optional}
    return check_properties(definitions, values)


def _texts_to_send(
    action: Action, engagement: Engagement, texts: Mapping[str, str], definitions: Definitions
) -> dict[str, str]:
    """Return the texts of a request: a creation has no empty texts, a change may clear values."""
    if action is Action.CREATE:
        return {name: text for name, text in texts.items() if text}
    cleared = _cleared(engagement.kind, definitions) if engagement.complete else {}
    fixed = {name for name in TYPE_PROPERTIES if name in texts and definitions[name].is_read_only}
    return {name: text for name, text in {**cleared, **texts}.items() if name not in fixed}


def _action(
    engagement: Engagement, existing: Entry | None, hubspot_id: int | None, payload_hash: bytes
) -> Action:
    if existing and existing.state == CREATING and engagement.hubspot_id is None:
        return Action.WAIT  # else somebody has decided which engagement it is
    if engagement.is_deleted:
        return Action.NOTHING if hubspot_id is None else Action.ARCHIVE
    if hubspot_id is None:
        return Action.CREATE
    if existing and existing.state == DONE and existing.payload_hash == payload_hash:
        return Action.NOTHING
    return Action.UPDATE


def _of_all_types(
    engagement: Engagement, partners: Partners | None, existing: Entry | None
) -> Partners | None:
    """Return associations with an empty list for types that only the ledger has, if all count."""
    if not engagement.has_all_partners or existing is None:
        return partners
    return {**dict.fromkeys(existing.partners or {}, ()), **(partners or {})}


def _cleared(kind: str, definitions: Definitions) -> dict[str, str]:
    """Return an empty text for every property that an engagement of v1's shape may lack."""
    return dict.fromkeys(writable(definitions, {name: "" for name, *_ in METADATA[kind]}), "")


def _hash(engagement: Engagement, texts: Mapping[str, str], partners: Partners | None) -> bytes:
    """
    Return the hash of an engagement's content, in any order of properties and ids.

    A type with an empty list, whose associations are removed, is not the same as a missing type,
    whose associations are left alone.
    """
    associated = sorted((kind, sorted(ids)) for kind, ids in (partners or {}).items())
    content = (engagement.kind, sorted(texts.items()), associated, engagement.is_deleted)
    return hashlib.blake2b(to_json(content), digest_size=HASH_BYTES).digest()


def missing_partners(draft: Draft) -> dict[str, list[str]]:
    """Return the associations to make for an existing engagement."""
    existing = draft.known_partners if _are_partners_certain(draft) else {}
    return _difference(draft.partners or {}, existing)


def surplus_partners(draft: Draft) -> dict[str, list[str]]:
    """Return the associations to remove: those that earlier runs made for the key."""
    earlier = {
        kind: ids for kind, ids in draft.known_partners.items() if kind in (draft.partners or {})
    }
    return _difference(earlier, draft.partners or {})


def all_partners(draft: Draft) -> dict[str, list[str]]:
    """Return the associations that may exist while a request has no answer."""
    partners = {kind: {*ids} for kind, ids in draft.known_partners.items()}
    for kind, ids in (draft.partners or {}).items():
        partners.setdefault(kind, set()).update(ids)
    return {kind: sorted(ids) for kind, ids in partners.items()}


def final_partners(draft: Draft) -> dict[str, list[str]]:
    """Return the associations that exist once the draft is written."""
    partners = {**draft.known_partners, **(draft.partners or {})}
    return {kind: sorted(ids) for kind, ids in partners.items() if ids}


def final_hash(draft: Draft) -> bytes | None:
    """
    Return the payload hash of a draft that is written.

    None if the draft leaves associations alone that may not exist, so that the next change of the
    record is sent, with all associations that it has.
    """
    left_alone = draft.known_partners.keys() - (draft.partners or {}).keys()
    return draft.payload_hash if _are_partners_certain(draft) or not left_alone else None


def _are_partners_certain(draft: Draft) -> bool:
    """Tell whether all associations of the ledger exist: without an answer, some may not."""
    entry = draft.entry
    return entry is not None and entry.state == DONE and entry.payload_hash is not None


def _difference(some: Partners, others: Partners) -> dict[str, list[str]]:
    """Return the ids of `some` that `others` lacks."""
    rest = {kind: sorted({*ids} - {*others.get(kind, ())}) for kind, ids in some.items()}
    return {kind: ids for kind, ids in rest.items() if ids}
