"""The output of --about and --version: name, version, capabilities and settings of a program."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

DISTRIBUTION = "tap-hubspot-engagements"


def installed_version() -> str:
    """Return the version of the installed package, such as 1.2.0."""
    # Imported here, since the import takes a tenth of a start.
    from importlib.metadata import version

    return version(DISTRIBUTION)


class VersionAction(argparse.Action):
    """Prints the program's name and the installed version, and exits."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        sys.stdout.write(f"{parser.prog} {installed_version()}\n")
        parser.exit()


def about(
    program: str,
    description: str,
    capabilities: Sequence[str],
    settings: Mapping[str, Any],
    form: str,
) -> str:
    """
    Return the facts of a program, as `json` or `markdown`, in the form of Meltano's programs.

    `settings` is a JSON Schema; in its properties `x-unit` may name a unit.
    """
    facts = {
        "name": program,
        "description": description.replace("\n", " ").strip(),
        "version": installed_version(),
        "capabilities": list(capabilities),
        "settings": settings,
    }
    return json.dumps(facts, indent=2) if form == "json" else _to_markdown(facts)


def _to_markdown(facts: Mapping[str, Any]) -> str:
    return "\n".join(
        [
            f"# `{facts['name']}`",
            f"\n{facts['description']}\n",
            f"Version: {facts['version']}\n",
            "## Capabilities\n",
            *(f"* `{name}`" for name in facts["capabilities"]),
            "\n## Settings\n",
            "| Setting | Type | Default | Unit | Description |",
            "|:--------|:-----|:--------|:-----|:------------|",
            *(_to_row(name, one) for name, one in facts["settings"]["properties"].items()),
        ]
    )


def _to_row(name: str, setting: Mapping[str, Any]) -> str:
    default = json.dumps(setting["default"]) if "default" in setting else ""
    cells = (name, setting.get("type", ""), default, setting.get("x-unit", ""))
    return f"| {' | '.join(map(str, cells))} | {setting['description']} |"
