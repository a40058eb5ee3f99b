"""Makes text from data safe for a terminal or a log: a single line, no control characters."""

from __future__ import annotations

import re

# Characters that move a cursor, end a line or change the reading direction, and non-characters.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029"  # control characters and line ends
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction marks
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"  # lone surrogates and non-characters
)


def visible(text: str) -> str:
    r"""Return `text` with unsafe characters as escapes: a line end as \n, ESC as \x1b."""
    return _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
