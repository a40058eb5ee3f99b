"""
Text from data as a terminal or a log may show it: on one line, and as it reads.
"""

from __future__ import annotations

import re

# What moves a cursor, ends a line, turns the direction of reading, or is no character at all.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029"  # controls and ends of lines
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks of direction
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"  # lone surrogates, and what Unicode leaves out
)


def visible(text: str) -> str:
    r"""Return `text` with such characters as escapes: a line end as \n, ESC as \x1b."""
    return _UNSAFE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
