"""Parses the arguments, runs the command, and turns errors into exit codes."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from command_line.about import VersionAction
from command_line.stdout import discard
from engagements_report import commands, option_values
from engagements_report.exceptions import ReportError, UsageError
from engagements_report.option_groups import (
    config_option,
    connection_options,
    filter_options,
    format_option,
    max_age_option,
    report_options,
    special_options,
    time_option,
)
from engagements_report.queries.reports import PAGE_REPORTS, REPORTS
from mysql_settings.option_files import OPTION_FILES

PROGRAM = commands.PROGRAM
EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130

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
        discard()  # the reader has stopped reading
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
        _, words = report_options(None).parse_known_args(arguments)
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
            parents=[report_options(name)] if name == first else [],
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
    _add_sql(subparsers, first)
    _add_html(subparsers, first)
    _add_csv_dir(subparsers, first)
    _add_freshness(subparsers)
    _add_index(subparsers)
    _add_views(subparsers)


def _add_sql(subparsers: Any, first: str) -> None:
    sql = subparsers.add_parser(
        "sql",
        help="print the SQL of a report, with its values, for the mysql client",
        parents=[filter_options(None), special_options(None)] if first == "sql" else [],
    )
    sql.add_argument("report", choices=REPORTS, metavar="REPORT", help="the report's name")
    sql.set_defaults(command="sql")


def _add_html(subparsers: Any, first: str) -> None:
    """Add the command that writes the page."""
    html = subparsers.add_parser(
        "html",
        help="write one HTML page of all reports, which needs no network to open",
        parents=[filter_options(None)] if first == "html" else [],
    )
    add = html.add_argument
    add("file", type=Path, metavar="FILE", help="the file to write; - is stdout")
    add("--png", type=Path, metavar="FILE", help="also write the first screen as a picture")
    email = "also write it as mail clients show it: HTML, or for FILE.eml a whole message"
    add("--email-html", type=Path, metavar="FILE", help=email)
    goals = 'JSON file of weekly goals, such as {"calls": 60}'
    add("--goals", type=Path, metavar="FILE", help=goals)
    strict = "exit with 1 if a report of the page failed; the others are written"
    add("--strict", action="store_true", help=strict)
    add("report", nargs="?", choices=PAGE_REPORTS, metavar="REPORT", help="only this report")
    html.set_defaults(command="html")


def _add_freshness(subparsers: Any) -> None:
    freshness = subparsers.add_parser(
        "freshness",
        help="say when engagements were loaded last; exit with 1 if that is too long ago",
        description="Says when engagements were loaded last. Exits with 1 if that is longer ago"
        " than --max-age, or if nothing was loaded: for a scheduler or monitor to run.",
        parents=[connection_options(), max_age_option(None), format_option()],
    )
    freshness.set_defaults(command="freshness", report=None)


def _add_index(subparsers: Any) -> None:
    index = subparsers.add_parser(
        "index",
        help="create the indexes that make reports of a few days fast",
        parents=[config_option(), time_option()],
    )
    index.set_defaults(command="index", report=None)


def _add_views(subparsers: Any) -> None:
    views = subparsers.add_parser(
        "views",
        help="create views for BI tools: UTC times, owners' names, details, is_deleted",
        description=VIEWS,
        parents=[config_option()],
    )
    prefix = "what the names of the views begin with (default: %(default)s)"
    views.add_argument(
        "--prefix", type=option_values.read_prefix, default="bi_", metavar="TEXT", help=prefix
    )
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
        parents=[filter_options(None), special_options(None)] if first == "csv-dir" else [],
    )
    files.add_argument("directory", type=Path, metavar="DIR", help="made if it is missing")
    add = files.add_argument
    only = "only these reports (default: all)"
    add("reports", nargs="*", type=option_values.read_report, metavar="REPORT", help=only)
    formats = "csv, or excel: with a byte order mark, and no text a formula (default: %(default)s)"
    add("--format", choices=("csv", "excel"), default="csv", help=formats)
    files.set_defaults(command="csv-dir", report=None)
