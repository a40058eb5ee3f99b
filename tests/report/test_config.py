"""The reports' settings: those of the server, without target-mysql's other keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engagements_report.config import read_config
from engagements_report.exceptions import UsageError


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    """
    The error names every fault, of all sources.
    """
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"port": 70000, "user": 5, "ssl_cert": "a", "database": ""}))
    with pytest.raises(UsageError) as error:
        read_config([file], {"TARGET_MYSQL_SSL_MODE": "VERIFY_IDENTITY"}, ())
    assert str(error.value) == (
        "configuration: port: must be a whole number from 1 to 65535; user: must be a string;"
        " database: must not be empty; ssl_ca: needed by ssl_mode VERIFY_IDENTITY;"
        " ssl_cert, ssl_key: one needs the other"
    )


def test_the_targets_own_keys_are_left_out(tmp_path: Path) -> None:
    """
    A file made for target-mysql is accepted unchanged, other targets' names for a server included.
    """
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"hostname": "db", "username": "me", "batch_size_rows": "?"}))
    settings, warnings = read_config([file], {}, ())
    assert (settings.addresses, settings.user, warnings) == ([("db", 3306)], "me", [])
    file.write_text(json.dumps({"sqlalchemy_url": "mysql://me:s3cr3t@db/hubspot"}))
    with pytest.raises(UsageError, match="sqlalchemy_url: give host, port, user") as error:
        read_config([file], {}, ())
    assert "s3cr3t" not in str(error.value)


def test_the_group_of_an_option_file(tmp_path: Path) -> None:
    """
    The group [engagements-report] is read, and that of target-mysql is not.
    """
    file = tmp_path / "my.cnf"
    groups = "[client]\nhost=a\n[engagements-report]\nuser=reader\n[target-mysql]\nuser=loader\n"
    file.write_text(groups)
    settings, _ = read_config([], {}, (str(file),))
    assert (str(*settings.host), settings.user) == ("a", "reader")
