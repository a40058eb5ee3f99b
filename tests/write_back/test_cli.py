"""The command line, the configuration, and how streams and columns of other systems are mapped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import run_program
from tests.metrics_file import read_metrics
from tests.write_back.conftest import TOKEN, Serve, Target, call, record, schema, state

PROGRAM = "target-hubspot-engagements"


@pytest.fixture
def served(serve: Serve) -> Target:
    return serve()


def test_help_version_and_about() -> None:
    """
    --help names the exit codes, --version the version, --about every key with its schema.
    """
    assert "75 another run has the ledger" in " ".join(run_program(PROGRAM, "--help").out.split())
    assert run_program(PROGRAM, "--version").out.startswith(f"{PROGRAM} ")
    about = json.loads(run_program(PROGRAM, "--about").out)
    settings = about["settings"]["properties"]
    assert (about["name"], "activate-version" in about["capabilities"]) == (PROGRAM, True)
    assert settings["access_token"]["secret"] is True
    assert settings["on_error"]["enum"] == ["stop", "skip"]
    assert settings["settle_seconds"]["default"] == 60
    assert "| ledger | string |" in run_program(PROGRAM, "--about", "--format", "markdown").out


def test_check(served: Target) -> None:
    """
    --check names the portal, the types that can be written, and the ledger, and writes nothing.
    """
    outcome = served.program("--check")
    assert outcome.code == 0, outcome.err
    assert "token accepted, portal 62515" in outcome.out
    assert outcome.out.count("can be written") == 7
    assert "no such file: for a first run, add --new-ledger" in outcome.out
    assert (served.ledger.exists(), len(served.hubspot.portal)) == (False, 0)


def test_check_of_a_wrong_token(served: Target) -> None:
    """
    A token that HubSpot does not know ends --check with 1, and is not printed.
    """
    outcome = served.program("--check", access_token="pat-na1-wrong-t0ken")
    assert outcome.code == 1
    assert "pat-na1-wrong-t0ken" not in outcome.out + outcome.err


def test_the_log_as_json(served: Target) -> None:
    """
    With log_format json, or --log-format json, each line of the log is a JSON object.
    """
    for arguments, settings in ((["--log-format", "json"], {}), ([], {"log_format": "json"})):
        outcome = served.program("--dry-run", *arguments, stdin=[schema(), call(1)], **settings)
        events = [json.loads(line) for line in outcome.err.splitlines()]
        assert events[-1]["message"].startswith("done: dry run"), outcome.err
        assert {event["app_name"] for event in events} == {PROGRAM}


def test_the_metrics_file(served: Target) -> None:
    """
    The file has the records of the run by what became of them, requests and success by portal;
    a failed run, one with a wrong token too, keeps the time of the last success, a dry run all.
    """
    path = served.folder / "write_back.prom"
    served.settings |= {"metrics_file": str(path)}
    assert served.program("--new-ledger", stdin=[schema(), call(1), call(2)]).code == 0
    first = read_metrics(path)
    prefix, labels = "target_hubspot_engagements_last", 'portal="62515"'
    assert first[f'{prefix}_run_records{{{labels},result="created"}}'] == 2
    assert first[f'{prefix}_run_records{{{labels},result="rejected"}}'] == 0
    assert first[f"{prefix}_run_requests{{{labels}}}"] > 1
    assert first[f"{prefix}_run_success{{{labels}}}"] == 1
    at = first[f"{prefix}_success_timestamp_seconds{{{labels}}}"]

    assert served.program("--dry-run", stdin=[schema(), call(3)]).code == 0
    assert read_metrics(path) == first
    assert served.program(access_token="pat-na1-wrong").code == 1
    second = read_metrics(path)
    assert second[f"{prefix}_run_success{{{labels}}}"] == 0
    assert second[f"{prefix}_success_timestamp_seconds{{{labels}}}"] == at


def test_a_metrics_file_that_cannot_be_written(served: Target) -> None:
    """
    Without its folder the metrics file is a warning; the ledger's path is a fault.
    """
    missing = str(served.folder / "missing" / "write_back.prom")
    done = served.program("--new-ledger", stdin=[schema(), call(1)], metrics_file=missing)
    assert (done.code, "WARNING metrics_file: cannot be written: " in done.err) == (0, True)
    wrong = served.program(stdin=[schema()], metrics_file=str(served.ledger))
    assert wrong.code == 2
    assert "metrics_file: must be another file than that of ledger" in wrong.err


def test_dry_run(served: Target) -> None:
    """
    --dry-run counts what would be sent, names what would be rejected, and changes nothing.
    """
    messages = [schema(), call(1), call(2), state(2)]
    first = served.program("--dry-run", stdin=messages)
    assert (first.code, first.out, served.ledger.exists()) == (0, "", False), first.err
    assert "dry run, nothing is sent: 2 created" in first.err

    served.run(*messages)
    before = served.ledger.read_bytes()
    second = served.program(
        "--dry-run",
        stdin=[
            schema(),
            call(1),
            call(2, hs_call_title="x"),
            call(3),
            call(1, _sdc_deleted_at="2026-11-20"),
            state(3),
        ],
    )
    assert "1 created, 1 updated, 1 unchanged, 1 archived" in second.err, second.err
    assert (second.code, second.out) == (0, "")
    assert served.ledger.read_bytes() == before
    assert len(served.engagements()) == 2

    bad = served.program("--dry-run", stdin=[schema(), call(4, hs_timestamp="soon")])
    assert (bad.code, "key [4]: hs_timestamp: must be a date-time" in bad.err) == (1, True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ledger": None}, "ledger: missing, the path of the file"),
        ({"on_error": "skip"}, "rejected: missing, on_error skip needs the path"),
        ({"on_error": "ignore"}, "on_error: must be one of stop, skip"),
        ({"api_version": "v2"}, "api_version: must be one of v1, v3, 2026-03, 2026-09"),
        ({"stream_map": {"a": "leads"}}, "stream_map: must be an object from names of streams"),
        ({"property_map": {"a": "b"}}, "property_map: must be an object such as"),
        ({"workers": 0}, "workers: must be a whole number of workers from 1 to 64"),
        ({"unique_property": "Source Key"}, "unique_property: must be the name of a property"),
        ({"hard_delete": "yes"}, "hard_delete: must be true or false"),
        ({"ids": "old"}, "ids: must be one of new, keep"),
        ({"access_token": None}, "access_token: missing, in the config"),
    ],
)
def test_faults_of_the_configuration(
    served: Target, settings: dict[str, Any], message: str
) -> None:
    """
    Each fault is named, with exit code 2; an unknown key is a warning with the nearest one.
    """
    outcome = served.program("--new-ledger", **settings)
    assert (outcome.code, message in outcome.err) == (2, True), outcome.err
    assert "Traceback" not in outcome.err


def test_an_unknown_key_of_the_configuration(served: Target) -> None:
    """
    A misspelt key is named with the nearest one, and the run goes on.
    """
    outcome = served.program("--new-ledger", legder="x")
    assert (outcome.code, "unknown config key legder: did you mean ledger?" in outcome.err) == (
        0,
        True,
    )


def test_the_token_of_the_environment(served: Target) -> None:
    """
    Without credentials in the file the token comes from the environment.
    """
    path = served.folder / "config.json"
    config = served.config()
    del config["access_token"]
    path.write_text(json.dumps(config))
    outcome = run_program(
        PROGRAM, "--config", path, "--check", environment={"HUBSPOT_ACCESS_TOKEN": TOKEN}
    )
    assert outcome.code == 0, outcome.err


def test_a_table_of_another_system(served: Target) -> None:
    """
    stream_map gives a table its type, property_map its columns their properties; columns of null
    and Singer's own are left out; a JSON text of ids associates.
    """
    columns = {
        "started": "hs_timestamp",
        "seconds": None,
        "millis": "hs_call_duration",
        "summary": "hs_call_body",
        "agent": "hubspot_owner_id",
    }
    row = {
        "started": "2026-11-20 08:00:00",
        "seconds": 12,
        "millis": 12_000.0,
        "summary": "Left a voicemail",
        "agent": 70,
        "contactIds": "[101, 102]",
        "_sdc_batched_at": "2026-11-20T08:00:00Z",
    }
    settings = {"stream_map": {"crm-calls": "calls"}, "property_map": {"crm-calls": columns}}
    result = served.run(schema("crm-calls"), record(1, "crm-calls", **row), **settings)

    assert result.error is None
    (engagement,) = served.engagements()
    assert engagement["engagement"]["timestamp"] == 1_795_161_600_000
    assert engagement["engagement"]["ownerId"] == 70
    assert engagement["metadata"] == {
        "durationMilliseconds": 12_000,
        "body": "Left a voicemail",
    }
    assert engagement["associations"]["contactIds"] == [101, 102]

    # An unmapped column that changes costs no request that writes.
    again = served.run(
        schema("crm-calls"), record(1, "crm-calls", **{**row, "seconds": 13}), **settings
    )
    assert again.counts == {"unchanged": 1}


def test_associations_as_objects(served: Target) -> None:
    """
    `associations` names types in the singular or plural; without one of before it is removed.
    """
    some = [{"objectType": "contact", "id": "101"}, {"objectType": "deals", "id": 301}]
    plain = {"contactIds": None}
    served.run(schema(), call(1, **plain, associations=some))
    (engagement,) = served.engagements()
    associations = engagement["associations"]
    assert (associations["contactIds"], associations["dealIds"]) == ([101], [301])

    assert served.run(schema(), call(1, **plain, associations=some[:1])).error is None
    associations = served.engagements()[0]["associations"]
    assert (associations["contactIds"], associations["dealIds"]) == ([101], [])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([{**schema(), "stream": "orders"}], "line 1: stream orders: which type of engagements?"),
        ([{**schema(), "key_properties": []}], "line 1: stream calls: no key_properties"),
        ([call(1)], "line 1: RECORD of calls before its SCHEMA"),
        ([{"type": "BATCH", "stream": "calls"}], "line 1: unknown message type 'BATCH'"),
        ([{"type": "STATE"}], "line 1: STATE without a value"),
        ([schema(), {"type": "RECORD", "stream": "calls"}], "line 2: RECORD without an object"),
        ([["no", "object"]], "line 1: not a Singer message"),
        ([schema(), record(None, hs_timestamp=1)], "no value of the key id"),  # type: ignore[arg-type]
    ],
)
def test_lines_that_are_not_understood(
    served: Target, lines: list[dict[str, Any]], message: str
) -> None:
    """
    A line that is not understood is named, and ends the run with 1.
    """
    outcome = served.program("--new-ledger", stdin=lines)
    assert (outcome.code, message in outcome.err) == (1, True), outcome.err
    assert "Traceback" not in outcome.err


def test_streams_that_are_left_out(served: Target) -> None:
    """
    The tap's tables with parts of engagements, and streams of null, are left out with a word.
    """
    result = served.program(
        "--new-ledger",
        stdin=[
            schema("engagement_notes"),
            record(1, "engagement_notes", body="x"),
            schema("orders"),
            record(1, "orders"),
            state(1),
        ],
        stream_map={"orders": None},
    )
    assert (result.code, result.out) == (0, "1\n")
    assert "stream orders is left out" in result.err
    assert "stream engagement_notes is left out" in result.err


def test_odd_texts_arrive(served: Target) -> None:
    """
    Lone surrogates, U+0000, emoji and a megabyte of text are written, not refused.
    """
    body = "🎉 \ud83c \x00 " + "x" * 1_000_000
    result = served.run(schema(), call(1, hs_call_body=body), state(1))
    assert (result.error, result.states) == (None, [1])
    assert len(served.engagements()[0]["metadata"]["body"]) > 1_000_000


def test_states_wait_for_their_records(served: Target) -> None:
    """
    A state is written once everything before it is; the last of several in a window counts.
    """
    result = served.run(schema(), state(0), call(1), state(1), call(2), state({"b": 1, "a": [2]}))
    assert result.states == [0, {"b": 1, "a": [2]}]
