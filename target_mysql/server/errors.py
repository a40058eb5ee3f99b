"""Classifies errors of the server: transient, about a row, or permanent with advice."""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Iterator

import pymysql

from target_mysql.exceptions import DatabaseError, RowRefused, TransientError

# Errors that are worth a retry: the connection was lost, the server is starting, stopping or not
# yet in its cluster, or another transaction conflicted. OceanBase's numbers, in the last line, say
# that the session was killed, the transaction was ended, or a row was changed meanwhile.
TRANSIENT_ERRORS = frozenset(
    (1020, 1040, 1047, 1053, 1152, 1158, 1159, 1160, 1161, 1180, 1203, 1205, 1206, 1213, 1317)
    + (1927, 2002, 2003, 2006, 2013, 2014, 2055, 3100, 3101, 4031)
    + (5066, 6002, 6235)
)
# The SQLSTATE class of transactions that the server rolled back: deadlocks, and conflicts that the
# certification in a group or cluster detects.
ROLLED_BACK_CLASS = "40"
# Errors of a server that accepts no writes, permanently or during a failover: worth a retry if
# other servers are configured. The first has other causes as well; the message tells.
NOT_PRIMARY_ERRORS = (1290, 1836, 3032, 3098)
USER_LIMIT = 1226
RIGHTS = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, REFERENCES, CREATE TEMPORARY TABLES"
DISK_FULL = "a disk of the server is full: free or add space, and run again"
SEE_LOG = "see the server's log; where its disk is full, free or add space, and run again"
# The operating system's and InnoDB's reasons, in errors of other causes as well, such as 1005.
NO_ROOM = ("No space left on device", "No more room in record file")
ROW_TOO_LARGE, READ_ONLY = 1118, 1290
INDEX_TOO_LONG = (
    "an index is too long for the column it needs: drop the index, or index a part of the column"
)
FOREIGN_KEY = (
    "a foreign key has a column that has to be changed: drop the foreign key and run again (to make"
    " it anew, both its columns need utf8mb4 and one collation: load both tables first)"
)
REFERENCE_REFUSED = "this server refuses such a foreign key: set foreign_keys: false"
ADVICE = {
    1044: f"grant this user its rights on the database: {RIGHTS}",
    1045: "check user and password",
    3: DISK_FULL,
    1021: DISK_FULL,
    1026: DISK_FULL,
    1030: SEE_LOG,
    1114: DISK_FULL,
    ROW_TOO_LARGE: "on MySQL 5.6 set innodb_file_format=Barracuda and innodb_large_prefix=ON",
    1071: INDEX_TOO_LONG,
    1170: INDEX_TOO_LONG,
    1832: FOREIGN_KEY,
    1833: FOREIGN_KEY,
    3780: FOREIGN_KEY,  # MySQL 8 and later
    5319: REFERENCE_REFUSED,  # OceanBase, of a column of shorter text
    6125: REFERENCE_REFUSED,  # MySQL 8.4 and later, to a part of a key
    1235: "this server cannot do that: rename the table, and run without a state to load it anew",
    1142: "grant this user the missing right on the database",
    1153: "raise max_allowed_packet on the server",
    1205: "another session has locked the rows: wait for it, or end its transaction",
    1227: "grant this user the right that the error names",
    READ_ONLY: "the server is read-only: connect to a primary",
    1836: "the server is read-only: connect to a primary",
    3159: "the server takes connections with TLS only: set ssl_mode to REQUIRED",
    3098: "in a group with many primaries set foreign_keys: false; every table needs a key",
    1452: "a record's parent is not there: the tap must send it first",
    1815: SEE_LOG,  # such as "Insert into SYS_COLUMNS failed", in a CREATE TABLE on a full disk
    1698: "this user may log in only in another way, such as unix_socket",
}
AT_ROW = re.compile(r"column '(?P<column>.+?)' at row (?P<row>\d+)")


@contextlib.contextmanager
def driver_errors(*, has_other_servers: bool = False) -> Iterator[None]:
    """Convert the driver's errors to errors of this package; see `to_error`."""
    try:
        yield
    except pymysql.MySQLError as error:
        raise to_error(error, has_other_servers=has_other_servers) from error
    except (OSError, ssl.SSLError) as error:
        raise TransientError(f"connection to MySQL lost: {error}") from error


def to_error(
    error: pymysql.MySQLError, *, has_other_servers: bool = False
) -> DatabaseError | TransientError:
    """
    Return the driver's error as an error of this package.

    With `has_other_servers`, the error of a server that is not the primary is transient.
    """
    code = error.args[0] if error.args else 0
    message = str(error.args[1] if len(error.args) > 1 else error) or "connection lost"
    advice = _advice_for(code, message)
    if is_transient(error, has_other_servers=has_other_servers):
        return TransientError(f"MySQL error {code}: {message}{advice}")
    match = AT_ROW.search(message)
    if match:
        return RowRefused(message, int(match["row"]), match["column"])
    return DatabaseError(f"MySQL error {code}: {message}{advice}")


def _advice_for(code: int, message: str) -> str:
    """Return a colon and what to do about an error, an empty text if that is not known."""
    advice = DISK_FULL if any(reason in message for reason in NO_ROOM) else ADVICE.get(code)
    # Error 1118 has two causes; only "Row size too large" needs our advice.
    is_other = code == ROW_TOO_LARGE and "Row size" not in message
    return f": {advice}" if advice and not is_other else ""


def server_code(error: BaseException) -> object:
    """Return the server's number of an error, None for other errors."""
    arguments = error.__cause__.args if error.__cause__ else ()
    return arguments[0] if arguments else None


def is_transient(error: pymysql.MySQLError, *, has_other_servers: bool = False) -> bool:
    """Whether a retry may succeed; with `has_other_servers` also after NOT_PRIMARY_ERRORS."""
    # An InterfaceError with code 0: the connection was closed under us.
    code = error.args[0] if error.args else 0
    sqlstate = getattr(error, "sqlstate", None) or ""
    # Other limits of a user, such as statements an hour, last too long to wait for.
    too_many_connections = code == USER_LIMIT and "max_user_connections" in str(error)
    is_not_primary = code in NOT_PRIMARY_ERRORS and (code != READ_ONLY or "read-only" in str(error))
    return (
        code in TRANSIENT_ERRORS
        or (has_other_servers and is_not_primary)
        or too_many_connections
        or sqlstate.startswith(ROLLED_BACK_CLASS)
        or isinstance(error, pymysql.err.InterfaceError)
    )
