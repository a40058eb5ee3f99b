"""
The colours of the page: the same for a type in every chart, in light and in dark mode. Pure.

In Oklab any two differ by more than a tenth of the distance from black to white, with every kind of
colour vision. Each has a contrast of at least 3 to 1 with the background.
"""

from __future__ import annotations

from collections.abc import Iterable

OTHER = "other types"
ALL = "all types"  # together
# Type → (light mode, dark mode), in the order of stacks and legends.
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
# From few engagements to many.
HEAT = (
    ("#d6e4f5", "#1d3b5c"),
    ("#a3c4ea", "#2b5f93"),
    ("#6a9fdb", "#4186c6"),
    ("#2f6fb8", "#74b0ea"),
    ("#123f78", "#c9e2fb"),
)
# Background, text, and states that have a sign as well as a colour.
OTHER_COLOURS = {
    "paper": ("#ffffff", "#14171c"),
    "panel": ("#f5f6f8", "#1d2128"),
    "ink": ("#1b1f24", "#eceff4"),
    "soft": ("#545b66", "#b3bac6"),
    "band": ("#eef2f8", "#222834"),
    # Of the numbers on the steps of HEAT: the first two, the middle one, the last two.
    "heat-low": ("#1b1f24", "#ffffff"),
    "heat-middle": ("#1b1f24", "#10141a"),
    "heat-high": ("#ffffff", "#10141a"),
    "rule": ("#d7dbe1", "#3a414c"),
    "link": ("#0b57a4", "#8ec1ff"),
    "wrong": ("#b3261e", "#ff9c94"),
    "right": ("#1d6b36", "#8fdba6"),
}


def legend_name(type_name: str) -> str:
    """Return the type itself, or `other types` for a type without a colour."""
    return type_name if type_name in TYPES else OTHER


def in_order(types: Iterable[str]) -> list[str]:
    """Return the legend names of the types, without repeats, in the order of stacks."""
    names = {legend_name(type_name) for type_name in types}
    return [name for name in TYPES if name in names]


def variable(type_name: str) -> str:
    """Return the CSS variable of a type's colour."""
    return f"var(--{legend_name(type_name).lower().replace('_', '-').replace(' ', '-')})"


def css_class(name: str) -> str:
    """Return the CSS class of a type's marks, or of all types together."""
    return "all" if name == ALL else variable(name)[6:-1]


def rules() -> str:
    """Return the CSS rules that give each type's marks their colour, as the variable --c."""
    classes = {css_class(name): variable(name) for name in TYPES} | {"all": "var(--ink)"}
    return "".join(f".{name}{{--c:{value}}}" for name, value in classes.items())


def declarations(dark: bool) -> str:
    """Return the declarations of all CSS variables, for light or dark mode."""
    values = {variable(type_name): pair for type_name, pair in TYPES.items()}
    values |= {f"var(--heat-{step})": pair for step, pair in enumerate(HEAT)}
    values |= {f"var(--{name})": pair for name, pair in OTHER_COLOURS.items()}
    return "".join(f"{name[4:-1]}:{pair[dark]};" for name, pair in values.items())
