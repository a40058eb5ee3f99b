"""Draws a chart as an SVG element that stands in the page by itself, with vl-convert."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import vl_convert
from markupsafe import Markup

from engagements_report.page.charts.axes import Spec
from mysql_settings.visible import visible

# Vega's roles for screen readers, which the picture's name and the table replace.
_ACCESSIBILITY_PREFIXES = ("role", "aria-", "class", "pointer-events")


def draw(spec: Spec, label: str, css_class: str = "") -> Markup:
    """
    Return a chart as an SVG element that screen readers read as a picture named `label`.

    Colours remain CSS variables. A mark's description is a tooltip.
    """
    root = ElementTree.fromstring(vl_convert.vegalite_to_svg(_make_visible(spec)))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]  # HTML needs no namespace
        _add_tooltip(element)
        _remove_hidden_paths(element)
    size = {name: root.attrib[name] for name in ("width", "height", "viewBox")}
    root.attrib.clear()
    root.attrib |= {
        "class": f"chart {css_class}".strip(),
        "role": "img",
        "aria-label": visible(label),
        **size,
    }
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _add_tooltip(element: Element) -> None:
    """Turn a mark's description into a title, and remove Vega's own roles and names."""
    description = element.get("aria-label")
    for name in list(element.attrib):
        if name.startswith(_ACCESSIBILITY_PREFIXES):
            del element.attrib[name]
    if element.tag == "path" and description is not None:
        ElementTree.SubElement(element, "title").text = description


def _remove_hidden_paths(element: Element) -> None:
    for child in list(element):
        if child.get("display") == "none":
            element.remove(child)


def _make_visible(part: Any) -> Any:
    """
    Return a chart whose texts hold only characters that XML allows.

    Others make vl-convert end the process.
    """
    if isinstance(part, str):
        return visible(part)
    if isinstance(part, dict):
        return {name: _make_visible(value) for name, value in part.items()}
    return [_make_visible(value) for value in part] if isinstance(part, (list, tuple)) else part
