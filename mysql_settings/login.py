"""
A login that never gives the password itself to a server that nobody vouches for.

Some ways to log in send the password: as clear text, or encrypted with an RSA key that the server
has just sent. Whoever answers at the server's address may ask for them. They are refused unless
the server's certificate is verified, or the server is on this machine.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any

import pymysql
from pymysql import _auth
from pymysql.connections import Connection
from pymysql.constants import CR

LOGIN_TIMEOUT_S = 30.0  # a server that looks up our name in a slow DNS may take that long to greet
# Plugins that only answer a challenge: what they send is of no use to others.
CHALLENGE_PLUGINS = ("", "mysql_native_password", "client_ed25519")
# Its first step is a challenge; its second step, on a server without us in its cache, is refused.
CACHING_PLUGIN = "caching_sha2_password"
PASSWORD_PLUGINS = ("sha256_password", "mysql_clear_password", "dialog")  # dialog: PAM and others
SUPPORTED_PLUGINS = (*CHALLENGE_PLUGINS, CACHING_PLUGIN, *PASSWORD_PLUGINS)


class UntrustedServer(pymysql.err.OperationalError):
    """The server asks for the password itself, and nothing proves whose server it is."""

    def __init__(self, plugin_name: str) -> None:
        problem = (
            f"the server asks for the password itself ({plugin_name}), which is not sent, since"
            " nothing proves whose server it is: set ssl_ca to the certificate of the server's"
            " authority, and ssl_mode to VERIFY_CA or VERIFY_IDENTITY"
        )
        super().__init__(CR.CR_AUTH_PLUGIN_ERR, problem)


class GuardedConnection(Connection):
    """
    A connection that logs in as described above; `verifies_tls` says that ssl_mode is VERIFY_*.

    The methods that it overrides are private to PyMySQL: setup.py pins the versions that have them.
    """

    def __init__(self, *, verifies_tls: bool, **options: Any) -> None:
        self._verifies_tls = verifies_tls
        super().__init__(**options)

    def connect(self, sock: Any = None) -> None:
        """Connect and log in; whatever the server says, what is raised is one of PyMySQL's."""
        with checked_packets(self):
            super().connect(sock)

    def _get_server_information(self) -> None:
        """Read the greeting; do not begin with a plugin that sends the password at once."""
        greeted: Any = super()
        greeted._get_server_information()
        wire: Any = self
        name = wire._auth_plugin_name
        if name not in SUPPORTED_PLUGINS or (name in PASSWORD_PLUGINS and self._keeps_password()):
            # The server then asks for the account's own plugin, which is judged by its name.
            wire._auth_plugin_name = "mysql_native_password"

    def _get_auth_plugin_handler(self, plugin_name: bytes) -> Any:
        """Return PyMySQL's handler, or one that keeps the password. Raises OperationalError."""
        wire: Any = super()
        name = plugin_name.decode("ascii", "replace")
        if name not in SUPPORTED_PLUGINS:
            problem = (
                f"this user logs in by {name}, which is not supported: let it log in by"
                " caching_sha2_password, mysql_native_password or ed25519"
            )
            raise pymysql.err.OperationalError(CR.CR_AUTH_PLUGIN_CANNOT_LOAD, problem)
        if not self._keeps_password():
            return wire._get_auth_plugin_handler(plugin_name)
        if name in PASSWORD_PLUGINS:
            raise UntrustedServer(name)
        return _CachedLogin(self) if name == CACHING_PLUGIN else None

    def _read_query_result(self, unbuffered: bool = False) -> Any:
        wire: Any = super()
        with checked_packets(self):
            return wire._read_query_result(unbuffered)

    def _keeps_password(self) -> bool:
        """Whether there is a password, and nothing proves whose server this is."""
        wire: Any = self
        if not wire.password or self._verifies_tls or wire.unix_socket:
            return False
        return not is_loopback(str(wire._sock.getpeername()[0]))


class _CachedLogin:
    """Logs in by caching_sha2_password's challenge, which serves while the server knows us."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def authenticate(self, packet: Any) -> Any:
        connection = self._connection
        if packet.is_auth_switch_request():
            connection.salt = packet.read_all().removesuffix(b"\0")
            connection.write_packet(
                _auth.scramble_caching_sha2(connection.password, connection.salt)
            )
            packet = connection._read_packet()
        if not packet.is_extra_auth_data():
            return packet
        if packet.get_all_data()[1:2] != b"\3":  # it is not content with the challenge
            raise UntrustedServer(CACHING_PLUGIN)
        return connection._read_packet()


@contextlib.contextmanager
def checked_packets(connection: Connection[Any]) -> Iterator[None]:
    """Hang up, and raise InternalError, where PyMySQL stumbles over what the server sends."""
    try:
        yield
    except (OSError, RuntimeError):
        raise
    except Exception as error:  # PyMySQL raises whatever its parsing happens to run into
        if isinstance(error, pymysql.MySQLError) and isinstance((*error.args, "")[0], int):
            raise
        wire: Any = connection
        wire._force_close()
        problem = f"the server's answer is not MySQL's protocol ({error}): check host and port"
        raise pymysql.err.InternalError(CR.CR_MALFORMED_PACKET, problem) from error


def is_loopback(address: str) -> bool:
    """Whether an IP address, IPv4 within IPv6 included, never leaves this machine."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


def to_warning(ssl_mode: str, unix_socket: str | None, hosts: Iterable[str]) -> str:
    """Return what to warn of where any server may answer for one of `hosts`; else nothing."""
    if ssl_mode != "PREFERRED" or unix_socket:
        return ""
    unproven = [host for host in hosts if host.casefold() != "localhost" and not is_loopback(host)]
    if not unproven:
        return ""
    return (
        f"ssl_mode is PREFERRED: nothing proves that {', '.join(unproven)} is your server, and"
        " without TLS on it rows travel in plain text: set ssl_ca, and ssl_mode to VERIFY_CA or"
        " VERIFY_IDENTITY"
    )


def end_login(connection: Connection[Any], read_timeout_s: float | None) -> None:
    """Give statements as long as they may take, which is longer than a login; None: for ever."""
    wire: Any = connection  # PyMySQL has no public way to change its time-outs
    wire._read_timeout = read_timeout_s
    wire._write_timeout = read_timeout_s
