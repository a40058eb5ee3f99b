"""
At most one load of a table at a time, whichever server of a cluster each is connected to.

A load holds a table by a token in the table's row of `_sdc_tables`. It renews this lock until it
releases it. A lock that is not renewed for its lease may be taken over: its load was killed,
stopped or cut off. Clocks decide only when that may happen. That nothing of the former holder is
committed afterwards rests on its token: each of its transactions ends by renewing the locks of the
tables that it changes, and rolls back where one has another token by now. This write also makes
the transactions of two cluster nodes conflict, where row locks do not reach.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from target_mysql.exceptions import LockedError, TargetError
from target_mysql.loading.process_identity import ProcessIdentity
from target_mysql.server import lock_statements
from target_mysql.server.database import Database
from target_mysql.tables.table import STATE_TABLE

LOGGER = logging.getLogger(__name__)

RENEWALS_A_LEASE = 6  # a few may be late before the lease is over
RELEASE_PATIENCE_S = 5.0  # for a server that does not answer; then the locks end with their lease


@dataclass(frozen=True)
class Holder:
    """The load that holds a table's lock: its process, and since when (UTC, the server's time)."""

    process: ProcessIdentity
    since: str

    def __str__(self) -> str:
        return f"host {self.process.host}, pid {self.process.pid}, since {self.since} UTC"


@dataclass(frozen=True)
class _Row:
    """A table's row of the registry; `token` is None while nobody holds the table."""

    token: str | None
    holder: Holder | None
    is_expired: bool
    renewals: int
    source: str | None
    version: int | None


class TableLocks:
    """
    The locks of one load; `lease_s` is how long they outlive their last renewal, in seconds.

    Not thread-safe, but for `confirm`, to which each thread gives its own connection.
    """

    def __init__(self, database: Database, lease_s: float) -> None:
        self._database = database
        self._lease_s = lease_s
        self.token = os.urandom(16).hex()  # that no other run has
        self._process = ProcessIdentity.of_this_process()
        self._names: tuple[str, ...] = ()  # of the tables that are held
        self._renewed_at = time.monotonic()
        self._lost: LockedError | None = None
        self._renewing: Database | None = None  # the renewer's connection
        self._ended = threading.Event()
        self._renewer = threading.Thread(target=self._renew_regularly, name="renew", daemon=True)

    def try_acquire(self, name: str) -> Holder | None:
        """
        Take the lock of the table `name`; return its holder where another load has it.

        The lock of a load that has ended without releasing it is taken over: at once where its
        process was on this machine, else when its lease is over. Raises TransientError, and
        LockedError where a lock that was taken before is lost.
        """
        self.keep()
        name = self._key(name)
        if name in self._names:
            return None
        while True:
            row = self._read_or_add(name)
            if row.token not in (None, self.token) and not self._may_take_over(row):
                return row.holder
            # A former attempt may have taken it and lost the answer: to take it again is harmless.
            if self._take(name, row):
                break
        if row.token not in (None, self.token):
            LOGGER.warning("%s: the load that held the table has ended: %s", name, row.holder)
        if not self._names:
            self._renewer.start()
        self._names = (*self._names, name)
        return None

    def describe(
        self, name: str, source: str | None, *, exists: bool, versions: str | None = None
    ) -> None:
        """
        Keep with the table `name`, which is held, that its data come from `source`.

        Where the table does not exist, what is known of an earlier one is forgotten. Where nothing
        is known of the versions of one that exists, they are read by the query `versions`. Raises
        ValueError where the table has data of another source.
        """
        name = self._key(name)
        row = self._read_or_add(name)
        if exists and source and row.source and source != row.source:
            raise ValueError(
                f"table {name} has the data of {row.source}, these are of {source}:"
                " load them into another database"
            )
        version = row.version
        if exists and version is None and versions:
            ((version,),) = self._database.query(versions)
        wanted = (source or row.source, version) if exists else (source, None)
        if wanted != (row.source, row.version):
            self._database.execute(lock_statements.DESCRIBE, (*wanted, name, self.token))

    def read_version(self, database: Database, name: str) -> int | None:
        """Return the highest version that rows of the table `name` have had, None without any."""
        rows = database.query(lock_statements.READ, (self._key(name),))
        return _to_row(rows[0]).version if rows else None

    def other_holders(self, database: Database) -> set[str]:
        """Return the tokens of the other loads that hold tables and have not certainly ended."""
        rows = database.query(lock_statements.READ_HOLDERS)
        return {
            str(token)
            for token, *process in rows
            if token != self.token and not _to_process(*process).has_ended()
        }

    def confirm(self, database: Database, changed: Mapping[str, int | None] | None = None) -> None:
        """
        Renew locks over `database`; as the last statements of a transaction this is its fence.

        `changed` are the tables that the transaction changes, each with the highest version of its
        rows, if they have one; without it all locks are renewed. Raises LockedError where a table
        is not held, or has been taken over by another load.
        """
        if self._lost:
            raise self._lost
        versions = {self._key(name): version for name, version in (changed or {}).items()}
        lease_us = int(self._lease_s * 1e6)
        for name in self._names if changed is None else versions:
            version = versions.get(name)
            values = (lease_us, version, version, name, self.token)
            if (
                name not in self._names
                or not database.execute(lock_statements.RENEW, values).affected
            ):
                raise LockedError(self._tell_loss(database, name))
        if changed is None:
            self._renewed_at = time.monotonic()

    def keep(self) -> None:
        """
        Raise LockedError if a lock is known to be lost; renew where the renewer cannot.

        For the thread that loads, while no commit is under way.
        """
        if self._lost:
            raise self._lost
        if time.monotonic() - self._renewed_at > self._lease_s / 2:
            self.confirm(self._database)

    def release(self) -> None:
        """Give all locks up; where the server does not answer they end with their lease."""
        self._ended.set()
        if not self._names:
            return
        self._renewer.join(RELEASE_PATIENCE_S)  # which releases them, where it has a connection
        if self._renewing:
            self._renewing.abort()
        if self._names:
            thread = threading.Thread(target=self._release, args=(self._database,), daemon=True)
            thread.start()
            thread.join(RELEASE_PATIENCE_S)
            if thread.is_alive():
                self._database.abort()

    def _release(self, database: Database) -> None:
        with contextlib.suppress(TargetError):
            for name in self._names:
                database.execute(lock_statements.RELEASE, (name, self.token))
            self._names = ()

    def _key(self, name: str) -> str:
        """Return a table's name as the registry has it: one for names of one table."""
        return name.lower() if self._database.server.folds_names else name

    def _read_or_add(self, name: str) -> _Row:
        """Return the table's row of the registry; makes either where it is missing."""
        if not self._names and not self._database.read_columns(STATE_TABLE):
            self._database.execute(lock_statements.create(self._database.server.dialect))
        rows = self._database.query(lock_statements.READ, (name,))
        if not rows:
            self._database.execute(lock_statements.ADD, (name,))
            rows = self._database.query(lock_statements.READ, (name,))
        return _to_row(rows[0])

    def _may_take_over(self, row: _Row) -> bool:
        return row.is_expired or (row.holder is not None and row.holder.process.has_ended())

    def _tell_loss(self, database: Database, name: str) -> str:
        rows = database.query(lock_statements.READ, (name,))
        holder = _to_row(rows[0]).holder if rows else None
        by = f" by a load ({holder})" if holder else ""
        return (
            f"table {name} was taken over{by} while this load stood still or was cut off:"
            " nothing more of this one is loaded: run again"
        )

    def _take(self, name: str, row: _Row) -> bool:
        us = self._process
        done = self._database.execute(
            lock_statements.TAKE,
            (self.token, us.host, us.pid, us.machine, us.start, int(self._lease_s * 1e6))
            + (name, row.token, row.renewals),
        )
        return done.affected == 1

    def _renew_regularly(self) -> None:
        """
        Renew the locks over a connection of the renewer's own, however long a merge takes.

        Some users may have but one connection: then `keep` and the commits renew them.
        """
        while not self._ended.wait(self._lease_s / RENEWALS_A_LEASE):
            try:
                self._renewing = self._renewing or self._connect_beside()
                self.confirm(self._renewing)
            except LockedError as error:
                self._lost = error
                break
            except TargetError as error:
                LOGGER.debug("locks not renewed: %s", error)
                if self._renewing:
                    self._renewing.close()
                self._renewing = None
        if self._renewing:
            if self._ended.is_set():
                self._release(self._renewing)
            self._renewing.close()

    def _connect_beside(self) -> Database:
        """
        Return another connection to the server that is loaded into.

        On another node of a cluster, renewals would make commits fail. Raises TargetError.
        """
        database = Database(self._database.config_of_server())
        if database.server.identity != self._database.server.identity:
            database.close()
            raise TargetError("another connection leads to another server")
        return database


def _to_row(values: Any) -> _Row:
    token, host, pid, machine, start, locked_at, is_expired, renewals, source, version = values
    process = _to_process(host, pid, machine, start)
    holder = Holder(process, f"{locked_at:%Y-%m-%d %H:%M:%S}") if token else None
    return _Row(token, holder, bool(is_expired), int(renewals), source, version)


def _to_process(host: Any, pid: Any, machine: Any, start: Any) -> ProcessIdentity:
    return ProcessIdentity(str(host), int(pid or 0), str(machine or ""), str(start or ""))
