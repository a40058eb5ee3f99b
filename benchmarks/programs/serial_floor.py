"""
A plain loop that loads Singer lines serially: parse, write, stage, merge, commit.

No types, no schema changes, no retries: the minimum work of a target in Python. Reads lines from
standard input, and loads into the database of TARGET_MYSQL_PORT and TARGET_MYSQL_DATABASE. With
`--insert`, rows go by INSERT ... ON DUPLICATE KEY UPDATE of a thousand rows, without staging.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

import msgspec
import pymysql

BATCH, INSERT = 20_000, 1000
SQL_TYPES = {"integer": "BIGINT", "boolean": "TINYINT(1)", "string": "LONGTEXT", "object": "JSON"}


class Floor:
    """The table of the first SCHEMA."""

    def __init__(self, connection: Any, by_insert: bool) -> None:
        self.cursor = connection.cursor()
        self.by_insert = by_insert
        self.rows: list[dict[str, Any]] = []
        self.state: Any = None

    def make(self, message: dict[str, Any]) -> None:
        properties = message["schema"]["properties"]
        self.names = list(properties)
        self.table, (key,) = message["stream"], message["key_properties"]
        columns = [
            f"`{name}` {sql_type(one)}{' PRIMARY KEY' if name == key else ''}"
            for name, one in properties.items()
        ]
        self.columns = ", ".join(columns)
        self.cursor.execute(f"CREATE TABLE IF NOT EXISTS `{self.table}` ({self.columns})")
        self.updates = ", ".join(f"`{name}` = VALUES(`{name}`)" for name in self.names)

    def flush(self) -> None:
        if self.by_insert:
            for start in range(0, len(self.rows), INSERT):
                self.insert(self.rows[start : start + INSERT])
        else:
            self.stage_and_merge()
        self.cursor.connection.commit()
        if self.state is not None:
            sys.stdout.buffer.write(msgspec.json.encode(self.state) + b"\n")
        self.rows, self.state = [], None

    def insert(self, rows: Sequence[dict[str, Any]]) -> None:
        marks = ", ".join(["(" + ", ".join(["%s"] * len(self.names)) + ")"] * len(rows))
        values = [self.value(row[name]) for row in rows for name in self.names]
        self.cursor.execute(
            f"INSERT INTO `{self.table}` VALUES {marks} ON DUPLICATE KEY UPDATE {self.updates}",
            values,
        )

    def stage_and_merge(self) -> None:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="") as file:
            file.writelines(self.line(row) for row in self.rows)
            file.flush()
            self.cursor.execute("DROP TEMPORARY TABLE IF EXISTS staging")
            self.cursor.execute(f"CREATE TEMPORARY TABLE staging ({self.columns})")
            self.cursor.execute(
                f"LOAD DATA LOCAL INFILE '{file.name}' REPLACE INTO TABLE staging"
                " CHARACTER SET utf8mb4"
            )
            self.cursor.execute(
                f"INSERT INTO `{self.table}` SELECT * FROM staging"
                f" ON DUPLICATE KEY UPDATE {self.updates}"
            )

    def line(self, row: dict[str, Any]) -> str:
        return "\t".join([self.field(row.get(name)) for name in self.names]) + "\n"

    def field(self, value: Any) -> str:
        if value is None:
            return "\\N"
        text = str(self.value(value))
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")

    def value(self, value: Any) -> Any:
        if isinstance(value, bool):
            return int(value)
        return msgspec.json.encode(value).decode() if isinstance(value, dict) else value


def sql_type(schema: dict[str, Any]) -> str:
    types = schema["type"]
    return SQL_TYPES[types if isinstance(types, str) else types[-1]]


def main() -> None:
    connection = pymysql.connect(
        host="127.0.0.1",
        port=int(os.environ["TARGET_MYSQL_PORT"]),
        user="root",
        password=os.environ["TARGET_MYSQL_PASSWORD"],
        charset="utf8mb4",
        local_infile=True,
    )
    with connection, connection.cursor() as cursor:
        database = os.environ["TARGET_MYSQL_DATABASE"]
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{database}` CHARACTER SET utf8mb4")
        cursor.execute(f"USE `{database}`")
        floor = Floor(connection, "--insert" in sys.argv)
        for line in sys.stdin.buffer:
            message = msgspec.json.decode(line)
            if message["type"] == "RECORD":
                floor.rows.append(message["record"])
                if len(floor.rows) == BATCH:
                    floor.flush()
            elif message["type"] == "STATE":
                floor.state = message["value"]
            elif message["type"] == "SCHEMA":
                floor.make(message)
        floor.flush()


if __name__ == "__main__":
    main()
