"""A sync loads what has changed, prints a summary, and says by its exit code how it ended."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from hubspot_engagements.outcome import ProgramReport, to_summary
from hubspot_simulator import faults
from hubspot_simulator.faults import Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tests.conftest import PROGRAMS, TestDatabase, clean_environment, run_program
from tests.pipeline import TOKEN, Pipeline, assert_equals
from tests.servers import FAMILY
from tests.sync.conftest import PAGE, PORTAL_SIZE, SyncRuns, finish, held
from tests.target.conftest import schema, settings, state, target_environment
from tests.target.feeding import END_S, until
from tests.target.locking import end, send
from tests.target.test_server_faults import own_server

JUNE_SIZE = 64
V1_ONLY = 3  # of these engagements


def stored_state(
    database: TestDatabase, state_id: str = "hubspot-engagements"
) -> dict[str, object]:
    done = run_program(
        *("target-mysql", "--print-state", "--state-id", state_id), environment=database.environment
    )
    value: dict[str, object] = json.loads(done.out)
    return value


def rows_of(database: TestDatabase) -> int:
    """Return the number of engagements, 0 without a table."""
    if not database.query("SHOW TABLES LIKE 'engagements'"):
        return 0
    return int(database.query("SELECT COUNT(*) FROM engagements")[0][0])


def test_the_first_sync_loads_everything_and_the_next_the_changes(
    runs: SyncRuns, small: Simulator
) -> None:
    """
    Every table equals the portal after each sync, and the second reads only changes. The summary
    counts the records and rows of each program.
    """
    runs.configure(small)
    first = runs.run()
    assert first.code == 0, first.err
    assert_equals(runs.pipeline, small.portal)
    small.portal.create({"engagement": {"type": "NOTE"}, "metadata": {}})
    small.requests.clear()

    second = runs.run()

    assert second.code == 0, second.err
    assert_equals(runs.pipeline, small.portal)
    assert not any("paged" in request.path for request in small.requests)
    summary = first.summary
    assert (summary["status"], summary["exit_code"], summary["error"]) == ("done", 0, None)
    assert (summary["state_id"], summary["dry_run"]) == ("hubspot-engagements", False)
    assert summary["tap"]["exit_code"] == summary["target"]["exit_code"] == 0
    # The changes after the first pass repeat what changed during its last hour.
    assert summary["tap"]["records"]["engagements"] >= JUNE_SIZE
    assert summary["target"]["records"] == summary["tap"]["records"]
    assert summary["target"]["rows_inserted"]["engagements"] == JUNE_SIZE
    assert second.summary["target"]["rows_inserted"]["engagements"] == 1


def test_everything_from_the_environment(
    small: Simulator, database: TestDatabase, tmp_path: Path
) -> None:
    """
    Without a file the settings of both programs, a secret in a file, and the catalog come from the
    environment; files named there may hold the values.
    """
    (tmp_path / "token").write_text(TOKEN + "\n")
    (tmp_path / "catalog.json").write_text(run_program("tap-hubspot-engagements", "--discover").out)
    done = run_program(
        *("hubspot-engagements", "sync"),
        environment=database.environment
        | {
            "TAP_HUBSPOT_ENGAGEMENTS_BASE_URL": small.url,
            "TAP_HUBSPOT_ENGAGEMENTS_ACCESS_TOKEN_FILE": str(tmp_path / "token"),
            "TAP_HUBSPOT_ENGAGEMENTS_PAGE_SIZE": "50",
            "TAP_HUBSPOT_ENGAGEMENTS_FETCH_ASSOCIATIONS": "{}",
            "TARGET_MYSQL_STATE_ID": "portal",
            "HUBSPOT_ENGAGEMENTS_CATALOG": str(tmp_path / "catalog.json"),
        },
    )
    assert done.code == 0, done.err
    assert rows_of(database) == JUNE_SIZE
    assert stored_state(database, "portal")["bookmarks"]


def test_no_secret_is_shown(runs: SyncRuns, small: Simulator) -> None:
    """
    Token and password are in no output and no argument, and no file is left.
    """
    runs.configure(small, {"password": runs.database.server.password})
    before = {path.name for path in runs.pipeline.folder.iterdir()}
    small.faults.add(Fault(path="owners", delay_s=1.0))
    with runs.start() as process:
        seen: list[str] = []
        until(lambda: seen.extend(arguments_of_children(process.pid)) or process.poll() is not None)
        done = finish(process)
    assert done.code == 0, done.err
    assert any("tap-hubspot-engagements" in one for one in seen)
    everything = " ".join(seen) + done.err + json.dumps(done.summary)
    assert TOKEN not in everything and runs.database.server.password not in everything
    assert {path.name for path in runs.pipeline.folder.iterdir()} == before


def arguments_of_children(pid: int) -> list[str]:
    import psutil

    try:
        children = psutil.Process(pid).children(recursive=True)
        return [" ".join(child.cmdline()) for child in children]
    except psutil.Error:
        return []


def test_a_dry_run_counts_and_loads_nothing(runs: SyncRuns, small: Simulator) -> None:
    """
    --dry-run counts the records of the run that would come next, and makes no database, row or
    state.
    """
    runs.configure(small)
    dry = runs.run("--dry-run")
    assert (dry.code, dry.summary["dry_run"]) == (0, True), dry.err
    with runs.database.connect() as connection, connection.cursor() as cursor:
        assert cursor.execute("SHOW DATABASES LIKE %s", (runs.database.name,)) == 0
    assert dry.summary["tap"]["records"] == runs.run().summary["tap"]["records"]
    before = stored_state(runs.database)
    small.portal.create({"engagement": {"type": "NOTE"}, "metadata": {}})
    small.requests.clear()
    dry = runs.run("--dry-run")
    assert not any("paged" in request.path for request in small.requests)
    assert (rows_of(runs.database), stored_state(runs.database)) == (JUNE_SIZE, before)
    assert dry.summary["tap"]["records"] == runs.run().summary["tap"]["records"]


def test_a_full_refresh_reads_everything_again(runs: SyncRuns, small: Simulator) -> None:
    """
    --full-refresh reads all engagements, and flags those that are gone.
    """
    runs.configure(small)
    assert runs.run().code == 0
    small.portal.delete(small.portal.records()[0]["engagement"]["id"])
    done = runs.run("--full-refresh")
    assert (done.code, done.summary["full_refresh"]) == (0, True), done.err
    assert done.summary["tap"]["records"]["engagements"] >= JUNE_SIZE - 1
    assert_equals(runs.pipeline, small.portal)
    assert runs.database.query(
        "SELECT COUNT(*) FROM engagements WHERE _sdc_deleted_at IS NOT NULL"
    ) == [(1,)]


def test_a_dropped_table(runs: SyncRuns, small: Simulator) -> None:
    """
    Without one of its tables a sync fails, since it would load only changes; --dry-run of a full
    refresh alters nothing, and --full-refresh makes the table anew, with every row.
    """
    runs.configure(small)
    assert runs.run().code == 0
    runs.database.query("DROP TABLE engagement_notes")
    assert runs.run("--full-refresh", "--dry-run").code == 0
    for _ in range(2):
        done = runs.run()
        assert (done.code, done.summary["status"]) == (1, "failed"), done.err
        assert "table engagement_notes was dropped" in done.summary["error"]
    done = runs.run("--full-refresh")
    assert done.code == 0, done.err
    assert_equals(runs.pipeline, small.portal)


def test_a_full_refresh_that_is_killed_begins_again(runs: SyncRuns, simulator: Simulator) -> None:
    """
    The run after a full refresh of which nothing was loaded reads everything, too.
    """
    runs.configure(simulator)
    assert runs.run().code == 0
    simulator.faults.add(faults.UNDECODABLE_TOKEN.at(1, times=None))
    failed = runs.run("--full-refresh")
    assert failed.code == 1, failed.err
    simulator.faults.clear()
    done = runs.run()
    assert done.code == 0, done.err
    assert done.summary["tap"]["records"]["engagements"] >= PORTAL_SIZE


def run_with_a_wrong_catalog(runs: SyncRuns, simulator: Simulator) -> None:
    """Run a full refresh that ends before the tap's first message."""
    config = json.loads(runs.config_path.read_text())
    catalog = json.loads((runs.pipeline.folder / "catalog.json").read_text())
    entry = {**catalog["streams"][0], "stream": "mails", "tap_stream_id": "mails"}
    wrong = {**config, "catalog": {"streams": [*catalog["streams"], entry]}}
    runs.config_path.write_text(json.dumps(wrong))
    assert runs.run("--full-refresh").code == 2
    runs.config_path.write_text(json.dumps(config))


def run_until_killed(runs: SyncRuns, simulator: Simulator) -> None:
    """Kill a full refresh and both programs at the tap's first request."""
    import psutil

    has_begun, may_respond = threading.Event(), threading.Event()

    def wait(_: Portal) -> None:
        has_begun.set()
        may_respond.wait(END_S)

    simulator.faults.add(Fault(before=wait))
    try:
        with runs.start("--full-refresh") as process:
            assert has_begun.wait(END_S)
            programs = psutil.Process(process.pid).children()
            for one in (process, *programs):
                one.kill()
            psutil.wait_procs(programs, END_S)
    finally:
        may_respond.set()


Interruption = Callable[[SyncRuns, Simulator], None]
interruptions = pytest.mark.parametrize("interrupt", [run_with_a_wrong_catalog, run_until_killed])


@interruptions
def test_a_full_refresh_forgets_no_api(
    runs: SyncRuns, small: Simulator, interrupt: Interruption
) -> None:
    """
    On a portal that changed its API, the sync after an interrupted full refresh reads everything,
    and flags no row that v1 alone can show. The state keeps what else it said.
    """
    runs.configure(small, api_version="v1")
    assert runs.run().code == 0
    runs.configure(small, api_version="2026-09")
    assert runs.run().code == 0
    before = stored_state(runs.database)
    interrupt(runs, small)
    between = stored_state(runs.database)

    done = runs.run()

    assert done.code == 0, done.err
    assert done.summary["tap"]["records"]["engagements"] >= JUNE_SIZE - V1_ONLY
    assert runs.database.query(
        "SELECT COUNT(*), COUNT(_sdc_deleted_at) FROM engagements WHERE type = 'PUBLISHING_TASK'"
    ) == [(V1_ONLY, 0)]
    assert between == {**before, "full_refresh": True}
    after: dict[str, Any] = stored_state(runs.database)
    assert after["bookmarks"]["engagements"]["writers"] == ["objects", "v1"]
    assert (after["portal"], after["full_refresh"]) == (small.portal.portal_id, None)
    assert runs.run().summary["tap"]["records"]["engagements"] < JUNE_SIZE - V1_ONLY


@interruptions
def test_dropped_tables_and_an_interrupted_full_refresh(
    runs: SyncRuns, small: Simulator, interrupt: Interruption
) -> None:
    """
    The sync after an interrupted full refresh makes dropped tables anew, with every row.
    """
    runs.configure(small)
    assert runs.run().code == 0
    runs.database.query("DROP TABLE engagement_notes")
    runs.database.query("DROP TABLE owners")
    interrupt(runs, small)
    done = runs.run()
    assert done.code == 0, done.err
    assert_equals(runs.pipeline, small.portal)


def test_the_other_programs_read_the_same_file(runs: SyncRuns, small: Simulator) -> None:
    """
    `target-mysql` and `engagements-report` take the server's settings from a sync's file.
    """
    server = {
        name.removeprefix("TARGET_MYSQL_").lower(): value
        for name, value in runs.database.environment.items()
    }
    runs.configure(small, dict(server))
    assert runs.run().code == 0
    config = ("--config", str(runs.config_path))
    printed = run_program(*("target-mysql", *config, "--list-states"), environment={})
    assert printed.out.startswith("hubspot-engagements\t"), printed.err
    report = run_program(
        *("engagements-report", "daily", *config, "--format", "csv"), environment={}
    )
    assert (report.code, "TASK,2018-07-13,4" in report.out) == (0, True), report.err


# --- Exit codes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"tab": {}}, "unknown section tab: did you mean tap?"),
        ({"tap": []}, "tap: must be an object with the keys of the tap"),
        ({"target": "x"}, "target: must be an object with the keys of the target"),
        ({"catalog": 7}, "catalog: must be an object or the name of a file"),
        ({"catalog": "missing.json"}, "missing.json: cannot be read: No such file or directory"),
        ({"tap": {"page_size": "x"}}, "page_size: must be a whole number"),
        ({"tap": {}}, "access_token: missing"),
        ({"target": {"port": "x"}}, "port: must be a whole number"),
        ({"target": {"state_id": " "}}, "state_id: must be a name of 1 to 190 characters"),
    ],
)
def test_a_wrong_configuration(runs: SyncRuns, config: dict[str, object], text: str) -> None:
    """
    Faults of the file, of either section or of the catalog end with 2 and a line that names them.
    """
    runs.config_path.write_text(json.dumps(config))
    done = runs.run()
    assert (done.code, done.summary["status"]) == (2, "wrong configuration"), done.err
    assert text in done.err and text in done.summary["error"]


def test_the_daily_limit(runs: SyncRuns, simulator: Simulator) -> None:
    """
    At the portal's daily limit the sync ends with 3; what was read is loaded, and the next sync
    goes on from there.
    """
    runs.configure(simulator, **PAGE)
    simulator.faults.add(faults.DAILY_LIMIT_REACHED.at(8))
    done = runs.run()
    assert (done.code, done.summary["status"]) == (3, "daily limit reached"), done.err
    assert "midnight" in done.summary["error"]
    assert done.summary["target"]["exit_code"] == 0
    assert 0 < rows_of(runs.database) < 500
    assert runs.run().code == 0
    assert_equals(runs.pipeline, simulator.portal)


def test_a_failure_of_the_tap(runs: SyncRuns, small: Simulator) -> None:
    """
    A token that HubSpot refuses is exit code 1, with the tap's error in the summary.
    """
    runs.configure(small, access_token="pat-wrong")
    small.faults.add(faults.UNDECODABLE_TOKEN.at(1, times=None))
    done = runs.run()
    assert (done.code, done.summary["status"]) == (1, "failed"), done.err
    assert "check access_token" in done.summary["error"]


def test_a_failure_of_the_target(runs: SyncRuns, small: Simulator) -> None:
    """
    A load that MySQL refuses is exit code 1, with the target's error in the summary, not the tap's.
    """
    runs.configure(small)
    assert runs.run().code == 0
    refuse = "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not here'"
    runs.database.query("DELETE FROM engagements")
    runs.database.query(f"CREATE TRIGGER r BEFORE INSERT ON engagements FOR EACH ROW {refuse}")
    done = runs.run("--full-refresh")
    assert (done.code, done.summary["status"]) == (1, "failed"), done.err
    assert "not here" in done.summary["error"]


def test_two_syncs_at_once(runs: SyncRuns, simulator: Simulator) -> None:
    """
    Of two syncs of one configuration one ends with 0 and the other with 75, which names the first.
    """
    runs.configure(simulator, {"batch_size_rows": 50}, **PAGE)
    with held(simulator) as release, runs.start() as first:
        until(lambda: stored_state(runs.database))
        second = runs.run()
        assert (second.code, second.summary["status"]) == (75, "another sync is running")
        assert "state hubspot-engagements is being loaded" in second.summary["error"]
        release()
        done = finish(first)
    assert done.code == 0, done.err
    assert_equals(runs.pipeline, simulator.portal)


def test_two_syncs_that_start_together(runs: SyncRuns, simulator: Simulator) -> None:
    """
    However two syncs overlap, neither fails in another way, and the next run has everything right.
    """
    runs.configure(simulator, **PAGE)
    with runs.start() as first, runs.start() as second:
        codes = sorted((finish(first).code, finish(second).code))
    assert codes in ([0, 0], [0, 75])
    assert runs.run().code == 0
    assert_equals(runs.pipeline, simulator.portal)


# --- Signals, kills, servers ------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_both_programs(
    runs: SyncRuns, simulator: Simulator, number: signal.Signals, code: int
) -> None:
    """
    A signal ends the tap; the target commits what it has; the next sync goes on from there.
    """
    runs.configure(simulator, {"batch_size_rows": 50}, **PAGE)
    with held(simulator), runs.start() as process:
        until(lambda: stored_state(runs.database))
        process.send_signal(number)
        done = finish(process)
    assert (done.code, done.summary["status"]) == (code, f"stopped by {number.name}"), done.err
    assert (done.summary["tap"]["exit_code"], done.summary["target"]["exit_code"]) == (code, 0)
    assert 0 < rows_of(runs.database) < 500
    simulator.requests.clear()
    assert runs.run().code == 0
    assert len([one for one in simulator.requests if "paged" in one.path]) < 500 / 25
    assert_equals(runs.pipeline, simulator.portal)


def test_a_target_that_waits_is_stopped(runs: SyncRuns, simulator: Simulator) -> None:
    """
    A target that waits for another load gets the signal, too, and the sync ends with 143.
    """
    runs.configure(simulator, {"lock_wait_seconds": 3600}, **PAGE)
    other_settings = settings(batch_wait_limit_seconds=0.1, state_id="hubspot-engagements")
    with (
        ExitStack() as stack,
        subprocess.Popen(
            [PROGRAMS / "target-mysql"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=target_environment(runs.database.environment | other_settings),
        ) as other,
    ):
        send(other, schema({}), state("held"))
        assert other.stdout and other.stdout.readline() == b'"held"\n'
        process = stack.enter_context(runs.start())
        assert process.stderr
        # Read without the buffer of the file, which `communicate` would not see.
        line = b""
        while b"waiting up to" not in line:
            line += process.stderr.read1(1)  # type: ignore[union-attr]
        process.terminate()
        done = finish(process)
        assert end(other).code == 0
    assert done.code == 143, done.err
    assert rows_of(runs.database) == 0


@pytest.mark.parametrize("victim", ["tap-hubspot-engagements", "target-mysql"])
def test_a_killed_program_is_a_failure(runs: SyncRuns, simulator: Simulator, victim: str) -> None:
    """
    If a program is killed, as for want of memory, the sync ends with 1 and names the program; the
    next sync has everything right.
    """
    import psutil

    runs.configure(simulator, {"batch_size_rows": 50}, **PAGE)
    with held(simulator), runs.start() as process:
        until(lambda: stored_state(runs.database))
        for child in psutil.Process(process.pid).children():
            with suppress(psutil.ZombieProcess):
                if victim in " ".join(child.cmdline()):
                    child.kill()
        done = finish(process)
    assert done.code == 1, done.err
    assert done.summary["error"].startswith(f"{victim} was ended by SIGKILL: run again")
    assert runs.run().code == 0
    assert_equals(runs.pipeline, simulator.portal)


def test_a_killed_sync_leaves_a_load_that_ends(runs: SyncRuns, simulator: Simulator) -> None:
    """
    If only the sync is killed, its programs finish the load; until then others end with 75.
    """
    runs.configure(simulator, {"batch_size_rows": 50}, **PAGE)
    with held(simulator), runs.start() as process:
        until(lambda: stored_state(runs.database))
        process.kill()
        process.wait(END_S)
        assert runs.run().code == 75
    until(lambda: runs.run().code == 0)
    assert_equals(runs.pipeline, simulator.portal)


def test_a_server_that_is_away_at_first(tmp_path: Path, small: Simulator) -> None:
    """
    A sync that starts before the server waits for it, and with a short retry_limit_seconds ends
    with 1 before HubSpot is asked for anything.
    """
    with FAMILY.server() as server:
        runs = SyncRuns(Pipeline(tmp_path, TestDatabase(server, "away")))
        server.stop()
        runs.configure(small, {"retry_limit_seconds": 1})
        done = runs.run()
        assert (done.code, done.summary["tap"]["exit_code"]) == (1, None)
        assert "cannot connect to MySQL" in done.summary["error"]
        assert not small.requests
        runs.configure(small, {"retry_limit_seconds": END_S})
        with runs.start() as process:
            assert process.stderr and b"retrying in" in process.stderr.readline()
            server.start()
            done = finish(process)
        assert done.code == 0, done.err
        assert_equals(runs.pipeline, small.portal)


def test_a_full_disk(tmp_path: Path, small: Simulator) -> None:
    """
    A server whose disk is full is exit code 1 and a line that says so; with more space the next
    sync loads everything.
    """
    for _ in range(400):
        body = {"body": "x" * 60_000}
        small.portal.create({"engagement": {"type": "NOTE"}, "metadata": body})
    space = "--innodb-data-file-path=ibdata1:12M:autoextend:max:{}M"
    one_file = ["--innodb-file-per-table=0"]
    if FAMILY.version == "MariaDB":
        one_file.append("--innodb-undo-tablespaces=0")
    with own_server(*one_file, space.format(24)) as own:
        runs = SyncRuns(Pipeline(tmp_path, own))
        runs.configure(small, {"retry_limit_seconds": 5})
        done = runs.run()
        assert done.code == 1, done.err
        if own.server.is_running:
            assert "free or add space, and run again" in done.summary["error"]
            own.server.stop()
        else:  # some releases of MariaDB end themselves
            own.server.kill()
        own.server.options = (*one_file, space.format(400))
        own.server.start()
        done = runs.run()
        assert done.code == 0, done.err
        assert_equals(runs.pipeline, small.portal)


def test_a_signal_before_any_program_has_spoken() -> None:
    """
    The summary says what to do, also if neither program was there to say it.
    """
    summary = to_summary(143, ProgramReport(), ProgramReport())
    assert summary["error"] == "stopped by SIGTERM: run again; the stored state is valid"


def test_a_closed_stdout_changes_nothing(runs: SyncRuns, small: Simulator) -> None:
    """
    A summary that nobody reads is a warning.
    """
    runs.configure(small)
    with runs.start() as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 0, err
    assert b"the summary cannot be written to stdout" in err
    assert rows_of(runs.database) == JUNE_SIZE


def test_check_tests_both_programs(runs: SyncRuns, small: Simulator) -> None:
    """
    `check` prints what the token and the server allow, and its exit code is that of the failure.
    """
    runs.configure(small)
    command = ["hubspot-engagements", "check", "--config", runs.config_path]
    done = run_program(*map(str, command), environment=runs.database.environment)
    assert done.code == 0, done.err
    assert "token accepted, portal" in done.out and "server: " in done.out
    runs.configure(small, {"password": "wrong"})
    done = run_program(*map(str, command), environment=runs.database.environment)
    assert (done.code, "check user and password" in done.err) == (1, True), done.err


def test_check_of_a_user_who_may_only_read(runs: SyncRuns, small: Simulator) -> None:
    """
    `check` ends with 1 and names the rights that a sync would miss; afterwards it ends with 0.
    """
    database, command = runs.database, ["hubspot-engagements", "check", "--config"]
    database.query("CREATE USER reader@'%%' IDENTIFIED BY %s", ("s3cret",))
    try:
        database.query(f"GRANT SELECT ON `{database.name}`.* TO reader@'%'")
        runs.configure(small, {"user": "reader", "password": "s3cret"})
        done = run_program(*command, str(runs.config_path), environment=database.environment)
        assert (done.code, "lacks INSERT, UPDATE, DELETE, CREATE" in done.err) == (1, True)
        database.query(f"GRANT ALL ON `{database.name}`.* TO reader@'%'")
        done = run_program(*command, str(runs.config_path), environment=database.environment)
        assert done.code == 0, done.err
    finally:
        database.query("DROP USER reader@'%'")
    assert database.query("SHOW TABLES") == []


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams(runs: SyncRuns, small: Simulator, closed: str) -> None:
    """
    A sync that is started without stdin, stdout or stderr loads everything and ends with 0.
    """
    runs.configure(small)
    done = subprocess.run(
        ["sh", "-c", f'"$0" sync --config "$1" {closed}']
        + [str(PROGRAMS / "hubspot-engagements"), str(runs.config_path)],
        env=clean_environment() | runs.database.environment,
        capture_output=True,
        timeout=END_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert rows_of(runs.database) == JUNE_SIZE
