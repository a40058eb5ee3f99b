"""Reads the arguments, asks the database, prints the report or writes the page."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from engagements_report.config import read_config
from engagements_report.exceptions import ReportError, UsageError
from engagements_report.output_formats import FORMATS
from engagements_report.queries import indexes
from engagements_report.queries.calendar import read_day, read_zone
from engagements_report.queries.database import SESSION, STATEMENT_TIMEOUT_S, Database
from engagements_report.queries.periods import MAX_WINDOW_DAYS, WINDOW_DAYS, Period, ReportFilter
from engagements_report.queries.reports import REPORTS, Answer, ask, to_question
from mysql_settings.file_access import to_warnings
from mysql_settings.login import to_warning
from mysql_settings.option_files import OPTION_FILES
from mysql_settings.server import SERVER_KEYS, ServerSettings
from mysql_settings.sources import files_of_environment
from mysql_settings.visible import visible

PROGRAM = "engagements-report"
EXIT_FAILED, EXIT_USAGE = 1, 2
# From which on a missing index is worth a word.
SLOW_S = 1.0
SLOW_PAGE_S = 5.0
MAX_TIMEOUT_S = 86_400

LISTED = "\n".join(f"  {name:15}{what}" for name, what in REPORTS.items())
DESCRIPTION = f"""\
Prints reports on the engagements that target-mysql has loaded.

{LISTED}
  sql NAME       print the SQL of a report, its values filled in, for the mysql client
  index          make the indexes by which reports of a few days are fast

Days are those of --tz; --time says by which time: createdAt, when an engagement was logged, or
timestamp, when it happened. --from and --to are the first and last day shown; without them a report
goes from the first day with data to the last, and rolling leaves out a day that is not over.
Windows look back before --from, as far as there is data; a --from before the first data counts as
covered. Until --window-days are covered the average divides by days_in_window, and the last column
is empty.
"""
EPILOG = f"""\
The database is found as target-mysql finds it: by --config, then TARGET_MYSQL_HOST, _PORT, _USER,
_PASSWORD, _DATABASE and so on in the environment, or the files that TARGET_MYSQL_PASSWORD_FILE and
so on name, then the groups [client] and [{PROGRAM}] of
{", ".join(OPTION_FILES)}; without all, the database hubspot at 127.0.0.1.
Exit codes: 0 done; 1 failed; 2 usage or configuration.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run engagements-report and exit."""
    gc.freeze()  # what is imported stays: to look through it at the end is a tenth of a start
    sys.exit(run(parse(arguments)))


def run(options: argparse.Namespace) -> int:
    """Return the exit code of a run with these options."""
    try:
        choice = _choice(options)
        settings, warnings = read_config(options.config, os.environ)
        for warning in (*warnings, *_access_warnings(options.config, settings)):
            _tell(warning)
        # To make an index of many rows takes as long as it takes.
        database = Database(settings, None if options.what == "index" else options.timeout)
        try:
            _run(options, choice, database)
        finally:
            database.close()
    except UsageError as error:
        return _failed(error, EXIT_USAGE)
    except ReportError as error:
        return _failed(error, EXIT_FAILED)
    except BrokenPipeError:
        # Whoever read the table has seen enough; Python must not try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return 0


def _access_warnings(paths: Sequence[Path], settings: ServerSettings) -> list[str]:
    """Return which files others may read or change, and whether another server may answer."""
    hosts = (host for host, _ in settings.addresses)
    of_environment = files_of_environment(os.environ, SERVER_KEYS)
    warnings = to_warnings([*paths, *of_environment, *map(Path, OPTION_FILES)])
    unproven = to_warning(settings.ssl_mode, settings.unix_socket, hosts)
    return [*warnings, unproven] if unproven else warnings


def _run(options: argparse.Namespace, choice: ReportFilter, database: Database) -> None:
    if options.what == "index":
        _make_indexes(choice, database)
        return
    if options.what == "sql":
        _print_sql(options.report, choice, database)
        return
    started_s = time.monotonic()
    if options.html:
        _write_page(options, choice, database)
    else:
        _print(options, choice, ask(database, options.report, choice))
    if time.monotonic() - started_s > (SLOW_PAGE_S if options.html else SLOW_S):
        _tell_of_indexes(indexes.wanted(options.report, choice.time), database)


def _print(options: argparse.Namespace, choice: ReportFilter, answer: Answer) -> None:
    for note in answer.notes:
        _tell(note)
    if not answer.rows.rows:
        _tell(f"no engagements{choice.in_words}")
    if answer.rows.rows or options.format != "table":
        sys.stdout.write(FORMATS[options.format](answer.rows))
        sys.stdout.flush()


def _write_page(options: argparse.Namespace, choice: ReportFilter, database: Database) -> None:
    # Imported here: what draws a page takes a sixth of a start, and most reports are tables.
    from engagements_report.page import html_report, svg

    svg.check()
    text = html_report.write_page(database, choice, options.report)
    try:
        options.html.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--html: {options.html}: {error.strerror}") from error
    _tell(f"wrote {options.html}")


def _print_sql(report: str, choice: ReportFilter, database: Database) -> None:
    question = to_question(database, report, choice)
    for note in question.notes:
        _tell(note)
    statement = database.render_sql(question.text).strip()
    sys.stdout.write(f"{question.comments}SET NAMES utf8mb4;\n{SESSION};\n{statement};\n")
    sys.stdout.flush()


def _make_indexes(choice: ReportFilter, database: Database) -> None:
    made = indexes.create(database, indexes.wanted(None, choice.time), _tell)
    for statement in made:
        _tell(statement)
    if not made:
        _tell("every index that the reports are fast by is there")


def _tell_of_indexes(wanted: tuple[indexes.Index, ...], database: Database) -> None:
    for index in indexes.missing(database, wanted):
        _tell(f"this would be faster with an index; `{PROGRAM} index` makes it: {index.sql}")


def _tell(text: str) -> None:
    sys.stderr.write(f"{PROGRAM}: {visible(text)}\n")


def _failed(error: ReportError, exit_code: int) -> int:
    _tell(str(error))
    return exit_code


def _choice(options: argparse.Namespace) -> ReportFilter:
    """Return what the options ask for; raises UsageError."""
    zone = read_zone(options.tz)
    return ReportFilter(
        Period(_day(options, "first"), _day(options, "last"), zone),
        live=options.rows == "live",
        time=options.time,
        owners=tuple(options.owner),
        types=tuple(options.type),
        window_days=options.window_days,
        total=options.total,
    )


def _day(options: argparse.Namespace, name: str) -> date | None:
    text = getattr(options, name)
    try:
        return read_day(text) if text else None
    except ValueError as error:
        flag = {"first": "--from", "last": "--to"}[name]
        raise UsageError(f"{flag}: {text!r} is no day such as 2018-07-13") from error


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options; `what` to do is report, sql or index."""
    parser = _build_parser()
    options = parser.parse_args(arguments)
    options.what, options.report = "report", None
    words = list(options.words)
    if words and words[0] in ("sql", "index"):
        options.what = words.pop(0)
    if words and options.what != "index":
        options.report = words.pop(0)
        if options.report not in REPORTS:
            names = ", ".join((*REPORTS, "sql", "index"))
            parser.error(f"invalid choice: {options.report!r} (choose from {names})")
    if words:
        parser.error(f"unrecognized arguments: {' '.join(words)}")
    if options.what != "index" and not options.report and not options.html:
        parser.error("a report must be named, or a page to write by --html")
    if options.what == "sql" and not options.report:
        parser.error("a report must be named")
    return options


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= MAX_TIMEOUT_S:
        raise argparse.ArgumentTypeError(f"must be above 0, at most {MAX_TIMEOUT_S}")
    return seconds


class _Version(argparse.Action):
    """Prints the version."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        # Imported here: it takes as long as a tenth of a start.
        from importlib.metadata import version

        sys.stdout.write(f"{parser.prog} {version('tap-hubspot-engagements')}\n")
        parser.exit()


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [sql] NAME [options], {PROGRAM} --html FILE, or {PROGRAM} index",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("words", nargs="*", metavar="NAME", help="the report")
    add("--from", dest="first", metavar="DAY", help="first day, as YYYY-MM-DD")
    add("--to", dest="last", metavar="DAY", help="last day, as YYYY-MM-DD")
    add("--tz", default="UTC", metavar="ZONE", help="IANA time zone (%(default)s)")
    add("--rows", choices=("all", "live"), default="all", help="live: not deleted, not inactive")
    add("--time", choices=("createdAt", "timestamp"), default="createdAt", help="(%(default)s)")
    add("--owner", type=int, action="append", default=[], metavar="ID", help="these owners alone")
    add("--type", action="append", default=[], metavar="TYPE", help="these types alone")
    windows = f"of the rolling average, at most {MAX_WINDOW_DAYS} (%(default)s)"
    add("--window-days", type=int, default=WINDOW_DAYS, metavar="N", help=windows)
    add("--total", action="store_true", help="rolling: all types together, as type ALL")
    add("--format", choices=FORMATS, default="table", help="how (%(default)s)")
    page = "a page of all reports, or of NAME, that opens without network"
    timeout = "seconds that each question to the database may take (%(default)g)"
    add("--timeout", type=_seconds, default=STATEMENT_TIMEOUT_S, metavar="SECONDS", help=timeout)
    add("--html", type=Path, metavar="FILE", help=page)
    config = "JSON, as target-mysql's; ENV for the environment only; repeatable"
    add("-c", "--config", type=Path, action="append", default=[], metavar="FILE", help=config)
    add("--version", action=_Version, nargs=0, help="print the version and exit")
    return parser
