"""The settings of a server mean the same to target-mysql and engagements-report."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from private_servers.server import PrivateServer
from tests.conftest import Outcome, TestDatabase, run_program
from tests.report.tables import create_tables
from tests.servers import FAMILY
from tests.target.conftest import settings
from tests.target.test_connect import make_certificates

ARGUMENTS = {"target-mysql": ("--check",), "engagements-report": ("daily",)}


@dataclass(frozen=True)
class Program:
    """One of the two programs, run on a configuration file, variables and ~/.my.cnf."""

    name: str
    folder: Path

    def run(
        self,
        config: Mapping[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
        options: str = "",
        extra: tuple[object, ...] = (),
    ) -> Outcome:
        """Connect, which both programs do at least; without `config` there is no --config."""
        (self.folder / ".my.cnf").write_text(options)
        arguments = [*ARGUMENTS[self.name], *extra]
        if config is not None:
            file = self.folder / "config.json"
            file.write_text(json.dumps(config))
            file.chmod(0o600)
            arguments += ["--config", file]
        variables = {**(environment or {}), "HOME": str(self.folder)}
        return run_program(self.name, *arguments, environment=variables)


@pytest.fixture(params=ARGUMENTS)
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Program:
    return Program(request.param, tmp_path)


@pytest.fixture
def tables(database: TestDatabase) -> TestDatabase:
    """A database with the tables that a report reads."""
    create_tables(database)
    return database


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the server's authority, ca.pem, and another one, other.pem."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    # The server, which may run as another user, reads them.
    for path in (*folder.parents[:2], folder, *folder.iterdir()):
        path.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def tls_server(certificates: Path) -> Iterator[PrivateServer]:
    """A server with a certificate of its own."""
    if not FAMILY.speaks_tls:
        pytest.skip("this server's TLS is older than any that Python still speaks")
    options = [
        f"--ssl-ca={certificates / 'ca.pem'}",
        f"--ssl-cert={certificates / 'server.pem'}",
        f"--ssl-key={certificates / 'key'}",
    ]
    with FAMILY.server(options) as server:
        yield server


def test_a_null_host_is_not_set(program: Program, tables: TestDatabase) -> None:
    """
    A null in the configuration leaves the host, the user and the rest to the environment.
    """
    variables = dict(tables.environment)
    port = variables.pop("TARGET_MYSQL_PORT")
    variables["TARGET_MYSQL_HOST"] = f"127.0.0.1:{port}"
    null = dict.fromkeys(("host", "port", "user", "password", "database"))
    done = program.run(null, variables)
    assert done.code == 0, done.err


@pytest.mark.parametrize(("authority", "code"), [("ca", 0), ("other", 1)])
def test_a_null_ssl_ca_hides_no_option(
    program: Program, tls_server: PrivateServer, certificates: Path, authority: str, code: int
) -> None:
    """
    With a null for ssl_ca the authority of the option file counts, and the server is verified.
    """
    own = TestDatabase(tls_server, "own")
    create_tables(own)
    options = f"[client]\nssl-ca={certificates / f'{authority}.pem'}\n"
    done = program.run({"ssl_ca": None, "ssl_mode": None}, own.environment, options)
    assert done.code == code, done.err
    assert ("certificate verify failed" in done.err) == bool(code)


def test_port_0_is_no_port(program: Program) -> None:
    """
    A host with the port 0 is a fault of the configuration.
    """
    done = program.run({"host": "h1:0"})
    assert (done.code, done.out) == (2, "")
    assert "host: not a name, name:port or [IPv6 address]:port: 'h1:0'" in done.err


def test_preferred_with_an_authority(
    program: Program, tls_server: PrivateServer, certificates: Path
) -> None:
    """
    PREFERRED checks no certificate, as for the mysql client, whichever authority is named.
    """
    own = TestDatabase(tls_server, "own")
    create_tables(own)
    config = {"ssl_mode": "preferred", "ssl_ca": str(certificates / "other.pem")}
    done = program.run(config, own.environment)
    assert done.code == 0, done.err


@pytest.mark.skipif(not FAMILY.without_tls, reason="this server has TLS only when told to")
def test_preferred_without_tls(program: Program, certificates: Path) -> None:
    """
    PREFERRED with an authority connects to a server without TLS.
    """
    with FAMILY.server(FAMILY.without_tls) as server:
        own = TestDatabase(server, "own")
        create_tables(own)
        config = {"ssl_mode": "PREFERRED", "ssl_ca": str(certificates / "ca.pem")}
        done = program.run(config, own.environment)
    assert done.code == 0, done.err


def test_a_certificate_file_that_is_none(program: Program, tables: TestDatabase) -> None:
    """
    A file that ssl_ca names and that cannot be used is a fault of the configuration.
    """
    done = program.run({"ssl_ca": "/no/such.pem"}, tables.environment)
    assert (done.code, done.out) == (2, "")
    assert "cannot be used for TLS: /no/such.pem: No such file" in done.err


def test_settings_from_files(program: Program, tables: TestDatabase, tmp_path: Path) -> None:
    """
    TARGET_MYSQL_PASSWORD_FILE names a file that holds the password; so does every setting's.
    """
    variables = {}
    for variable, value in tables.environment.items():
        file = tmp_path / variable
        file.write_text(f"{value}\n")
        file.chmod(0o444)  # the mode of a docker secret
        variables[f"{variable}_FILE"] = str(file)
    variables["TARGET_MYSQL_PASSWORD"] = ""  # as compose files have it for a variable without value
    done = program.run(None, variables)
    assert done.code == 0, done.err
    assert "TARGET_MYSQL" not in done.err


def test_faults_of_files(program: Program, tmp_path: Path) -> None:
    """
    A file that cannot be read, is no text, or comes beside the variable is a fault, never shown.
    """
    (tmp_path / "binary").write_bytes(b"s3cr3t\xff")
    variables = {
        "TARGET_MYSQL_PASSWORD_FILE": str(tmp_path / "binary"),
        "TARGET_MYSQL_USER_FILE": "/no/such",
        "TARGET_MYSQL_HOST_FILE": "/no/such",
        "TARGET_MYSQL_HOST": "db",
        "TARGET_MYSQL_PORT": "0",
    }
    done = program.run(None, variables)
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    for fault in (
        f"TARGET_MYSQL_PASSWORD_FILE: {tmp_path / 'binary'}: not UTF-8 text",
        "TARGET_MYSQL_USER_FILE: /no/such: cannot be read: No such file or directory",
        "TARGET_MYSQL_HOST, TARGET_MYSQL_HOST_FILE: give only one of them",
        "port: must be a whole number from 1 to 65535",
    ):
        assert fault in line
    assert "s3cr3t" not in line


@pytest.mark.parametrize("name", ["ssl_ca", "ssl_cert", "ssl_key"])
def test_the_text_of_a_key_is_no_path(program: Program, tmp_path: Path, name: str) -> None:
    """
    TARGET_MYSQL_SSL_KEY_FILE names a file that holds a path; a key in it is a fault, not shown.
    """
    file = tmp_path / "key.pem"
    file.write_text("-----BEGIN PRIVATE KEY-----\ns3cr3t\n-----END PRIVATE KEY-----\n")
    done = program.run(None, {f"TARGET_MYSQL_{name.upper()}_FILE": str(file)})
    assert (done.code, done.out) == (2, "")
    assert f"{name}: must be the path of a file, not its text" in done.err
    assert "s3cr3t" not in done.err


def test_a_file_of_a_setting_that_others_may_change(program: Program, tmp_path: Path) -> None:
    """
    A file that every user may change is a warning, as for a configuration.
    """
    file = tmp_path / "port"
    file.write_text("1\n")
    file.chmod(0o606)
    variables = {"TARGET_MYSQL_PORT_FILE": str(file), "TARGET_MYSQL_HOST": "127.0.0.1"}
    done = program.run(None, variables)
    assert done.code == 1
    assert f"{file}: every user of this machine may change it: chmod o-w it" in done.err


def test_config_env(program: Program, tables: TestDatabase) -> None:
    """
    --config ENV means the environment only, as for programs of Meltano's SDK.
    """
    done = program.run(None, tables.environment, extra=("--config", "ENV"))
    assert done.code == 0, done.err


def test_several_configs(program: Program, tables: TestDatabase, tmp_path: Path) -> None:
    """
    Of several --config files the last that has a key counts; ENV among them takes nothing away.
    """
    first = tmp_path / "first.json"
    first.write_text(json.dumps({"host": "127.0.0.1", "port": 1, "user": "nobody"}))
    first.chmod(0o600)
    port = int(tables.environment["TARGET_MYSQL_PORT"])
    last = {"port": port, "user": "root", "host": None}
    extra = ("--config", first, "--config", "ENV")
    done = program.run(last, tables.environment, extra=extra)
    assert done.code == 0, done.err


@pytest.mark.parametrize("value", [5, ["s3cr3t"], {"s3cr3t": 1}, "s3cr3t\0"])
def test_a_password_is_in_no_fault(program: Program, value: object) -> None:
    """
    A password of a wrong type is a fault that does not show it.
    """
    done = program.run({"password": value})
    assert (done.code, done.out) == (2, "")
    assert "password: must be " in done.err and "s3cr3t" not in done.err


def test_no_secret_in_about() -> None:
    """
    --about shows no value of the environment, and marks the password as a secret.
    """
    done = run_program("target-mysql", "--about", environment=settings(password="s3cr3t"))
    assert done.code == 0, done.err
    assert "s3cr3t" not in done.out + done.err
    assert json.loads(done.out)["settings"]["properties"]["password"]["secret"] is True


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_an_option_file_that_cannot_be_read(program: Program, tables: TestDatabase) -> None:
    """
    An option file that this user may not read is a warning.
    """
    (program.folder / "conf.cnf").write_text("[client]\n")
    (program.folder / "conf.cnf").chmod(0)
    options = f"!include {program.folder / 'conf.cnf'}\n"
    done = program.run(None, tables.environment, options)
    assert done.code == 0, done.err
    assert "conf.cnf cannot be read: Permission denied" in done.err
