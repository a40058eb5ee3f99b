"""
The colours of the page: one a type, the same in every chart, on light paper and on dark. Pure.

Of any two of them, seen with full sight or without red, green or blue, the difference is more than
a tenth of that between black and white (in Oklab); each stands out from its paper by 3 to 1.
"""

from __future__ import annotations

from collections.abc import Iterable

OTHER = "other types"
# Type → (on light paper, on dark), in the order of stacks and legends.
TYPES = {
    "CALL": ("#d87400", "#f8a665"),
    "EMAIL": ("#5546ca", "#c6c9fb"),
    "INCOMING_EMAIL": ("#210d99", "#636f9e"),
    "FORWARDED_EMAIL": ("#ba3c22", "#a45a4a"),
    "MEETING": ("#6a4780", "#b76ee3"),
    "NOTE": ("#689f7b", "#88fab2"),
    "TASK": ("#5a3401", "#ce8013"),
    OTHER: ("#6e737a", "#a3a8b0"),
}
# From few to many.
HEAT = (
    ("#d6e4f5", "#1d3b5c"),
    ("#a3c4ea", "#2b5f93"),
    ("#6a9fdb", "#4186c6"),
    ("#2f6fb8", "#74b0ea"),
    ("#123f78", "#c9e2fb"),
)
# Paper, ink, and what is said in colour as well as in words.
REST = {
    "paper": ("#ffffff", "#14171c"),
    "panel": ("#f5f6f8", "#1d2128"),
    "ink": ("#1b1f24", "#eceff4"),
    "soft": ("#545b66", "#b3bac6"),
    "rule": ("#d7dbe1", "#3a414c"),
    "link": ("#0b57a4", "#8ec1ff"),
    "wrong": ("#b3261e", "#ff9c94"),
    "right": ("#1d6b36", "#8fdba6"),
}


def shown_as(kind: str) -> str:
    """Return the type itself, or `other types` for one that has no colour of its own."""
    return kind if kind in TYPES else OTHER


def in_order(kinds: Iterable[str]) -> list[str]:
    """Return what the types are shown as, once each, in the order of stacks and legends."""
    there = {shown_as(kind) for kind in kinds}
    return [kind for kind in TYPES if kind in there]


def variable(kind: str) -> str:
    """Return the CSS variable of what a type is shown as."""
    return f"var(--{shown_as(kind).lower().replace('_', '-').replace(' ', '-')})"


def heat(step: int) -> str:
    """Return the CSS variable of a step, from 0, of HEAT."""
    return f"var(--heat-{step})"


def declarations(dark: bool) -> str:
    """Return the CSS variables of light or of dark paper."""
    named = {variable(kind): pair for kind, pair in TYPES.items()}
    named |= {heat(step): pair for step, pair in enumerate(HEAT)}
    named |= {f"var(--{name})": pair for name, pair in REST.items()}
    return "".join(f"{name[4:-1]}:{pair[dark]};" for name, pair in named.items())
