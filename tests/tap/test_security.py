"""No secret leaves, no line is forged, nothing is believed of another host."""

from __future__ import annotations

import json
import ssl
import stat
import subprocess
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from hubspot_api.redaction import add_secret, clean
from hubspot_simulator import oauth
from hubspot_simulator.faults import Fault
from hubspot_simulator.oauth import OAuthApp
from hubspot_simulator.portal import Portal, system_clock
from hubspot_simulator.responses import Response, error_response, json_response
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.exceptions import ConfigError
from tests.conftest import PROGRAMS, clean_environment
from tests.tap.conftest import TOKEN, Run, Serve, Tap, paths

SECRETS = {"client_secret": "the-client-s3cret/+", "refresh_token": "the-refresh-t0ken/+"}
FORGED = "a\r\nERROR forged\x1b[2J\u202egnorw\u2028\x00"


@pytest.fixture
def app() -> OAuthApp:
    return OAuthApp("app", SECRETS["client_secret"], SECRETS["refresh_token"], system_clock)


@pytest.fixture
def hubspot(app: OAuthApp) -> Any:
    with Simulator(Portal.generate(5, seed=1), oauth_app=app) as simulator:
        yield simulator


@pytest.fixture
def tap(hubspot: Simulator, tmp_path: Path) -> Tap:
    return Tap(tmp_path, hubspot)


def settings(hubspot: Simulator, **more: object) -> dict[str, object]:
    return {"base_url": hubspot.url, "client_id": "app", **SECRETS, **more}


def shows_nothing(run: Run) -> bool:
    """Whether a run shows no secret and each line of the log begins with a level."""
    text = run.out + run.err
    assert not [one for one in (*SECRETS.values(), "s3cret%2F", "t0ken%2F") if one in text]
    assert not any(mark in run.err for mark in "\x1b\u202e\u2028\x00\r")
    lines = run.err.split("\n")[:-1]
    assert all(line.startswith(("INFO ", "WARNING ", "ERROR ")) for line in lines), run.err
    return not any(line.startswith("ERROR forged") for line in lines)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_token_endpoint_is_not_followed(
    status: int, tap: Tap, hubspot: Simulator, serve: Serve
) -> None:
    """
    A redirect would take client secret and refresh token to any host.
    """
    thief = serve(Portal())
    headers = {"Location": thief.url + oauth.PATH}
    hubspot.faults.add(Fault(path=oauth.PATH, response=Response(status, headers=headers)))
    run = tap(config=settings(hubspot))
    assert run.code == 1
    assert thief.requests == []
    assert "redirects are not followed" in run.err
    assert shows_nothing(run)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_the_api_is_not_followed(status: int, serve: Serve, tmp_path: Path) -> None:
    """
    The token does not go to another host, nor are rows accepted from there.
    """
    hubspot, thief = serve(Portal.generate(3)), serve(Portal.generate(9))
    path = "/engagements/v1/engagements/paged"
    answer = Response(status, headers={"Location": thief.url + path})
    hubspot.faults.add(Fault(path="paged", response=answer))
    run = Tap(tmp_path, hubspot)()
    assert run.code == 1
    assert thief.requests == []
    assert '"RECORD"' not in run.out


REPEATS: dict[str, Callable[[str], Response]] = {
    "message": lambda text: error_response(400, text),
    "error_description": lambda text: json_response({"error_description": text}, 400),
    "status": lambda text: json_response({"status": text, "message": "no"}, 400),
    "correlationId": lambda text: json_response({"message": "no", "correlationId": text}, 403),
    "scopes": lambda text: json_response(
        {"message": "scope", "errors": [{"context": {"requiredScopes": [text]}}]}, 403
    ),
    "a 200": lambda text: json_response({"message": text}),
    "a cursor": lambda text: json_response({"results": [], "hasMore": True, "offset": text}),
}


@pytest.mark.parametrize("answer", REPEATS.values(), ids=REPEATS)
@pytest.mark.parametrize("path", [oauth.PATH, "paged"])
def test_what_hubspot_says_is_cleaned(
    path: str, answer: Callable[[str], Response], tap: Tap, hubspot: Simulator
) -> None:
    """
    Secrets in a body are redacted, and the message stays a single line.
    """
    text = f"{FORGED} {SECRETS['client_secret']} refresh_token=the-refresh-t0ken%2F%2B"
    hubspot.faults.add(Fault(path=path, times=3, response=answer(text)))
    assert shows_nothing(tap(config=settings(hubspot)))


def test_what_a_record_says_is_cleaned(serve: Serve, tmp_path: Path) -> None:
    """
    An unknown type is named in the log, on a single line.
    """
    portal = Portal()
    portal.create({"engagement": {"type": FORGED}, "metadata": {}})
    run = Tap(tmp_path, serve(portal))()
    assert run.code == 0
    assert "engagements of type a\\r\\nERROR forged" in run.err
    assert shows_nothing(run)


@given(st.text())
def test_cleaning(text: str) -> None:
    """
    A clean text is a single UTF-8 line, and cleaning again changes nothing.
    """
    once = clean(text)
    assert len(once.splitlines()) <= 1
    assert not {"Cc", "Cs"} & {unicodedata.category(one) for one in once}
    assert clean(once) == once


def test_the_forms_of_a_secret() -> None:
    """
    A secret is redacted in the forms of URLs and HTML forms, too; short texts are no secrets.
    """
    add_secret("pa55/w ord+")
    for form in ("pa55/w ord+", "pa55%2Fw%20ord%2B", "pa55%2Fw+ord%2B", "https://u:pw@host/"):
        assert "***" in clean(f"before {form} after")
    add_secret("a")
    assert clean("a cat") == "a cat"


def test_a_rotated_refresh_token(
    tap: Tap, hubspot: Simulator, app: OAuthApp, tmp_path: Path
) -> None:
    """
    Another refresh token that HubSpot gives is kept in the configured file, for the next run.
    """
    path = tmp_path / "refresh_token"
    first = settings(hubspot, refresh_token_file=str(path))
    token = app.refresh({"grant_type": "refresh_token", "client_id": "app", **SECRETS})
    body = {**json.loads(token.body), "refresh_token": "another-t0ken"}
    hubspot.faults.add(Fault(path=oauth.PATH, response=json_response(body)))
    run = tap(config=first)
    assert run.code == 0, run.err
    assert path.read_text() == "another-t0ken\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "another-t0ken" not in run.err
    app.refresh_token = "another-t0ken"
    assert tap(config=first).code == 0


def test_a_rotated_refresh_token_without_a_place(
    tap: Tap, hubspot: Simulator, app: OAuthApp
) -> None:
    """
    Without refresh_token_file a warning says that the token is lost with the run.
    """
    token = app.refresh({"grant_type": "refresh_token", "client_id": "app", **SECRETS})
    body = {**json.loads(token.body), "refresh_token": "another-t0ken"}
    hubspot.faults.add(Fault(path=oauth.PATH, response=json_response(body)))
    run = tap(config=settings(hubspot))
    assert run.code == 0
    assert "WARNING HubSpot has issued another refresh token" in run.err
    assert "another-t0ken" not in run.err


def test_a_place_that_cannot_be_written(tap: Tap, hubspot: Simulator) -> None:
    """
    If another refresh token could not be kept, none is requested.
    """
    run = tap(config=settings(hubspot, refresh_token_file="/nowhere/token"))
    assert run.code == 2
    assert "refresh_token_file: its folder cannot be written to" in run.err
    assert paths(hubspot) == []


@pytest.mark.parametrize("token", ["t\u00f6ken-\u4e2d", "two\r\nX-Other: lines", "", 5])
def test_a_token_that_no_header_holds(token: object, tap: Tap, hubspot: Simulator) -> None:
    """
    A malformed token is an incomplete response, and no traceback.
    """
    body = {"access_token": token, "expires_in": 1800}
    hubspot.faults.add(Fault(path=oauth.PATH, response=json_response(body)))
    run = tap(config=settings(hubspot))
    assert run.code == 0, run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize(
    ("base_url", "text"),
    [
        ("http://api.hubapi.com", "must begin with https://"),
        ("http://10.0.0.7:8080", "must begin with https://"),
        ("https://user:pa55word@api.hubapi.com", "must not hold a user or a password"),
    ],
)
def test_addresses_that_give_secrets_away(base_url: str, text: str) -> None:
    """
    The token never travels readably, nor a password in a URL that is logged.
    """
    with pytest.raises(ConfigError, match=text) as excinfo:
        Config.from_dict({"access_token": TOKEN, "base_url": base_url}, {})
    assert "pa55word" not in str(excinfo.value)


@pytest.mark.parametrize("base_url", ["http://localhost:1", "http://[::1]:2", "http://127.0.0.9"])
def test_this_machine_needs_no_encryption(base_url: str) -> None:
    """
    A portal on loopback is asked in the clear.
    """
    assert Config.from_dict({"access_token": TOKEN, "base_url": base_url}, {}).base_url == base_url


@pytest.mark.parametrize(
    ("mode", "text"),
    [(0o644, "can be read by others"), (0o666, "can be changed by others"), (0o600, None)],
)
def test_a_config_that_others_can_open(mode: int, text: str | None, tmp_path: Path) -> None:
    """
    A file with a token of HubSpot's that others can read or change is a warning.
    """
    path = Tap(tmp_path).write("config.json", {"access_token": TOKEN, "base_url": "https://[::2]"})
    path.chmod(mode)
    environment = {"HTTPS_PROXY": "http://127.0.0.1:1"}
    run = Tap(tmp_path).bare("--check", "--config", path, environment=environment)
    assert run.code == 1
    assert "Traceback" not in run.err
    assert (text or "by others") in run.err or text is None
    assert text is not None or "by others" not in run.err


@pytest.mark.parametrize("closing", ["2>&-", "2> /dev/full", "2> >(exit 0)"])
def test_nobody_listens(closing: str, serve: Serve, tmp_path: Path) -> None:
    """
    A stderr that is closed, full, or that nobody reads ends no sync.
    """
    arguments = Tap(tmp_path, serve(Portal.generate(300, seed=1))).arguments()
    command = f'exec "$@" {closing}'
    program = str(PROGRAMS / "tap-hubspot-engagements")
    done = subprocess.run(
        ["bash", "-c", command, "bash", program, *arguments],
        stdout=subprocess.PIPE,
        env=clean_environment(),
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith(b'{"type":"STATE"')


def test_check_in_the_trap_of_the_empty_feed(serve: Serve, tmp_path: Path) -> None:
    """
    --check says that the list of changes is empty though there are some, and ends with 1.
    """
    hubspot = serve(Portal.generate(30), scopes=["crm.objects.companies.read"])
    hubspot.portal.update(hubspot.portal.records()[0]["engagement"]["id"])
    run = Tap(tmp_path, hubspot)("--check")
    assert run.code == 1
    assert "grant the token the scope crm.objects.contacts.read" in run.out
    assert "index may be late" in run.out
    assert "after" in paths(hubspot)


class Teapot(BaseHTTPRequestHandler):
    """Has the same response for everybody."""

    def do_GET(self) -> None:
        self.send_error(418)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def untrusted(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a server whose certificate nobody vouches for, and the certificate's file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Teapot)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"https://localhost:{server.server_address[1]}", path
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_certificate_that_is_not_trusted(untrusted: tuple[str, Path], tmp_path: Path) -> None:
    """
    The run ends in a single line, within seconds, with the remedy; the token is not sent.
    """
    url, certificate = untrusted
    tap = Tap(tmp_path)
    began = time.monotonic()
    run = tap(config={"access_token": TOKEN, "base_url": url})
    assert run.code == 1
    assert time.monotonic() - began < 60
    (error,) = (line for line in run.err.splitlines() if line.startswith("ERROR"))
    assert "trust its authority by the variable REQUESTS_CA_BUNDLE" in error
    trusting = {"REQUESTS_CA_BUNDLE": str(certificate)}
    run = tap(config={"access_token": TOKEN, "base_url": url}, environment=trusting)
    assert run.code == 1
    assert "418" in run.err
