"""
A dlt pipeline that merges Singer lines into MySQL by their primary key.

Reads lines from standard input, and loads into the database of TARGET_MYSQL_DATABASE; its columns
have the types of the SCHEMA. With `--arrow`, dlt receives Arrow tables, which need no
normalization, instead of dicts. Runs in a separate venv with dlt.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from typing import Any

import dlt
import orjson
import pyarrow
from dlt.destinations import sqlalchemy

CHUNK = 20_000  # records
# By JSON Schema's type: dlt's type and Arrow's.
TYPES = {
    "integer": ("bigint", pyarrow.int64()),
    "string": ("text", pyarrow.string()),
    "boolean": ("bool", pyarrow.bool_()),
}
# The fastest of those tried. Smaller files, with one thread or process for each, and a single
# thread that loads are not faster; mysqlclient, which needs a compiler, saves 5 % of the CPU time.
SETTINGS = {
    "schema.naming": "sql_cs_v1",  # keeps the names of columns
    "data_writer.disable_compression": True,
    "runtime.dlthub_telemetry": False,
}


def types_of(properties: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """Return dlt's and Arrow's type of each property."""
    types = {name: schema["type"] for name, schema in properties.items()}
    return {name: TYPES[one if isinstance(one, str) else one[-1]] for name, one in types.items()}


def read_chunks() -> Iterator[list[dict[str, Any]]]:
    """Yield the records of standard input in lists."""
    messages = map(orjson.loads, sys.stdin.buffer)
    records = (one["record"] for one in messages if one["type"] == "RECORD")
    while chunk := list(islice(records, CHUNK)):
        yield chunk


def read_tables(schema: Any) -> Iterator[Any]:
    """Yield the records of standard input in Arrow tables."""
    for chunk in read_chunks():
        yield pyarrow.Table.from_pylist(chunk, schema=schema)


def to_resource(message: dict[str, Any], as_arrow: bool) -> Any:
    """Return dlt's resource of the stream that a SCHEMA announces."""
    key, types = message["key_properties"], types_of(message["schema"]["properties"])
    options = {"name": message["stream"], "primary_key": key, "write_disposition": "merge"}
    if as_arrow:
        fields = [(name, arrow, name not in key) for name, (_, arrow) in types.items()]
        schema = pyarrow.schema([pyarrow.field(*field) for field in fields])
        return dlt.resource(read_tables(schema), **options)
    columns = {
        name: {"data_type": data_type, "nullable": name not in key}
        for name, (data_type, _) in types.items()
    }
    return dlt.resource(read_chunks(), columns=columns, **options)


def main() -> None:
    for name, value in SETTINGS.items():
        dlt.config[name] = value
    place = {name: os.environ[f"TARGET_MYSQL_{name}"] for name in ("PASSWORD", "PORT", "DATABASE")}
    url = "mysql+pymysql://root:{PASSWORD}@127.0.0.1:{PORT}/{DATABASE}?charset=utf8mb4"
    # Without primary keys, the merge compares all rows with all rows.
    destination = sqlalchemy(url.format(**place), create_primary_keys=True)
    resource = to_resource(orjson.loads(sys.stdin.buffer.readline()), "--arrow" in sys.argv)
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "singer", pipelines_dir=folder, destination=destination, dataset_name=place["DATABASE"]
        )
        pipeline.run(resource).raise_on_failed_jobs()


if __name__ == "__main__":
    main()
