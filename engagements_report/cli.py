"""Parses the arguments, runs the command, and turns errors into exit codes."""

from __future__ import annotations

import argparse
import gc
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from command_line.about import VersionAction
from engagements_report import commands, stdout
from engagements_report.exceptions import ReportError, UsageError
from engagements_report.filter_options import ONLY_FOR
from engagements_report.output_formats import FORMATS
from engagements_report.queries.database import STATEMENT_TIMEOUT_S
from engagements_report.queries.periods import (
    MAX_AGE_S,
    MAX_WINDOW_DAYS,
    OBJECTS,
    WINDOW_DAYS,
    Hours,
)
from engagements_report.queries.reports import PAGE_REPORTS, REPORTS
from mysql_settings.option_files import OPTION_FILES

PROGRAM = commands.PROGRAM
EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130
MAX_TIMEOUT_S = 86_400
MAX_AGE_LIMIT_S = 10 * 366 * 86_400
# Lower case, since some servers change a name to it; a name has at most 64 characters.
PREFIX = r"[a-z][a-z0-9_]{0,39}"
MAX_UNTOUCHED_DAYS = 36_600
SECONDS = {"m": 60, "h": 3600, "": 3600, "d": 86_400}

DESCRIPTION = "Prints reports on the engagements that target-mysql has loaded."
EPILOG = f"""\
`{PROGRAM} COMMAND --help` lists the options of a command.

The database is found as target-mysql finds it: by --config, then by TARGET_MYSQL_HOST, _PORT,
_USER, _PASSWORD, _DATABASE and so on in the environment, or the files that
TARGET_MYSQL_PASSWORD_FILE and so on name, then by the groups [client] and [{PROGRAM}] of
{", ".join(OPTION_FILES)}; otherwise it is the database hubspot at 127.0.0.1.
Exit codes: 0 done; 1 failed, or stale; 2 usage or configuration; 130 interrupted.
"""
DAYS = """\
Days are days of --tz. --from and --to are the first and the last day shown."""
ALL_DAYS = "Without them the report covers all days with data."
NOT_OF_ALL_DAYS = ("changes", "teams", "tasks")
VIEWS = """\
Creates the views, or replaces those of an earlier run. Tables and fields that are not loaded are
left out, each with a line: run it again after a change of the catalog.
"""
# What else is said in the help of a report.
DETAILS = {
    "rolling": """\
The current day is left out, unless --to is that day. Averages look back before --from, as far as
there is data. Until --window-days are covered, an average divides by days_in_window, and the last
column is empty.""",
    "changes": """\
Without them it is about last week, from Monday. Days that are not over are left out. At most seven
lines, the farthest from usual first: each a type or a person, whose number is compared with the
mean of the eight periods before, of as many days each. What chance or small numbers explain is left
out, and of a person what all others share.""",
    "teams": """\
Without them it is about last week, from Monday. Days that are not over are left out. Changes are
from the mean of the eight periods before, of as many days each, as shares. Work counts for the
owner's primary team of today. Meetings count as held on the day on which they start, tasks as done
on the day on which they were completed.""",
    "tasks": """\
They are those on which a task was logged, or with --time timestamp those on which it is due;
without them all tasks that are open now count.""",
    "response": """\
An e-mail is answered by the next one sent to one of its contacts. Median and 90th percentile are
those of answered e-mails; e-mails of the last day before the load are too recent to count.""",
    "touches": """\
With --untouched-for, objects without an engagement in so many days are shown, the longest untouched
first, closed deals left out; those that never had one, too, if the stream of contacts, companies or
deals is loaded.""",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run engagements-report and exit."""
    gc.freeze()  # keeps imported modules out of the final collection: saves 10 % of start-up
    sys.exit(run(parse(arguments)))


def run(options: argparse.Namespace) -> int:
    """Return the exit code of a run with these options."""
    try:
        commands.run(options)
    except UsageError as error:
        commands.log(str(error))
        return EXIT_USAGE
    except ReportError as error:
        commands.log(str(error))
        return EXIT_FAILED
    except BrokenPipeError:
        stdout.discard()  # the reader has stopped reading
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options; `command` is report, sql, html, index or views."""
    given = _with_command_first(list(sys.argv[1:] if arguments is None else arguments))
    return _build_parser(given[0] if given else "").parse_args(given)


def _with_command_first(arguments: list[str]) -> list[str]:
    """
    Return the arguments with the command first: `html FILE` for --html, csv-dir likewise.

    Earlier versions had `--html FILE`, and took options before the report's name.
    """
    before = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    before.add_argument("--html")
    before.add_argument("--csv-dir")
    files, arguments = before.parse_known_args(arguments)
    command = ["html", files.html] if files.html else []
    command = [*command, *(["csv-dir", files.csv_dir] if files.csv_dir else [])]
    first = arguments[0] if arguments else ""
    if first.startswith("-") and first not in ("-h", "--help", "--version"):
        _, words = _report_options(None).parse_known_args(arguments)
        for word in words:
            arguments.remove(word)
        arguments = [*words, *arguments]
    return [*command, *arguments]


def _build_parser(first: str) -> argparse.ArgumentParser:
    """
    Return the parser of arguments that begin with `first`.

    Only the command of this name has its options: to make all of them takes a tenth of a start.
    """
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action=VersionAction, nargs=0, help="print the version and exit"
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, dest="command_name")
    for name, meaning in REPORTS.items():
        command = subparsers.add_parser(
            name,
            help=meaning,
            description=_describe(name),
            parents=[_report_options(name)] if name == first else [],
        )
        command.set_defaults(command="report", report=name)
    _add_other_commands(subparsers, first)
    return parser


def _describe(report: str) -> str:
    """Return what the help of a report says first."""
    meaning = REPORTS[report]
    all_days = "" if report in NOT_OF_ALL_DAYS else ALL_DAYS
    return f"{meaning[0].upper()}{meaning[1:]}. {DAYS} {all_days} {DETAILS.get(report, '')}"


def _add_other_commands(subparsers: Any, first: str) -> None:
    """Add the commands that are no report; that which comes `first` has its options."""
    sql = subparsers.add_parser(
        "sql",
        help="print the SQL of a report, with its values, for the mysql client",
        parents=[_filter_options(None), _special_options(None)] if first == "sql" else [],
    )
    sql.add_argument("report", choices=REPORTS, metavar="REPORT", help="the report's name")
    sql.set_defaults(command="sql")
    html = subparsers.add_parser(
        "html",
        help="write one HTML page of all reports, which needs no network to open",
        parents=[_filter_options(None)] if first == "html" else [],
    )
    html.add_argument("file", type=Path, metavar="FILE", help="the file to write; - is stdout")
    png = "also write the first screen as a picture"
    html.add_argument("--png", type=Path, metavar="FILE", help=png)
    email = "also write it as mail clients show it: HTML, or for FILE.eml a whole message"
    html.add_argument("--email-html", type=Path, metavar="FILE", help=email)
    goals = 'JSON file of weekly goals, such as {"calls": 60}'
    html.add_argument("--goals", type=Path, metavar="FILE", help=goals)
    strict = "exit with 1 if a report of the page failed; the others are written"
    html.add_argument("--strict", action="store_true", help=strict)
    only = "only this report"
    html.add_argument("report", nargs="?", choices=PAGE_REPORTS, metavar="REPORT", help=only)
    html.set_defaults(command="html")
    _add_csv_dir(subparsers, first)
    freshness = subparsers.add_parser(
        "freshness",
        help="say when engagements were loaded last; exit with 1 if that is too long ago",
        description="Says when engagements were loaded last. Exits with 1 if that is longer ago"
        " than --max-age, or if nothing was loaded: for a scheduler or monitor to run.",
        parents=[_connection_options(), _max_age_option(None), _format_option()],
    )
    freshness.set_defaults(command="freshness", report=None)
    index = subparsers.add_parser(
        "index",
        help="create the indexes that make reports of a few days fast",
        parents=[_config_option(), _time_option()],
    )
    index.set_defaults(command="index", report=None)
    _add_views(subparsers)


def _add_views(subparsers: Any) -> None:
    views = subparsers.add_parser(
        "views",
        help="create views for BI tools: UTC times, owners' names, details, is_deleted",
        description=VIEWS,
        parents=[_config_option()],
    )
    prefix = "what the names of the views begin with (default: %(default)s)"
    views.add_argument("--prefix", type=_prefix, default="bi_", metavar="TEXT", help=prefix)
    views.add_argument("--drop", action="store_true", help="drop the views of that prefix")
    show = "print the SQL, and change nothing"
    views.add_argument("--print", action="store_true", help=show)
    views.set_defaults(command="views", report=None, time="createdAt")


def _add_csv_dir(subparsers: Any, first: str) -> None:
    """Add the command that writes files of several reports."""
    files = subparsers.add_parser(
        "csv-dir",
        help="write each report to a CSV file of a directory",
        description="Writes each report to a file such as DIR/rolling.csv, each as a whole: a"
        " reader sees the old file or the new one. All numbers are of the same moment. Exits with 1"
        " if a report failed; the others are written.",
        parents=[_filter_options(None), _special_options(None)] if first == "csv-dir" else [],
    )
    files.add_argument("directory", type=Path, metavar="DIR", help="made if it is missing")
    add = files.add_argument
    only = "only these reports (default: all)"
    add("reports", nargs="*", type=_report_name, metavar="REPORT", help=only)
    formats = "csv, or excel: with a byte order mark, and no text a formula (default: %(default)s)"
    add("--format", choices=("csv", "excel"), default="csv", help=formats)
    files.set_defaults(command="csv-dir", report=None)


def _report_options(report: str | None) -> argparse.ArgumentParser:
    """Return the options of a printed report, as a parent parser."""
    parents = [_filter_options(report), _special_options(report), _format_option()]
    return argparse.ArgumentParser(add_help=False, parents=parents)


def _format_option() -> argparse.ArgumentParser:
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


def _max_age_option(report: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    age = "age of the last load from which it is stale, such as 90m, 2h or 1d; a number is hours"
    help_text = f"{age} (default: {MAX_AGE_S // 3600}h)"
    help_text = argparse.SUPPRESS if report not in (None, "quality") else help_text
    parser.add_argument("--max-age", type=_age, metavar="AGE", help=help_text)
    return parser


def _special_options(report: str | None) -> argparse.ArgumentParser:
    """Return the options that one report has, and that the page lacks."""
    parser = argparse.ArgumentParser(add_help=False)
    add = parser.add_argument
    hours = "count only these hours of Monday to Friday, by the clock of --tz"
    hours = _help(report, "hours", hours)
    add("--hours", type=_day_hours, metavar="9-17", help=hours)
    objects = f"only {', '.join(OBJECTS)} (repeatable; default: all)"
    objects = _help(report, "object", objects)
    add("--object", choices=OBJECTS, action="append", default=[], metavar="TYPE", help=objects)
    untouched = "objects without an engagement in the last N days"
    untouched = _help(report, "untouched_for", untouched)
    add("--untouched-for", type=_days, metavar="N", help=untouched)
    return parser


def _filter_options(report: str | None) -> argparse.ArgumentParser:
    """Return the options that say which engagements and days count; None for several reports."""
    parser = argparse.ArgumentParser(
        add_help=False, parents=[_connection_options(), _time_option(), _max_age_option(report)]
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


def _time_option() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    help_text = (
        "which time counts: createdAt (logged) or timestamp (happened) (default: %(default)s)"
    )
    times = ("createdAt", "timestamp")
    parser.add_argument("--time", choices=times, default="createdAt", help=help_text)
    return parser


def _config_option() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    config = "JSON file, as target-mysql's; ENV: only the environment (repeatable)"
    parser.add_argument(
        "-c", "--config", type=Path, action="append", default=[], metavar="FILE", help=config
    )
    return parser


def _connection_options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, parents=[_config_option()])
    add = parser.add_argument
    timeout = "seconds that each query may take (default: %(default)g)"
    add("--timeout", type=_seconds, default=STATEMENT_TIMEOUT_S, metavar="SECONDS", help=timeout)
    return parser


def _report_name(text: str) -> str:
    if text not in REPORTS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(REPORTS)}")
    return text


def _prefix(text: str) -> str:
    """Return a prefix of views' names, which need no quotes on any server."""
    if not re.fullmatch(PREFIX, text):
        raise argparse.ArgumentTypeError(f"{text!r} does not match {PREFIX}")
    return text


def _age(text: str) -> int:
    """Return an age such as 90m, 2h, 1d or 2, which are hours, in seconds."""
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)([mhd]?)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not an age such as 90m, 2h or 1d")
    seconds = float(match[1]) * SECONDS[match[2]]
    if not 0 < seconds <= MAX_AGE_LIMIT_S:
        raise argparse.ArgumentTypeError(f"must be above 0, at most {MAX_AGE_LIMIT_S // 86_400}d")
    return math.ceil(seconds)


def _day_hours(text: str) -> Hours:
    """Return hours such as 9-17."""
    match = re.fullmatch(r"(\d{1,2})-(\d{1,2})", text)
    if not match or not 0 <= int(match[1]) < int(match[2]) <= 24:
        raise argparse.ArgumentTypeError(f"{text!r} are not hours such as 9-17, from 0 to 24")
    return Hours(int(match[1]), int(match[2]))


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= MAX_UNTOUCHED_DAYS:
        raise argparse.ArgumentTypeError(f"must be from 1 to {MAX_UNTOUCHED_DAYS}")
    return days


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= MAX_TIMEOUT_S:
        raise argparse.ArgumentTypeError(f"must be above 0, at most {MAX_TIMEOUT_S}")
    return seconds
