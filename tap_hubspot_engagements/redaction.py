"""
The one place that every line which is printed passes: it knows all secrets, and keeps lines whole.

What HubSpot or a record says may repeat a secret, or hold a line break that forges a line.
"""

from __future__ import annotations

import re
import threading
from urllib.parse import quote, quote_plus

SHORTEST = 6  # characters of a secret: shorter ones are no secrets, and parts of any word
# Control characters, line separators, and marks that turn the direction of what follows.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")

_secrets: dict[str, None] = {}
_lock = threading.Lock()


def add_secret(secret: str | None) -> None:
    """Have a text, and what it becomes in a URL or a form, shown nowhere from now on."""
    if secret and len(secret) >= SHORTEST:
        with _lock:
            for form in (secret, quote(secret, safe=""), quote_plus(secret), quote(secret)):
                _secrets[form] = None


def clean(text: str, lines: bool = False) -> str:
    """
    Return a text as one line without secrets; what cannot be printed is escaped.

    With `lines` it keeps its lines.
    """
    if lines:
        return "\n".join(map(clean, text.split("\n")))
    with _lock:
        secrets = sorted(_secrets, key=len, reverse=True)
    for secret in secrets:
        text = text.replace(secret, "***")
    text = _USERINFO.sub("***@", text)
    return _UNPRINTABLE.sub(lambda found: repr(found[0])[1:-1], text)
