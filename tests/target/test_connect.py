"""Connecting as MySQL users expect: sockets, TLS, users with few rights, databases of any name."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from private_servers.server import PrivateServer
from private_servers.shell import run_steps
from target_mysql.server import statements
from tests.conftest import TestDatabase, run_program
from tests.servers import FAMILY
from tests.target.conftest import TEXT, load, load_here, record, schema, settings, state, to_lines
from tests.target.proxy import Proxy
from tests.target.test_server_faults import through

PASSWORD = "s3cr3t %s '\"\\"
THINGS = schema({"text": TEXT})


@pytest.fixture
def limited_user(database: TestDatabase) -> Iterator[str]:
    """A user with a password who may only read and write existing tables of the database."""
    database.query("CREATE USER limited@'%%' IDENTIFIED BY %s", (PASSWORD,))
    database.query(f"GRANT SELECT, INSERT, UPDATE, DELETE ON `{database.name}`.* TO limited@'%'")
    yield "limited"
    database.query("DROP USER limited@'%'")


def test_check_names_the_server_and_what_is_allowed(database: TestDatabase) -> None:
    """
    --check connects, prints the version and the rights, and loads nothing.
    """
    done = run_program(
        "target-mysql", "--check", stdin=to_lines(THINGS), environment=database.environment
    )
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert FAMILY.version in lines[0]
    assert lines[1].startswith(f"database: {database.name} (none that this user sees")
    assert lines[2] == f"LOAD DATA LOCAL: {FAMILY.load_data}"
    assert lines[3].startswith("grant: GRANT ")
    assert database.query("SHOW TABLES") == []


def test_a_wrong_password_is_refused_and_not_shown(
    database: TestDatabase, limited_user: str
) -> None:
    """
    The error names user and host, the exit code is 1, and no word of the password gets out.
    """
    done = load(database, THINGS, user=limited_user, password="wr0ng")
    assert (done.code, done.out) == (1, "")
    assert "ERROR cannot connect to MySQL at 127.0.0.1:" in done.err
    assert " as limited: Access denied" in done.err
    assert "wr0ng" not in done.err


def test_missing_rights_are_a_clear_error(database: TestDatabase, limited_user: str) -> None:
    """
    Who may not create a table or a database is told so; a table that is there can be loaded.
    """
    who = {"user": limited_user, "password": PASSWORD}
    done = load(database, THINGS, record({"id": 1}), state(1), **who)
    assert (done.code, done.out) == (1, "")
    assert "ERROR MySQL error 1142: CREATE command denied to user 'limited'" in done.err
    assert "grant this user the missing right on the database" in done.err
    done = load(database, THINGS, **who, database="not_there")
    assert done.code == 1
    assert "ERROR MySQL error 1044: Access denied" in done.err
    assert "s3cr3t" not in done.err


@pytest.mark.skipif(not FAMILY.has_latin1, reason="this server has no latin1")
def test_a_table_is_utf8_whatever_its_database(database: TestDatabase) -> None:
    """
    In a database of latin1, on a server of latin1, an emoji is an emoji.
    """
    database.query(f"ALTER DATABASE `{database.name}` CHARACTER SET latin1")
    load_here(database, THINGS, record({"id": 1, "text": "😀"}))
    assert database.query("SELECT text FROM things") == [("😀",)]
    sql = "SELECT table_collation, row_format FROM information_schema.tables"
    of_ours = "WHERE table_schema = %s AND table_name = 'things'"
    actual = database.query(f"{sql} {of_ours}", (database.name,))
    assert actual == [(FAMILY.collation, FAMILY.row_format)]


@pytest.mark.skipif(FAMILY.row_format == "Dynamic", reason="this server has large keys anyway")
def test_a_server_set_to_large_keys_has_them() -> None:
    """
    A MySQL 5.6 with large prefixes has keys and rows as every later server.
    """
    large = ("--innodb-file-format=Barracuda", "--innodb-large-prefix=ON")
    with FAMILY.server(large) as server:
        database = TestDatabase(server, "large")
        message = schema({"name": {"type": "string"}}, key=("name",))
        load_here(database, message, record({"id": 1, "name": "😀" * 768}))
        assert database.query("SELECT CHAR_LENGTH(name) FROM things") == [(768,)]
        sql = "SELECT DISTINCT row_format FROM information_schema.tables"
        assert database.query(f"{sql} WHERE table_schema = 'large'") == [("Dynamic",)]


def test_the_database_is_made(database: TestDatabase) -> None:
    """
    A missing database is created with any name, in utf8mb4.
    """
    name = "odd `name` %s; ü-"
    try:
        done = load(database, THINGS, record({"id": 1}), state(1), database=name)
        assert (done.code, done.out) == (0, "1\n"), done.err
        sql = "SELECT default_character_set_name FROM information_schema.schemata"
        assert database.query(f"{sql} WHERE schema_name = %s", (name,)) == [("utf8mb4",)]
    finally:
        database.query("DROP DATABASE IF EXISTS `odd ``name`` %s; ü-`")


def test_a_socket_of_an_option_file_is_used(database: TestDatabase, tmp_path: Path) -> None:
    """
    With nothing but ~/.my.cnf the target connects as the mysql client would.
    """
    server = database.server
    text = f"[client]\nsocket={server.socket}\nuser=root\npassword={server.password}\n"
    (tmp_path / ".my.cnf").write_text(f"{text}[target-mysql]\ndatabase={database.name}\n")
    done = run_program(
        "target-mysql",
        stdin=to_lines(THINGS, record({"id": 1}), state(1)),
        environment={"HOME": str(tmp_path)},
    )
    assert (done.code, done.out) == (0, "1\n"), done.err
    assert database.query("SELECT id FROM things") == [(1,)]


def test_a_host_that_is_away_is_passed_over(database: TestDatabase) -> None:
    """
    The first of several hosts that responds is used; the error for unreachable hosts names all.
    """
    here = f"127.0.0.1:{database.server.port}"
    done = load(database, THINGS, record({"id": 1}), state(1), host=f"127.0.0.1:1,{here}", port=2)
    assert (done.code, done.out) == (0, "1\n"), done.err
    assert database.query("SELECT id FROM things") == [(1,)]
    done = load(database, THINGS, host="127.0.0.1:1,127.0.0.1", port=2, retry_limit_seconds=0.1)
    assert done.code == 1
    assert "cannot connect to MySQL at 127.0.0.1:1 as root: " in done.err
    assert "; cannot connect to MySQL at 127.0.0.1:2 as root: " in done.err


def test_a_server_that_is_read_only_is_passed_over(database: TestDatabase) -> None:
    """
    A replica among several hosts is skipped, even if this user could write.
    """
    replica = FAMILY.server(["--read-only"])
    replica.password = database.server.password
    with replica:
        hosts = [f"127.0.0.1:{one.port}" for one in (replica, database.server)]
        done = load(database, THINGS, record({"id": 1}), state(1), host=",".join(hosts))
        assert (done.code, done.out) == (0, "1\n"), done.err
        assert database.query("SELECT id FROM things") == [(1,)]
        done = load(database, THINGS, host=f"{hosts[0]},127.0.0.1:1", retry_limit_seconds=0.1)
        assert done.code == 1
        assert "the server is read-only: connect to a primary; cannot connect" in done.err


@pytest.mark.parametrize(("word", "code"), [("OFF", 0), ("NO_LOCK", 1)])
def test_a_server_that_says_in_words_whether_it_is_read_only(
    database: TestDatabase, word: str, code: int
) -> None:
    """
    MariaDB 12 and later have a word in read_only, where others have a number.
    """
    query = statements.IS_READ_ONLY.encode()
    in_words = f"SELECT '{word}'".encode().ljust(len(query))
    with Proxy(database.server.port, lambda data: data.replace(query, in_words)) as proxy:
        hosts = {**through(proxy), "host": f"127.0.0.1:{proxy.port},127.0.0.1:1"}
        done = load(database, THINGS, record({"id": 1}), state(1), **hosts, retry_limit_seconds=0.1)
    assert done.code == code, done.err
    assert ("the server is read-only" in done.err) == bool(code)


def test_servers_that_stay_read_only_are_an_error(database: TestDatabase) -> None:
    """
    Several servers that are all read-only are retried for retry_limit_seconds; then the error says
    so of each.
    """
    replica = FAMILY.server(["--read-only"])
    replica.password = database.server.password
    with replica:
        hosts = f"127.0.0.1:{replica.port},localhost:{replica.port}"
        done = load(database, THINGS, host=hosts, retry_limit_seconds=2)
        assert (done.code, done.out) == (1, "")
        assert "retrying in" in done.err
        (error,) = [line for line in done.err.splitlines() if line.startswith("ERROR")]
        assert error.count("the server is read-only: connect to a primary") == 2


def test_init_sql_is_run_on_connecting(database: TestDatabase) -> None:
    """
    SET statements of the configuration are run as they are, percent signs and all.
    """
    statements = """["SET @a = '100%', SESSION sql_mode = CONCAT(@@sql_mode, ',NO_SUCH_MODE%')"]"""
    done = load(database, THINGS, init_sql=statements)
    assert done.code == 2
    assert "init_sql: the server refuses SET @a = '100%', SESSION sql_mode" in done.err
    assert "NO_SUCH_MODE%" in done.err
    assert "check host" not in done.err


def command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended by now
            yield path.read_bytes().decode(errors="replace")


def test_the_password_is_in_no_list(database: TestDatabase, limited_user: str) -> None:
    """
    Neither the server's process list nor the machine's shows the password.
    """
    seen: list[str] = []
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.is_set():
            seen.extend(str(row) for row in database.query("SHOW FULL PROCESSLIST"))
            seen.extend(command_lines())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        load(database, THINGS, record({"id": 1}), user=limited_user, password=PASSWORD)
    finally:
        is_over.set()
        watcher.join()
    assert any("target-mysql" in one for one in seen)
    assert not any("s3cr3t" in one for one in seen)


# --- TLS --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates() -> Iterator[Path]:
    """A folder with an authority, a server's certificate for `localhost`, and another authority."""
    with TemporaryDirectory(prefix="certificates-") as folder:
        make_certificates(Path(folder))
        # The server, which may be another user's, reads them.
        for path in (Path(folder), *Path(folder).iterdir()):
            path.chmod(0o755)
        yield Path(folder)


def make_certificates(folder: Path) -> None:
    new = "req -newkey rsa:2048 -nodes"
    for name in ("ca", "other"):
        openssl(folder, f"{new} -x509 -days 2 -subj /CN=Test-{name} -keyout {name}.key")
        (folder / "printed").rename(folder / f"{name}.pem")
    openssl(folder, f"{new} -subj /CN=localhost -keyout key")
    (folder / "printed").rename(folder / "request")
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    sign = "x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
    openssl(folder, f"{sign} -extfile names")
    (folder / "printed").rename(folder / "server.pem")


def openssl(folder: Path, arguments: str) -> None:
    run_steps(["openssl", *arguments.split(), "-out", "printed"], folder=folder)


@pytest.fixture(scope="module")
def tls_server(certificates: Path) -> Iterator[PrivateServer]:
    """A server that lets nobody in without TLS."""
    if not FAMILY.speaks_tls:
        pytest.skip("this server's TLS is older than any that Python still speaks")
    options = [
        f"--ssl-ca={certificates / 'ca.pem'}",
        f"--ssl-cert={certificates / 'server.pem'}",
        f"--ssl-key={certificates / 'key'}",
        "--require-secure-transport=ON",
    ]
    with FAMILY.server(options) as server:
        yield server


@pytest.fixture(scope="module")
def plain_server(server: PrivateServer) -> Iterator[PrivateServer]:
    """A server that has no TLS."""
    if not FAMILY.without_tls:
        yield server
        return
    with FAMILY.server(FAMILY.without_tls) as plain:
        yield plain


@pytest.mark.parametrize(
    ("mode", "code"), [("DISABLED", 0), ("PREFERRED", 0), ("REQUIRED", 1), ("VERIFY_CA", 1)]
)
def test_a_server_without_tls(
    plain_server: PrivateServer, certificates: Path, mode: str, code: int
) -> None:
    """
    If the server lacks TLS, a mode that requires TLS fails; there is no fallback to plain text.
    """
    environment = settings(ssl_mode=mode, ssl_ca=certificates / "ca.pem")
    environment |= plain_server.environment()
    done = run_program("target-mysql", stdin=to_lines(state(1)), environment=environment)
    assert done.code == code, done.err
    assert done.out == ("" if code else "1\n")
    if code:
        assert "ERROR cannot connect to MySQL at 127.0.0.1:" in done.err


@pytest.mark.parametrize(
    ("mode", "ca", "host", "code"),
    [
        ("DISABLED", "ca", "localhost", 1),
        ("PREFERRED", None, "localhost", 0),
        ("REQUIRED", None, "127.0.0.1", 0),
        ("REQUIRED", "other", "localhost", 0),
        ("VERIFY_CA", "ca", "127.0.0.1", 0),
        ("VERIFY_CA", "other", "localhost", 1),
        ("VERIFY_IDENTITY", "ca", "localhost", 0),
        ("VERIFY_IDENTITY", "ca", "127.0.0.1", 1),
        ("", "ca", "127.0.0.1", 0),
        ("", "other", "localhost", 1),
    ],
)
def test_a_server_that_wants_tls(
    tls_server: PrivateServer, certificates: Path, mode: str, ca: str | None, host: str, code: int
) -> None:
    """
    Certificates are checked according to ssl_mode, and a refused certificate is an error.

    As with the mysql client, ssl_ca without ssl_mode means VERIFY_CA.
    """
    environment = tls_server.environment() | settings(host=host, ssl_mode=mode)
    if ca:
        environment |= settings(ssl_ca=certificates / f"{ca}.pem")
    done = run_program("target-mysql", stdin=to_lines(state(1)), environment=environment)
    assert done.code == code, done.err
    assert done.out == ("" if code else "1\n")
    if code and mode != "DISABLED":
        assert "certificate verify failed" in done.err


def test_a_certificate_file_that_is_none(database: TestDatabase, tmp_path: Path) -> None:
    """
    A file of ssl_ca that is not there is a fault of the configuration, and named.
    """
    done = load(database, THINGS, ssl_mode="VERIFY_CA", ssl_ca=tmp_path / "nowhere.pem")
    assert done.code == 2
    assert "ERROR cannot be used for TLS: " in done.err
    assert "nowhere.pem: No such file" in done.err


@pytest.mark.skipif("REQUIRED" not in FAMILY.own_tls_modes, reason="it has no TLS as it comes")
def test_a_server_that_takes_tls_only() -> None:
    """
    The error of a server that requires TLS names the setting to change.
    """
    with FAMILY.server(("--require-secure-transport=ON",)) as server:
        own = TestDatabase(server, "own")
        done = load(own, THINGS, ssl_mode="DISABLED")
        assert (done.code, "set ssl_mode to REQUIRED" in done.err) == (1, True), done.err
        done = load(own, THINGS, ssl_mode="REQUIRED")
        assert done.code == 0, done.err
