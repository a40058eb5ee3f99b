"""Where the database is: what is read from where, and that target-mysql finds the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engagements_report.config import Config
from engagements_report.exceptions import UsageError
from target_mysql import config as target_config
from tests.connecting import NEARER_THAN_A_SOCKET


def config(
    tmp_path: Path,
    given: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    options: str = "",
) -> Config:
    """Return the configuration of these sources; `options` is the text of an option file."""
    option_file, file = tmp_path / "my.cnf", tmp_path / "config.json"
    option_file.write_text(options, encoding="utf-8")
    file.write_text(json.dumps(given or {}))
    variables = {f"TARGET_MYSQL_{name}": value for name, value in (environment or {}).items()}
    return Config.from_sources(file, variables, (str(option_file),))


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    """
    One line names every fault, from wherever it comes.
    """
    with pytest.raises(UsageError) as raised:
        config(
            tmp_path,
            {"port": 70000, "user": 5, "ssl_cert": "a", "database": ""},
            {"SSL_MODE": "VERIFY_IDENTITY"},
        )
    assert str(raised.value) == (
        "configuration: user: must be a string; port: must be a whole number from 1 to 65535;"
        " database: must not be empty; ssl_ca: needed by ssl_mode VERIFY_IDENTITY;"
        " ssl_cert, ssl_key: one needs the other"
    )


@pytest.mark.parametrize(("given", "environment", "expected"), NEARER_THAN_A_SOCKET)
def test_a_socket_does_not_beat_a_nearer_host(
    tmp_path: Path,
    given: dict[str, object],
    environment: dict[str, str],
    expected: tuple[str, int, str | None],
) -> None:
    """
    The socket of an option file is for those who name no host and no port nearer by.
    """
    found = config(tmp_path, given, environment, "[client]\nsocket=/run/socket\nport=3307\n")
    assert (found.host, found.port, found.unix_socket) == expected


PIECES = st.sampled_from(
    [
        *("password", "user", "database", "=", " = ", "\n", "\n", "#", ";", "'", '"', "\\", "\\s"),
        *(" ", "\t", "secret", "it's", "[client]\n", "\n[engagements-report]\n", "[mysqld]\n", "ü"),
    ]
)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(pieces=st.lists(PIECES, max_size=30))
@example(["password", "=", "secret", " ", "#", " "])
@example(["password", "=", "'", "secret", " ", "#", "'", " ", "#"])
@example(["password", "=", "\\s", "\\", "\\", "it's"])
def test_option_files_say_the_same_to_target_mysql(tmp_path: Path, pieces: list[str]) -> None:
    """
    Comments, quotes, escapes and groups mean the same to both programs: one file serves both.
    """
    text = "[client]\n" + "".join(pieces)
    ours = _outcome(tmp_path, text)
    theirs = _target_outcome(tmp_path, text.replace("[engagements-report]", "[target-mysql]"))
    assert ours == theirs


def _outcome(tmp_path: Path, text: str) -> tuple[str, str, str] | str:
    try:
        found = config(tmp_path, options=text)
    except UsageError as error:
        return str(error)
    return found.user, found.password, found.database


def _target_outcome(tmp_path: Path, text: str) -> tuple[str, str, str] | str:
    file = tmp_path / "target.cnf"
    file.write_text(text, encoding="utf-8")
    try:
        found = target_config.Config.from_sources({}, {}, (str(file),))
    except target_config.ConfigError as error:
        return str(error)
    return found.user, found.password, found.database


def test_option_files_may_include_others(tmp_path: Path) -> None:
    """
    !include and !includedir are followed in their place, and one that includes itself ends.
    """
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "a.cnf").write_text("[client]\nuser=from-dir\nhost=from-dir\n")
    (folder / "ignored.txt").write_text("[client]\nuser=ignored\n")
    one = tmp_path / "one.cnf"
    one.write_bytes(b"# gr\xfc\xdfe\n!include %s\n[client]\ndatabase=from-one\n" % bytes(one))
    options = (
        f"[client]\nuser=early\n!includedir {folder}\n!include {one}\n!include /nowhere\n"
        "[client]\nhost=late\n"
    )
    found = config(tmp_path, options=options)
    assert (found.user, found.host, found.database) == ("from-dir", "late", "from-one")


def test_a_password_is_in_no_repr(tmp_path: Path) -> None:
    """
    The configuration may be logged: its password is not in its repr.
    """
    assert "s3cr3t" not in repr(config(tmp_path, {"password": "s3cr3t"}))
