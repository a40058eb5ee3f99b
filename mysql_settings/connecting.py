"""The arguments of a PyMySQL connection, and the text of a failure to connect."""

from __future__ import annotations

import ssl
from typing import Any

from pymysql.constants import CR

from mysql_settings.addresses import Address
from mysql_settings.exceptions import SettingsError
from mysql_settings.login import LOGIN_TIMEOUT_S
from mysql_settings.server import ServerSettings

CONNECT_TIMEOUT_S = 10
# Errors of a login whose text says what to do.
EXPLAINED = (CR.CR_MALFORMED_PACKET, CR.CR_AUTH_PLUGIN_CANNOT_LOAD, CR.CR_AUTH_PLUGIN_ERR)


def connection_options(settings: ServerSettings, name: str, port: int) -> dict[str, Any]:
    """
    Return arguments of GuardedConnection for the server at `name` and `port`.

    Raises SettingsError for a certificate file that cannot be used.
    """
    return {
        "host": name,
        "port": port,
        "unix_socket": settings.unix_socket,
        "user": settings.user,
        "password": settings.password.encode(),  # PyMySQL would encode text as latin1
        "charset": "utf8mb4",
        "connect_timeout": CONNECT_TIMEOUT_S,
        "read_timeout": LOGIN_TIMEOUT_S,
        "write_timeout": LOGIN_TIMEOUT_S,
        "verifies_tls": settings.verifies_tls,
        "autocommit": True,
        **_tls_options(settings),
    }


def _tls_options(settings: ServerSettings) -> dict[str, Any]:
    """
    Return PyMySQL's arguments for ssl_mode, with the mysql client's meaning of each mode.

    PREFERRED and REQUIRED do not check the server's certificate: ssl_ca has no effect on them.
    """
    if settings.ssl_mode == "DISABLED":
        return {"ssl_disabled": True}
    if settings.ssl_mode == "PREFERRED" and not settings.ssl_cert:
        return {}  # PyMySQL's default: TLS, unverified, where the server has it
    context = _tls_context(settings)
    # Python 3.13 is stricter than the certificates that MySQL makes for itself.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = settings.ssl_mode == "VERIFY_IDENTITY"
    if not settings.verifies_tls:
        context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}


def _tls_context(settings: ServerSettings) -> ssl.SSLContext:
    """Return a context with the certificates of the settings; raises SettingsError."""
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca)
        if settings.ssl_cert:
            context.load_cert_chain(settings.ssl_cert, settings.ssl_key)
    except OSError as error:  # an SSLError is an OSError
        files = filter(None, (settings.ssl_ca, settings.ssl_cert, settings.ssl_key))
        problem = f"cannot be used for TLS: {', '.join(files)}: {error.strerror}"
        raise SettingsError(problem) from error
    return context


def error_code(error: BaseException) -> int:
    """Return the number of a driver's error, 0 for other errors."""
    code = error.args[0] if len(error.args) > 1 else 0
    return code if isinstance(code, int) else 0


def error_reason(error: BaseException) -> str:
    """Return the text of an error, without the number that a driver's has."""
    return str(error.args[1]) if len(error.args) > 1 else str(error)


def describe_failure(
    settings: ServerSettings, address: Address, error: Exception, advice: str
) -> str:
    """Return a line: the server, the user, the reason and the advice."""
    where = f"cannot connect to MySQL at {settings.unix_socket or address} as {settings.user}"
    code = error_code(error)
    if code == CR.CR_SERVER_LOST and isinstance(error.__context__, TimeoutError):
        return f"{where}: no answer within {LOGIN_TIMEOUT_S:g} s: {advice}"
    reason = error_reason(error)
    return f"{where}: {reason}" if code in EXPLAINED else f"{where}: {reason}: {advice}"
