"""
A page with a record that cannot be read, taken apart: one of a thousand holds up no other. Pure.

Only for pages that the usual way refuses, since it looks at every token of the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tap_hubspot_engagements.json_text import parse_json

MAX_LEVELS = 200  # of lists and objects in a record; what lies deeper is kept as its text

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{},]', re.DOTALL)
_ID = re.compile(rb'"id"\s*:\s*"?(\d{1,19})\b')


@dataclass(frozen=True)
class Broken:
    """
    A record that cannot be read: its id, None where it has none that is known, and why.

    `ids` are those of its page in the list of all engagements: above the first, below the second.
    """

    id: int | None
    reason: str
    ids: tuple[int, int | None] | None = None

    def __str__(self) -> str:
        return f"engagement {self.id or 'without an id'} ({self.reason})"


def take_apart(text: bytes) -> tuple[Mapping[str, Any], list[bytes]]:
    """
    Return a list's answer without its records, and the text of each record.

    Bytes that are not UTF-8 become U+FFFD. Raises ValueError for half of an answer.
    """
    text = text.decode("utf-8", "replace").encode()
    begin, end, records = _find_records(text)
    body = parse_json(text[:begin] + text[end:])
    if not isinstance(body, dict) or not isinstance(body.get("hasMore"), bool):
        raise ValueError("hasMore is missing")
    return body, [_shallow(record) for record in records]


def id_in(text: bytes) -> int | None:
    """Return what is probably the id of a record that cannot be read."""
    begin = text.find(b'"engagement"')
    found = _ID.search(text, max(begin, 0))
    return int(found[1]) if found else None


def _find_records(text: bytes) -> tuple[int, int, list[bytes]]:
    """Return where the records of `results` begin and end, and their texts."""
    depth, key, begin, at = 0, b"", 0, 0
    records: list[bytes] = []
    for token in _TOKEN.finditer(text):
        kind = token[0][:1]
        if kind in b"[{":
            depth += 1
            if depth == 2 and kind == b"[" and key == b'"results"':
                begin = at = token.end()
        elif kind in b"]}":
            depth -= 1
        elif kind == b'"' and depth == 1:
            key = token[0]
        if begin and ((kind == b"," and depth == 2) or (kind == b"]" and depth == 1)):
            records.append(text[at : token.start()].strip())
            at = token.end()
            if depth == 1:
                return begin, token.start(), [one for one in records if one]
    raise ValueError("results is missing, or does not end")


def _shallow(record: bytes) -> bytes:
    """Return a record with what lies deeper than MAX_LEVELS as text."""
    depth, begin, done = 0, 0, 0
    parts: list[bytes] = []
    for token in _TOKEN.finditer(record):
        if token[0] in b"[{":
            depth += 1
            if depth == MAX_LEVELS:
                begin = token.start()
        elif token[0] in b"]}":
            depth -= 1
            if depth == MAX_LEVELS - 1:
                deep = record[begin : token.end()].decode()
                parts += [record[done:begin], json.dumps(deep).encode()]
                done = token.end()
    return b"".join([*parts, record[done:]])
