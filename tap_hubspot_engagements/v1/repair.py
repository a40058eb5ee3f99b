"""
Splits a page with an unreadable record, which must not hold up a thousand others. Pure.

Only for pages that the usual decoding refuses, since this looks at every token of the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from hubspot_api.json_codec import parse_json

MAX_LEVELS = 200  # of lists and objects in a record; deeper values become text

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{},]', re.DOTALL)
_ID = re.compile(rb'"id"\s*:\s*"?(\d{1,19})\b')


def split_page(text: bytes) -> tuple[Mapping[str, Any], list[bytes]]:
    """
    Return a page without records, and the text of each record.

    Bytes other than UTF-8 become U+FFFD. Raises ValueError for an incomplete page.
    """
    text = text.decode("utf-8", "replace").encode()
    start, end, records = _find_records(text)
    body = parse_json(text[:start] + text[end:])
    if not isinstance(body, dict) or not isinstance(body.get("hasMore"), bool):
        raise ValueError("hasMore is missing")
    return body, [_flatten_depths(record) for record in records]


def id_in(text: bytes) -> int | None:
    """Return the probable id of an unreadable record, or None."""
    start = text.find(b'"engagement"')
    match = _ID.search(text, max(start, 0))
    return int(match[1]) if match else None


def _find_records(text: bytes) -> tuple[int, int, list[bytes]]:
    """Return the start and end of the records of `results`, and their texts."""
    depth, key, start, at = 0, b"", 0, 0
    records: list[bytes] = []
    for token in _TOKEN.finditer(text):
        kind = token[0][:1]
        if kind in b"[{":
            depth += 1
            if depth == 2 and kind == b"[" and key == b'"results"':
                start = at = token.end()
        elif kind in b"]}":
            depth -= 1
        elif kind == b'"' and depth == 1:
            key = token[0]
        if start and ((kind == b"," and depth == 2) or (kind == b"]" and depth == 1)):
            records.append(text[at : token.start()].strip())
            at = token.end()
            if depth == 1:
                return start, token.start(), [record for record in records if record]
    raise ValueError("results is missing, or does not end")


def _flatten_depths(record: bytes) -> bytes:
    """Return a record whose values deeper than MAX_LEVELS are text."""
    depth, start, end = 0, 0, 0
    parts: list[bytes] = []
    for token in _TOKEN.finditer(record):
        if token[0] in b"[{":
            depth += 1
            if depth == MAX_LEVELS:
                start = token.start()
        elif token[0] in b"]}":
            depth -= 1
            if depth == MAX_LEVELS - 1:
                deep = record[start : token.end()].decode()
                parts += [record[end:start], json.dumps(deep).encode()]
                end = token.end()
    return b"".join([*parts, record[end:]])
