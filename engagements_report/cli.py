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
from engagements_report.output_formats import FORMATS
from engagements_report.queries.database import STATEMENT_TIMEOUT_S
from engagements_report.queries.periods import MAX_AGE_S, MAX_WINDOW_DAYS, NO_OWNER, WINDOW_DAYS
from engagements_report.queries.reports import PAGE_REPORTS, REPORTS
from mysql_settings.option_files import OPTION_FILES

PROGRAM = commands.PROGRAM
EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130
MAX_TIMEOUT_S = 86_400
MAX_AGE_LIMIT_S = 10 * 366 * 86_400
# Lower case, since some servers change a name to it; a name has at most 64 characters.
PREFIX = r"[a-z][a-z0-9_]{0,39}"

DESCRIPTION = "Prints reports on the engagements that target-mysql has loaded."
EPILOG = f"""\
`{PROGRAM} COMMAND --help` lists the options of a command.

The database is found as target-mysql finds it: by --config, then by TARGET_MYSQL_HOST, _PORT,
_USER, _PASSWORD, _DATABASE and so on in the environment, or the files that
TARGET_MYSQL_PASSWORD_FILE and so on name, then by the groups [client] and [{PROGRAM}] of
{", ".join(OPTION_FILES)}; otherwise it is the database hubspot at 127.0.0.1.
Exit codes: 0 done; 1 failed; 2 usage or configuration; 130 interrupted.
"""
DAYS = """\
Days are days of --tz. --from and --to are the first and the last day shown. Without them a report
covers all days with data; rolling leaves out the current day. Averages look back before --from, as
far as there is data. Until --window-days are covered, an average divides by days_in_window, and
the last column is empty.
"""
VIEWS = """\
Creates the views, or replaces those of an earlier run. Tables and fields that are not loaded are
left out, each with a line: run it again after a change of the catalog.
"""


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
    given = sys.argv[1:] if arguments is None else arguments
    return _build_parser().parse_args(_with_command_first(list(given)))


def _with_command_first(arguments: list[str]) -> list[str]:
    """
    Return the arguments in today's order: `html FILE` for --html, options after the command.

    Earlier versions had `--html FILE`, and took options before the report's name.
    """
    before = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    before.add_argument("--html")
    html, arguments = before.parse_known_args(arguments)
    command = ["html", html.html] if html.html else []
    first = arguments[0] if arguments else ""
    if first.startswith("-") and first not in ("-h", "--help", "--version"):
        _, words = _report_options().parse_known_args(arguments)
        for word in words:
            arguments.remove(word)
        arguments = [*words, *arguments]
    return [*command, *arguments]


def _build_parser() -> argparse.ArgumentParser:
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
    report_options = _report_options()
    for name, meaning in REPORTS.items():
        description = f"{meaning[0].upper()}{meaning[1:]}. {DAYS}"
        command = subparsers.add_parser(
            name, help=meaning, description=description, parents=[report_options]
        )
        command.set_defaults(command="report", report=name)
    _add_other_commands(subparsers)
    return parser


def _add_other_commands(subparsers: Any) -> None:
    """Add the commands that are no report."""
    sql = subparsers.add_parser(
        "sql",
        help="print the SQL of a report, with its values, for the mysql client",
        parents=[_filter_options()],
    )
    sql.add_argument("report", choices=REPORTS, metavar="REPORT", help="the report's name")
    sql.set_defaults(command="sql")
    html = subparsers.add_parser(
        "html",
        help="write one HTML page of all reports, which needs no network to open",
        parents=[_filter_options()],
    )
    html.add_argument("file", type=Path, metavar="FILE", help="the file to write; - is stdout")
    strict = "exit with 1 if a report of the page failed; the others are written"
    html.add_argument("--strict", action="store_true", help=strict)
    only = "only this report"
    html.add_argument("report", nargs="?", choices=PAGE_REPORTS, metavar="REPORT", help=only)
    html.set_defaults(command="html")
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


def _report_options() -> argparse.ArgumentParser:
    """Return the options of a printed report, as a parent parser."""
    parser = argparse.ArgumentParser(add_help=False, parents=[_filter_options()])
    help_text = "output format (default: %(default)s)"
    parser.add_argument("--format", choices=FORMATS, default="table", help=help_text)
    return parser


def _filter_options() -> argparse.ArgumentParser:
    """Return the options that say which engagements and days count."""
    parser = argparse.ArgumentParser(
        add_help=False, parents=[_connection_options(), _time_option()]
    )
    add = parser.add_argument
    add("--from", dest="first", metavar="DAY", help="first day, as YYYY-MM-DD")
    add("--to", dest="last", metavar="DAY", help="last day, as YYYY-MM-DD")
    period = "last-week, this-week, last-month, this-month, or days before today such as 90d"
    add("--period", metavar="NAME", help=period)
    add("--tz", default="UTC", metavar="ZONE", help="IANA time zone (default: %(default)s)")
    rows = "live: leave out deleted and inactive engagements (default: live; daily alone: all)"
    add("--rows", choices=("all", "live"), help=rows)
    owners = "only this owner's engagements, or those of none (repeatable)"
    add("--owner", type=_owner, action="append", default=[], metavar="ID", help=owners)
    types = "only engagements of this type (repeatable)"
    add("--type", action="append", default=[], metavar="TYPE", help=types)
    window = f"days of the rolling average, at most {MAX_WINDOW_DAYS} (default: {WINDOW_DAYS})"
    add("--window-days", type=int, metavar="N", help=window)
    age = f"hours since the last load until quality calls it wrong (default: {MAX_AGE_S // 3600})"
    add("--max-age", type=_hours, metavar="HOURS", help=age)
    add("--total", action="store_true", help="rolling: all types together, as type ALL")
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


def _owner(text: str) -> int:
    """Return an owner's id, NO_OWNER for none."""
    if text == "none":
        return NO_OWNER
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is neither an owner's id nor none")
    return int(text)


def _prefix(text: str) -> str:
    """Return a prefix of views' names, which need no quotes on any server."""
    if not re.fullmatch(PREFIX, text):
        raise argparse.ArgumentTypeError(f"{text!r} does not match {PREFIX}")
    return text


def _hours(text: str) -> int:
    """Return a number of hours in seconds."""
    seconds = float(text) * 3600
    if not 0 < seconds <= MAX_AGE_LIMIT_S:
        raise argparse.ArgumentTypeError(f"must be above 0, at most {MAX_AGE_LIMIT_S // 3600}")
    return math.ceil(seconds)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= MAX_TIMEOUT_S:
        raise argparse.ArgumentTypeError(f"must be above 0, at most {MAX_TIMEOUT_S}")
    return seconds
