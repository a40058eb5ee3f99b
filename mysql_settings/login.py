"""
A login that never sends the password itself to an unverified server.

Some authentication plugins send the password: as clear text, or encrypted with an RSA key that the
server has just sent. An attacker at the server's address may request them. This login refuses them
unless the server's certificate is verified or the server is on this machine.
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

LOGIN_TIMEOUT_S = 30.0  # a server that looks up our name in a slow DNS greets late
# Plugins that only answer a challenge: their response is useless to an attacker.
CHALLENGE_PLUGINS = ("", "mysql_native_password", "client_ed25519")
# The first step is a challenge. The second, if the server's cache lacks the user, is refused.
CACHING_PLUGIN = "caching_sha2_password"
PASSWORD_PLUGINS = ("sha256_password", "mysql_clear_password", "dialog")  # dialog: PAM and others
SUPPORTED_PLUGINS = (*CHALLENGE_PLUGINS, CACHING_PLUGIN, *PASSWORD_PLUGINS)


class UntrustedServer(pymysql.err.OperationalError):
    """An unverified server requests the password itself."""

    def __init__(self, plugin_name: str) -> None:
        problem = (
            f"the server asks for the password itself ({plugin_name}), which is not sent, since"
            " nothing proves whose server it is: set ssl_ca to the certificate of the server's"
            " authority, and ssl_mode to VERIFY_CA or VERIFY_IDENTITY"
        )
        super().__init__(CR.CR_AUTH_PLUGIN_ERR, problem)


class GuardedConnection(Connection):
    """
    A connection with the login described above; `verifies_tls` is true for ssl_mode VERIFY_*.

    The overridden methods are private to PyMySQL: pyproject.toml pins the versions that have them.
    """

    def __init__(self, *, verifies_tls: bool, **options: Any) -> None:
        self._verifies_tls = verifies_tls
        super().__init__(**options)

    def connect(self, sock: Any = None) -> None:
        """Connect and log in; raises only OSError, RuntimeError and errors of PyMySQL."""
        with checked_packets(self):
            super().connect(sock)

    def _get_server_information(self) -> None:
        """Read the greeting; replace a first plugin that would send the password at once."""
        base: Any = super()
        base._get_server_information()
        wire: Any = self
        name = wire._auth_plugin_name
        if name not in SUPPORTED_PLUGINS or (name in PASSWORD_PLUGINS and self._keeps_password()):
            # The server then asks for the account's own plugin, which is judged by its name.
            wire._auth_plugin_name = "mysql_native_password"

    def _get_auth_plugin_handler(self, plugin_name: bytes) -> Any:
        """Return PyMySQL's handler, or one that keeps the password from an unverified server."""
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
        """Whether the connection has a password, and the server is unverified."""
        wire: Any = self
        if not wire.password or self._verifies_tls or wire.unix_socket:
            return False
        return not is_loopback(str(wire._sock.getpeername()[0]))


class _CachedLogin:
    """Logs in by the challenge of caching_sha2_password, while the server has the user cached."""

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
        if packet.get_all_data()[1:2] != b"\3":  # 3: the challenge was enough
            raise UntrustedServer(CACHING_PLUGIN)
        return connection._read_packet()


@contextlib.contextmanager
def checked_packets(connection: Connection[Any]) -> Iterator[None]:
    """Close the connection and raise InternalError for packets that PyMySQL cannot parse."""
    try:
        yield
    except (OSError, RuntimeError):
        raise
    except Exception as error:  # PyMySQL's parser raises errors of any type
        if isinstance(error, pymysql.MySQLError) and isinstance((*error.args, "")[0], int):
            raise
        wire: Any = connection
        wire._force_close()
        problem = f"the server's answer is not MySQL's protocol ({error}): check host and port"
        raise pymysql.err.InternalError(CR.CR_MALFORMED_PACKET, problem) from error


def is_loopback(address: str) -> bool:
    """Whether `address` is a loopback IP address, IPv4 within IPv6 included."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


def unproven_server_warning(ssl_mode: str, unix_socket: str | None, hosts: Iterable[str]) -> str:
    """Return a warning about hosts that any server may answer for, or an empty text."""
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
    """Replace the login's time-out by the statements'; None waits for ever."""
    wire: Any = connection  # PyMySQL has no public way to change its time-outs
    wire._read_timeout = read_timeout_s
    wire._write_timeout = read_timeout_s
