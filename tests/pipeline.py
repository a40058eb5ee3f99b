"""The tap and the target on one pipe, as a user runs them, and what the table must hold after."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tests.conftest import PROGRAMS, Outcome, TestDatabase, clean_environment, run_program

TOKEN = "pat-test"
INNER = (
    "id portalId active createdAt lastUpdated createdBy modifiedBy timestamp ownerId type uid"
    " source sourceId teamId activityType bodyPreview bodyPreviewHtml bodyPreviewIsTruncated"
    " gdprDeleted allAccessibleTeamIds queueMembershipIds"
).split()
OUTER = ("scheduledTasks", "attachments", "associations", "metadata")
JSON_COLUMNS = {"allAccessibleTeamIds", "queueMembershipIds", *OUTER, "extra"}
BOOLEANS = {"active", "bodyPreviewIsTruncated", "gdprDeleted"}


@dataclass
class Pipeline:
    """Runs the pipe in `folder`, where its config, catalog, states and last state are."""

    folder: Path
    database: TestDatabase

    def configure(self, simulator: Simulator, **settings: object) -> None:
        """Write config.json, and a catalog.json that selects every field."""
        config = {"access_token": TOKEN, "base_url": simulator.url, **settings}
        (self.folder / "config.json").write_text(json.dumps(config))
        catalog = json.loads(run_program("tap-hubspot-engagements", "--discover").out)
        for entry in catalog["streams"]:
            for field in entry["metadata"]:
                field["metadata"]["selected"] = True
        (self.folder / "catalog.json").write_text(json.dumps(catalog))

    def start(
        self, target_settings: Mapping[str, str] | None = None
    ) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
        """Start tap and target on one pipe; states are appended to `states`."""
        environment = clean_environment() | self.database.environment | (target_settings or {})
        with (
            (self.folder / "tap.log").open("wb") as tap_log,
            (self.folder / "target.log").open("wb") as target_log,
            (self.folder / "states").open("ab") as states,
        ):
            tap = subprocess.Popen(
                [PROGRAMS / "tap-hubspot-engagements", *self._tap_arguments()],
                stdout=subprocess.PIPE,
                stderr=tap_log,
                env=environment,
            )
            target = subprocess.Popen(
                [PROGRAMS / "target-mysql"],
                stdin=tap.stdout,
                stdout=states,
                stderr=target_log,
                env=environment,
            )
        assert tap.stdout is not None
        tap.stdout.close()
        return tap, target

    def run(self, target_settings: Mapping[str, str] | None = None) -> tuple[Outcome, Outcome]:
        """Run the pipe to its end; returns what tap and target did."""
        tap, target = self.start(target_settings)
        target.wait(120)
        tap.wait(120)
        return (
            Outcome(tap.returncode, "", (self.folder / "tap.log").read_text()),
            Outcome(target.returncode, "", (self.folder / "target.log").read_text()),
        )

    @property
    def states(self) -> list[dict[str, Any]]:
        """The states that the target has written, over all runs."""
        path = self.folder / "states"
        # A killed target may leave half a line: a shell's `tail -n 1` would see it, too.
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def _tap_arguments(self) -> Sequence[str | os.PathLike[str]]:
        arguments: list[str | os.PathLike[str]] = [
            *("--config", self.folder / "config.json"),
            *("--catalog", self.folder / "catalog.json"),
        ]
        if states := self.states:
            (self.folder / "state.json").write_text(json.dumps(states[-1]))
            arguments += ["--state", self.folder / "state.json"]
        return arguments

    def table(self) -> dict[int, dict[str, Any]]:
        """Return the rows of `engagements` by id, the _sdc_ columns left out, JSON parsed."""
        columns = [*INNER, *OUTER, "extra"]
        names = ", ".join(f"`{column}`" for column in columns)
        rows = self.database.query(f"SELECT {names} FROM engagements")
        found = {}
        for values in rows:
            row = dict(zip(columns, values, strict=True))
            for name in JSON_COLUMNS:
                row[name] = None if row[name] is None else json.loads(row[name])
            found[row["id"]] = row
        assert len(found) == len(rows)
        return found


def expected_table(portal: Portal) -> dict[int, dict[str, Any]]:
    """Return what the table must hold for this portal, made without any code of the tap."""
    return {row["id"]: row for row in map(expected_row, portal.records())}


def expected_row(record: dict[str, Any]) -> dict[str, Any]:
    record = _without_nul(record)
    inner = record["engagement"]
    row = {name: inner.get(name) for name in INNER}
    row |= {name: None if row[name] is None else int(row[name]) for name in BOOLEANS}
    row |= {name: record.get(name) for name in OUTER}
    extra = {name: inner[name] for name in inner if name not in INNER}
    extra |= {name: record[name] for name in record if name not in (*OUTER, "engagement")}
    return {**row, "extra": extra or None}


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [_without_nul(one) for one in value]
    if isinstance(value, dict):
        return {name: _without_nul(one) for name, one in value.items()}
    return value
