"""The tap and the target on one pipe, as users run them, and the comparison of the tables."""

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
from tests.conftest import (
    PROGRAMS,
    REPOSITORY,
    Outcome,
    TestDatabase,
    clean_environment,
    run_program,
)
from tests.expected import KEYS, expected_tables

TOKEN = "pat-test"
END_S = 600.0  # the longest run, also on a slow and busy machine


@dataclass
class Pipeline:
    """Runs the pipe; `folder` has the configuration, the catalog, the states and the logs."""

    folder: Path
    database: TestDatabase

    def configure(self, simulator: Simulator, **settings: object) -> None:
        """Write config.json, and a catalog.json that selects every field of streams in KEYS."""
        config = {"access_token": TOKEN, "base_url": simulator.url, **settings}
        (self.folder / "config.json").write_text(json.dumps(config))
        catalog = json.loads(run_program("tap-hubspot-engagements", "--discover").out)
        catalog["streams"] = [one for one in catalog["streams"] if one["stream"] in KEYS]
        for entry in catalog["streams"]:
            for field in entry["metadata"]:
                field["metadata"]["selected"] = True
        (self.folder / "catalog.json").write_text(json.dumps(catalog))

    def start(
        self,
        target_settings: Mapping[str, str] | None = None,
        full_refresh: bool = False,
        name: str = "",
    ) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
        """
        Start tap and target on one pipe; states are appended to `states`.

        `name` distinguishes the logs of concurrent runs.
        """
        environment = clean_environment() | self.database.environment | (target_settings or {})
        with (
            (self.folder / f"tap{name}.log").open("wb") as tap_log,
            (self.folder / f"target{name}.log").open("wb") as target_log,
            (self.folder / "states").open("ab") as states,
        ):
            tap = subprocess.Popen(
                [PROGRAMS / "tap-hubspot-engagements", *self._tap_arguments(full_refresh)],
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

    def run(
        self, target_settings: Mapping[str, str] | None = None, full_refresh: bool = False
    ) -> tuple[Outcome, Outcome]:
        """Run the pipe to the end; returns the outcomes of tap and target."""
        tap, target = self.start(target_settings, full_refresh)
        target.wait(END_S)
        tap.wait(END_S)
        return (
            Outcome(tap.returncode, "", (self.folder / "tap.log").read_text()),
            Outcome(target.returncode, "", (self.folder / "target.log").read_text()),
        )

    @property
    def states(self) -> list[dict[str, Any]]:
        """The states that the target has written in all runs."""
        path = self.folder / "states"
        # A killed target may leave half a line, which ends without a line break.
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def _tap_arguments(self, full_refresh: bool) -> Sequence[str | os.PathLike[str]]:
        arguments: list[str | os.PathLike[str]] = [
            *("--config", self.folder / "config.json"),
            *("--catalog", self.folder / "catalog.json"),
        ]
        if full_refresh:
            arguments.append("--full-refresh")
        if states := self.states:
            (self.folder / "state.json").write_text(json.dumps(states[-1]))
            arguments += ["--state", self.folder / "state.json"]
        return arguments

    def table(self, stream: str = "engagements") -> dict[Key, Row]:
        """Return a table's rows by key, without _sdc_ columns and deleted rows."""
        names = self._columns(stream)
        columns = ", ".join(f"`{name}`" for name in names)
        live = "_sdc_deleted_at IS NULL"
        rows = self.database.query(f"SELECT {columns} FROM `{stream}` WHERE {live}")
        schema = SCHEMAS[stream]
        table = {}
        for values in rows:
            pairs = zip(names, values, strict=True)
            row = {name: to_json_value(value, schema[name]) for name, value in pairs}
            table[tuple(row[name] for name in KEYS[stream])] = row
        assert len(table) == len(rows)
        return table

    def tables(self) -> dict[str, dict[Key, Row]]:
        """Return every stream's table, empty for a table that does not exist."""
        existing = {name for (name,) in self.database.query("SHOW TABLES")}
        return {stream: self.table(stream) if stream in existing else {} for stream in KEYS}

    def _columns(self, stream: str) -> list[str]:
        names = [name for (name, *_) in self.database.query(f"SHOW COLUMNS FROM `{stream}`")]
        return [name for name in names if not name.startswith("_sdc_")]


Key = tuple[Any, ...]
Row = dict[str, Any]
SCHEMAS = {
    path.stem: json.loads(path.read_text())["properties"]
    for path in (REPOSITORY / "tap_hubspot_engagements" / "schemas").glob("*.json")
}


def to_json_value(value: Any, schema: Row) -> Any:
    """Return a column's value as the JSON value of the record."""
    kind = schema["type"][-1] if isinstance(schema["type"], list) else schema["type"]
    if value is None:
        return None
    if kind in ("object", "array"):
        return json.loads(value)
    return bool(value) if kind == "boolean" else value


def assert_equals(pipeline: Pipeline, portal: Portal) -> None:
    """Assert that every table equals the portal, field by field."""
    tables = expected_tables(portal)
    for stream, table in pipeline.tables().items():
        if stream != "call_dispositions":
            assert table == tables[stream], stream
