"""Creates and drops the views in the target's database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from engagements_report.exceptions import DatabaseError, UsageError
from engagements_report.queries.database import LOAD_FIRST, Database, is_right_missing
from engagements_report.queries.retries import with_retries
from engagements_report.views.definitions import VIEWS
from engagements_report.views.statements import (
    READERS_RIGHTS,
    ViewStatements,
    all_columns,
    build_statements,
    describe_left_out,
    drop_statement,
)

RIGHTS = "SELECT, CREATE VIEW and DROP"

Log = Callable[[str], None]


def plan(database: Database, prefix: str, log: Log) -> dict[str, str]:
    """
    Return the statements by view: create those that the tables allow, drop those that cannot work.

    `log` gets a line for each table that is missing or lacks columns. Raises UsageError for a
    table, or another's view, that has the name of a view, and DatabaseError without engagements.
    """
    existing = database.columns()
    if "engagements" not in existing:
        if not database.may_read("engagements"):
            raise DatabaseError("this user may not read engagements: grant it the right SELECT")
        raise DatabaseError(f"engagements is not loaded: {LOAD_FIRST}")
    own = _own_views(database, prefix)
    # OceanBase does not know the clause.
    security = "" if database.is_oceanbase() else READERS_RIGHTS
    statements = build_statements(existing, prefix, security)
    unreadable = {table for table in statements.left_out if not database.may_read(table)}
    for table, left_out in statements.left_out.items():
        log(describe_left_out(table, left_out, may_read=table not in unreadable))
    outdated = [name for name in own if _is_outdated(name, statements, unreadable)]
    return {**statements.create, **{name: drop_statement(name) for name in outdated}}


def plan_drop(database: Database, prefix: str) -> dict[str, str]:
    """Return a DROP statement for each existing view; raises UsageError as `plan` does."""
    return {name: drop_statement(name) for name in _own_views(database, prefix)}


def apply(database: Database, statements: Mapping[str, str], log: Log) -> None:
    """Run the statements, and log what was done; raises DatabaseError, with the missing right."""
    for name, statement in statements.items():
        problem = f"cannot change {name} while others use it"
        try:
            with_retries(partial(database.change, statement), problem, log)
        except DatabaseError as error:
            needed = f"; views need the rights {RIGHTS}" if is_right_missing(error) else ""
            raise DatabaseError(f"{name}: {error}{needed}") from error
    for verb, word in (("created", "CREATE"), ("dropped", "DROP")):
        if names := [name for name, sql in statements.items() if sql.startswith(word)]:
            log(f"{verb} {', '.join(names)}")


def _own_views(database: Database, prefix: str) -> list[str]:
    """
    Return the existing views of earlier runs.

    Raises UsageError for a table, or a view with other columns: neither is of this program.
    """
    kinds, columns = database.kinds(), database.columns()
    own = []
    for view in VIEWS:
        name = f"{prefix}{view.name}"
        if name not in kinds:
            continue
        others = sorted(set(columns.get(name, ())) - set(all_columns(view)))
        if kinds[name] != "VIEW" or others:
            what = f"a view with a column {others[0]}" if kinds[name] == "VIEW" else "a table"
            raise UsageError(
                f"{name} is {what}, which this program has not made: choose another --prefix, or"
                " drop it yourself"
            )
        own.append(name)
    return own


def _is_outdated(name: str, statements: ViewStatements, unreadable: set[str]) -> bool:
    """Whether a view of an earlier run lacks its tables: it can only fail, and so would a dump."""
    lacking = {table for table, it in statements.left_out.items() if name in it.names}
    return name not in statements.create and not lacking & unreadable
