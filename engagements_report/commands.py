"""The commands: print reports or their SQL, write files, tell the age of the data, index, views."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from engagements_report import stdout
from engagements_report.config import read_config
from engagements_report.exceptions import ReportError, UsageError
from engagements_report.filter_options import WITHOUT_FILTER, to_filter, with_owners
from engagements_report.output_formats import FORMATS
from engagements_report.queries import indexes
from engagements_report.queries.database import SESSION, Database, Rows
from engagements_report.queries.periods import (
    ReportFilter,
)
from engagements_report.queries.reports import REPORTS, read_synced_at
from engagements_report.queries.summaries import build_query, run_report
from engagements_report.views import create
from mysql_settings.file_access import to_warnings
from mysql_settings.login import unproven_server_warning
from mysql_settings.option_files import OPTION_FILES
from mysql_settings.server import SERVER_KEYS, ServerSettings
from mysql_settings.sources import files_of_environment
from mysql_settings.visible import visible

if TYPE_CHECKING:
    from engagements_report.page.html_report import Written

PROGRAM = "engagements-report"
EXTRA_MODULES = ("jinja2", "markupsafe")
PNG_MODULE = "vl_convert"
PNG_MISSING = (
    "--png and --email-html need the extra `png`: pip install 'tap-hubspot-engagements[png]'"
)
EXTRA_MISSING = (
    "the HTML page needs the extra `report`: pip install 'tap-hubspot-engagements[report]'"
)
# A report or page that takes longer names the indexes that are missing.
SLOW_S = 1.0
SLOW_PAGE_S = 5.0
FRESHNESS_COLUMNS = ("loaded_at", "age_minutes", "max_age_minutes", "state")


def run(options: argparse.Namespace) -> None:
    """Run the command of these options; raises ReportError."""
    report_filter = to_filter(options)
    settings, warnings = read_config(options.config, os.environ)
    for warning in (*warnings, *_access_warnings(options.config, settings)):
        log(warning)
    # Creating an index on many rows has no time limit.
    timeout_s = None if options.command in WITHOUT_FILTER else options.timeout
    database = Database(settings, timeout_s)
    try:
        report_filter = with_owners(options, report_filter, database)
        COMMANDS[options.command](options, report_filter, database)
    finally:
        database.close()


def print_report(
    options: argparse.Namespace, report_filter: ReportFilter, database: Database
) -> None:
    """Print a report in the output format, and notes to stderr."""
    started_s = time.monotonic()
    result = run_report(database, options.report, report_filter)
    is_by_day = options.report in ("daily", "rolling", "measures")
    for note in (*result.notes, *(result.span.notes if is_by_day and result.span else [])):
        log(note)
    is_empty = not result.rows.rows
    if is_empty:
        log(result.if_empty)
    if not is_empty or options.format != "table":
        stdout.write(FORMATS[options.format](result.rows), is_for_people=options.format == "table")
    if time.monotonic() - started_s > SLOW_S:
        _suggest_indexes(options, database)


def print_sql(options: argparse.Namespace, report_filter: ReportFilter, database: Database) -> None:
    """Print the SQL of a report, values included, for the mysql client."""
    query = build_query(database, options.report, report_filter)
    for note in query.notes:
        log(note)
    statement = database.render_sql(query.sql_text).strip()
    stdout.write(f"{query.comments}SET NAMES utf8mb4;\n{SESSION};\n{statement};\n")


def write_html(
    options: argparse.Namespace, report_filter: ReportFilter, database: Database
) -> None:
    """
    Write the page to a file, or to stdout for `-`, and what else the options ask for.

    Raises UsageError for a missing extra or a file that cannot be written or read, and with
    --strict ReportError, after writing, if a report failed.
    """
    try:
        # Imported here: they are of an extra, and take a sixth of a start.
        from engagements_report.page import html_report
        from engagements_report.page.goals import read_goals
    except ModuleNotFoundError as error:
        if error.name not in EXTRA_MODULES:
            raise
        raise UsageError(EXTRA_MISSING) from error
    started_s = time.monotonic()
    draw = _picture_drawer(options)
    goals = read_goals(options.goals) if options.goals else None
    written = html_report.render(
        database, report_filter, options.report, goals, _progress(started_s)
    )
    if str(options.file) == "-":
        stdout.write(written.html)
    else:
        _write_file(options.file, written.html.encode())
        log(f"wrote {options.file}")
    if draw:
        _write_pictures(options, written, draw)
    for problem in written.problems:
        log(problem)
    if written.problems and options.strict:
        raise ReportError(f"{len(written.problems)} of the page's reports failed")
    if time.monotonic() - started_s > SLOW_PAGE_S:
        _suggest_indexes(options, database)


def _picture_drawer(options: argparse.Namespace) -> Callable[..., bytes] | None:
    """Return what draws the first screen, None if no option asks for it. Raises UsageError."""
    if not options.png and not options.email_html:
        return None
    if options.report:
        raise UsageError("--png and --email-html show the page's first screen: leave out REPORT")
    try:
        from engagements_report.page.picture import to_png
    except ModuleNotFoundError as error:
        if error.name != PNG_MODULE:
            raise
        raise UsageError(PNG_MISSING) from error
    return to_png


def _write_pictures(
    options: argparse.Namespace, written: Written, draw: Callable[..., bytes]
) -> None:
    """Write the picture of the first screen, and the mail."""
    from engagements_report.page import mail

    png = draw(written.page, written.charts)
    if options.png:
        _write_file(options.png, png)
        log(f"wrote {options.png}")
    if options.email_html:
        is_message = options.email_html.suffix.lower() == ".eml"
        content = (
            mail.to_message(written.page, png)
            if is_message
            else mail.to_html(written.page, png).encode()
        )
        _write_file(options.email_html, content)
        log(f"wrote {options.email_html}")


def _progress(started_s: float) -> Callable[[str], None]:
    """Return what logs a step: on a terminal every one, elsewhere once a second has passed."""

    def log_step(step: str) -> None:
        is_watched = sys.stderr is not None and sys.stderr.isatty()
        if is_watched or time.monotonic() - started_s > SLOW_S:
            log(step)

    return log_step


def write_csv_files(
    options: argparse.Namespace, report_filter: ReportFilter, database: Database
) -> None:
    """
    Write each report to a CSV file of a directory; all numbers are of the same moment.

    Raises UsageError for a directory that cannot be written, and after writing the others
    ReportError, which names the reports that failed.
    """
    names = list(dict.fromkeys(options.reports)) or list(REPORTS)
    try:
        options.directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{options.directory}: {error.strerror}") from error
    database.begin_snapshot()
    notes: dict[str, None] = {}
    failed = []
    for name in names:
        try:
            result = run_report(database, name, report_filter)
        except ReportError as error:
            log(f"{name}: {error}")
            failed.append(name)
            continue
        notes |= dict.fromkeys(result.notes)
        _write_file(
            options.directory / f"{name}.csv", FORMATS[options.format](result.rows).encode()
        )
    for note in notes:
        log(note)
    log(f"wrote {len(names) - len(failed)} files to {options.directory}")
    if failed:
        raise ReportError(f"reports failed, and have no new file: {', '.join(failed)}")


def print_freshness(
    options: argparse.Namespace, report_filter: ReportFilter, database: Database
) -> None:
    """Print when engagements were loaded last; raises ReportError if that is too long ago."""
    loaded_at = read_synced_at(database)
    now = datetime.now(timezone.utc)
    age_s = None if loaded_at is None else max(0, int((now - loaded_at).total_seconds()))
    is_fresh = age_s is not None and age_s <= report_filter.max_age_s
    row = [
        None if loaded_at is None else f"{loaded_at:%Y-%m-%dT%H:%M:%SZ}",
        None if age_s is None else age_s // 60,
        report_filter.max_age_s // 60,
        "fresh" if is_fresh else "stale",
    ]
    rows = Rows(FRESHNESS_COLUMNS, [row])
    stdout.write(FORMATS[options.format](rows), is_for_people=options.format == "table")
    if age_s is None:
        raise ReportError("stale: engagements is empty, or was loaded at an unknown time")
    if not is_fresh:
        raise ReportError(
            f"stale: the last load was {_format_age(age_s)} ago, which is more than"
            f" {_format_age(report_filter.max_age_s)}: see whether tap and target still run"
        )


def _format_age(seconds: int) -> str:
    """Return for example 90 minutes, 5 hours, 3 days."""
    for name, length_s in (("day", 86_400), ("hour", 3_600)):
        if seconds >= 2 * length_s:
            return f"{seconds // length_s} {name}s"
    minutes = seconds // 60
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def _write_file(path: Path, content: bytes) -> None:
    """Write a file as a whole: a reader sees the old page or the new one, whatever happens."""
    try:
        if path.exists() and not path.is_file():  # a device or a pipe
            path.write_bytes(content)
        else:
            _replace_file(path.resolve(), content)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _replace_file(path: Path, content: bytes) -> None:
    """Write a file beside `path`, for the same readers, and rename it. Raises OSError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.touch()
        if path.exists():
            shutil.copymode(path, beside)
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)  # it is there if it was not renamed


def create_indexes(
    options: argparse.Namespace, report_filter: ReportFilter, database: Database
) -> None:
    """Create the indexes that are missing, and print their statements to stderr."""
    statements = indexes.create(database, indexes.useful(None, report_filter.time), log)
    for statement in statements:
        log(statement)
    if not statements:
        log("every index that makes the reports fast exists")


def create_views(options: argparse.Namespace, _: ReportFilter, database: Database) -> None:
    """Create the views for BI tools, or drop them; or print the statements."""
    if options.drop:
        statements = create.plan_drop(database, options.prefix)
    else:
        statements = create.plan(database, options.prefix, log)
    if options.print:
        stdout.write("".join(f"{statement};\n" for statement in statements.values()))
        return
    create.apply(database, statements, log)
    if not statements:
        log(f"there are no views whose names begin with {options.prefix}")


COMMANDS = {
    "report": print_report,
    "sql": print_sql,
    "html": write_html,
    "csv-dir": write_csv_files,
    "freshness": print_freshness,
    "index": create_indexes,
    "views": create_views,
}


def log(text: str) -> None:
    """Write one line to stderr."""
    if sys.stderr:  # it may be closed
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
