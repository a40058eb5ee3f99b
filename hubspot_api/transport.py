"""
One HTTP exchange, with a limit of time and a limit of bytes, whatever the server sends.

Adds to requests a deadline for connection, headers and body together, and a limit for the body,
compressed and decompressed.
"""

from __future__ import annotations

import threading
import zlib
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from hubspot_api.exceptions import BodyInterrupted, DeadlinePassed, ResponseTooLarge
from hubspot_api.watchdog import WATCHDOG, Deadline

GZIP = ("gzip", "x-gzip")
GZIP_WINDOW = 16 + zlib.MAX_WBITS  # zlib's number for a gzip header and trailer


class Transport:
    """
    Sends requests to one host, each thread on separate connections; follows no redirects.

    Proxies and certificates come from the environment when a thread sends its first request. The
    transport does not read ~/.netrc: an entry for the host would replace the token.
    """

    def __init__(self, base_url: str, user_agent: str) -> None:
        self._base_url = base_url
        self._user_agent = user_agent
        self._local = threading.local()

    def send(
        self, method: str, path: str, *, timeout_s: float, max_bytes: int, **options: Any
    ) -> tuple[requests.Response, bytes]:
        """
        Return the response to `method` `path`, and the decompressed body.

        `options` are those of requests. Raises DeadlinePassed if the response is not complete
        after `timeout_s` seconds, ResponseTooLarge beyond `max_bytes`, and BodyInterrupted if the
        body fails. Before the headers are complete, the errors are those of requests, urllib3 and
        the operating system.
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
            # The environment is read once: reading it again takes a third of each request.
            environment = session.merge_environment_settings(self._base_url, {}, None, None, None)
            session.trust_env = False
            session.proxies, session.verify = environment["proxies"], environment["verify"]
            for scheme in ("https://", "http://"):
                session.mount(scheme, _Adapter())
        return session


class _Current(threading.local):
    """The deadline of this thread's current exchange."""

    deadline: Deadline | None = None

    def attach(self, connection: Any) -> None:
        if self.deadline is not None and connection is not None:
            self.deadline.attach(connection)


_CURRENT = _Current()


class _WatchedConnection:
    """Shows the socket to the current deadline; a mix-in for urllib3's connections."""

    sock: Any

    def _new_conn(self) -> Any:
        sock = super()._new_conn()  # type: ignore[misc]  # urllib3's
        _CURRENT.attach(sock)
        return sock

    def putrequest(self, *arguments: Any, **options: Any) -> None:
        # A connection from the pool has its socket already.
        _CURRENT.attach(self.sock)
        super().putrequest(*arguments, **options)  # type: ignore[misc]  # urllib3's


class _Adapter(HTTPAdapter):
    """The adapter of requests, with connections that a deadline can cut off."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        _watch_connections(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        _watch_connections(manager)
        return manager


def _watch_connections(manager: urllib3.PoolManager) -> None:
    """Make the manager's pools open connections that a deadline can cut off."""
    classes: dict[str, Any] = {}
    pools: dict[str, Any] = manager.pool_classes_by_scheme
    for scheme, pool in pools.items():
        plain = pool.ConnectionCls
        if not issubclass(plain, _WatchedConnection):
            connection = type(plain.__name__, (_WatchedConnection, plain), {})
            pool = type(pool.__name__, (pool,), {"ConnectionCls": connection})
        classes[scheme] = pool
    manager.pool_classes_by_scheme = classes


def _read_body(response: requests.Response, max_bytes: int) -> bytes:
    """
    Return the whole body, decompressed.

    Reading and decompressing in one piece saves the two or three copies that urllib3 makes. Raises
    ResponseTooLarge beyond `max_bytes`, and BodyInterrupted.
    """
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    length = response.raw.length_remaining
    try:
        if length is not None and length > max_bytes:
            raise ResponseTooLarge
        # A known length is within the limit by now, and needs no other.
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
    """Return the content of gzip `data`, cut after `max_bytes` + 1 bytes."""
    parts: list[bytes] = []
    remaining = max_bytes + 1
    while data and remaining > 0:
        member = zlib.decompressobj(GZIP_WINDOW)
        try:
            parts.append(member.decompress(data, remaining))
        except zlib.error as error:
            raise urllib3.exceptions.DecodeError(f"gzip: {error}") from error
        remaining -= len(parts[-1])
        if not member.eof and remaining > 0:
            raise urllib3.exceptions.DecodeError("gzip: the data ends too soon")
        data = member.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)
