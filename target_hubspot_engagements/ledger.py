"""
The ledger: a SQLite file that remembers which engagement was written for which source key.

One run at a time has it, by an exclusive lock that ends with the process. Every change is on the
disk before the next request is sent: a kill or a power cut leaves a key as pending, never unknown.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from target_hubspot_engagements.exceptions import ConfigError, LedgerError, LedgerLocked

F = TypeVar("F", bound=Callable[..., Any])

FORMAT = "1"
CREATING, DONE, UPDATING, ARCHIVING, GONE = range(5)
"""
States of a key. CREATING: a creation was sent, or is about to be, and has no answer yet. UPDATING
and ARCHIVING: the same of requests that may be repeated. GONE: archived.
"""

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE engagements (
    stream TEXT NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    state INTEGER NOT NULL,
    hubspot_id INTEGER,
    source_hash BLOB,
    payload_hash BLOB,
    partners TEXT,
    version INTEGER,
    payload TEXT,
    sent_ms INTEGER,
    lost_ms INTEGER,
    PRIMARY KEY (stream, key)
) WITHOUT ROWID;
CREATE INDEX by_id ON engagements (hubspot_id) WHERE hubspot_id IS NOT NULL;
CREATE INDEX in_doubt ON engagements (state) WHERE state NOT IN (1, 4);
"""
_COLUMNS = (
    "stream, key, kind, state, hubspot_id, source_hash, payload_hash, partners, version, payload,"
    " sent_ms, lost_ms"
)

Key = tuple[str, str]
"""A stream, and the values of its key properties as JSON."""

Partners = Mapping[str, Sequence[str]]
"""Ids of associated records, by their type."""


class Entry(NamedTuple):
    """
    The row of a source key.

    `source_hash` is of the record as it came, `payload_hash` of what was written for it; None
    means that the last request has no answer, or that a key that is DONE has `partners` that may
    not exist. `payload` is what a creation without an answer sent, and `sent_ms` when it began, in
    Unix ms; `lost_ms` is when its answer was lost, None if the process was killed before. `version`
    is Singer's version of the stream's table.
    """

    stream: str
    key: str
    kind: str
    state: int
    hubspot_id: int | None = None
    source_hash: bytes | None = None
    payload_hash: bytes | None = None
    partners: Partners | None = None
    version: int | None = None
    payload: dict[str, str] | None = None
    sent_ms: int | None = None
    lost_ms: int | None = None

    @property
    def place(self) -> Key:
        """The stream and the key."""
        return self.stream, self.key


class Ledger:
    """
    The entries of one file, in the thread that opened it.

    `open_ledger` opens a ledger. Every method raises LedgerError if the file cannot be read or
    written; a change that raises is not made.
    """

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        self._connection = connection
        self._path = path

    def close(self) -> None:
        """Release the lock."""
        self._connection.close()

    def has_tables(self) -> bool:
        """Tell whether the file is a ledger, created to the end."""
        return bool(self._query("SELECT 1 FROM sqlite_master WHERE name = 'in_doubt'"))

    def source_hashes(self, stream: str, keys: Iterable[str]) -> dict[str, bytes]:
        """Return the hash of the record that was written last, of each key that is settled."""
        rows = self._query(
            "SELECT e.key, e.source_hash FROM json_each(?) AS k CROSS JOIN engagements AS e"
            " ON e.stream = ? AND e.key = k.value WHERE e.state IN (1, 4)",
            json.dumps(list(keys)),
            stream,
        )
        return {key: source_hash for key, source_hash in rows if source_hash is not None}

    def entries(self, places: Iterable[Key]) -> dict[Key, Entry]:
        """Return the entries of some keys; a key without an entry is new."""
        rows = self._query(
            f"SELECT {_qualified('e')} FROM json_each(?) AS k CROSS JOIN engagements AS e"
            " ON e.stream = json_extract(k.value, '$[0]')"
            " AND e.key = json_extract(k.value, '$[1]')",
            json.dumps(list(places)),
        )
        return {entry.place: entry for entry in map(_to_entry, rows)}

    def in_doubt(self) -> list[Entry]:
        """Return the entries whose last request has no answer."""
        rows = self._query(f"SELECT {_COLUMNS} FROM engagements WHERE state NOT IN (1, 4)")
        return [_to_entry(row) for row in rows]

    def older_versions(self, stream: str, version: int) -> list[Entry]:
        """Return the entries of a stream that a later version of the table does not have."""
        rows = self._query(
            f"SELECT {_COLUMNS} FROM engagements WHERE stream = ? AND state IN (1, 2)"
            " AND (version IS NULL OR version < ?)",
            stream,
            version,
        )
        return [_to_entry(row) for row in rows]

    def owners(self, ids: Iterable[int]) -> dict[int, Key]:
        """Return the key of each of `ids` that belongs to one."""
        rows = self._query(
            "SELECT e.hubspot_id, e.stream, e.key FROM json_each(?) AS k"
            " CROSS JOIN engagements AS e ON e.hubspot_id = k.value",
            json.dumps(list(ids)),
        )
        return {hubspot_id: (stream, key) for hubspot_id, stream, key in rows}

    def kinds(self) -> list[str]:
        """Return the types of engagements that the ledger has."""
        # A loose index scan: DISTINCT would read every entry of a large ledger.
        text = self.fact("kinds")
        return text.split(",") if text else []

    def put(
        self,
        entries: Sequence[Entry],
        *,
        forgotten: Iterable[Key] = (),
        facts: Mapping[str, str] | None = None,
    ) -> None:
        """
        Add or replace entries, in one transaction.

        `forgotten` are keys to remove: HubSpot has not carried out their creation. `facts` are
        those of `set_facts`.
        """
        marks = ", ".join("?" * len(Entry._fields))
        with self._transaction():
            self._connection.executemany(
                f"INSERT OR REPLACE INTO engagements ({_COLUMNS}) VALUES ({marks})",
                map(_to_row, entries),
            )
            self._connection.executemany(
                "DELETE FROM engagements WHERE stream = ? AND key = ?", list(forgotten)
            )
            for name, value in (facts or {}).items():
                self._set_fact(name, value)
            new_kinds = {entry.kind for entry in entries} - {*self.kinds()}
            if new_kinds:
                self._set_fact("kinds", ",".join(sorted({*self.kinds()} | new_kinds)))

    def has_stream(self, stream: str) -> bool:
        """Tell whether any key of a stream is known."""
        return bool(self._query("SELECT 1 FROM engagements WHERE stream = ? LIMIT 1", stream))

    def set_version(self, stream: str, keys: Sequence[str], version: int) -> None:
        """Note that a version of the stream's table has these keys."""
        with self._transaction():
            self._connection.executemany(
                "UPDATE engagements SET version = ? WHERE stream = ? AND key = ?",
                [(version, stream, key) for key in keys],
            )

    def fact(self, name: str) -> str | None:
        """Return a fact about the ledger as a whole, such as the portal; None if unknown."""
        for (value,) in self._query("SELECT value FROM meta WHERE name = ?", name):
            return str(value)
        return None

    def set_facts(self, facts: Mapping[str, str]) -> None:
        """Set facts about the ledger as a whole."""
        self.put([], facts=facts)

    def _set_fact(self, name: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def _query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._errors():
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Commit all changes of the block, or none."""
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise LedgerError(f"ledger {self._path}: {error}") from error


def open_ledger(path: str, *, is_new: bool = False, read_only: bool = False) -> Ledger:
    """
    Open the ledger of a file, and lock it.

    A missing file is an error, since engagements of a lost ledger would be written again; `is_new`
    creates the file, which must not exist. A `read_only` ledger takes no lock. Raises ConfigError,
    LedgerLocked or LedgerError.
    """
    exists = Path(path).exists()
    if is_new and exists:
        raise ConfigError(f"ledger {path}: exists already: leave out --new-ledger")
    if not is_new and not exists:
        raise ConfigError(
            f"ledger {path}: no such file: for a first run, add --new-ledger; if the ledger was"
            " lost, restore it, or add --new-ledger --adopt"
        )
    try:
        if is_new:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))  # it holds texts of engagements
        ledger = Ledger(_connect(path, is_new=is_new, read_only=read_only), path)
    except sqlite3.Error as error:
        raise _opening_error(path, error) from error
    except OSError as error:
        raise LedgerError(f"ledger {path}: cannot be created: {error.strerror}") from error
    _check_format(ledger, path)
    return ledger


def _connect(path: str, *, is_new: bool, read_only: bool) -> sqlite3.Connection:
    """Open the file, and lock it unless it is `read_only`; raises sqlite3.Error."""
    uri = f"{Path(path).absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=0)
    _prepare(connection, is_new=is_new, read_only=read_only)
    return connection


def _check_format(ledger: Ledger, path: str) -> None:
    """Raise LedgerError unless the file is a whole ledger of this version."""
    if not ledger.has_tables():
        raise LedgerError(
            f"ledger {path}: no ledger, or its creation was cut short: if the file is empty, remove"
            " it, and begin with --new-ledger; else restore it"
        )
    if ledger.fact("format") != FORMAT:
        raise LedgerError(f"ledger {path}: written by another version of this program")


def memory_ledger() -> Ledger:
    """Return an empty ledger in memory, for a dry run before the first run."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _prepare(connection, is_new=True, read_only=False)
    return Ledger(connection, "in memory")


def _prepare(connection: sqlite3.Connection, *, is_new: bool, read_only: bool) -> None:
    """Lock the file, and create the tables of a new one."""
    connection.execute("PRAGMA cache_size = -8000")  # KiB
    if read_only:
        return
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = TRUNCATE")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN EXCLUSIVE")
    if is_new:
        for statement in filter(str.strip, _SCHEMA.split(";")):
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('format', ?)", (FORMAT,))
    connection.execute("COMMIT")


def _opening_error(path: str, error: sqlite3.Error) -> LedgerError:
    text = str(error)
    if "locked" in text:
        return LedgerLocked(
            f"ledger {path}: another run has it open: run again when that has ended"
        )
    return LedgerError(f"ledger {path}: {text}")


def _qualified(alias: str) -> str:
    return ", ".join(f"{alias}.{name.strip()}" for name in _COLUMNS.split(","))


def _to_entry(row: tuple[Any, ...]) -> Entry:
    entry = Entry(*row)
    return entry._replace(
        partners=_from_json(row[Entry._fields.index("partners")]),
        payload=_from_json(row[Entry._fields.index("payload")]),
    )


def _to_row(entry: Entry) -> tuple[Any, ...]:
    return tuple(json.dumps(value) if isinstance(value, Mapping) else value for value in entry)


def _from_json(text: str | None) -> Any:
    return None if text is None else json.loads(text)
