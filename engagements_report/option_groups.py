"""The options that several commands have, as parent parsers."""

from __future__ import annotations

import argparse
from pathlib import Path

from engagements_report import option_values
from engagements_report.filter_options import ONLY_FOR
from engagements_report.output_formats import FORMATS
from engagements_report.queries.database import STATEMENT_TIMEOUT_S
from engagements_report.queries.periods import (
    MAX_AGE_S,
    MAX_WINDOW_DAYS,
    OBJECTS,
    WINDOW_DAYS,
)


def report_options(report: str | None) -> argparse.ArgumentParser:
    """Return the options of a printed report, as a parent parser."""
    parents = [filter_options(report), special_options(report), format_option()]
    return argparse.ArgumentParser(add_help=False, parents=parents)


def format_option() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    help_text = "output format (default: %(default)s)"
    parser.add_argument("--format", choices=FORMATS, default="table", help=help_text)
    return parser


def _help(report: str | None, option: str, text: str) -> str:
    """Return the help of an option, none if another report alone uses it."""
    of_report = ONLY_FOR[option]
    if report is None:
        return f"{of_report}: {text}"
    return text if report == of_report else argparse.SUPPRESS


def max_age_option(report: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    age = "age of the last load from which it is stale, such as 90m, 2h or 1d; a number is hours"
    help_text = f"{age} (default: {MAX_AGE_S // 3600}h)"
    help_text = argparse.SUPPRESS if report not in (None, "quality") else help_text
    parser.add_argument("--max-age", type=option_values.read_age_s, metavar="AGE", help=help_text)
    return parser


def special_options(report: str | None) -> argparse.ArgumentParser:
    """Return the options that one report has, and that the page lacks."""
    parser = argparse.ArgumentParser(add_help=False)
    add = parser.add_argument
    hours = "count only these hours of Monday to Friday, by the clock of --tz"
    hours = _help(report, "hours", hours)
    add("--hours", type=option_values.read_hours, metavar="9-17", help=hours)
    objects = f"only {', '.join(OBJECTS)} (repeatable; default: all)"
    objects = _help(report, "object", objects)
    add("--object", choices=OBJECTS, action="append", default=[], metavar="TYPE", help=objects)
    untouched = "objects without an engagement in the last N days"
    untouched = _help(report, "untouched_for", untouched)
    add("--untouched-for", type=option_values.read_days, metavar="N", help=untouched)
    return parser


def filter_options(report: str | None) -> argparse.ArgumentParser:
    """Return the options that say which engagements and days count; None for several reports."""
    parser = argparse.ArgumentParser(
        add_help=False, parents=[connection_options(), time_option(), max_age_option(report)]
    )
    add = parser.add_argument
    add("--from", dest="first", metavar="DAY", help="first day, as YYYY-MM-DD")
    add("--to", dest="last", metavar="DAY", help="last day, as YYYY-MM-DD")
    period = "last-week, this-week, last-month, this-month, or days before today such as 90d"
    add("--period", metavar="NAME", help=period)
    add("--tz", default="UTC", metavar="ZONE", help="IANA time zone (default: %(default)s)")
    rows = "live: leave out deleted and inactive engagements (default: live; daily alone: all)"
    add("--rows", choices=("all", "live"), help=rows)
    owners = "only this owner's engagements, by id, e-mail or name, or those of none (repeatable)"
    add("--owner", action="append", default=[], metavar="WHO", help=owners)
    teams = "only engagements of owners in this team, by name or id (repeatable)"
    add("--team", action="append", default=[], metavar="TEAM", help=teams)
    types = "only engagements of this type (repeatable)"
    add("--type", action="append", default=[], metavar="TYPE", help=types)
    window = f"days of the rolling average, at most {MAX_WINDOW_DAYS} (default: {WINDOW_DAYS})"
    add("--window-days", type=int, metavar="N", help=_help(report, "window_days", window))
    total = "all types together, as type ALL"
    add("--total", action="store_true", help=_help(report, "total", total))
    return parser


def time_option() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    help_text = (
        "which time counts: createdAt (logged) or timestamp (happened) (default: %(default)s)"
    )
    times = ("createdAt", "timestamp")
    parser.add_argument("--time", choices=times, default="createdAt", help=help_text)
    return parser


def config_option() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    config = "JSON file, as target-mysql's; ENV: only the environment (repeatable)"
    parser.add_argument(
        "-c", "--config", type=Path, action="append", default=[], metavar="FILE", help=config
    )
    return parser


def connection_options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, parents=[config_option()])
    add = parser.add_argument
    timeout = "seconds that each query may take (default: %(default)g)"
    add(
        "--timeout",
        type=option_values.read_seconds,
        default=STATEMENT_TIMEOUT_S,
        metavar="SECONDS",
        help=timeout,
    )
    return parser
