"""The output: Singer messages in an order that a target may trust, and nothing else."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import termios
import time
from array import array
from pathlib import Path
from typing import IO, Any

import jsonschema  # type: ignore[import-untyped]  # singer-python pins a version without types
import pytest

from hubspot_simulator.faults import Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.responses import Response
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.exceptions import OutputError
from tap_hubspot_engagements.messages import Messages
from tests.conftest import PROGRAMS, clean_environment, without_times
from tests.tap.conftest import (
    DISCOVERED,
    PROPERTIES,
    RECORDINGS,
    Message,
    Serve,
    Tap,
    expected_record,
    expected_table,
    load,
    mark,
    needs_recordings,
    of_type,
    records,
    replicate,
    select_everything,
    to_messages,
)

PROGRAM = PROGRAMS / "tap-hubspot-engagements"


def backfill(messages: list[Message]) -> list[Message]:
    """Return the messages up to the state of the finished backfill."""
    for at, message in enumerate(messages):
        if message["type"] == "STATE" and "lastUpdated" in mark(message["value"]):
            return messages[: at + 1]
    raise AssertionError("no backfill was finished")


def assert_trustworthy(messages: list[Message], portal: Portal) -> None:
    """Assert a target's assumptions of a quiet first load."""
    assert messages[0]["type"] == "SCHEMA"
    assert len(of_type(messages, "SCHEMA")) == 1
    assert messages[-1]["type"] == "STATE"
    schema = messages[0]["schema"]
    validator = jsonschema.Draft4Validator(schema)
    for message in of_type(messages, "RECORD"):
        assert message["stream"] == "engagements"
        assert [*message["record"], "_sdc_deleted_at"] == list(schema["properties"])
        validator.validate(message["record"])
    keys = [record["id"] for record in records(backfill(messages))]
    assert len(keys) == len(set(keys)) == len(portal)
    assert None not in keys
    assert_states_are_true(messages, portal)


def assert_states_are_true(messages: list[Message], portal: Portal) -> None:
    """Assert that every STATE follows the records that the state claims; no state goes back."""
    ids = sorted(expected_table(portal))
    written: set[int] = set()
    bookmark, reached = "", -1
    for message in messages:
        if message["type"] == "RECORD":
            written.add(message["record"]["id"])
        elif message["type"] == "STATE":
            here = mark(message["value"])
            if "backfill" in here:
                ((at, _),) = here["backfill"]["ranges"]
                assert at > reached
                reached = at
                assert {record_id for record_id in ids if record_id <= at} <= written
            if "lastUpdated" in here:
                assert here["lastUpdated"] >= bookmark
                bookmark = here["lastUpdated"]
                assert set(ids) <= written


def test_a_first_load(serve: Serve) -> None:
    """
    Thousands of generated engagements: SCHEMA first, each record whole and valid, states true.
    """
    portal = Portal.generate(3000, seed=5)
    messages = replicate(serve(portal))
    assert_trustworthy(messages, portal)
    assert load({}, messages) == expected_table(portal)
    assert list(records(messages)[0]) == PROPERTIES


@needs_recordings
def test_the_recorded_portal(serve: Serve) -> None:
    """
    The same holds for recorded responses.
    """
    portal = Portal.from_recording(RECORDINGS)
    messages = replicate(serve(portal), page_size=2)
    assert_trustworthy(messages, portal)
    assert load({}, messages) == expected_table(portal)


def test_a_part_of_the_fields(serve: Serve) -> None:
    """
    SCHEMA and records have the selected properties and no others.
    """
    messages = replicate(serve(Portal.generate(200)), properties=("id", "lastUpdated", "type"))
    names = ["id", "lastUpdated", "type", "_sdc_deleted_at"]
    assert list(messages[0]["schema"]["properties"]) == names
    assert {tuple(record) for record in records(messages)} == {("id", "lastUpdated", "type")}


def test_the_schema_message(serve: Serve) -> None:
    """
    A SCHEMA names the key and the bookmark's property, which are among the properties.
    """
    schema = replicate(serve(Portal()))[0]
    assert schema["key_properties"] == ["id"]
    assert schema["bookmark_properties"] == ["lastUpdated"]
    assert {"id", "lastUpdated"} <= schema["schema"]["properties"].keys()


def test_a_state_follows_each_page(serve: Serve) -> None:
    """
    A run that is killed has lost a page at most.
    """
    messages = replicate(serve(Portal.generate(95)), page_size=10)
    kinds = "".join(message["type"][0] for message in backfill(messages))
    assert kinds == "SS" + 9 * (10 * "R" + "S") + 5 * "R" + "AS"


def test_time_extracted(serve: Serve) -> None:
    """
    Each record has the time of receipt, in UTC, the same for a whole page.
    """
    messages = of_type(replicate(serve(Portal.generate(40)), page_size=20), "RECORD")
    times = [message["time_extracted"] for message in messages]
    assert times == sorted(times)
    assert len(set(times[:40])) == 2
    assert all(at.endswith("Z") for at in times)


def test_currently_syncing(serve: Serve) -> None:
    """
    States name the current stream, and none at the end.
    """
    states = [one["value"] for one in of_type(replicate(serve(Portal.generate(5))), "STATE")]
    assert {state.get("currently_syncing") for state in states[:-1]} == {"engagements"}
    assert states[-1]["currently_syncing"] is None


def test_other_streams_of_the_state_stay(serve: Serve) -> None:
    """
    Bookmarks that are not ours are handed on as they are.
    """
    given = {"bookmarks": {"contacts": {"offset": {"vid": 5}}}, "more": [1]}
    for message in of_type(replicate(serve(Portal.generate(5)), given), "STATE"):
        assert message["value"]["bookmarks"]["contacts"] == {"offset": {"vid": 5}}
        assert message["value"]["more"] == [1]


def test_awkward_texts(serve: Serve) -> None:
    """
    Half an emoji, U+0000, line separators and integers past 64 bits come out as lines of UTF-8.
    """
    portal = Portal()
    hubspot = serve(portal)
    texts = ["a\x00b", "line\u2028separator\u0085", "😀", '"\\\n', "x" * 100_000]
    for text in texts:
        metadata = {"body": text, "huge": 10**30, text[:9]: [text]}
        portal.create({"engagement": {"type": "NOTE", "bodyPreview": text}, "metadata": metadata})
    messages = replicate(hubspot)
    assert load({}, messages) == expected_table(portal)
    result = next(iter(load({}, messages).values()))
    assert (result["bodyPreview"], result["metadata"]["ab"]) == ("ab", ["ab"])

    half = b'{"results":[{"engagement":{"id":5,"bodyPreview":"\\ud83d"}}],"hasMore":false}'
    hubspot.faults.add(Fault(response=Response(200, half)))
    assert records(replicate(hubspot))[0]["bodyPreview"] == "\ufffd"


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n"])
def test_an_answer_over_many_lines(
    hubspot: Simulator, run_tap: Tap, tmp_path: Path, line_break: str
) -> None:
    """
    A message is a single line of JSON, even if the response spans many.
    """
    page = {"results": hubspot.portal.records(), "hasMore": False, "offset": 1}
    text = json.dumps(page, indent=1).replace("\n", line_break)
    hubspot.faults.add(Fault(response=Response(200, text.encode())))
    arguments = run_tap.arguments(catalog=select_everything())
    out = subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, check=True).stdout
    assert load({}, to_messages(out)) == expected_table(hubspot.portal)
    assert b"\r" not in out


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("workers", [1, 4])
def test_an_engagement_without_an_id(hubspot: Simulator, times: int, workers: int) -> None:
    """
    A page of a first load with an engagement without an id is requested again until whole.
    """
    half = json.dumps({"results": [{"engagement": {}}], "hasMore": False, "offset": 1})
    answer = Response(200, half.encode())
    hubspot.faults.add(Fault(on=2, path="paged", times=times, response=answer))
    messages = replicate(hubspot, page_size=10, backfill_workers=workers)
    assert load({}, messages) == expected_table(hubspot.portal)


def test_a_type_that_is_no_name(serve: Serve, tmp_path: Path) -> None:
    """
    Where `type` is a list, an object or a number the engagement arrives all the same, with that
    value, and the metadata among unknown types.
    """
    types: list[Any] = [["NOTE"], {"a": 1}, 7, None]
    portal = Portal()
    for kind in types:
        portal.create({"engagement": {"type": kind}, "metadata": {"body": "b"}})
    run = Tap(tmp_path, serve(portal))(catalog=DISCOVERED)
    assert run.code == 0, run.err
    rows = of_type(run.messages, "RECORD")
    whole = [one["record"] for one in rows if one["stream"] == "engagements"][:4]
    assert [(one["type"], (one["extra"] or {}).get("type")) for one in whole] == [
        (None, '["NOTE"]'),
        (None, '{"a":1}'),
        (None, "7"),
        (None, None),
    ]
    other = [one["record"] for one in rows if one["stream"] == "engagement_other"][:4]
    assert [(one["type"], one["metadata"]) for one in other] == [(None, {"body": "b"})] * 4


class BrokenOutput:
    """A stream that nobody reads any more."""

    def write(self, _: bytes) -> int:
        raise BrokenPipeError(32, "Broken pipe")

    def flush(self) -> None:
        raise BrokenPipeError(32, "Broken pipe")


def test_nobody_reads() -> None:
    """
    A failure of any write is an error that points to the target.
    """
    messages = Messages(BrokenOutput())  # type: ignore[arg-type]  # the two methods that are used
    with pytest.raises(OutputError, match="Broken pipe: see what the target says"):
        messages.write_state({})


END_S = 300  # in which a run ends, on a slow and busy machine, too


def start(tap: Tap, *, pipesize: int = -1, **options: Any) -> subprocess.Popen[bytes]:
    """Start the program with the output on a pipe, which holds `pipesize` bytes."""
    return subprocess.Popen(
        [PROGRAM, *tap.arguments(**options)],
        pipesize=pipesize,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(),
    )


def test_stdout_closed_early(serve: Serve, tmp_path: Path) -> None:
    """
    `| head -1` ends the run with 1 and a single line, without a traceback.
    """
    with start(Tap(tmp_path, serve(Portal.generate(2000)))) as process:
        assert process.stdout and process.stderr
        assert json.loads(process.stdout.readline())["type"] == "SCHEMA"
        process.stdout.close()
        err = without_times(process.stderr.read().decode())
        assert process.wait(END_S) == 1
    errors = [line for line in err.splitlines() if not line.startswith(("INFO ", "WARNING "))]
    assert errors == ["ERROR cannot write: [Errno 32] Broken pipe: see what the target says"]


def test_discovery_to_nobody(tmp_path: Path) -> None:
    """
    Discovery without a reader ends in a single line, too.
    """
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [PROGRAM, "--discover"], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert done.returncode == 1
    assert without_times(done.stderr.decode()) == "ERROR cannot write: [Errno 32] Broken pipe\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals(number: signal.Signals, code: int, serve: Serve, tmp_path: Path) -> None:
    """
    A signal ends the run with the code a shell expects; all messages are whole.
    """
    hubspot = serve(Portal.generate(60))
    hubspot.faults.add(Fault(on=3, path="paged", delay_s=60))
    with start(Tap(tmp_path, hubspot), page_size=10) as process:
        assert process.stdout and process.stderr
        lines = [process.stdout.readline() for _ in range(2 + 2 * 11)]
        process.send_signal(number)
        out, err = process.communicate(timeout=END_S)
    assert process.returncode == code
    assert out == b""
    assert json.loads(lines[-1])["type"] == "STATE"
    assert f"ERROR stopped by {number.name}: run again with the last state" in err.decode()
    assert "Traceback" not in err.decode()


def waiting_bytes(pipe: IO[bytes]) -> int:
    """Return how many bytes are in a pipe."""
    number = array("i", [0])
    fcntl.ioctl(pipe.fileno(), termios.FIONREAD, number)
    return number[0]


def has_answered_a_page(hubspot: Simulator) -> bool:
    return any(one.status == 200 and "engagements" in one.path for one in hubspot.requests)


def test_a_signal_while_the_target_hangs(serve: Serve, tmp_path: Path) -> None:
    """
    A full pipe that nobody reads does not keep the run from ending.
    """
    hubspot = serve(Portal.generate(2000))
    # A pipe of 4 KB, into which no page of engagements goes.
    with start(Tap(tmp_path, hubspot), pipesize=4096) as process:
        assert process.stdout
        while not (waiting_bytes(process.stdout) and has_answered_a_page(hubspot)):
            assert process.poll() is None
            time.sleep(0.02)
        process.terminate()
        assert process.wait(END_S) == 143
        assert process.stdout
        process.stdout.close()


def test_kills(serve: Serve, tmp_path: Path) -> None:
    """
    Killed at twenty random moments of both passes, each run resumed from the last whole STATE.
    """
    portal = Portal.generate(1200, seed=3)
    hubspot = serve(portal, latency_s=0.004)
    tap = Tap(tmp_path, hubspot)
    state: Any = None
    table: dict[int, dict[str, Any]] = {}
    finished = 0
    catalog = select_everything()
    for number in range(20):
        out = tmp_path / "out"
        arguments = tap.arguments(state=state, catalog=catalog, page_size=20)
        already = len(hubspot.requests)
        with out.open("wb") as file, (tmp_path / "err").open("wb") as err:
            process = subprocess.Popen(
                [PROGRAM, *arguments], stdout=file, stderr=err, env=clean_environment()
            )
            # Each is let go a little further than a few pages, whatever the speed here.
            while process.poll() is None and len(hubspot.requests) < already + 2 + number * 7 % 11:
                time.sleep(0.001)
            process.kill()
            process.wait()
        messages = [json.loads(line) for line in out.read_bytes().split(b"\n")[:-1]]
        table = load(table, messages)
        states = of_type(messages, "STATE")
        state = states[-1]["value"] if states else state
        if state and "lastUpdated" in mark(state):
            finished += 1
            for record_id in sorted(table)[number::20]:
                portal.update(record_id, metadata={"body": f"edit {number}"})
        portal.create({"engagement": {"type": "CALL"}, "metadata": {"body": "new"}})
    assert 2 < finished < 18, "the kills did not strike both passes"
    run = tap(state=state, catalog=catalog)
    assert run.code == 0, run.err
    assert load(table, run.messages) == {
        one["engagement"]["id"]: expected_record(one) for one in portal.records()
    }
