"""
The main job, start to end: a portal, the tap, the target, the reports, and all once more.

All files of a run are in `.demo`, the programs' logs in `.demo/log`, of which only summaries and
warnings are shown. All servers are stopped in the end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from demo.excerpts import log_excerpt, table_excerpt
from demo.known_answer import JUNE_2018, JUNE_2018_DAYS, TASK_AVERAGE, TASK_AVERAGE_DAY
from demo.portal import TOKEN, ServedPortal
from private_servers.cache import locked
from private_servers.mariadb import PrivateMariaDB, install
from private_servers.shell import DemoError, Output, Shell, exit_code, say
from target_mysql.config import Config
from target_mysql.server.connection import connect

REPOSITORY = Path(__file__).parents[1]
FOLDER = REPOSITORY / ".demo"
CHECK_TAP = REPOSITORY / ".venv-singer-tools" / "bin" / "singer-check-tap"
PORTAL = ("--portal", "june-2018")
DISCOVER = "tap-hubspot-engagements --discover > catalog.json"
TAP = "tap-hubspot-engagements --config config.json --catalog catalog.json"
OBJECTS_TAP = "tap-hubspot-engagements --config objects.json --catalog catalog.json"
KEEP_STATE = "tail -n 1 states > state.json"
API_VERSION = "2026-09"
CSV_TAP = "python ../demo/csv_messages.py calls.csv"
WRITE_BACK = "target-hubspot-engagements --config write_back.json"
CALL_TITLE = "Asked for a quote"
CALLED_AT = "2018-07-14T10:30:00Z"
CALLS_OF_CSV = f"SELECT engagementId, title FROM engagement_calls WHERE title = '{CALL_TITLE}'"
CALL_DAY = "2018-07-10"
STATE_SHOWN = 100  # characters
CONTACTS_OF_CALLS = (
    "SELECT e.id, CONCAT(c.firstname, ' ', c.lastname) FROM engagements e"
    " JOIN associations_engagements_contacts a ON a.from_id = e.id"
    " JOIN contacts c ON c.id = a.to_id WHERE e.type = 'CALL'"
)


class DemoFailed(DemoError):
    """A result of the run is wrong."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--only-check-tap", action="store_true", help="only validate the tap")
    options = parser.parse_args()
    with locked(REPOSITORY / "demo", lambda: say("Waiting for another demo here to end ...")):
        run(options.only_check_tap)


def run(only_check_tap: bool) -> None:
    """Run the demo, or only the check of the tap, in a new folder."""
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
    FOLDER.mkdir()
    with ServedPortal(PORTAL) as portal:
        write_config(portal)
        if only_check_tap:
            shell = Shell(FOLDER, {})
            shell.run(DISCOVER)
            say(check_tap(shell).rstrip())
        else:
            with database() as environment:
                tell(portal, Shell(FOLDER, environment))


@contextlib.contextmanager
def database() -> Iterator[dict[str, str]]:
    """Yield the variables of a private server; none if TARGET_MYSQL_* names a server."""
    if any(name in os.environ for name in ("TARGET_MYSQL_HOST", "TARGET_MYSQL_UNIX_SOCKET")):
        say("Loading into the server that TARGET_MYSQL_* names.")
        yield {}
        return
    install()
    with PrivateMariaDB() as server:
        say(f"A private MariaDB runs on port {server.port}, a HubSpot portal beside it.")
        yield server.environment()


def tell(portal: ServedPortal, shell: Shell) -> None:
    """Run the whole job, and check the results on the way."""
    say(f"Of the programs' logs, summaries and warnings are shown; the rest is in {shell.log}")
    run_and_show(shell, DISCOVER)
    run_and_show(shell, f"{TAP} | target-mysql > states")
    state = run_and_show(shell, f"{KEEP_STATE} && cat state.json").stdout.rstrip()
    say(f"{state[:STATE_SHOWN]}…")
    say(table_excerpt(run_and_show(shell, "engagements-report daily").stdout.rstrip(), 6, 5))
    check_daily(shell)
    rolling = f"engagements-report rolling --from {TASK_AVERAGE_DAY} --to {TASK_AVERAGE_DAY}"
    say(run_and_show(shell, rolling).stdout.rstrip())
    check_rolling(shell)
    read_objects_api(shell)
    change(portal)
    read_increment(shell)
    say(table_excerpt(check_tap(shell).strip(), 3, 0))
    write_page(shell)
    log_call(portal, shell)
    say("\nDone. Nothing is left running; the files of this demo are in .demo")


def run_and_show(shell: Shell, line: str) -> Output:
    """Run a command line, and print the summaries and warnings of the log."""
    output = shell.run(line)
    for text in log_excerpt(output.log):
        say(text)
    return output


def keep_state(shell: Shell) -> None:
    """Keep the last state for the next run, by the command that was shown first."""
    shell.run(KEEP_STATE, show=False)


def log_call(portal: ServedPortal, shell: Shell) -> None:
    """Log a call of another system, from a CSV file, in HubSpot; read it back by the tap."""
    say("\nThe other way: a call of another system, logged in HubSpot.")
    contact = portal.contact_of("NOTE")
    text = f"call,hs_timestamp,hs_call_title,contactIds\n7,{CALLED_AT},{CALL_TITLE},{contact}\n"
    (FOLDER / "calls.csv").write_text(text, encoding="utf-8")
    config = {"access_token": TOKEN, "base_url": portal.url, "ledger": "ledger.sqlite"}
    (FOLDER / "write_back.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    say(shell.run("cat calls.csv").stdout.rstrip())
    first = run_and_show(shell, f"{CSV_TAP} | {WRITE_BACK} --new-ledger > calls_states").log
    second = run_and_show(shell, f"{CSV_TAP} | {WRITE_BACK} > calls_states").log
    if "1 created, 0 updated" not in first or "0 created, 0 updated, 1 unchanged" not in second:
        raise DemoFailed(f"the call should be created, and then be unchanged: {first}{second}")
    run_and_show(shell, f"{TAP} --state state.json | target-mysql >> states")
    rows = query(shell, CALLS_OF_CSV)
    if len(rows) != 1:
        raise DemoFailed(f"the call should be in the database once, it is there: {rows}")
    say("The call was sent twice, and is in HubSpot, and in the database, once.")


def write_config(portal: ServedPortal) -> None:
    # A day passes between two looks for deletions; for the demo, none.
    config = {"access_token": TOKEN, "base_url": portal.url, "deletion_sweep_hours": 0}
    objects = {
        **config,
        "api_version": API_VERSION,
        "fetch_associations": {"engagements": ["contacts"]},
    }
    for name, content in (("config.json", config), ("objects.json", objects)):
        (FOLDER / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def check_daily(shell: Shell) -> None:
    rows = json.loads(shell.run("engagements-report daily --format json", show=False).stdout)
    counts = {(row["type"], row["day"]): row["num_engagements"] for row in rows}
    right_counts = {(kind, day): number for kind, day, number in JUNE_2018}
    if counts != right_counts:
        raise DemoFailed(f"the daily report should have {right_counts}, it has {counts}")
    say(f"All {len(right_counts)} counts of {len_of_portal()} engagements are as they must be.")


def check_rolling(shell: Shell) -> None:
    rows = json.loads(shell.run("engagements-report rolling --format json", show=False).stdout)
    (average,) = (
        row["avg_14d"] for row in rows if row["type"] == "TASK" and row["day"] == TASK_AVERAGE_DAY
    )
    if float(average) != TASK_AVERAGE:
        raise DemoFailed(f"TASK on {TASK_AVERAGE_DAY}: {average}, should be {TASK_AVERAGE}")
    say(f"TASK on {TASK_AVERAGE_DAY}: {average} a day over 14 days, 15 tasks, as it must be.")


def read_objects_api(shell: Shell) -> None:
    """Go on by HubSpot's objects API; new tables make it read everything again."""
    say(
        f"\nThe same by HubSpot's objects API, version {API_VERSION}, over the same tables, now"
        "\nwith each engagement's contacts. Publishing tasks stay: this API does not have them."
    )
    run_and_show(shell, f"{OBJECTS_TAP} --state state.json | target-mysql >> states")
    check_daily(shell)
    show_contacts(shell)
    keep_state(shell)


def show_contacts(shell: Shell) -> None:
    """Print the contacts of the call, which came with the engagements."""
    rows = query(shell, CONTACTS_OF_CALLS)
    if not rows or not all(name for _, name in rows):
        raise DemoFailed(f"the call should have contacts with names, it has {rows}")


def query(shell: Shell, sql: str) -> list[tuple[object, ...]]:
    """Run a query, print it with its rows, and return the rows."""
    say(f"\nmysql> {sql}")
    config = Config.from_sources({}, shell.environment)
    with contextlib.closing(connect(config)) as connection, connection.cursor() as cursor:
        connection.select_db(config.database)
        cursor.execute(sql)
        rows = [tuple(row) for row in cursor.fetchall()]
    for row in rows:
        say("  ".join(map(str, row)))
    return rows


def change(portal: ServedPortal) -> None:
    """Add, edit and delete an engagement, as people do between two runs."""
    note = {"engagement": {"type": "NOTE"}, "metadata": {"body": "They said yes 🎉"}}
    new_note = portal.create(note)
    task = portal.first("TASK")
    portal.update(task, {"metadata": {"status": "COMPLETED"}})
    call = portal.first("CALL")
    portal.delete(call)
    say(f"\nIn the portal: note {new_note} added, task {task} edited, call {call} deleted.")


def read_increment(shell: Shell) -> None:
    """Read what changed, and find the deleted call in HubSpot's list of archived records."""
    before = live_calls(shell)
    log = run_and_show(shell, f"{TAP} --state state.json | target-mysql >> states").log
    # The newest engagement of before is read again, being less old than the lookback.
    counts = re.search(r"done: (\d+) engagements", log)
    if not counts or int(counts[1]) != 3:
        raise DemoFailed(f"three engagements should have travelled, the log says: {log}")
    after = live_calls(shell)
    if (before, after) != (1, 0):
        raise DemoFailed(f"the deleted call should be found: {before} live before, {after} after")
    say(
        "Of 64 engagements three travelled: the two that changed, and the newest of before, since"
        "\nthe hour before the bookmark is read again. The deleted call is flagged: HubSpot's list"
        "\nof archived records has it."
    )
    keep_state(shell)


def live_calls(shell: Shell) -> int:
    """Return the number of calls on CALL_DAY that are not deleted."""
    command = f"engagements-report rolling --from {CALL_DAY} --to {CALL_DAY} --format json"
    rows = json.loads(shell.run(command, show=False).stdout)
    return sum(int(row["num_engagements"]) for row in rows if row["type"] == "CALL")


def write_page(shell: Shell) -> None:
    """Write the page of all reports, and print the path."""
    first, last = JUNE_2018_DAYS
    run_and_show(shell, f"engagements-report html report.html --from {first} --to {last}")
    say(f"Open it in a browser; it needs no network: {FOLDER / 'report.html'}")


def check_tap(shell: Shell) -> str:
    """
    Validate the tap with singer-check-tap, and return its output.

    It leaves files behind, and does not pass the tap's output on.
    """
    with tempfile.TemporaryDirectory() as folder:
        checking = f"(cd {folder} && {CHECK_TAP})"
        say(f"\n$ {TAP} | singer-check-tap")
        output = shell.run(f"{TAP} | {checking}", show=False).stdout
    # It calls an empty output valid, too.
    records = re.search(r"(\d+) record messages", output)
    if "The output is valid" not in output or not records or int(records[1]) < len_of_portal():
        raise DemoFailed(f"singer-check-tap should find every engagement valid: {output}")
    return output


def len_of_portal() -> int:
    return sum(number for _, _, number in JUNE_2018)


if __name__ == "__main__":
    sys.exit(exit_code("demo", main))
