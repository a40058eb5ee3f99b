"""
Removes secrets from every printed line, and keeps each line whole.

A message of HubSpot's or a record may repeat a secret, or hold a line break that forges a line.
"""

from __future__ import annotations

import re
import threading
from urllib.parse import quote, quote_plus

MIN_SECRET_LENGTH = 6  # characters; shorter texts are parts of ordinary words
# Control characters, line separators, and marks that turn the direction of the following text.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")

_secrets: dict[str, None] = {}
_lock = threading.Lock()


def add_secret(secret: str | None) -> None:
    """Redact a text from now on, also in the forms of a URL and of an HTML form."""
    if secret and len(secret) >= MIN_SECRET_LENGTH:
        with _lock:
            for form in (secret, quote(secret, safe=""), quote_plus(secret), quote(secret)):
                _secrets[form] = None


def clean(text: str, lines: bool = False) -> str:
    """
    Return a text as a single line, with *** for secrets and escapes for unprintable characters.

    With `lines` the text keeps the line breaks.
    """
    if lines:
        return "\n".join(map(clean, text.split("\n")))
    with _lock:
        secrets = sorted(_secrets, key=len, reverse=True)
    for secret in secrets:
        text = text.replace(secret, "***")
    text = _USERINFO.sub("***@", text)
    return _UNPRINTABLE.sub(lambda match: repr(match[0])[1:-1], text)
