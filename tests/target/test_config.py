"""The configuration: sources, precedence, faults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from mysql_settings.addresses import Address
from target_mysql.config import Config
from target_mysql.exceptions import ConfigError
from tests.conftest import TestDatabase, run_program
from tests.connecting import NEARER_THAN_A_SOCKET


def config(
    tmp_path: Path,
    raw_settings: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    options: str = "",
) -> Config:
    """Return the configuration of these sources; `options` is the text of an option file."""
    file = tmp_path / "my.cnf"
    file.write_text(options, encoding="utf-8")
    variables = {f"TARGET_MYSQL_{name}": value for name, value in (environment or {}).items()}
    return Config.from_sources(raw_settings or {}, variables, (str(file),))


def test_all_faults_are_named_at_once(database: TestDatabase, tmp_path: Path) -> None:
    """
    One line names every fault of all sources, and the exit code is 2.
    """
    file = tmp_path / "config.json"
    raw_settings = {
        "port": 70000,
        "ssl_mode": "MAYBE",
        "batch_size_rows": 0,
        "hard_delete": "perhaps",
    }
    file.write_text(json.dumps({**raw_settings, "user": 5, "ssl_cert": "a", "database": ""}))
    environment = {
        **database.environment,
        "TARGET_MYSQL_INIT_SQL": "SET a = 1",
        "TARGET_MYSQL_BATCH_WAIT_LIMIT_SECONDS": "nan",
    }
    done = run_program("target-mysql", "--config", file, environment=environment)
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line == (
        "ERROR configuration: port: must be a whole number from 1 to 65535;"
        " ssl_mode: must be one of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY;"
        " batch_size_rows: must be a whole number from 1 to 1000000000;"
        " hard_delete: must be true or false; user: must be a string;"
        " batch_wait_limit_seconds: must be a number of seconds above 0, at most 86400;"
        " init_sql: must be a list of SET statements; database: must not be empty;"
        " ssl_cert, ssl_key: one needs the other"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{", "not JSON: "), ("[]", "must hold a JSON object"), (None, "cannot be read: ")],
)
def test_a_file_that_is_no_configuration(tmp_path: Path, text: str | None, problem: str) -> None:
    """
    The error for a file that is missing, not JSON, or not an object names the problem.
    """
    file = tmp_path / "config.json"
    if text is not None:
        file.write_text(text)
    done = run_program("target-mysql", "-c", file)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"ERROR {file}: {problem}")


def test_an_unknown_key_is_named_with_its_nearest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The warning for a misspelt key suggests the nearest known key.
    """
    config(tmp_path, {"batch_size_row": 5, "zzz": 1, "user": "a"})
    assert caplog.messages == [
        "unknown config key batch_size_row: did you mean batch_size_rows?",
        "unknown config key zzz",
    ]


@pytest.mark.parametrize(
    ("raw_settings", "fault"),
    [
        ({"user": "a", "pasword": "x"}, "unknown config key pasword: did you mean password?"),
        ({"usr": "a"}, "unknown config key usr: did you mean user?"),
        ({"user": "a", "hosts": "b"}, "unknown config key hosts: did you mean host?"),
        ({"login": "a"}, "unknown config key login, and no user is named"),
        ({"sqlalchemy_url": "mysql://a:secret@b/c"}, "sqlalchemy_url: give host, port, user"),
    ],
)
def test_an_unknown_key_never_connects_as_root(
    tmp_path: Path, raw_settings: dict[str, object], fault: str
) -> None:
    """
    An unknown key that may name a user or server is an error; no default replaces the value.
    """
    with pytest.raises(ConfigError) as raised:
        config(tmp_path, raw_settings)
    assert fault in str(raised.value)
    assert "secret" not in str(raised.value)


def test_other_targets_names(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """
    Configurations of PipelineWise and the SDK work; settings without effect are reported once.
    """
    pipelinewise = {"parallelism": 0, "parallelism_max": 16, "disable_table_cache": False}
    sdk = {"flattening_enabled": True, "flattening_max_depth": 2, "batch_config": {}}
    actual = config(
        tmp_path,
        {
            **pipelinewise,
            **sdk,
            "username": "me",
            "hostname": "there",
            "load_method": "upsert",
            "add_record_metadata": False,
            "ssl": "true",
            "stream_maps": {"things": None},
            "schema_mapping": {},
            "default_target_schema_select_permission": "readers",
        },
    )
    assert (actual.user, actual.host) == ("me", (Address("there"),))
    assert (actual.load_method, actual.data_flattening_max_level) == ("auto", 2)
    assert (actual.add_metadata_columns, actual.ssl_mode) == (False, "REQUIRED")
    assert [message.partition(" ")[0] for message in caplog.messages] == [
        "default_target_schema_select_permission",
        "stream_maps",
    ]


def test_a_null_hides_no_other_name(tmp_path: Path) -> None:
    """
    With a null for our own name of a setting, another target's name of it counts.
    """
    null = {"database": None, "ssl_mode": None, "data_flattening_max_level": None}
    others = {"dbname": "a", "ssl": True, "flattening_enabled": True, "flattening_max_depth": 3}
    found = config(tmp_path, {**null, **others, "user": None, "username": "me"})
    assert (found.database, found.ssl_mode, found.user) == ("a", "REQUIRED", "me")
    assert found.data_flattening_max_level == 3
    assert config(tmp_path, {**others, "database": "b"}).database == "b"


def test_the_nearest_source_wins(tmp_path: Path) -> None:
    """
    The file of --config wins over the environment, that over the option files.
    """
    options = "[client]\nhost=c\nuser=c\npassword=c\ndatabase=c\n"
    environment = {"HOST": "b", "USER": "b", "DATABASE": ""}
    actual = config(tmp_path, {"host": "a"}, environment, options)
    assert actual.host == (Address("a"),)
    assert (actual.user, actual.password, actual.database) == ("b", "c", "c")


def test_an_empty_password_is_a_password(tmp_path: Path) -> None:
    """
    TARGET_MYSQL_PASSWORD set to nothing wins over an option file's password.
    """
    assert config(tmp_path, {}, {"PASSWORD": ""}, "[client]\npassword=c\n").password == ""


@pytest.mark.parametrize(
    "raw_settings",
    [{"default_target_schema": "a"}, {"dbname": "a"}, {"database": "a", "dbname": "b"}],
)
def test_aliases(tmp_path: Path, raw_settings: dict[str, object]) -> None:
    """
    PipelineWise's names for the database mean the same; our own name wins, in either order.
    """
    assert config(tmp_path, raw_settings).database == "a"
    assert config(tmp_path, dict(reversed(raw_settings.items()))).database == "a"
    variables = {name.upper(): str(value) for name, value in raw_settings.items()}
    assert config(tmp_path, {}, variables).database == "a"


@pytest.mark.parametrize(("raw_settings", "environment", "expected"), NEARER_THAN_A_SOCKET)
def test_a_socket_does_not_beat_a_nearer_host(
    tmp_path: Path,
    raw_settings: dict[str, object],
    environment: dict[str, str],
    expected: tuple[str, int, str | None],
) -> None:
    """
    The socket of an option file is for those who name no host and no port nearer by.
    """
    actual = config(
        tmp_path, raw_settings, environment, "[client]\nsocket=/run/socket\nport=3307\n"
    )
    assert (str(*actual.host), actual.port, actual.unix_socket) == expected


def test_a_host_of_an_option_file_beats_its_socket(tmp_path: Path) -> None:
    """
    As for the mysql client, sockets are for localhost alone; a port named nearer keeps the host.
    """
    options = "[client]\nsocket=/run/socket\nhost=db\n"
    assert config(tmp_path, options=options).unix_socket is None
    assert config(tmp_path, {}, {"PORT": "3308"}, options).host == (Address("db"),)


@pytest.mark.parametrize(
    ("raw_settings", "expected"),
    [
        ("db", [("db", 3307)]),
        ("db1,db2:3308", [("db1", 3307), ("db2", 3308)]),
        (["db1", "db2:3308"], [("db1", 3307), ("db2", 3308)]),
        (" db1 , [::1]:3308 ", [("db1", 3307), ("::1", 3308)]),
        (["::1", "[fe80::1%eth0]"], [("::1", 3307), ("fe80::1%eth0", 3307)]),
        ("bücher.example", [("bücher.example", 3307)]),
    ],
)
def test_hosts(tmp_path: Path, raw_settings: object, expected: list[tuple[str, int]]) -> None:
    """
    Several hosts may be a list or separated by commas, each with an optional port.
    """
    assert (
        config(tmp_path, {"host": raw_settings}, options="[client]\nport=3307\n").addresses
        == expected
    )
    if isinstance(raw_settings, str):
        assert config(tmp_path, {"port": 3307}, {"HOST": raw_settings}).addresses == expected


@pytest.mark.parametrize(
    "raw_settings",
    [[], 5, [5], "", "a,", "a:b", "a:0", "a:65536", "[::1", "a b", "[::1]x", ["a,b"]],
)
def test_what_is_no_host(tmp_path: Path, raw_settings: object) -> None:
    """
    A value that cannot be a host is a fault.
    """
    with pytest.raises(ConfigError, match="configuration: host: "):
        config(tmp_path, {"host": raw_settings})


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("password=secret", "secret"),
        ("  password = secret  ", "secret"),
        ('password="with # and spaces "', "with # and spaces "),
        ("password='single'", "single"),
        ("password=secret # a comment", "secret"),
        ("password=sec#ret", "sec"),
        ("password=a=b:c%d", "a=b:c%d"),
        (r"password=a\\b\tc\sd\e", "a\\b\tc d\\e"),
        ("password=it's", "it's"),
        ("password='", "'"),
        ("password=", ""),
        ("password", ""),
        ("password=first\npassword=second", "second"),
        ("user=u\n  password=indented", "indented"),
        ("#password=no\n;password=no", ""),
        ("[mysqld]\npassword=no\n[target-mysql]\npassword=yes", "yes"),
        ("password=\u00fc", "\u00fc"),
    ],
)
def test_option_files_are_read_as_the_mysql_client_does(
    tmp_path: Path, text: str, password: str
) -> None:
    """
    Quotes, comments, escapes, indents and groups have the meaning of the mysql client.
    """
    assert config(tmp_path, options=f"[client]\n{text}\n").password == password


def test_option_files_may_include_others(tmp_path: Path) -> None:
    """
    !include and !includedir are read in place; a file that includes itself ends.
    """
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "a.cnf").write_text("[client]\nuser=from-dir\nhost=from-dir\n")
    (folder / "ignored.txt").write_text("[client]\nuser=ignored\n")
    one = tmp_path / "one.cnf"
    one.write_text(f"!include {one}\n[client]\ndatabase=from-one\n")
    options = (
        f"[client]\nuser=early\n!includedir {folder}\n!include {one}\n!include /nowhere\n"
        "[client]\nhost=late\n"
    )
    actual = config(tmp_path, options=options)
    assert (actual.user, str(*actual.host), actual.database) == ("from-dir", "late", "from-one")


def test_an_option_file_in_another_encoding_is_no_crash(tmp_path: Path) -> None:
    """
    Bytes that are no UTF-8, in a comment of a colleague's, do no harm.
    """
    file = tmp_path / "my.cnf"
    file.write_bytes(b"# gr\xfc\xdfe\n[client]\nuser=me\n")
    assert Config.from_sources({}, {}, (str(file),)).user == "me"


def test_a_password_is_in_no_repr(tmp_path: Path) -> None:
    """
    The repr of the configuration, which may be logged, lacks the password.
    """
    assert "s3cr3t" not in repr(config(tmp_path, {"password": "s3cr3t"}))


@pytest.mark.parametrize(
    "raw_settings",
    [{"init_sql": "SET a = 1"}, {"init_sql": ["DROP TABLE a"]}, {"init_sql": [1]}, {"port": True}],
)
def test_what_is_refused(tmp_path: Path, raw_settings: dict[str, object]) -> None:
    """
    Values of the wrong kind are faults.
    """
    with pytest.raises(ConfigError):
        config(tmp_path, raw_settings)


def test_help_and_version() -> None:
    """
    --help and --version write to stdout and need no server.
    """
    helped, version = (run_program("target-mysql", option) for option in ("--help", "--version"))
    assert (helped.code, version.code) == (0, 0)
    assert "TARGET_MYSQL_HOST" in helped.out
    assert version.out.startswith("target-mysql ")
    assert run_program("target-mysql", "--no-such-option").code == 2
