"""
One HTTP exchange, bounded in time and in bytes, whatever the server sends.

On top of requests: a deadline for connection, headers and body together, and a limit for the body
before and after decompression.
"""

from __future__ import annotations

import threading
import zlib
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from tap_hubspot_engagements.watch import WATCHDOG, Deadline

GZIP = ("gzip", "x-gzip")
GZIP_WINDOW = 16 + zlib.MAX_WBITS  # zlib's number for a gzip header and trailer


class ResponseTooLarge(Exception):
    """The body has more bytes than are allowed."""


class DeadlinePassed(Exception):
    """The response was not complete in time."""


class BodyInterrupted(Exception):
    """The body broke off, or cannot be decompressed; `__cause__` says how."""


class Transport:
    """
    Sends requests, each thread on connections of its own; redirects are not followed.

    Proxies and certificates are those of the environment when a thread first sends. ~/.netrc is
    not read: what it has for the host would take the token's place.
    """

    def __init__(self, base_url: str, user_agent: str) -> None:
        self._base_url = base_url
        self._user_agent = user_agent
        self._local = threading.local()

    def send(
        self, method: str, path: str, *, timeout_s: float, max_bytes: int, **options: Any
    ) -> tuple[requests.Response, bytes]:
        """
        Return the response to `method` `path`, and its decompressed body.

        `options` are those of requests. Raises DeadlinePassed where the response is not complete
        after `timeout_s` seconds, ResponseTooLarge beyond `max_bytes`, BodyInterrupted after the
        headers, and before them what requests, urllib3 and the operating system raise.
        """
        session = self._session()
        with WATCHDOG.deadline(timeout_s) as deadline:
            _CURRENT.deadline = deadline
            try:
                response = session.request(
                    method,
                    self._base_url + path,
                    timeout=timeout_s,
                    stream=True,
                    allow_redirects=False,
                    **options,
                )
                body = _read_body(response, max_bytes)
            except Exception as error:
                if deadline.passed:
                    raise DeadlinePassed from error
                raise
            finally:
                _CURRENT.deadline = None
        if deadline.passed:
            raise DeadlinePassed
        return response, body

    def _session(self) -> requests.Session:
        """Return this thread's session."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.headers["User-Agent"] = self._user_agent
            session.headers["Accept-Encoding"] = GZIP[0]
            # Read here once: at each request it costs as much as a third of it.
            environment = session.merge_environment_settings(self._base_url, {}, None, None, None)
            session.trust_env = False
            session.proxies, session.verify = environment["proxies"], environment["verify"]
            for scheme in ("https://", "http://"):
                session.mount(scheme, _Adapter())
        return session


class _Current(threading.local):
    """The deadline of the exchange that this thread is in."""

    deadline: Deadline | None = None

    def attach(self, connection: Any) -> None:
        if self.deadline is not None and connection is not None:
            self.deadline.attach(connection)


_CURRENT = _Current()


class _WatchedConnection:
    """Tells the current deadline of the socket that is used; mixed into urllib3's connections."""

    sock: Any

    def _new_conn(self) -> Any:
        sock = super()._new_conn()  # type: ignore[misc]  # urllib3's
        _CURRENT.attach(sock)
        return sock

    def putrequest(self, *arguments: Any, **options: Any) -> None:
        # Of a connection that has served before.
        _CURRENT.attach(self.sock)
        super().putrequest(*arguments, **options)  # type: ignore[misc]  # urllib3's


class _Adapter(HTTPAdapter):
    """requests' adapter, on connections that a deadline can cut off."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        _watch_connections(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        _watch_connections(manager)
        return manager


def _watch_connections(manager: urllib3.PoolManager) -> None:
    """Have the manager's pools make connections that a deadline can cut off."""
    watched: dict[str, Any] = {}
    pools: dict[str, Any] = manager.pool_classes_by_scheme
    for scheme, pool in pools.items():
        plain = pool.ConnectionCls
        if not issubclass(plain, _WatchedConnection):
            connection = type(plain.__name__, (_WatchedConnection, plain), {})
            pool = type(pool.__name__, (pool,), {"ConnectionCls": connection})
        watched[scheme] = pool
    manager.pool_classes_by_scheme = watched


def _read_body(response: requests.Response, max_bytes: int) -> bytes:
    """
    Return the whole body, decompressed; raises ResponseTooLarge beyond `max_bytes`.

    Read and decompressed in one piece: urllib3's own way copies a page two or three times.
    """
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    length = response.raw.length_remaining
    try:
        if length is not None and length > max_bytes:
            raise ResponseTooLarge
        # Where the length is known the end is, too: then no limit has to be enforced.
        most = max_bytes + 1 if length is None else None
        if encoding in GZIP:
            body = _gunzip(response.raw.read(most, decode_content=False), max_bytes)
        elif encoding == "identity":
            body = response.raw.read(most, decode_content=False)
        else:
            body = response.raw.read(max_bytes + 1, decode_content=True)
        if len(body) > max_bytes:
            raise ResponseTooLarge
    except (ResponseTooLarge, urllib3.exceptions.TimeoutError):
        response.close()
        raise
    except (urllib3.exceptions.HTTPError, OSError) as error:
        response.close()
        raise BodyInterrupted from error
    return body


def _gunzip(data: bytes, max_bytes: int) -> bytes:
    """Return the content of gzip `data`, as much as shows whether it exceeds `max_bytes`."""
    parts: list[bytes] = []
    left = max_bytes + 1
    while data and left > 0:
        member = zlib.decompressobj(GZIP_WINDOW)
        try:
            parts.append(member.decompress(data, left))
        except zlib.error as error:
            raise urllib3.exceptions.DecodeError(f"gzip: {error}") from error
        left -= len(parts[-1])
        if not member.eof and left > 0:
            raise urllib3.exceptions.DecodeError("gzip: the data ends too soon")
        data = member.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)
