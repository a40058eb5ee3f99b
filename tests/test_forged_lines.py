"""What data, servers and files may hold, and what of it never reaches a log or a terminal."""

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

# Controls, ends of lines, marks of direction, halves of characters, and what no character is.
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
def test_what_is_escaped(character: str) -> None:
    """
    Each such character is shown as Python writes it, and nothing else is changed.
    """
    safe = "Ünïcödé 🎉 👩‍👩‍👧 \\n שלום"
    assert visible(f"{safe}{character}x") == safe + ascii(character)[1:-1] + "x"


def test_names_forge_no_line_of_the_target(database: TestDatabase) -> None:
    """
    Streams and properties named like lines of a log, or like orders to a terminal, stay in theirs.
    """
    stream, forged = "things\x1b[2J\u202e\n", "x\nERROR forged\x1b[31m\u202e"
    message = schema({forged: TEXT}, stream=stream)
    row = record({"id": 1, forged: "a", f"undeclared{NASTY}": 2}, stream=stream)
    done = load(database, message, row, state(1))
    assert (done.code, done.out) == (0, "1\n"), done.err
    assert is_safe(done.err)
    assert "undeclared\\x01" in done.err and "\nERROR forged" not in done.err
    refused = load(database, message, record({"id": forged}, stream=stream))
    assert refused.code == 1
    assert is_safe(refused.err)
    assert "\nERROR forged" not in refused.err


@pytest.mark.parametrize("report_format", ["table", "markdown"])
def test_values_forge_no_row_of_a_table(database: TestDatabase, report_format: str) -> None:
    """
    A table for people has a line for each row, and moves no cursor.
    """
    create_tables(database, ["engagements"])
    database.query("INSERT INTO engagements (createdAt, type) VALUES (1530000000000, %s)", (NAME,))
    done = run_report(database, "daily", "--format", report_format)
    assert done.code == 0, done.err
    assert is_safe(done.out)
    assert done.out.count("\n") == {"table": 5, "markdown": 3}[report_format]
    assert "\\x1b" in done.out and "\\u202e" in done.out


def test_a_page_of_any_names(database: TestDatabase, tmp_path: Path) -> None:
    """
    A page is written whatever characters names hold, and has none that HTML may not.
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
    done = run_report(database, "html", file, "--type", NAME, "--type", "CALL")
    assert done.code == 0, done.err
    assert is_safe(file.read_text(encoding="utf-8"))
    assert run_report(database, "html", file).code == 0
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
    Of the grants --check shows what is granted, and nothing of how the user logs in.
    """
    ((hashed,),) = database.query("SELECT PASSWORD('s3cr3t')")
    database.query(f"CREATE USER secretive@'%' IDENTIFIED {way}")
    try:
        database.query(f"GRANT ALL ON `{database.name}`.* TO secretive@'%'")
        environment = database.environment | settings(user="secretive", password="s3cr3t")
        done = run_program("target-mysql", "--check", environment=environment)
    finally:
        database.query("DROP USER secretive@'%'")
    assert done.code == 0, done.err
    assert "grant: GRANT USAGE ON *.* TO" in done.out
    assert f"grant: GRANT ALL PRIVILEGES ON `{database.name}`.*" in done.out
    assert hashed not in done.out and hashed[:9] not in done.out


HOSTS_THAT_ARE_NONE = [
    "mysql://root:s3cr3t@db.example.com/hubspot",
    "mysql://root:s3cr3t@db.example.com:3306/hubspot",
    "root:s3cr3t@db.example.com",
    "s3cr3t@db.example.com",
    "db, mysql+pymysql://root:s3cr3t@[::1]:3306",
]


@pytest.mark.parametrize("host", HOSTS_THAT_ARE_NONE)
def test_a_url_as_host_shows_no_password(host: str) -> None:
    """
    Whoever gives a URL where a host belongs is told so, without a word of the URL.
    """
    problems = []
    with pytest.raises(ConfigError) as refused:
        TargetConfig.from_sources({"host": host}, {}, ())
    problems.append(str(refused.value))
    with pytest.raises(UsageError) as refused_too:
        read_config([], settings(host=host), ())
    problems.append(str(refused_too.value))
    for problem in problems:
        assert "host: must not be a URL: give host, port, user and password by keys" in problem
        assert "s3cr3t" not in problem


@pytest.mark.parametrize("host", ["a..b", "a" * 64, "a\0b", "db:0", "db:99999", "a b"])
def test_hosts_that_cannot_be_looked_up(host: str) -> None:
    """
    What no name or address can be is a fault of the configuration.
    """
    with pytest.raises(ConfigError, match="host: not a name, name:port or"):
        TargetConfig.from_sources({"host": host}, {}, ())
    with pytest.raises(UsageError, match="host: not a name, name:port or"):
        read_config([], settings(host=host), ())


@pytest.mark.parametrize("name", ["user", "password", "database", "unix_socket"])
@pytest.mark.parametrize("value", ["s3cr3t\0", "s3cr3t\udcff"])
def test_texts_that_no_server_takes(name: str, value: str) -> None:
    """
    NUL and halves of characters are faults of the configuration, and not shown.
    """
    with pytest.raises(ConfigError) as refused:
        TargetConfig.from_sources({}, settings(**{name: value}), ())
    assert str(refused.value) == f"configuration: {name}: must be Unicode text without NUL"
    with pytest.raises(UsageError) as refused_too:
        read_config([], settings(**{name: value}), ())
    assert str(refused_too.value) == f"configuration: {name}: must be Unicode text without NUL"


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
    A configuration that every user of the machine may change, or read a password in, is a warning.
    """
    file = tmp_path / "config.json"
    file.write_text(text)
    file.chmod(mode)
    arguments = ["daily"] if program == "engagements-report" else ["--check"]
    environment = settings(host="127.0.0.1", port=1) | {"HOME": str(tmp_path / "nobody")}
    done = run_program(program, *arguments, "--config", file, environment=environment)
    assert done.code == 1
    assert "s3cr3t" not in done.err
    lines = done.err.splitlines()
    assert len(lines) == (2 if warns else 1), done.err
    assert not warns or (str(file) in lines[0] and lines[0].endswith(warns))


@pytest.mark.parametrize("program", ["target-mysql", "engagements-report"])
def test_an_option_file_that_others_may_read(program: str, tmp_path: Path) -> None:
    """
    So is an option file of the mysql client, and one that it includes.
    """
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "secret.cnf").write_text("[client]\npassword = s3cr3t\n")
    (folder / "secret.cnf").chmod(0o644)
    (tmp_path / ".my.cnf").write_text(f"[client]\nport=1\nhost=127.0.0.1\n!includedir {folder}\n")
    arguments = ["daily"] if program == "engagements-report" else ["--check"]
    done = run_program(program, *arguments, environment={"HOME": str(tmp_path)})
    assert done.code == 1
    warning, _ = done.err.splitlines()
    assert f"{folder / 'secret.cnf'}: every user of this machine may read" in warning
    assert "s3cr3t" not in done.err
