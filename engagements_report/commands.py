"""The commands: print a report or the SQL of a report, write the HTML page, create indexes."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from engagements_report.config import read_config
from engagements_report.exceptions import UsageError
from engagements_report.output_formats import FORMATS
from engagements_report.queries import indexes
from engagements_report.queries.calendar import read_day, read_zone
from engagements_report.queries.database import SESSION, Database
from engagements_report.queries.periods import Period, ReportFilter
from engagements_report.queries.reports import build_query, run_report
from mysql_settings.file_access import to_warnings
from mysql_settings.login import unproven_server_warning
from mysql_settings.option_files import OPTION_FILES
from mysql_settings.server import SERVER_KEYS, ServerSettings
from mysql_settings.sources import files_of_environment
from mysql_settings.visible import visible

PROGRAM = "engagements-report"
EXTRA_MODULES = ("jinja2", "markupsafe", "vl_convert")
EXTRA_MISSING = (
    "the HTML page needs the extra `report`: pip install 'tap-hubspot-engagements[report]'"
)
# A report or page that takes longer names the indexes that are missing.
SLOW_S = 1.0
SLOW_PAGE_S = 5.0


def run(options: argparse.Namespace) -> None:
    """Run the command of these options; raises ReportError."""
    report_filter = _to_filter(options)
    settings, warnings = read_config(options.config, os.environ)
    for warning in (*warnings, *_access_warnings(options.config, settings)):
        log(warning)
    # Creating an index on many rows has no time limit.
    timeout_s = None if options.command == "index" else options.timeout
    database = Database(settings, timeout_s)
    try:
        COMMANDS[options.command](options, report_filter, database)
    finally:
        database.close()


def print_report(
    options: argparse.Namespace, report_filter: ReportFilter, database: Database
) -> None:
    """Print a report in the output format, and notes to stderr."""
    started_s = time.monotonic()
    result = run_report(database, options.report, report_filter)
    is_by_day = options.report in ("daily", "rolling")
    for note in (*result.notes, *(result.span.notes if is_by_day and result.span else [])):
        log(note)
    is_empty = not result.rows.rows
    if is_empty:
        log(f"no engagements{report_filter.description}")
    if not is_empty or options.format != "table":
        sys.stdout.write(FORMATS[options.format](result.rows))
        sys.stdout.flush()
    if time.monotonic() - started_s > SLOW_S:
        _suggest_indexes(options, database)


def print_sql(options: argparse.Namespace, report_filter: ReportFilter, database: Database) -> None:
    """Print the SQL of a report, values included, for the mysql client."""
    query = build_query(database, options.report, report_filter)
    for note in query.notes:
        log(note)
    statement = database.render_sql(query.sql_text).strip()
    sys.stdout.write(f"{query.comments}SET NAMES utf8mb4;\n{SESSION};\n{statement};\n")
    sys.stdout.flush()


def write_html(
    options: argparse.Namespace, report_filter: ReportFilter, database: Database
) -> None:
    """Write the page; raises UsageError for a missing extra or a file that cannot be written."""
    try:
        # Imported here: they are of an extra, and take a sixth of a start.
        from engagements_report.page import html_report
    except ModuleNotFoundError as error:
        if error.name not in EXTRA_MODULES:
            raise
        raise UsageError(EXTRA_MISSING) from error
    started_s = time.monotonic()
    text = html_report.render(database, report_filter, options.report)
    try:
        options.file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{options.file}: {error.strerror}") from error
    log(f"wrote {options.file}")
    if time.monotonic() - started_s > SLOW_PAGE_S:
        _suggest_indexes(options, database)


def create_indexes(
    options: argparse.Namespace, report_filter: ReportFilter, database: Database
) -> None:
    """Create the indexes that are missing, and print their statements to stderr."""
    statements = indexes.create(database, indexes.useful(None, report_filter.time), log)
    for statement in statements:
        log(statement)
    if not statements:
        log("every index that makes the reports fast exists")


COMMANDS = {
    "report": print_report,
    "sql": print_sql,
    "html": write_html,
    "index": create_indexes,
}


def log(text: str) -> None:
    """Write one line to stderr."""
    sys.stderr.write(f"{PROGRAM}: {visible(text)}\n")


def _suggest_indexes(options: argparse.Namespace, database: Database) -> None:
    for index in indexes.missing(database, indexes.useful(options.report, options.time)):
        log(f"an index would make this faster; `{PROGRAM} index` creates it: {index.sql}")


def _access_warnings(paths: Sequence[Path], settings: ServerSettings) -> list[str]:
    """Return which files others may read or change, and whether another server may answer."""
    hosts = (host for host, _ in settings.addresses)
    of_environment = files_of_environment(os.environ, SERVER_KEYS)
    warnings = to_warnings([*paths, *of_environment, *map(Path, OPTION_FILES)])
    unproven = unproven_server_warning(settings.ssl_mode, settings.unix_socket, hosts)
    return [*warnings, unproven] if unproven else warnings


def _to_filter(options: argparse.Namespace) -> ReportFilter:
    """Return which engagements and days the options select; raises UsageError."""
    if options.command == "index":
        return ReportFilter(Period(None, None, read_zone("UTC")), time=options.time)
    zone = read_zone(options.tz)
    first, last = _read_day("--from", options.first), _read_day("--to", options.last)
    return ReportFilter(
        Period(first, last, zone),
        live=None if options.rows is None else options.rows == "live",
        time=options.time,
        owners=tuple(options.owner),
        types=tuple(options.type),
        window_days=options.window_days,
        total=options.total,
        max_age_s=options.max_age,
    )


def _read_day(flag: str, text: str | None) -> date | None:
    try:
        return read_day(text) if text else None
    except ValueError as error:
        raise UsageError(f"{flag}: {text!r} is not a day such as 2018-07-13") from error
