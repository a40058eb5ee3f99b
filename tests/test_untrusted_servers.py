"""
An unverified server never gets the password, in whichever way the server asks; see login.py.

The attacks run on loopback, with `is_loopback` replaced to return False. `is_loopback` has a test
of its own, and one test uses an address of this machine outside of loopback.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

import mysql_settings.login
from engagements_report import config as report_config
from engagements_report.exceptions import DatabaseError
from engagements_report.queries import database as report_database
from target_mysql.config import Config
from target_mysql.exceptions import ConnectError
from target_mysql.server import connection as target_connection
from tests.conftest import run_program
from tests.target.conftest import settings
from tests.target.feeding import END_S
from tests.wire import CHALLENGE, OK, greeting, receive, send

PASSWORD = "s3cr3t-pass"
FULL_LOGIN, KEY_FOLLOWS = b"\1\4", b"\1"
SWITCH = b"\xfe"


@dataclass(frozen=True)
class Attack:
    """
    The steps of a server that asks for the password.

    `plugin` is that of the greeting, `next_plugin` that of a switch. `then` are the packets after
    that, each sent after a packet of the client; "key" stands for the server's key.
    """

    plugin: str
    next_plugin: str = ""
    tls: bool = False
    then: tuple[bytes | str, ...] = ()


ATTACKS = {
    "clear text": Attack("mysql_native_password", "mysql_clear_password"),
    "clear text over TLS": Attack("mysql_native_password", "mysql_clear_password", tls=True),
    "clear text from the start": Attack("mysql_clear_password", "mysql_clear_password"),
    "PAM": Attack("mysql_native_password", "dialog"),
    "PAM over TLS": Attack("mysql_native_password", "dialog", tls=True),
    "sha256 with a key": Attack("mysql_native_password", "sha256_password", then=("key",)),
    "sha256 from the start": Attack("sha256_password", "sha256_password", then=("key",)),
    "sha256 from the start over TLS": Attack("sha256_password", "sha256_password", tls=True),
    "sha256 over TLS": Attack("mysql_native_password", "sha256_password", tls=True),
    "caching with a key": Attack("caching_sha2_password", then=(FULL_LOGIN, "key")),
    "caching over TLS": Attack("caching_sha2_password", tls=True, then=(FULL_LOGIN,)),
    "caching by a switch": Attack(
        "mysql_native_password", "caching_sha2_password", then=(FULL_LOGIN, "key")
    ),
    "caching by a switch over TLS": Attack(
        "mysql_native_password", "caching_sha2_password", tls=True, then=(FULL_LOGIN,)
    ),
    "a key without being asked": Attack("caching_sha2_password", then=("key", "key")),
}


@dataclass
class RogueLogin:
    """A server that asks every client for the password; `packets` are all packets of clients."""

    attack: Attack
    folder: Path
    address: str = "127.0.0.1"
    packets: list[bytes] = field(default_factory=list)
    port: int = 0
    _listener: socket.socket = field(default_factory=socket.socket)
    _key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )

    def __enter__(self) -> RogueLogin:
        self._listener.bind((self.address, 0))
        self._listener.listen()
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(END_S)  # then `packets` is complete

    @property
    def knows_password(self) -> bool:
        """Whether the packets contain the password, as text or encrypted with the server's key."""
        return any(
            PASSWORD.encode() in one or self._is_encrypted_password(one) for one in self.packets
        )

    def _is_encrypted_password(self, packet: bytes) -> bool:
        scheme = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
        with contextlib.suppress(ValueError):
            scrambled = self._key.decrypt(packet, scheme)
            plain = bytes(a ^ b for a, b in zip(scrambled, CHALLENGE, strict=False))
            return PASSWORD.encode() in plain
        return False

    def _serve(self) -> None:
        context = self._tls() if self.attack.tls else None
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.settimeout(END_S)
                with contextlib.suppress(OSError), client:
                    self._talk(client, context)

    def _talk(self, client: socket.socket, context: ssl.SSLContext | None) -> None:
        send(client, 0, greeting(self.attack.plugin, tls=self.attack.tls))
        number, packet = receive(client)
        if context:
            client = context.wrap_socket(client, server_side=True)
            number, packet = receive(client)
        self.packets.append(packet)
        steps: list[bytes | str] = list(self.attack.then)
        if self.attack.next_plugin:
            name = self.attack.next_plugin.encode()
            prompt = b"\2Password: " if name == b"dialog" else CHALLENGE + b"\0"
            steps.insert(0, SWITCH + name + b"\0" + prompt)
        for one in (*steps, OK):
            send(client, number + 1, self._public_key() if isinstance(one, str) else one)
            number, packet = receive(client)
            self.packets.append(packet)

    def _public_key(self) -> bytes:
        pem = serialization.Encoding.PEM
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        return KEY_FOLLOWS + self._key.public_key().public_bytes(pem, spki)

    def make_certificate(self) -> Path:
        """Write the server's key and a self-signed certificate to a file; returns the path."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rogue")])
        now = datetime.now(timezone.utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(self._key, hashes.SHA256())
        )
        file = self.folder / "rogue.pem"
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        key = self._key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        file.write_bytes(key + certificate.public_bytes(pem))
        return file

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.make_certificate())
        return context


def target_problem(**config: object) -> str:
    """Connect like target-mysql; returns the error."""
    target_config = Config.from_sources({}, settings(**config), option_files=())
    with pytest.raises(ConnectError) as error:
        target_connection.connect(target_config)
    return str(error.value)


def report_problem(**config: object) -> str:
    """Connect like engagements-report; returns the error."""
    connection_config = report_config.read_config([], settings(**config), ())[0]
    with pytest.raises(DatabaseError) as error:
        report_database.Database(connection_config)
    return str(error.value)


PROGRAMS: dict[str, Callable[..., str]] = {"target": target_problem, "reports": report_problem}


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat loopback addresses like all others."""
    monkeypatch.setattr(mysql_settings.login, "is_loopback", lambda address: False)


# The modes in which the client reaches the login.
MODES = {True: ("PREFERRED", "REQUIRED"), False: ("PREFERRED", "DISABLED")}
ATTACKS_BY_MODE = [(name, mode) for name, attack in ATTACKS.items() for mode in MODES[attack.tls]]


@pytest.mark.usefixtures("far_away")
@pytest.mark.parametrize(("name", "ssl_mode"), ATTACKS_BY_MODE)
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_password_is_not_sent(program: str, name: str, ssl_mode: str, tmp_path: Path) -> None:
    """
    A server that asks for the password does not get the password; one line says what to do.
    """
    with RogueLogin(ATTACKS[name], tmp_path) as server:
        problem = PROGRAMS[program](
            host="127.0.0.1", port=server.port, password=PASSWORD, ssl_mode=ssl_mode
        )
    assert server.packets
    assert not server.knows_password
    assert "the server asks for the password itself" in problem
    assert problem.endswith("and ssl_mode to VERIFY_CA or VERIFY_IDENTITY")
    assert PASSWORD not in problem and "\n" not in problem


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_the_attacks_are_real(attack: Attack, tmp_path: Path) -> None:
    """
    On loopback, where passwords are sent, each attack gets the password.
    """
    with RogueLogin(attack, tmp_path) as server:
        config = settings(host="127.0.0.1", port=server.port, password=PASSWORD)
        with contextlib.suppress(ConnectError):
            target_connection.connect(Config.from_sources({}, config, option_files=()))
    assert server.knows_password or attack == ATTACKS["a key without being asked"]


@pytest.mark.usefixtures("far_away")
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_verified_mode_never_reaches_the_login(program: str, tmp_path: Path) -> None:
    """
    With VERIFY_CA, a server with a self-signed certificate gets no packet of the login.
    """
    attack = ATTACKS["clear text over TLS"]
    (tmp_path / "other").mkdir()
    RogueLogin(attack, tmp_path / "other").make_certificate()
    with RogueLogin(attack, tmp_path) as server:
        problem = PROGRAMS[program](
            host="127.0.0.1",
            port=server.port,
            password=PASSWORD,
            ssl_mode="VERIFY_CA",
            ssl_ca=tmp_path / "other" / "rogue.pem",
        )
    assert server.packets == []
    assert "certificate verify failed" in problem


def own_address() -> Iterator[str]:
    """Yield the addresses of this machine outside of loopback."""
    for addresses in psutil.net_if_addrs().values():
        for one in addresses:
            if one.family is socket.AF_INET and not one.address.startswith("127."):
                yield one.address


@pytest.mark.parametrize("program", ["target-mysql", "engagements-report"])
def test_an_address_outside_of_loopback(program: str, tmp_path: Path) -> None:
    """
    By another address of this machine, both programs refuse, and warn that nothing proves whose
    server answers.
    """
    address = next(own_address(), None)
    if address is None:
        pytest.skip("this machine has no address but loopback")
    arguments = ["daily"] if program == "engagements-report" else []
    attack = ATTACKS["caching with a key"]
    with RogueLogin(attack, tmp_path, address) as server:
        environment = settings(host=address, port=server.port, password=PASSWORD)
        outcome = run_program(program, *arguments, environment=environment)
    assert (outcome.code, outcome.out) == (1, "")
    assert server.packets and not server.knows_password
    warning, error = outcome.err.splitlines()
    assert f"nothing proves that {address} is your server" in warning
    assert "the server asks for the password itself (caching_sha2_password)" in error


@pytest.mark.parametrize(
    ("address", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.8.7", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("128.0.0.1", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("::ffff:10.0.0.1", False),
        ("127.0.0.1.example.com", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_which_addresses_are_loopback(address: str, is_loopback: bool) -> None:
    """
    Only IP addresses of loopback are trusted; names are not addresses.
    """
    assert mysql_settings.login.is_loopback(address) is is_loopback


@pytest.mark.parametrize(
    ("ssl_mode", "unix_socket", "hosts", "warns_of"),
    [
        ("PREFERRED", None, ["db.example.com"], "db.example.com"),
        ("PREFERRED", None, ["localhost", "10.0.0.1", "::1", "b"], "10.0.0.1, b"),
        ("PREFERRED", None, ["localhost", "127.0.0.1"], ""),
        ("PREFERRED", "/run/mysqld.sock", ["db.example.com"], ""),
        *((mode, None, ["a"], "") for mode in ("DISABLED", "REQUIRED", "VERIFY_CA")),
    ],
)
def test_who_is_warned(
    ssl_mode: str, unix_socket: str | None, hosts: list[str], warns_of: str
) -> None:
    """
    PREFERRED warns of servers elsewhere; who chose another mode, or is on this machine, is not.
    """
    warning: Any = mysql_settings.login.unproven_server_warning(ssl_mode, unix_socket, hosts)
    assert bool(warning) == bool(warns_of)
    assert not warning or f"nothing proves that {warns_of} is" in warning
