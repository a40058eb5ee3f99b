"""
The first screen of the page as one picture: a PNG for mail. Needs the extra `png`.

It is an SVG of fixed width, drawn by resvg, that vl-convert has, with fonts of its own: the
picture is the same on a server without fonts. Letters that those lack, such as Chinese ones, are
drawn as boxes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import vl_convert
from markupsafe import Markup

from engagements_report.page.charts.plot import PICTURE_WIDTH as CHART_WIDTH
from engagements_report.page.charts.sparkline import WIDTH as SPARK_WIDTH
from engagements_report.page.colours import OTHER_COLOURS, TYPES, css_class
from engagements_report.page.document import CHECK_SIGNS, ChangeLine, KeyFigure, Page
from engagements_report.page.svg import element

WIDTH, EDGE, SCALE = 1000, 28, 1.5  # pixels; the picture has half as many more, for sharp screens
FONT = "'Liberation Sans', Arial, sans-serif"
FIGURE_WIDTH, FIGURE_HEIGHT, GAP = 150, 104, 9
CHART_LEFT = EDGE + 34
CHANGES_LEFT = 728
CHANGE_LETTERS, LINE_HEIGHT = 38, 17
CHART_HEIGHTS = (105, 250)
TITLE_ROOM, CHART_ROOM = 26, 32

Positioned = tuple[float, float]


def to_png(page: Page, charts: Sequence[Markup]) -> bytes:
    """Return the first screen as PNG; `charts` are those of the page, CHART_WIDTH wide."""
    return bytes(vl_convert.svg_to_png(str(to_svg(page, charts)), scale=SCALE))


def to_svg(page: Page, charts: Sequence[Markup]) -> Markup:
    """Return the first screen as an SVG document."""
    top = 98
    figures_end = top + FIGURE_HEIGHT + 30
    parts = [
        *_head(page),
        *(_figure(figure, nth, top) for nth, figure in enumerate(page.figures)),
        *_charts(page, charts, figures_end),
        *_changes(page, figures_end),
    ]
    height = figures_end + sum(CHART_HEIGHTS) + 2 * (TITLE_ROOM + CHART_ROOM) + 10
    return element(
        "svg",
        element("style", Markup(_style())),
        element("rect", class_="paper", width=WIDTH, height=height),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        width=WIDTH,
        height=height,
    )


def _head(page: Page) -> Iterator[Markup]:
    yield element("text", page.head.title, class_="title", x=EDGE, y=42)
    yield element("text", " · ".join(page.head.lines), class_="soft", x=EDGE, y=64)
    if page.head.freshness:
        css, sign = CHECK_SIGNS.get(page.head.freshness.state, ("soft", "?"))
        # Apart: a sign of another font would change the font of the whole line.
        yield element("text", sign, class_=css, x=EDGE, y=84)
        yield element("text", page.head.freshness.text, class_=css, x=EDGE + 16, y=84)


def _figure(figure: KeyFigure, nth: int, top: int) -> Markup:
    """Return one of the figures, beside the others."""
    change = figure.change
    lines = [
        element("text", figure.name, class_="soft", x=12, y=22),
        element("text", figure.value, class_="value", x=12, y=49),
        *(
            [element("text", f"{change.sign} {change.text}", class_=change.css_class, x=12, y=68)]
            if change
            else []
        ),
        *(
            element("text", note, class_="soft small", x=12, y=83 + 14 * line)
            for line, note in enumerate(figure.notes)
        ),
        element("svg", figure.picture, x=FIGURE_WIDTH - SPARK_WIDTH - 4, y=30, width=SPARK_WIDTH),
    ]
    return element(
        "svg",
        element("rect", class_="panel", width=FIGURE_WIDTH, height=FIGURE_HEIGHT, rx=7),
        *lines,
        x=EDGE + nth * (FIGURE_WIDTH + GAP),
        y=top,
        width=FIGURE_WIDTH,
        height=FIGURE_HEIGHT,
    )


def _charts(page: Page, charts: Sequence[Markup], top: int) -> Iterator[Markup]:
    y = top
    for section, chart, height in zip(page.charts, charts, CHART_HEIGHTS, strict=True):
        yield element("text", section.title, class_="heading", x=EDGE, y=y)
        yield element(
            "svg", chart, x=CHART_LEFT, y=y + TITLE_ROOM - 10, overflow="visible", width=CHART_WIDTH
        )
        y += height + TITLE_ROOM + CHART_ROOM


def _changes(page: Page, top: int) -> Iterator[Markup]:
    """Yield what changed most, in lines as long as the room at the right."""
    yield element("text", "What changed most", class_="heading", x=CHANGES_LEFT, y=top)
    y = top + TITLE_ROOM
    for line in page.changes:
        for nth, words in enumerate(_wrapped(line)):
            css = line.change.css_class if nth == 0 else None
            yield element("text", words, class_=css, x=CHANGES_LEFT, y=y)
            y += LINE_HEIGHT
        y += 8
    for words in textwrap.wrap(page.changes_note, CHANGE_LETTERS):
        yield element("text", words, class_="soft", x=CHANGES_LEFT, y=y)
        y += LINE_HEIGHT


def _wrapped(line: ChangeLine) -> list[str]:
    first = f"{line.change.sign} {line.change.text} {line.subject}"
    return [
        *textwrap.wrap(first, CHANGE_LETTERS),
        *textwrap.wrap(line.text.lstrip(":, "), CHANGE_LETTERS),
    ]


def _style() -> str:
    """Return the style with the light colours; resvg knows no variables."""
    colours = {name: pair[0] for name, pair in OTHER_COLOURS.items()}
    types = {css_class(name): pair[0] for name, pair in TYPES.items()} | {"all": colours["ink"]}
    rules = [
        f"text{{font-family:{FONT};font-size:13px;fill:{colours['ink']}}}",
        f".paper{{fill:{colours['paper']}}}.panel{{fill:{colours['panel']}}}",
        ".title{font-size:25px;font-weight:700}.heading{font-size:16px;font-weight:700}"
        ".value{font-size:24px;font-weight:700}",
        f"text.soft,.grid text,.days text{{fill:{colours['soft']}}}"
        ".grid text,.days text,text.small{font-size:11px}",
        f"text.wrong,text.down{{fill:{colours['wrong']}}}",
        f"text.right,text.up{{fill:{colours['right']}}}text.same{{fill:{colours['soft']}}}",
        f".grid line{{stroke:{colours['rule']}}}.band{{fill:{colours['band']}}}",
        ".ground,.line,.spark path{fill:none}.line{stroke-width:2;stroke-linejoin:round}",
        f".spark path{{stroke:{colours['soft']};stroke-width:1.5}}.part{{stroke-dasharray:3 4}}",
    ]
    for name, colour in types.items():
        rules.append(f".line.{name},.bar.{name}{{stroke:{colour}}}circle.{name}{{fill:{colour}}}")
        rules.append(f".ends .{name} tspan{{fill:{colour}}}")
    return "".join(rules)
