"""Unprintable characters and secrets of data, servers and files never reach logs or terminals."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engagements_report.config import read_config
from engagements_report.exceptions import UsageError
from mysql_settings.visible import visible
from target_mysql.config import Config as TargetConfig
from target_mysql.exceptions import ConfigError
from tests.conftest import TestDatabase, run_program
from tests.report.tables import create_tables
from tests.report.tables import run as run_report
from tests.servers import FAMILY
from tests.target.conftest import TEXT, load, record, schema, settings, state

# Control characters, line ends, marks of direction, lone surrogates and non-characters.
UNSAFE = [
    *map(chr, (*range(0x20), *range(0x7F, 0xA0))),
    *"\u2028\u2029\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    *"\ufdd0\ufffe\uffff\ud800\udfff",
]
NASTY = "".join(one for one in UNSAFE if one != "\0" and not "\ud800" <= one <= "\udfff")
NAME = f"a{NASTY}b"


def is_safe(text: str) -> bool:
    return not set(UNSAFE) - {"\n"} & set(text)


@pytest.mark.parametrize("character", UNSAFE, ids=ascii)
def test_unsafe_characters_are_escaped(character: str) -> None:
    """
    Each unsafe character is escaped like in Python's repr; all other text stays.
    """
    safe = "Ünïcödé 🎉 👩‍👩‍👧 \\n שלום"
    assert visible(f"{safe}{character}x") == safe + ascii(character)[1:-1] + "x"


def test_names_forge_no_line_of_the_target(database: TestDatabase) -> None:
    """
    Names that look like log lines, or like terminal commands, are escaped within their line.
    """
    stream, name = "things\x1b[2J\u202e\n", "x\nERROR forged\x1b[31m\u202e"
    message = schema({name: TEXT}, stream=stream)
    row = record({"id": 1, name: "a", f"undeclared{NASTY}": 2}, stream=stream)
    outcome = load(database, message, row, state(1))
    assert (outcome.code, outcome.out) == (0, "1\n"), outcome.err
    assert is_safe(outcome.err)
    assert "undeclared\\x01" in outcome.err and "\nERROR forged" not in outcome.err
    outcome = load(database, message, record({"id": name}, stream=stream))
    assert outcome.code == 1
    assert is_safe(outcome.err)
    assert "\nERROR forged" not in outcome.err


@pytest.mark.parametrize("report_format", ["table", "markdown"])
def test_values_forge_no_row_of_a_table(database: TestDatabase, report_format: str) -> None:
    """
    A printed table has a line for each row, and no terminal command.
    """
    create_tables(database, ["engagements"])
    database.query("INSERT INTO engagements (createdAt, type) VALUES (1530000000000, %s)", (NAME,))
    outcome = run_report(database, "daily", "--format", report_format)
    assert outcome.code == 0, outcome.err
    assert is_safe(outcome.out)
    assert outcome.out.count("\n") == {"table": 5, "markdown": 3}[report_format]
    assert "\\x1b" in outcome.out and "\\u202e" in outcome.out


JUNE_2018 = ("--from", "2018-06-01", "--to", "2018-06-30")


def test_a_page_of_any_names(database: TestDatabase, tmp_path: Path) -> None:
    """
    A page can be written with any characters in names, and contains only characters valid in HTML.
    """
    create_tables(database)
    for kind in (NAME, "CALL", "MEETING", "EMAIL", "INCOMING_EMAIL"):
        database.query(
            "INSERT INTO engagements (createdAt, type, ownerId) VALUES (1530000000000, %s, 7)",
            (kind,),
        )
    database.query("INSERT INTO owners VALUES (7, %s, %s, %s)", (NAME, NAME, NAME))
    database.query("INSERT INTO call_dispositions VALUES ('d', %s)", (NAME,))
    database.query("INSERT INTO engagement_calls VALUES (2, 'd', 60000)")
    database.query("INSERT INTO engagement_meetings VALUES (3, %s, 1, 2)", (NAME,))
    file = tmp_path / "report.html"
    outcome = run_report(database, "html", file, *JUNE_2018, "--type", NAME, "--type", "CALL")
    assert outcome.code == 0, outcome.err
    assert is_safe(file.read_text(encoding="utf-8"))
    assert run_report(database, "html", file, *JUNE_2018).code == 0
    text = file.read_text(encoding="utf-8")
    assert is_safe(text)
    assert re.search(r"<svg.*a\\x01", text) and re.search(r"<th.*a\\x01", text)


@pytest.mark.skipif(FAMILY.version != "MariaDB", reason="this server shows no hashes in grants")
@pytest.mark.parametrize(
    "way",
    [
        "BY 's3cr3t'",
        "VIA mysql_native_password USING PASSWORD('s3cr3t') OR unix_socket",
        "VIA unix_socket OR mysql_native_password USING PASSWORD('s3cr3t')",
    ],
)
def test_no_hash_is_shown(database: TestDatabase, way: str) -> None:
    """
    --check shows the granted rights, and nothing of how the user logs in.
    """
    ((password_hash,),) = database.query("SELECT PASSWORD('s3cr3t')")
    database.query(f"CREATE USER secretive@'%' IDENTIFIED {way}")
    try:
        database.query(f"GRANT ALL ON `{database.name}`.* TO secretive@'%'")
        environment = database.environment | settings(user="secretive", password="s3cr3t")
        outcome = run_program("target-mysql", "--check", environment=environment)
    finally:
        database.query("DROP USER secretive@'%'")
    assert outcome.code == 0, outcome.err
    assert "grant: GRANT USAGE ON *.* TO" in outcome.out
    assert f"grant: GRANT ALL PRIVILEGES ON `{database.name}`.*" in outcome.out
    assert password_hash not in outcome.out and password_hash[:9] not in outcome.out


URLS_AS_HOSTS = [
    "mysql://root:s3cr3t@db.example.com/hubspot",
    "mysql://root:s3cr3t@db.example.com:3306/hubspot",
    "root:s3cr3t@db.example.com",
    "s3cr3t@db.example.com",
    "db, mysql+pymysql://root:s3cr3t@[::1]:3306",
]


@pytest.mark.parametrize("host", URLS_AS_HOSTS)
def test_a_url_as_host_shows_no_password(host: str) -> None:
    """
    A URL as `host` is an error that says so, without any part of the URL.
    """
    problems = []
    with pytest.raises(ConfigError) as target_error:
        TargetConfig.from_sources({"host": host}, {}, ())
    problems.append(str(target_error.value))
    with pytest.raises(UsageError) as report_error:
        read_config([], settings(host=host), ())
    problems.append(str(report_error.value))
    for problem in problems:
        assert "host: must not be a URL: give host, port, user and password by keys" in problem
        assert "s3cr3t" not in problem


@pytest.mark.parametrize("host", ["a..b", "a" * 64, "a\0b", "db:0", "db:99999", "a b"])
def test_hosts_that_cannot_be_looked_up(host: str) -> None:
    """
    A text that cannot be a name or an address is a configuration error.
    """
    with pytest.raises(ConfigError, match="host: not a name, name:port or"):
        TargetConfig.from_sources({"host": host}, {}, ())
    with pytest.raises(UsageError, match="host: not a name, name:port or"):
        read_config([], settings(host=host), ())


@pytest.mark.parametrize("name", ["user", "password", "database", "unix_socket"])
@pytest.mark.parametrize("value", ["s3cr3t\0", "s3cr3t\udcff"])
def test_texts_that_no_server_takes(name: str, value: str) -> None:
    """
    NUL and lone surrogates are configuration errors, and the error does not show the value.
    """
    with pytest.raises(ConfigError) as target_error:
        TargetConfig.from_sources({}, settings(**{name: value}), ())
    assert str(target_error.value) == f"configuration: {name}: must be Unicode text without NUL"
    with pytest.raises(UsageError) as report_error:
        read_config([], settings(**{name: value}), ())
    assert str(report_error.value) == f"configuration: {name}: must be Unicode text without NUL"


@pytest.mark.parametrize("program", ["target-mysql", "engagements-report"])
@pytest.mark.parametrize(
    ("mode", "text", "warns"),
    [
        (0o600, '{"password": "s3cr3t"}', ""),
        (0o640, '{"password": "s3cr3t"}', ""),
        (0o644, '{"password": "s3cr3t"}', "may read its password: chmod o-r it"),
        (0o644, '{"password": ""}', ""),
        (0o644, "{}", ""),
        (0o602, "{}", "may change it: chmod o-w it"),
    ],
)
def test_a_config_that_others_may_use(
    program: str, mode: int, text: str, warns: str, tmp_path: Path
) -> None:
    """
    A configuration that every user can change, or read a password in, causes a warning.
    """
    file = tmp_path / "config.json"
    file.write_text(text)
    file.chmod(mode)
    arguments = ["daily"] if program == "engagements-report" else ["--check"]
    environment = settings(host="127.0.0.1", port=1) | {"HOME": str(tmp_path / "nobody")}
    outcome = run_program(program, *arguments, "--config", file, environment=environment)
    assert outcome.code == 1
    assert "s3cr3t" not in outcome.err
    lines = outcome.err.splitlines()
    assert len(lines) == (2 if warns else 1), outcome.err
    assert not warns or (str(file) in lines[0] and lines[0].endswith(warns))


@pytest.mark.parametrize("program", ["target-mysql", "engagements-report"])
def test_an_option_file_that_others_may_read(program: str, tmp_path: Path) -> None:
    """
    An option file of the mysql client, and an included file, cause the same warning.
    """
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "secret.cnf").write_text("[client]\npassword = s3cr3t\n")
    (folder / "secret.cnf").chmod(0o644)
    (tmp_path / ".my.cnf").write_text(f"[client]\nport=1\nhost=127.0.0.1\n!includedir {folder}\n")
    arguments = ["daily"] if program == "engagements-report" else ["--check"]
    outcome = run_program(program, *arguments, environment={"HOME": str(tmp_path)})
    assert outcome.code == 1
    warning, _ = outcome.err.splitlines()
    assert f"{folder / 'secret.cnf'}: every user of this machine may read" in warning
    assert "s3cr3t" not in outcome.err
