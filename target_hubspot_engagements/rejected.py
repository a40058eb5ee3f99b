"""Records that cannot be written: named in the log, and kept as lines of JSON."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable

import msgspec

from hubspot_api.json_codec import to_json
from target_hubspot_engagements.engagement import SourceRecord
from target_hubspot_engagements.exceptions import OutputError, RejectedError
from target_hubspot_engagements.validation import Problem

LOGGER = logging.getLogger(__name__)


class Rejections:
    """
    Takes rejected records; `path` is the file for them, None for none.

    With `stops`, `first` has the error of the first one, for the caller to raise.
    """

    def __init__(self, path: str | None, *, stops: bool) -> None:
        self.count = 0
        self.first: RejectedError | None = None
        self._path = path
        self._stops = stops

    def add(self, source: SourceRecord, problems: Iterable[Problem]) -> None:
        """Log a record with its problems, and append it to the file. Raises OutputError."""
        self.count += 1
        listed = list(problems)
        text = to_message(source, listed)
        LOGGER.error("%s", text)
        if self._stops and self.first is None:
            self.first = RejectedError(f"{text}: correct the record, or set on_error to skip")
        if self._path is not None:
            self._append(source, listed)

    def _append(self, source: SourceRecord, problems: list[Problem]) -> None:
        """Append a line to the file, on the disk before a STATE is written past the record."""
        stream, key = source.place
        line = {
            "line": source.line,
            "stream": stream,
            "key": msgspec.Raw(key.encode()),
            "problems": [problem._asdict() for problem in problems],
            "record": msgspec.Raw(source.text),
        }
        try:
            with open(str(self._path), "ab", opener=_open_for_owner) as file:
                file.write(to_json(line) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"rejected {self._path}: {error.strerror}") from error


def _open_for_owner(path: str, flags: int) -> int:
    """Open a file; only the owner can read a new file."""
    return os.open(path, flags, 0o600)


def to_message(source: SourceRecord, problems: Iterable[Problem]) -> str:
    """Return the line that names a record and the problems."""
    stream, key = source.place
    texts = [f"{one.property}: {one.message}" if one.property else one.message for one in problems]
    return f"line {source.line}, stream {stream}, key {key}: {'; '.join(texts)}"
