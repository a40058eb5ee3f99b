"""
A connection that uploads rows from memory by LOAD DATA LOCAL.

The server names a file for the client to send. This connection sends the rows of its own LOAD DATA
instead, whatever the file, and only while that statement runs. No file is ever opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.constants import COMMAND
from pymysql.protocol import OKPacketWrapper

from mysql_settings.login import GuardedConnection, checked_packets

PACKET_SIZE = 1024 * 1024  # bytes of rows in one packet; a row may span several
FILE_REQUEST_REFUSED = 2027  # the client library's code for a malformed packet


@dataclass(frozen=True)
class StatementResult:
    """
    Numbers of rows: affected, existing and changed, with a warning.

    `deleted` counts the rows that a merge deletes because of hard_delete.
    """

    affected: int = 0
    duplicates: int = 0
    warnings: int = 0
    deleted: int = 0

    @property
    def inserted(self) -> int:
        """The number of new rows of an upsert, in which a changed row counts twice."""
        return self.affected - 2 * self.duplicates


class UploadConnection(GuardedConnection):
    """A connection that sends rows only in response to its own LOAD DATA LOCAL."""

    def _read_query_result(self, unbuffered: bool = False) -> Any:
        """Read as PyMySQL does, but close the connection when the server requests a file."""
        try:
            return super()._read_query_result(unbuffered)
        except RuntimeError as error:
            # The server would read the next statement, even a ROLLBACK, as the file's text.
            wire: Any = self
            wire._force_close()
            problem = "the server asks for a file of this machine, and gets none: do not trust it"
            raise pymysql.err.NotSupportedError(FILE_REQUEST_REFUSED, problem) from error

    def load_local(self, statement: str, rows: Sequence[bytes], max_packet: int) -> StatementResult:
        """
        Run a LOAD DATA LOCAL and upload `rows` in response, whatever file the server names.

        A server hangs up on a packet of more than `max_packet` bytes. The protocol cannot abandon
        an upload: an error during one closes the connection.
        """
        wire: Any = self  # these methods of PyMySQL are not in its type stubs
        wire._execute_command(COMMAND.COM_QUERY, statement)
        with checked_packets(self):
            packet = wire._read_packet()
        if not packet.is_load_local_packet():
            wire._force_close()
            problem = "LOAD DATA LOCAL was not answered as one"
            raise pymysql.err.NotSupportedError(FILE_REQUEST_REFUSED, problem)
        try:
            for data in _packets(rows, min(PACKET_SIZE, max_packet // 2)):
                wire.write_packet(data)
        except BaseException:
            wire._force_close()
            raise
        wire.write_packet(b"")
        with checked_packets(self):
            return statement_result(OKPacketWrapper(wire._read_packet()))


_DUPLICATES = re.compile(rb"Duplicates: (\d+)")


def statement_result(packet: Any) -> StatementResult:
    """
    Return the result in an OK packet, whose message reads "Records: 3  Duplicates: 1".

    OceanBase sends no message for a single row, which counts twice if it existed and was changed.
    """
    message = packet.message or b""
    match = _DUPLICATES.search(message.encode() if isinstance(message, str) else message)
    affected = packet.affected_rows
    duplicates = int(match[1]) if match else int(affected == 2)
    return StatementResult(affected, duplicates, packet.warning_count)


def _packets(rows: Sequence[bytes], size: int) -> Iterator[bytes]:
    """Yield all rows, in order, in packets of at most `size` bytes."""
    if not rows:
        return
    rows_a_packet = max(1, size * len(rows) // sum(map(len, rows)))
    for first in range(0, len(rows), rows_a_packet):
        data = b"".join(rows[first : first + rows_a_packet])
        for start in range(0, len(data), size):
            yield data[start : start + size]
