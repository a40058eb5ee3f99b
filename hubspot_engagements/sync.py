"""
A sync from top to bottom: the stored state, then tap and target on a pipe.

The target keeps the state in the database (`state_id`), so a run needs no file of an earlier run.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import IO

from hubspot_engagements.config import SyncConfig
from hubspot_engagements.exceptions import StopRequested, SyncError
from hubspot_engagements.outcome import DONE, ProgramReport, to_exit_code, to_summary
from hubspot_engagements.programs import TAP, TARGET, Programs, memory_file, path_of

NO_STATE = b"{}"
# True in a state: the tap reads everything, and the target creates dropped tables.
FULL_REFRESH = "full_refresh"


@dataclass(frozen=True)
class SyncOptions:
    """How to run: read everything again; count records instead of loading them."""

    full_refresh: bool = False
    dry_run: bool = False


@dataclass
class Sync:
    """One run; `tap` and `target` report how each program ended."""

    config: SyncConfig
    options: SyncOptions
    programs: Programs
    tap: ProgramReport = field(default_factory=ProgramReport)
    target: ProgramReport = field(default_factory=ProgramReport)

    def run(self) -> dict[str, object]:
        """Run the pipe to the end; return the summary. Raises SyncError."""
        started_at = datetime.now(timezone.utc)
        started_s = time.monotonic()
        with contextlib.suppress(StopRequested), contextlib.ExitStack() as stack:
            stack.callback(self.programs.close)
            self._run_programs(stack)
        exit_code = to_exit_code(
            self.tap.exit_code, self.target.exit_code, self.programs.stopped_by
        )
        return to_summary(
            exit_code,
            self.tap,
            self.target,
            state_id=self.config.state_id,
            full_refresh=self.options.full_refresh,
            dry_run=self.options.dry_run,
            started_at=f"{started_at:%Y-%m-%dT%H:%M:%SZ}",
            seconds=round(time.monotonic() - started_s, 1),
        )

    def _run_programs(self, stack: contextlib.ExitStack) -> None:
        target_config = stack.enter_context(memory_file("target", self.config.target))
        target_arguments = ["--config", path_of(target_config), "--state-id", self.config.state_id]
        state = self._read_state(target_arguments, [target_config])
        if state is None:
            return
        has_state = state.strip() != NO_STATE
        begins_anew = has_state and self.options.full_refresh and not self.options.dry_run
        if begins_anew:
            due = stack.enter_context(memory_file("due", with_full_refresh(state)))
            if not self._store_state(due, target_arguments, [target_config]):
                return
        files = {
            "--config": self.config.tap,
            "--state": state if has_state else None,
            "--catalog": self.config.catalog,
        }
        descriptors = {
            option: stack.enter_context(memory_file(option, content))
            for option, content in files.items()
            if content is not None
        }
        arguments = [part for option, one in descriptors.items() for part in (option, path_of(one))]
        if self.options.full_refresh:
            arguments.append("--full-refresh")
        # The tap's own metrics count the records that a dry run does not load.
        stdout = subprocess.DEVNULL if self.options.dry_run else subprocess.PIPE
        tap = self.programs.start(TAP, arguments, [*descriptors.values()], self.tap, stdout=stdout)
        if tap.stdout is not None:
            self._load(tap.stdout, target_arguments, [target_config])
        self.programs.wait(TAP, self.tap)

    def _read_state(self, arguments: Sequence[str], descriptors: Sequence[int]) -> bytes | None:
        """Return the stored state; None if the target failed to read the state and logged why."""
        process = self.programs.start(
            TARGET,
            [*arguments, "--print-state"],
            descriptors,
            self.target,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert process.stdout
        state = process.stdout.read()
        self.programs.wait(TARGET, self.target)
        return state if self.target.exit_code == DONE else None

    def _store_state(self, file: int, arguments: Sequence[str], descriptors: Sequence[int]) -> bool:
        """Store the state in `file`; return whether that succeeded, else the target logged why."""
        self.programs.start(
            TARGET,
            [*arguments, "--set-state", path_of(file)],
            [*descriptors, file],
            self.target,
            stdin=subprocess.DEVNULL,
        )
        self.programs.wait(TARGET, self.target)
        return self.target.exit_code == DONE

    def _load(
        self, messages: IO[bytes], arguments: Sequence[str], descriptors: Sequence[int]
    ) -> None:
        """Run the target on the tap's messages."""
        self.target.exit_code = None
        # Closed here: with the target as the only reader, the tap notices the target's end.
        with messages:
            self.programs.start(
                TARGET,
                arguments,
                descriptors,
                self.target,
                stdin=messages,
                stdout=subprocess.DEVNULL,  # the states, which are in the database
            )
        self.programs.wait(TARGET, self.target)
        if self.target.exit_code != DONE:
            # The tap would notice with the next message, which HubSpot may delay for long.
            self.programs.stop(TAP)


def with_full_refresh(state: bytes) -> dict[str, object]:
    """
    Return a stored state with a full refresh due, which lasts until the tap's first state.

    All else in the state stays. An empty state would forget which APIs wrote the rows, and a full
    pass would flag those that the current API cannot show. Raises SyncError.
    """
    value = json.loads(state)
    if not isinstance(value, dict):
        raise SyncError("the stored state is of another tap: choose another state_id")
    return {**value, FULL_REFRESH: True}


def check(config: SyncConfig, programs: Programs) -> int:
    """Have both programs test and print their access; return the exit code."""
    reports = {TAP: ProgramReport(), TARGET: ProgramReport()}
    sections = {TAP: config.tap, TARGET: config.target}
    with contextlib.suppress(StopRequested), contextlib.ExitStack() as stack:
        stack.callback(programs.close)
        for name, section in sections.items():
            file = stack.enter_context(memory_file(name, section))
            arguments = ["--config", path_of(file), "--check"]
            programs.start(name, arguments, [file], reports[name], stdin=subprocess.DEVNULL)
            programs.wait(name, reports[name])
    return to_exit_code(reports[TAP].exit_code, reports[TARGET].exit_code, programs.stopped_by)
