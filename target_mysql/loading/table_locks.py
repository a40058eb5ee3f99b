"""
At most one load of a table at a time, on whichever servers of a cluster the loads are connected;
and, by the same locks, of a state (stored_states.py).

A load holds a table by its token in the table's row of `_sdc_tables`, and renews this lock until
it releases the table. Another load may take over a lock that was not renewed for its lease: the
holder was killed, stopped or cut off. Clocks only decide when that may happen. The token is the
fence: each transaction ends by renewing the locks of the tables that it changes, and rolls back if
one of them has another token. This write also makes concurrent transactions on two cluster nodes
conflict, which row locks cannot do.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Mapping

from target_mysql.exceptions import LockedError, TargetError
from target_mysql.loading import state_table
from target_mysql.loading.process_identity import ProcessIdentity
from target_mysql.loading.state_table import Holder, TableState
from target_mysql.server.database import Database
from target_mysql.tables.identifiers import STATE_LOCK

LOGGER = logging.getLogger(__name__)

RENEWALS_A_LEASE = 6  # a few may be late before the lease is over
RELEASE_PATIENCE_S = 5.0  # for a server that does not respond; then the locks end with their lease


class TableLocks:
    """
    The locks of one load. A lock outlives its last renewal by `lease_s` seconds.

    Not thread-safe, except `confirm`, to which each thread passes its own connection.
    """

    def __init__(self, database: Database, lease_s: float) -> None:
        self._database = database
        self._lease_s = lease_s
        self.token = os.urandom(16).hex()  # unique to this run
        self._process = ProcessIdentity.of_this_process()
        self._names: tuple[str, ...] = ()  # of the locked tables
        self._renewed_at = time.monotonic()
        self._loss: LockedError | None = None
        self._renewer_database: Database | None = None
        self._release_requested = threading.Event()
        self._renewer = threading.Thread(target=self._renew_regularly, name="renew", daemon=True)

    def try_acquire(self, name: str) -> Holder | None:
        """
        Take the lock of the table `name`; return its holder if another load has it.

        The lock of a load that ended without releasing it is taken over: at once if its process ran
        on this machine, otherwise when its lease is over. Raises TransientError, and LockedError
        when a lock of this load is lost.
        """
        self.keep()
        name = self._fold(name)
        if name in self._names:
            return None
        if not self._names:
            state_table.create_if_missing(self._database)
        while True:
            state = state_table.read_or_add(self._database, name)
            if state.token not in (None, self.token) and not _may_take_over(state):
                return state.holder
            # An earlier attempt may have succeeded without a response: to repeat it is harmless.
            if self._take(name, state):
                break
        if state.token not in (None, self.token):
            LOGGER.warning("%s: the load that held this lock has ended: %s", name, state.holder)
        if not self._names:
            self._renewer.start()
        self._names = (*self._names, name)
        return None

    def describe(
        self, name: str, source: str | None, *, exists: bool, versions: str | None = None
    ) -> None:
        """
        Store `source` as the origin of the data in the locked table `name`.

        If the table does not exist, the stored facts of an earlier one are cleared. If no version
        is stored for an existing table, the query `versions` reads the highest. Raises ValueError
        when the table has data of another source.
        """
        name = self._fold(name)
        state = state_table.read_or_add(self._database, name)
        if exists and source and state.source and source != state.source:
            raise ValueError(
                f"table {name} has the data of {state.source}, these are of {source}:"
                " load them into another database"
            )
        version = state.version
        if exists and version is None and versions:
            ((version,),) = self._database.query(versions)
        facts = (source or state.source, version) if exists else (source, None)
        if facts != (state.source, state.version):
            self._database.execute(state_table.DESCRIBE, (*facts, name, self.token))

    def read_version(self, database: Database, name: str) -> int | None:
        """Return the highest version that rows of the table `name` have had, None without any."""
        state = state_table.read_state(database, self._fold(name))
        return state.version if state else None

    def other_holders(self, database: Database) -> set[str]:
        """Return the tokens of other loads that hold tables and have not certainly ended."""
        holders = state_table.read_holders(database)
        return {
            token
            for token, process in holders.items()
            if token != self.token and not process.has_ended()
        }

    def confirm(self, database: Database, changes: Mapping[str, int | None] | None = None) -> None:
        """
        Renew locks over `database`; at the end of a transaction this is its fence.

        `changes` maps each table that the transaction changes to the highest version of the new
        rows, if they have versions. Without it, all locks are renewed. Raises LockedError when a
        table is not locked, or another load has taken its lock over.
        """
        if self._loss:
            raise self._loss
        versions = {self._fold(name): version for name, version in (changes or {}).items()}
        lease_us = int(self._lease_s * 1e6)
        for name in self._names if changes is None else versions:
            version = versions.get(name)
            values = (lease_us, version, version, name, self.token)
            if name not in self._names or not database.execute(state_table.RENEW, values).affected:
                raise LockedError(self._describe_loss(database, name))
        if changes is None:
            self._renewed_at = time.monotonic()

    def keep(self) -> None:
        """
        Raise LockedError if a lock is lost; renew the locks if the renewer has no connection.

        For the main thread, while no commit is pending.
        """
        if self._loss:
            raise self._loss
        if time.monotonic() - self._renewed_at > self._lease_s / 2:
            self.confirm(self._database)

    def release(self) -> None:
        """Release all locks; if the server does not respond they end with their lease."""
        self._release_requested.set()
        if not self._names:
            return
        self._renewer.join(
            RELEASE_PATIENCE_S
        )  # the renewer releases the locks over its own connection
        if self._renewer_database:
            self._renewer_database.abort()
        if self._names:
            thread = threading.Thread(target=self._release, args=(self._database,), daemon=True)
            thread.start()
            thread.join(RELEASE_PATIENCE_S)
            if thread.is_alive():
                self._database.abort()

    def _release(self, database: Database) -> None:
        with contextlib.suppress(TargetError):
            for name in self._names:
                database.execute(state_table.RELEASE, (name, self.token))
            self._names = ()

    def _fold(self, name: str) -> str:
        """Return the table's name in the state table: one for all spellings of one table."""
        return self._database.server.fold(name)

    def _describe_loss(self, database: Database, name: str) -> str:
        state = state_table.read_state(database, name)
        by = f" by a load ({state.holder})" if state and state.holder else ""
        is_state = name.startswith(STATE_LOCK)
        subject = f"state {name.removeprefix(STATE_LOCK)}" if is_state else f"table {name}"
        return (
            f"{subject} was taken over{by} while this load was paused or disconnected:"
            " this load has stopped: run again"
        )

    def _take(self, name: str, state: TableState) -> bool:
        us = self._process
        result = self._database.execute(
            state_table.TAKE,
            (self.token, us.host, us.pid, us.machine, us.start, int(self._lease_s * 1e6))
            + (name, state.token, state.renewals),
        )
        return result.affected == 1

    def _renew_regularly(self) -> None:
        """
        Renew the locks over the renewer's own connection, however long a merge takes.

        If the user is limited to one connection, `keep` and the commits renew them.
        """
        while not self._release_requested.wait(self._lease_s / RENEWALS_A_LEASE):
            try:
                self._renewer_database = self._renewer_database or self._connect_to_same_server()
                self.confirm(self._renewer_database)
            except LockedError as error:
                self._loss = error
                break
            except TargetError as error:
                LOGGER.debug("locks not renewed: %s", error)
                if self._renewer_database:
                    self._renewer_database.close()
                self._renewer_database = None
        if self._renewer_database:
            if self._release_requested.is_set():
                self._release(self._renewer_database)
            self._renewer_database.close()

    def _connect_to_same_server(self) -> Database:
        """
        Return another connection to the same server.

        On another node of a cluster, renewals would make commits fail. Raises TargetError.
        """
        database = Database(self._database.config_of_server())
        if database.server.identity != self._database.server.identity:
            database.close()
            raise TargetError("another connection leads to another server")
        return database


def _may_take_over(state: TableState) -> bool:
    return state.is_expired or (state.holder is not None and state.holder.process.has_ended())
