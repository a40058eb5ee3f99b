"""
The whole run: lines come in, windows of changed records are written, states go out.

An unchanged record costs a hash and a row of the ledger. The others gather in a window, which is
written when full, when old, and at the end.
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Iterable
from typing import BinaryIO

from command_line.stdout import write_whole
from target_hubspot_engagements.engagement import Engagement, SourceRecord
from target_hubspot_engagements.exceptions import InputError, OutputError, UndecidedError
from target_hubspot_engagements.ledger import Key
from target_hubspot_engagements.messages import (
    ActivateVersionMessage,
    RecordMessage,
    SchemaMessage,
    StateMessage,
    parse_message,
)
from target_hubspot_engagements.run import Run
from target_hubspot_engagements.settling import NAMED_MS, settle
from target_hubspot_engagements.source_streams import SourceStream, build_stream
from target_hubspot_engagements.validation import Problem
from target_hubspot_engagements.writer import Writer

LOGGER = logging.getLogger(__name__)

CHUNK_RECORDS = 1_000  # records that are compared with the ledger at a time
WINDOW_RECORDS = 2_000
WINDOW_BYTES = 8_000_000
WINDOW_AGE_S = 30.0


class WriteBack:
    """A run; `out` takes the states, None for a dry run."""

    def __init__(self, run: Run, out: BinaryIO | None) -> None:
        self._run = run
        self._out = out
        self._writer = Writer(run, self._read)
        self._streams: dict[str, SourceStream | None] = {}
        self._chunk: list[SourceRecord] = []
        self._window: dict[Key, deque[SourceRecord]] = {}  # of a key, in their order
        self._window_bytes = 0
        self._window_began_s = 0.0
        self._versions: set[tuple[str, int]] = set()
        self._unkeyed: set[str] = set()  # streams with a record that has no key
        self._state: bytes | None = None
        self._number = 0

    def run(self, batches: Iterable[list[bytes]]) -> None:
        """
        Write the records of lines, which come in lists.

        Raises WriteBackError, or the client's errors; the last state that was written is valid.
        """
        try:
            if not self._run.options.is_dry:
                settle(self._run, resends=self._run.options.resends)
            for lines in batches:
                for line in lines:
                    self._number += 1
                    self._handle(line)
                self._tick()
            self._flush()
        finally:
            self._writer.close()
        self._run.progress.counts["pending"] = len(self._run.undecided)
        if self._run.undecided:
            self._name_undecided()
            raise UndecidedError(self._run.undecided_text())

    def _name_undecided(self) -> None:
        """Log each key in doubt, and note when: --send-undecided may send it from then on."""
        for text in self._run.undecided_lines():
            LOGGER.warning("undecided: %s", text)
        if not self._run.options.is_dry:
            self._run.ledger.set_facts({NAMED_MS: str(self._run.now_ms())})

    def _handle(self, line: bytes) -> None:
        message = parse_message(line, self._number)
        if isinstance(message, RecordMessage):
            self._take_record(message)
        elif isinstance(message, StateMessage):
            self._state = message.value
            self._compare_chunk()
            self._write_state_if_settled()
        elif isinstance(message, SchemaMessage):
            self._compare_chunk()
            self._streams[message.stream] = self._build_stream(message)
        elif isinstance(message, ActivateVersionMessage):
            self._activate(message)

    def _build_stream(self, message: SchemaMessage) -> SourceStream | None:
        try:
            stream = build_stream(message, self._run.config)
        except InputError as error:
            raise InputError(f"line {self._number}: {error}") from None
        if stream is None and message.stream not in self._streams:
            LOGGER.info("stream %s is left out", message.stream)
        if stream is not None:
            stream.key_properties = self._check_key(message)
        return stream

    def _check_key(self, message: SchemaMessage) -> tuple[str, ...]:
        """
        Return the key properties in the order of the stream's first run.

        Taps send them in any order. Raises InputError for other properties: with another key
        each record would be new, and every engagement written a second time.
        """
        ledger, name, key = (
            self._run.ledger,
            f"key_properties {message.stream}",
            message.key_properties,
        )
        fact = ledger.fact(name)
        first = tuple(json.loads(fact)) if fact else None
        if first is not None and {*first} == {*key}:
            return first
        if first is not None and ledger.has_stream(message.stream):
            raise InputError(
                f"line {self._number}: the key of stream {message.stream} was {', '.join(first)},"
                f" and is {', '.join(key)} now: each record would be written again. Restore the"
                " key, or take another ledger with --new-ledger --adopt"
            )
        if not self._run.options.is_dry:
            ledger.set_facts({name: json.dumps(key)})
        return key

    def _take_record(self, message: RecordMessage) -> None:
        """Note a record for the comparison with the ledger."""
        if message.stream not in self._streams:
            raise InputError(f"line {self._number}: RECORD of {message.stream} before its SCHEMA")
        stream = self._streams[message.stream]
        if stream is None:
            return
        text = message.record
        try:
            key, source_hash = stream.identify(text)
        except ValueError as error:
            unkeyed = SourceRecord((stream.name, "null"), self._number, text, b"")
            self._run.rejections.add(unkeyed, [Problem(str(error))])
            self._raise_rejection()
            self._unkeyed.add(stream.name)
            return
        place = stream.name, key
        self._chunk.append(SourceRecord(place, self._number, text, source_hash, message.version))
        if message.version is not None:
            self._versions.add((message.stream, message.version))
        if len(self._chunk) >= CHUNK_RECORDS:
            self._compare_chunk()

    def _compare_chunk(self) -> None:
        """Put the records that changed since the last write into the window."""
        chunk, self._chunk = self._chunk, []
        by_stream: dict[str, list[SourceRecord]] = {}
        for source in chunk:
            by_stream.setdefault(source.place[0], []).append(source)
        for name, sources in by_stream.items():
            hashes = self._run.ledger.source_hashes(name, {one.place[1] for one in sources})
            for source in sources:
                earlier = self._take_unreplaced(source)
                if not earlier and hashes.get(source.place[1]) == source.source_hash:
                    self._run.progress.counts["unchanged"] += 1
                else:
                    self._add_to_window(earlier, source)
            self._note_versions(name, sources)
        if len(self._window) >= WINDOW_RECORDS or self._window_bytes >= WINDOW_BYTES:
            self._write_window()

    def _take_unreplaced(self, source: SourceRecord) -> deque[SourceRecord]:
        """Take a key's records out of the window; return those with columns that `source` lacks."""
        earlier = self._window.pop(source.place, None) or deque()
        stream = self._streams[source.place[0]]
        while earlier and stream is not None and stream.replaces(source.text, earlier[-1].text):
            earlier.pop()
        return earlier

    def _add_to_window(self, earlier: deque[SourceRecord], source: SourceRecord) -> None:
        """Put a record into the window, behind `earlier` ones of its key."""
        if not self._window and not earlier:
            self._window_began_s, self._window_bytes = time.monotonic(), 0
        earlier.append(source)
        self._window[source.place] = earlier
        self._window_bytes += len(source.text)

    def _note_versions(self, name: str, sources: list[SourceRecord]) -> None:
        """Note the version of unchanged records, if older versions are to be archived."""
        if not self._run.config.hard_delete or self._run.options.is_dry:
            return
        for version in {one.version for one in sources if one.version is not None}:
            keys = [one.place[1] for one in sources if one.version == version]
            self._run.ledger.set_version(name, keys, version)

    def _activate(self, message: ActivateVersionMessage) -> None:
        """Archive the engagements that a complete version of a stream's table lacks."""
        if not self._run.config.hard_delete or self._streams.get(message.stream) is None:
            return
        if self._is_beginning(message):
            return
        if message.stream in self._unkeyed:
            LOGGER.error(
                "stream %s: nothing is archived for version %d, since a record has no key",
                message.stream,
                message.version,
            )
            return
        self._flush()
        older = self._run.ledger.older_versions(message.stream, message.version)
        self._write(
            [
                SourceRecord(entry.place, self._number, b"{}", b"", message.version)
                for entry in older
            ]
        )

    def _is_beginning(self, message: ActivateVersionMessage) -> bool:
        """
        Tell whether a message stands before a version's records instead of behind them.

        Taps send the message first, too, when they read a table for the first time or without a
        state. To archive then would be to archive everything.
        """
        version = message.stream, message.version
        if version in self._versions:
            return False
        self._versions.add(version)
        LOGGER.info(
            "stream %s: version %d has no records yet: nothing is archived for it", *version
        )
        return True

    def _read(self, source: SourceRecord) -> Engagement:
        """Return a record's content; a version lacks a record without a hash."""
        stream = self._streams[source.place[0]]
        assert stream is not None, "records of streams that are left out are not taken"
        if not source.source_hash:
            return Engagement(stream.kind, is_deleted=True)
        return stream.read(source.text)

    def _tick(self) -> None:
        """Write a window that is old, and report the progress."""
        self._run.progress.tick()
        if self._window and time.monotonic() - self._window_began_s >= WINDOW_AGE_S:
            self._compare_chunk()
            self._write_window()

    def _flush(self) -> None:
        self._compare_chunk()
        self._write_window()

    def _write_window(self) -> None:
        """Write the first record of each key, then the second ones, and so on."""
        rest, self._window = list(self._window.values()), {}
        while rest:
            self._write([records.popleft() for records in rest])
            rest = [records for records in rest if records]
        self._write_state_if_settled()

    def _write(self, sources: list[SourceRecord]) -> None:
        if sources:
            self._writer.write(sources)
            self._raise_rejection()

    def _raise_rejection(self) -> None:
        if self._run.rejections.first is not None:
            raise self._run.rejections.first

    def _write_state_if_settled(self) -> None:
        """Write the last state, unless an earlier record is not written yet."""
        if self._state is None or self._window or self._chunk or self._run.passed_over:
            return
        state, self._state = self._state, None
        if self._out is None:
            return
        try:
            write_whole(self._out, state + b"\n")
        except OSError as error:
            raise OutputError(f"cannot be written to stdout: {error}") from error
