"""Reads the arguments, asks the database, prints the report."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

from engagements_report.calendar import read_day, read_zone
from engagements_report.config import OPTION_FILES, Config
from engagements_report.database import Database
from engagements_report.exceptions import ReportError, UsageError
from engagements_report.reports import REPORTS, Period
from engagements_report.table import FORMATS

PROGRAM = "engagements-report"
EXIT_FAILED, EXIT_USAGE = 1, 2

DESCRIPTION = """\
Prints reports on the engagements that target-mysql has loaded.

  daily    engagements of each type a day; every day that has some
  rolling  for each type and every day, none left out: the engagements of the day, and sum and
           average over the 14 days up to it; until 14 days are covered avg_14d divides by
           days_in_window, and avg_14d_full is empty

Days are those of --tz; createdAt, when an engagement was logged, says which. --from and --to are
the first and last day shown. Windows look back before --from, as far as there is data; a --from
before the first data counts as covered. Without them a report goes from the first day with data to
the last, and rolling leaves out a day that is not over.
"""
EPILOG = f"""\
The database is found as target-mysql finds it: by --config, then TARGET_MYSQL_HOST, _PORT, _USER,
_PASSWORD, _DATABASE and so on in the environment, then the groups [client] and [{PROGRAM}] of
{", ".join(OPTION_FILES)}; without all, the database hubspot at 127.0.0.1.
Exit codes: 0 done; 1 failed; 2 usage or configuration.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run engagements-report and exit."""
    sys.exit(run(_parse(arguments)))


def run(options: argparse.Namespace) -> int:
    """Return the exit code of a run with these options."""
    try:
        period = Period(_day(options, "first"), _day(options, "last"), read_zone(options.tz))
        _print(options, period, Config.from_sources(options.config, os.environ))
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


def _print(options: argparse.Namespace, period: Period, config: Config) -> None:
    database = Database(config)
    try:
        rows = REPORTS[options.report](database, period)
    finally:
        database.close()
    if not rows.rows:
        sys.stderr.write(f"{PROGRAM}: no engagements{period.in_words}\n")
    if rows.rows or options.format != "table":
        sys.stdout.write(FORMATS[options.format](rows))
        sys.stdout.flush()


def _failed(error: ReportError, exit_code: int) -> int:
    sys.stderr.write(f"{PROGRAM}: {error}\n")
    return exit_code


def _day(options: argparse.Namespace, name: str) -> date | None:
    text = getattr(options, name)
    try:
        return read_day(text) if text else None
    except ValueError as error:
        flag = {"first": "--from", "last": "--to"}[name]
        raise UsageError(f"{flag}: {text!r} is no day such as 2018-07-13") from error


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("report", choices=REPORTS, help="what to print")
    parser.add_argument("--from", dest="first", metavar="DAY", help="first day, as YYYY-MM-DD")
    parser.add_argument("--to", dest="last", metavar="DAY", help="last day, as YYYY-MM-DD")
    parser.add_argument("--tz", default="UTC", metavar="ZONE", help="IANA time zone (UTC)")
    parser.add_argument("--format", choices=FORMATS, default="table", help="how (table)")
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help="JSON, as target-mysql's")
    parser.add_argument(
        "--version",
        action="version",
        version=f"%(prog)s {version('tap-hubspot-engagements')}",
    )
    return parser.parse_args(arguments)
