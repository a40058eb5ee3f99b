"""
Writes a CSV file as Singer messages: the smallest tap. The first column is the key.

    python csv_messages.py calls.csv | target-hubspot-engagements …
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path


def main(path: Path) -> None:
    """Write SCHEMA, RECORDs and a STATE for a file; the stream has the file's name."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        columns = list(reader.fieldnames or ())
        rows = list(reader)
    schema = {"properties": {name: {"type": "string"} for name in columns}}
    stream = {"stream": path.stem}
    _write({"type": "SCHEMA", **stream, "schema": schema, "key_properties": columns[:1]})
    for row in rows:
        _write({"type": "RECORD", **stream, "record": row})
    _write({"type": "STATE", "value": {"rows": len(rows)}})


def _write(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
