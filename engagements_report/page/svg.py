"""The one door to vl-convert: a chart becomes SVG that stands in a page by itself."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from engagements_report.exceptions import UsageError
from engagements_report.page.charts import Spec
from mysql_settings.visible import visible

NEEDED = "--html needs an extra: pip install 'tap-hubspot-engagements[report]'"


def check() -> None:
    """Raise UsageError, saying what to install, where there is nothing to draw with."""
    try:
        import vl_convert  # noqa: F401  # an extra: not everyone draws
    except ImportError as error:
        raise UsageError(NEEDED) from error


def draw(spec: Spec, label: str, css_class: str = "") -> str:
    """
    Return a chart as an SVG element: one picture, called `label`, to those who hear the page.

    Colours stay variables of the page's style; what a mark stands for shows when it is pointed at.
    """
    import vl_convert

    svg = vl_convert.vegalite_to_svg(_visible(spec))
    _, opening, inside = svg.partition("<svg ")
    size = re.search(r'width="[\d.]+" height="[\d.]+" viewBox="[^"]*"', inside)
    assert size is not None, "Vega says how large a picture is"
    inside = inside[inside.index(">") + 1 :]
    inside = _DESCRIBED.sub(r"<path\2><title>\1</title></path>", inside)
    inside = _HIDDEN.sub("", _FOR_HEARING.sub("", inside))
    return (
        f'{opening}class="{escape(f"chart {css_class}".strip())}" role="img"'
        f' aria-label="{escape(visible(label))}" {size[0]}>{inside}'
    )


def _visible(part: Any) -> Any:
    """Return a chart whose texts hold nothing that XML may not: vl-convert ends the process."""
    if isinstance(part, str):
        return visible(part)
    if isinstance(part, dict):
        return {name: _visible(value) for name, value in part.items()}
    return [_visible(value) for value in part] if isinstance(part, (list, tuple)) else part


# A mark with a description, as Vega writes it.
_DESCRIBED = re.compile(r'<path aria-label="([^"]*)"([^>]*)/>')
# What Vega says of its groups to those who hear; the picture has one name, and a table beside it.
_FOR_HEARING = re.compile(r' (?:role|aria-[a-z]+|class|pointer-events)="[^"]*"')
_HIDDEN = re.compile(r'<path(?: d="[^"]*")? display="none"/>')
