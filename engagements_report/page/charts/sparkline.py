"""A line of a few numbers as small as a word, and a bar of a share in a table's cell. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from engagements_report.page.svg import element, line

WIDTH, HEIGHT, EDGE = 78, 22, 3  # pixels
BAR_WIDTH, BAR_HEIGHT = 48, 8


def sparkline(numbers: Sequence[int], title: str) -> Markup:
    """Return the line of `numbers`, from 0 up, with a dot at the last; `title` tells them."""
    most = max([1, *numbers])
    step = (WIDTH - 2 * EDGE) / max(1, len(numbers) - 1)
    room = HEIGHT - 2 * EDGE
    points = [
        (EDGE + nth * step, HEIGHT - EDGE - round(room * number / most))
        for nth, number in enumerate(numbers)
    ]
    x, y = points[-1]
    return element(
        "svg",
        element("title", title),
        element("path", d=line(points)),
        element("circle", cx=x, cy=y, r=2.5),
        class_="spark",
        role="img",
        width=WIDTH,
        height=HEIGHT,
    )


def share_bar(share: float, css_class: str) -> Markup:
    """Return a bar of a share from 0 to 1; a larger one fills the bar. The number is beside it."""
    filled = round(BAR_WIDTH * min(1.0, max(0.0, share)))
    return element(
        "svg",
        element("rect", class_="rest", width=BAR_WIDTH, height=BAR_HEIGHT, rx=2),
        element("rect", class_=css_class, width=filled, height=BAR_HEIGHT, rx=2),
        class_="share",
        aria_hidden="true",
        width=BAR_WIDTH,
        height=BAR_HEIGHT,
    )
