"""SVG elements as text: escaped, with few digits, coloured by CSS classes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from mysql_settings.visible import visible

Number = int | float
Position = tuple[Number, Number]


def element(tag: str, *content: str, **attributes: Number | str | None) -> Markup:
    """
    Return an SVG element; texts that are not Markup are escaped.

    An attribute is left out if None; `class_` means class, and other underscores mean hyphens.
    """
    pairs = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    inner = "".join(map(text, content))
    return Markup(f"<{tag}{pairs}>{inner}</{tag}>") if inner else Markup(f"<{tag}{pairs}/>")


def _attribute(value: Number | str) -> str:
    return escape(visible(value)) if isinstance(value, str) else short(value)


def text(value: str) -> Markup:
    """Return escaped text without characters that XML forbids; Markup as it is."""
    return value if isinstance(value, Markup) else escape(visible(value))


def short(number: Number) -> str:
    """Return a number with at most one decimal and no needless zero: 3.0 is 3, -0.04 is 0."""
    digits = f"{number:.1f}".removesuffix(".0")
    digits = digits.replace("0.", ".", 1) if digits.lstrip("-").startswith("0.") else digits
    return "0" if digits in ("-0", "") else digits


def percentage(share: float) -> str:
    """Return a share of 1 as an SVG length: 0.125 is 12.5%."""
    return f"{short(share * 100)}%"


def line(points: Iterable[Position]) -> str:
    """Return the path of a line, from each point to the next by its distance, rounded once."""
    rounded = [(round(float(x), 1), round(float(y), 1)) for x, y in points]
    if not rounded:
        return ""
    start, *_ = rounded
    steps = [
        _pair(after[0] - before[0], after[1] - before[1])
        for before, after in zip(rounded, rounded[1:], strict=False)
    ]
    return f"M{_pair(*start)}" + (f"l{_joined(steps)}" if steps else "")


def columns(parts: Sequence[tuple[Number, Number, Number]]) -> str:
    """Return the path of vertical strokes: each an x, a lower end and a height upwards."""
    return "".join(f"M{_pair(x, low)}v{short(-height)}" for x, low, height in parts)


def _pair(x: Number, y: Number) -> str:
    return _joined([short(x), short(y)])


def _joined(parts: Iterable[str]) -> str:
    """Return the numbers with a space where a minus sign does not separate them."""
    joined = ""
    for part in parts:
        joined += f" {part}" if joined and not part.startswith("-") else part
    return joined
