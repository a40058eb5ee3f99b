"""The streams of the input: which key a record has, and which engagement it is. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from hubspot_api.activity_properties import ASSOCIATIONS, OBJECT_TYPES
from hubspot_api.json_codec import parse_json, to_json
from target_hubspot_engagements.config import ENGAGEMENTS, STREAM_TYPES, Config
from target_hubspot_engagements.engagement import HUBSPOT_ID, MAX_ID, METADATA_PREFIX, Engagement
from target_hubspot_engagements.exceptions import InputError
from target_hubspot_engagements.from_engagement import KINDS, read_engagement
from target_hubspot_engagements.messages import SchemaMessage

DELETED_AT = "_sdc_deleted_at"
ASSOCIATED, CONTACT_EMAILS = "associations", "contactEmails"
PARTNER_KEYS = {key: kind for kind, key in ASSOCIATIONS.items()}
SINGULARS = {
    "contact": "contacts",
    "company": "companies",
    "deal": "deals",
    "ticket": "tickets",
    "quote": "quotes",
    "marketing_event": "marketing_events",
}
RESERVED = frozenset((HUBSPOT_ID, ASSOCIATED, CONTACT_EMAILS, *PARTNER_KEYS))
CHILD_PREFIX = "engagement_"  # the tap's tables with parts of its engagements
HASH_BYTES = 16

_is_digits = re.compile(r"[0-9]{1,19}").fullmatch
_is_type_name = re.compile(r"[\w-]+").fullmatch  # a part of a path
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


class SourceStream:
    """
    A stream whose records are engagements.

    `kind` is a type in the objects API, or `engagements`, whose records name their own type.
    """

    def __init__(self, message: SchemaMessage, kind: str, config: Config) -> None:
        self.name = message.stream
        self.kind = kind
        self.key_properties = message.key_properties
        self._names = config.property_map.get(message.stream, {})
        self._keeps_ids = config.ids == "keep"
        # Another mapping makes another engagement of the same record.
        mapping = (kind, sorted(self._names.items()), self._keeps_ids)
        self._hash_key = hashlib.blake2b(to_json(mapping), digest_size=32).digest()

    def identify(self, record: bytes) -> tuple[str, bytes]:
        """
        Return the record's key as JSON, and the hash of the record and of the mapping.

        The hash is the same in any order of the columns: each run of a tap may send another order.
        The key is the same for 1 and 1.0. Raises ValueError for a missing, null or empty value.
        """
        content = _parse(record)
        key = [content.get(name) for name in self.key_properties]
        if None in key or ("" in key and not any(value != "" for value in key)):
            raise ValueError(f"no value of the key {', '.join(self.key_properties)}")
        if float in map(type, key):
            key = [_to_integer(value) for value in key]
        text = _encode_sorted(content)
        source_hash = hashlib.blake2b(text, digest_size=HASH_BYTES, key=self._hash_key).digest()
        return _encode_sorted(key).decode(), source_hash

    def replaces(self, text: bytes, earlier: bytes) -> bool:
        """Tell whether nothing of an earlier record of the same key counts after a record."""
        record, names = _parse(text), self._column_names(_parse(earlier))
        if record.get(DELETED_AT) not in (None, ""):  # counts: which engagement to archive
            names = {name for name in names if self._names.get(name, name) == HUBSPOT_ID}
        return self._column_names(record) >= names

    def _column_names(self, record: Mapping[str, Any]) -> set[str]:
        """Return the names of a record's columns, and of the lists of v1's associations."""
        names = {name for name in record if not name.startswith(METADATA_PREFIX)}
        lists = record.get(ASSOCIATED)
        if self.kind == ENGAGEMENTS and isinstance(lists, Mapping):
            names |= {f"{ASSOCIATED}.{name}" for name in lists if lists[name] is not None}
        return names

    def read(self, text: bytes) -> Engagement:
        """Return a record's content. Raises ValueError for one that cannot be understood."""
        record = parse_json(text)
        if record.get(DELETED_AT) not in (None, ""):  # a CSV file's null is an empty text
            kind = KINDS.get(str(record.get("type")), self.kind)
            kind = kind if self.kind == ENGAGEMENTS else self.kind
            hubspot_id = self._existing_id(self._renamed(record))
            return Engagement(kind, hubspot_id=hubspot_id, is_deleted=True)
        if self.kind == ENGAGEMENTS:
            hubspot_id = self._existing_id(record)
            if hubspot_id is None and self._keeps_ids:
                raise ValueError("has no id")
            return read_engagement(record, hubspot_id)
        columns = self._renamed(record)
        return Engagement(
            self.kind,
            values={name: columns[name] for name in columns if name not in RESERVED},
            partners=_read_partners(columns),
            has_all_partners=ASSOCIATED in columns,
            contact_emails=_read_emails(columns),
            hubspot_id=self._existing_id(columns),
            optional=frozenset(self.key_properties) - {*self._names},
        )

    def _renamed(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """
        Return a record by the names of property_map, without Singer's own columns.

        Raises ValueError for two columns of one property: either value could be lost.
        """
        names = {
            name: target
            for name in record
            if (target := self._names.get(name, name)) is not None
            and not name.startswith(METADATA_PREFIX)
        }
        columns = {target: record[name] for name, target in names.items()}
        if len(columns) < len(names):
            repeated = sorted(name for name in names if [*names.values()].count(names[name]) > 1)
            raise ValueError(f"several columns are one property: {', '.join(repeated)}")
        return columns

    def _existing_id(self, record: Mapping[str, Any]) -> int | None:
        """Return the id of an engagement of this portal that the record names."""
        name = "id" if self.kind == ENGAGEMENTS and self._keeps_ids else HUBSPOT_ID
        value = record.get(name)
        if value in (None, ""):
            return None
        if isinstance(value, bool) or not _is_id(str(value)):
            raise ValueError(f"{name} must be an id, not {value!r}")
        return int(value)


def build_stream(message: SchemaMessage, config: Config) -> SourceStream | None:
    """
    Return the stream of a SCHEMA, None for a stream to leave out.

    Raises InputError for a stream of an unknown type.
    """
    name = message.stream
    kind = config.stream_map.get(name, name)
    if kind is None or (name not in config.stream_map and name.startswith(CHILD_PREFIX)):
        return None
    if kind not in STREAM_TYPES:
        raise InputError(
            f"stream {name}: which type of engagements? Name one in stream_map, {_listed()}; or"
            " null, to leave the stream out"
        )
    return SourceStream(message, kind, config)


def _listed() -> str:
    return ", ".join(OBJECT_TYPES)


def _parse(record: bytes) -> dict[str, Any]:
    try:
        return _decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        content: dict[str, Any] = parse_json(record)
        return content


def _read_partners(record: Mapping[str, Any]) -> dict[str, list[str]] | None:
    """Return the associations that a record names; None if the record has no such column."""
    partners: dict[str, set[str]] = {}
    for key, kind in PARTNER_KEYS.items():
        if key in record:
            partners[kind] = {_to_id(value, key) for value in _to_list(record[key])}
    if ASSOCIATED in record:
        partners |= {kind: set() for kind in ASSOCIATIONS if kind not in partners}
    for item in _to_list(record.get(ASSOCIATED)):
        if not isinstance(item, Mapping) or not {"objectType", "id"} <= item.keys():
            raise ValueError(f"{ASSOCIATED} must be objects with objectType and id")
        name = str(item["objectType"]).lower()
        kind = SINGULARS.get(name, name)
        if not _is_type_name(kind):
            raise ValueError(f"{ASSOCIATED}: {item['objectType']!r} is no type of records")
        partners.setdefault(kind, set()).add(_to_id(item["id"], ASSOCIATED))
    if CONTACT_EMAILS in record:
        partners.setdefault("contacts", set())
    if not partners:
        return None
    return {kind: sorted(ids) for kind, ids in partners.items()}


def _read_emails(record: Mapping[str, Any]) -> tuple[str, ...]:
    emails = [str(value).strip().lower() for value in _to_list(record.get(CONTACT_EMAILS))]
    return tuple(dict.fromkeys(filter(None, emails)))


def _to_list(value: Any) -> list[Any]:
    """Return a list of a value: a JSON list, a text of it or with semicolons, or a single id."""
    if value in (None, ""):
        return []
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = parse_json(value.encode())
    if isinstance(value, str):
        return [part.strip() for part in value.replace(",", ";").split(";") if part.strip()]
    return value if isinstance(value, list) else [value]


def _to_id(value: Any, name: str) -> str:
    text = str(value)
    if isinstance(value, bool) or not _is_id(text):
        raise ValueError(f"{name}: {value!r} is no id")
    return text


def _is_id(text: str) -> bool:
    """Tell whether a text is an id; HubSpot and the ledger refuse more than 64 bits."""
    return _is_digits(text) is not None and int(text) <= MAX_ID


def _to_integer(value: Any) -> Any:
    """Return a whole number as an integer: in JSON, 1 and 1.0 are the same number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
