"""Draws a contest: a bar for each contender, ours in colour."""

from __future__ import annotations

from typing import Any

import vl_convert

from benchmarks.contest import UNITS, WORDS, Contest, Measure

OURS, OTHERS, INK = "#2f6fb8", "#a3a8b0", "#545b66"
PIXELS = {"width": 460, "height": {"step": 26}}


def draw(contest: Contest) -> str:
    """Return a chart as SVG, of the first goal's measure, or of wall time without goals."""
    measure: Measure = contest.goals[0].measure if contest.goals else "wall_s"
    names = {goal.ours for goal in contest.goals} | {contest.results[0].name}
    values = [
        {"name": one.name, "value": round(one.median(measure), 3), "ours": one.name in names}
        for one in contest.results
    ]
    return str(vl_convert.vegalite_to_svg(_spec(contest.question, measure, values)))


def _spec(question: str, measure: Measure, values: list[dict[str, Any]]) -> dict[str, Any]:
    name = {"field": "name", "type": "nominal", "sort": None, "title": None}
    title = f"{WORDS[measure]}{UNITS[measure] and ' in' + UNITS[measure]}"
    length = {"field": "value", "type": "quantitative", "title": title}
    axes = {"y": {**name, "axis": {"labelLimit": 360, "ticks": False}}, "x": length}
    colour = {"condition": {"test": "datum.ours", "value": OURS}, "value": OTHERS}
    label = {"field": "value", "type": "quantitative", "format": ",.3~r"}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": {"text": question, "anchor": "start", "fontWeight": "normal", "color": INK},
        "background": "white",
        "data": {"values": values},
        **PIXELS,
        "layer": [
            {"mark": "bar", "encoding": {**axes, "color": colour}},
            {
                "mark": {"type": "text", "align": "left", "dx": 4, "color": INK},
                "encoding": {**axes, "text": label},
            },
        ],
        "config": {"view": {"stroke": None}, "font": "sans-serif"},
    }
