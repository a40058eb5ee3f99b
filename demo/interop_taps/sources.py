"""The sources of the taps: tables and files, filled with values that programs get wrong."""

from __future__ import annotations

import csv
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
from pymysql.cursors import Cursor

from demo.interop_taps.values import Kind, parse_json
from private_servers.postgres import PrivatePostgres
from private_servers.server import PrivateServer

TABLE = "awkward"
DATABASE = "source"
SMALLEST, LARGEST, CHANGED, REMOVED, ADDED = 1, 2, 3, 4, 5
MEGABYTE = 1 << 20
TEXT = "üñí 😀 \\ ' \" \n\t\r %s \x7f \u2028 \x85"

Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Column:
    """A column; `sql` is the type, `low` and `high` are extreme or awkward values, as SQL."""

    name: str
    sql: str
    kind: Kind
    low: str
    high: str


class Source(ABC):
    """A table, or a file, named `awkward` with an integer `id`."""

    kinds: Mapping[str, Kind]
    trial = ""  # its name beside the mode, where a tap has several sources

    @abstractmethod
    def fill(self) -> None:
        """Recreate the table or file with the first rows."""

    def change(self) -> None:
        """Insert, update and delete a row."""
        raise NotImplementedError

    @abstractmethod
    def read(self) -> Rows:
        """Return the rows as the source shows them, by their `id`."""


class SqlSource(Source):
    """A table of a server; subclasses know how to run statements there."""

    columns: tuple[Column, ...]
    fixed_columns: str

    def __init__(self) -> None:
        self.kinds = {"id": Kind.NUMBER, "changed": Kind.DATE_TIME} | {
            column.name: column.kind for column in self.columns
        }

    @abstractmethod
    def run(self, *statements: str) -> None:
        """Run statements, each by itself."""

    def fill(self) -> None:
        definitions = ", ".join(f"{column.name} {column.sql}" for column in self.columns)
        low = ", ".join(column.low for column in self.columns)
        high = ", ".join(column.high for column in self.columns)
        self.run(
            f"DROP TABLE IF EXISTS {TABLE}",
            f"CREATE TABLE {TABLE} ({self.fixed_columns}, {definitions})",
            f"INSERT INTO {TABLE} VALUES ({SMALLEST}, '2020-01-01 00:00:00', {low})",
            f"INSERT INTO {TABLE} VALUES ({LARGEST}, '2020-01-02 00:00:00.123456', {high})",
            f"INSERT INTO {TABLE} (id, changed) VALUES ({CHANGED}, '2020-01-03 00:00:00')",
            f"INSERT INTO {TABLE} (id, changed, txt) VALUES"
            f" ({REMOVED}, '2020-01-04 00:00:00', REPEAT('é', {MEGABYTE}))",
        )

    def change(self) -> None:
        names = [column.name for column in self.columns]
        high = ", ".join(f"{column.name} = {column.high}" for column in self.columns)
        names_sql = ", ".join(names)
        self.run(
            f"INSERT INTO {TABLE} (id, changed, {names_sql}) SELECT {ADDED},"
            f" '2020-02-01 00:00:00', {names_sql} FROM {TABLE} WHERE id = {LARGEST}",
            f"UPDATE {TABLE} SET changed = '2020-02-02 00:00:00', {high} WHERE id = {CHANGED}",
            f"DELETE FROM {TABLE} WHERE id = {REMOVED}",
        )


class MariaDBSource(SqlSource):
    """A table of MariaDB with a binary log of row changes."""

    fixed_columns = "id BIGINT UNSIGNED PRIMARY KEY, changed DATETIME(6) NOT NULL"
    columns: tuple[Column, ...] = (
        Column("txt", "LONGTEXT", Kind.TEXT, "''", f"x'{TEXT.encode().hex()}'"),
        Column("latin", "LONGTEXT", Kind.TEXT, "' '", r"'üñí \\ '' \" \n\t\r %s'"),
        Column("vc", "VARCHAR(20)", Kind.TEXT, "''", "'NULL'"),
        Column("ch", "CHAR(5)", Kind.TEXT, "''", "'a'"),
        Column("decim", "DECIMAL(65,30)", Kind.NUMBER, f"-{'9' * 35}.{'9' * 30}", "1e-30"),
        Column("money", "DECIMAL(12,2)", Kind.NUMBER, "-0.01", "9999999999.99"),
        Column("db", "DOUBLE", Kind.DOUBLE, "-1.7976931348623157e308", "2.2250738585072014e-308"),
        Column("fl", "FLOAT", Kind.SINGLE, "-0.1", "3.40282e38"),
        Column("i1", "TINYINT", Kind.NUMBER, "-128", "127"),
        Column("u1", "TINYINT UNSIGNED", Kind.NUMBER, "0", "255"),
        Column("b", "BOOLEAN", Kind.BOOLEAN, "FALSE", "TRUE"),
        Column("bit1", "BIT(1)", Kind.BITS, "b'0'", "b'1'"),
        Column("bit9", "BIT(9)", Kind.BITS, "b'0'", "b'101010101'"),
        Column("i2", "SMALLINT", Kind.NUMBER, "-32768", "32767"),
        Column("i3", "MEDIUMINT", Kind.NUMBER, "-8388608", "8388607"),
        Column("i4", "INT", Kind.NUMBER, "-2147483648", "2147483647"),
        Column("u4", "INT UNSIGNED", Kind.NUMBER, "0", "4294967295"),
        Column("i8", "BIGINT", Kind.NUMBER, "-9223372036854775808", "9223372036854775807"),
        Column("u8", "BIGINT UNSIGNED", Kind.NUMBER, "0", "18446744073709551615"),
        Column("y", "YEAR", Kind.NUMBER, "1901", "2155"),
        Column("d", "DATE", Kind.DATE, "'1000-01-01'", "'9999-12-30'"),
        Column(
            "dt",
            "DATETIME(6)",
            Kind.DATE_TIME,
            "'1000-01-01 00:00:00.000001'",
            "'9999-12-30 23:59:59.999999'",
        ),
        Column(
            "ts",
            "TIMESTAMP(6) NULL",
            Kind.DATE_TIME,
            "'1970-01-01 00:00:01'",
            "'2038-01-19 03:14:07.999999'",
        ),
        Column("tm", "TIME(6)", Kind.TIME, "'00:00:00'", "'23:59:59.999999'"),
        Column("bi", "BINARY(4)", Kind.BYTES, "x'01020304'", "x'00ff00ff'"),
        Column("vb", "VARBINARY(20)", Kind.BYTES, "''", "x'00ff10'"),
        Column("bl", "LONGBLOB", Kind.BYTES, "''", "x'e4bd00ff'"),
        Column(
            "j",
            "JSON",
            Kind.JSON,
            "'[]'",
            """'{"b": 1.10, "a": [1, null, "ü"], "big": 12345678901234567890}'""",
        ),
        Column("e", "ENUM('', 'a', 'very \"happy\"')", Kind.TEXT, "''", "'very \"happy\"'"),
        Column("s", "SET('x', 'y', 'z')", Kind.TEXT, "''", "'x,z'"),
    )

    def __init__(self, server: PrivateServer) -> None:
        super().__init__()
        self.server = server
        self._run_in("", f"CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4")

    def run(self, *statements: str) -> None:
        self._run_in(DATABASE, *statements)

    def read(self) -> Rows:
        return read_table(self.server, DATABASE, TABLE)

    def _run_in(self, database: str, *statements: str) -> None:
        connection = connect(self.server, database)
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


class PostgresSource(SqlSource):
    """A table of PostgreSQL, whose changes a replication slot keeps."""

    fixed_columns = "id BIGINT PRIMARY KEY, changed TIMESTAMPTZ NOT NULL"
    columns: tuple[Column, ...] = (
        Column("txt", "TEXT", Kind.TEXT, "''", rf"convert_from('\x{TEXT.encode().hex()}', 'UTF8')"),
        Column("vc", "VARCHAR(20)", Kind.TEXT, "''", "'NULL'"),
        Column("ch", "CHAR(5)", Kind.TEXT, "''", "'a'"),
        Column("num", "NUMERIC", Kind.NUMBER, "-1e-38", f"{'9' * 34}.0123456789"),
        Column("decim", "NUMERIC(38,10)", Kind.NUMBER, f"-{'9' * 28}.{'9' * 10}", "1e-10"),
        Column("f8", "DOUBLE PRECISION", Kind.DOUBLE, "-1.7976931348623157e308", "1e-300"),
        Column("f4", "REAL", Kind.SINGLE, "-0.1", "3.4e38"),
        Column("i2", "SMALLINT", Kind.NUMBER, "-32768", "32767"),
        Column("i4", "INTEGER", Kind.NUMBER, "-2147483648", "2147483647"),
        Column("i8", "BIGINT", Kind.NUMBER, "-9223372036854775808", "9223372036854775807"),
        Column("b", "BOOLEAN", Kind.BOOLEAN, "FALSE", "TRUE"),
        Column("d", "DATE", Kind.DATE, "'0001-01-01'", "'9999-12-31'"),
        Column(
            "ts",
            "TIMESTAMP",
            Kind.DATE_TIME,
            "'0001-01-01 00:00:00'",
            "'2020-02-29 23:59:59.999999'",
        ),
        Column(
            "tz",
            "TIMESTAMPTZ",
            Kind.DATE_TIME,
            "'0001-01-02 00:00:00+00'",
            "'1999-12-31 23:59:59.000001+05:30'",
        ),
        Column("tm", "TIME", Kind.TIME, "'00:00:00'", "'23:59:59.999999'"),
        Column("tmz", "TIMETZ", Kind.TIME, "'00:00:00+00'", "'12:00:00+02'"),
        Column("iv", "INTERVAL", Kind.TEXT, "'0'", "'1 year 2 days 03:04:05.6'"),
        Column(
            "j",
            "JSON",
            Kind.JSON,
            "'[]'",
            """'{"b": 1.10, "a": [1, null, "ü"], "big": 12345678901234567890}'""",
        ),
        Column("jb", "JSONB", Kind.JSON, "'{}'", """'{"n": 12345678901234567890.5, "s": "😀"}'"""),
        Column("ba", "BYTEA", Kind.BYTES, "''", r"'\x00ff10'"),
        Column("u", "UUID", Kind.TEXT, f"'{'0' * 32}'", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"),
        Column("e", "MOOD", Kind.TEXT, "'a'", "'very \"happy\"'"),
        Column("ai", "INTEGER[]", Kind.JSON, "'{}'", "'{1,NULL,3}'"),
        Column("ax", "TEXT[]", Kind.JSON, "'{}'", """'{"a,b",NULL,"q\\"x",""}'"""),
        Column("ip", "INET", Kind.TEXT, "'::1'", "'192.168.0.1/24'"),
        Column("m", "MONEY", Kind.TEXT, "-0.01", "12.34"),
        Column("bits", "BIT(3)", Kind.TEXT, "B'000'", "B'101'"),
        Column("r", "INT4RANGE", Kind.TEXT, "'empty'", "'[1,5)'"),
    )

    def __init__(self, server: PrivatePostgres) -> None:
        super().__init__()
        self.server = server
        if not server.run_sql(
            "postgres", f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"
        ):
            server.run_sql("postgres", f"CREATE DATABASE {DATABASE}")
            self.run("""CREATE TYPE mood AS ENUM ('a', 'very "happy"')""")

    def run(self, *statements: str) -> None:
        self.server.run_sql(DATABASE, "SET TIME ZONE 'UTC'", *statements)

    def read(self) -> Rows:
        sql = f"SELECT to_jsonb(t) FROM {TABLE} t"
        lines = self.server.run_sql(DATABASE, "SET TIME ZONE 'UTC'", sql).split("\n")
        return {str(row["id"]): row for row in map(parse_json, filter(None, lines))}


class MariaDBDates(MariaDBSource):
    """Dates that are none, or that no other program has."""

    trial = " zero dates, times past a day"
    columns: tuple[Column, ...] = (
        Column("txt", "LONGTEXT", Kind.TEXT, "'zero'", "'year 0'"),
        Column("d", "DATE", Kind.DATE, "'0000-00-00'", "'0000-01-01'"),
        Column("dt", "DATETIME", Kind.DATE_TIME, "'0000-00-00 00:00:00'", "'0000-01-01 00:00:00'"),
        Column("tm", "TIME(6)", Kind.TIME, "'-838:59:59'", "'838:59:59'"),
    )


class PostgresInfinity(PostgresSource):
    """Dates that never come."""

    trial = " infinite dates"
    columns: tuple[Column, ...] = (
        Column("txt", "TEXT", Kind.TEXT, "''", "''"),
        Column("d", "DATE", Kind.DATE, "'-infinity'", "'infinity'"),
        Column("ts", "TIMESTAMP", Kind.DATE_TIME, "'-infinity'", "'infinity'"),
        Column("tz", "TIMESTAMPTZ", Kind.DATE_TIME, "'-infinity'", "'infinity'"),
    )


class PostgresFarDates(PostgresSource):
    """Dates before the year 1 and after 9999."""

    trial = " far dates"
    columns: tuple[Column, ...] = (
        Column("txt", "TEXT", Kind.TEXT, "''", "''"),
        Column("d", "DATE", Kind.DATE, "'0044-03-15 BC'", "'10000-01-01'"),
        Column("ts", "TIMESTAMP", Kind.DATE_TIME, "'0001-12-31 BC'", "'294276-01-01'"),
    )


class FileSource(Source):
    """Files in `folder`; subclasses define the format."""

    kinds = {
        "id": Kind.NUMBER,
        "txt": Kind.TEXT,
        "empty": Kind.TEXT,
        "number": Kind.DOUBLE,
        "big": Kind.NUMBER,
        "flag": Kind.BOOLEAN,
        "at": Kind.DATE_TIME,
        "nested": Kind.JSON,
        "nothing": Kind.TEXT,
    }
    rows = tuple(
        {
            "id": number,
            "txt": text,
            "empty": "",
            "number": 0.1 * number,
            "big": 9007199254740993 + number,
            "flag": number % 2 == 0,
            "at": f"2020-01-0{number}T03:04:05.000006Z",
            "nested": {"a": [1, None, "ü😀"], "b": {"c": number}},
            "nothing": None,
        }
        for number, text in enumerate(("plain", TEXT.replace("\r", ""), "é" * MEGABYTE), 1)
    )

    def __init__(self, folder: Path) -> None:
        self.folder = folder / type(self).__name__
        self.folder.mkdir(exist_ok=True)

    def read(self) -> Rows:
        return {str(row["id"]): dict(row) for row in self.rows}


class JsonLinesSource(FileSource):
    """A file of JSON objects, each on a line."""

    def fill(self) -> None:
        lines = (json.dumps(row, ensure_ascii=False) for row in self.rows)
        (self.folder / f"{TABLE}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


class JsonSource(FileSource):
    """A JSON file for each object."""

    def fill(self) -> None:
        for row in self.rows:
            path = self.folder / f"{row['id']}.json"
            path.write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")


class SingerLinesSource(FileSource):
    """Messages that a tap wrote earlier."""

    def fill(self) -> None:
        types = {Kind.NUMBER: "integer", Kind.DOUBLE: "number", Kind.BOOLEAN: "boolean"}
        types |= {Kind.JSON: "object"}
        properties: dict[str, Any] = {
            name: {"type": ["null", types.get(kind, "string")]} for name, kind in self.kinds.items()
        }
        properties["at"]["format"] = "date-time"
        schema = {"type": "object", "properties": properties}
        first = {"type": "SCHEMA", "stream": TABLE, "schema": schema, "key_properties": ["id"]}
        records = [{"type": "RECORD", "stream": TABLE, "record": row} for row in self.rows]
        lines = map(json.dumps, (first, *records))
        (self.folder / f"{TABLE}.singer.jsonl").write_text("\n".join(lines) + "\n")


class CsvSource(FileSource):
    """
    A CSV file, which does not distinguish NULL from an empty text.

    Python's csv reads at most 131,072 characters a field, unless a program allows more.
    """

    def fill(self) -> None:
        path = self.folder / f"{TABLE}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(self.kinds))
            writer.writeheader()
            writer.writerows(map(_to_csv, self.rows))

    def read(self) -> Rows:
        return {key: _to_csv(row) for key, row in super().read().items()}


def _to_csv(row: Mapping[str, Any]) -> dict[str, Any]:
    texts = {"nested": json.dumps(row["nested"], ensure_ascii=False), "txt": row["txt"][:100_000]}
    return {**row, **texts, "nothing": "", "flag": str(row["flag"]).lower()}


def connect(server: PrivateServer, database: str) -> pymysql.Connection[Cursor]:
    """Return a connection that gives values as the server writes them."""
    return pymysql.connect(
        host="127.0.0.1",
        port=server.port,
        user="root",
        password=server.password,
        database=database or None,
        charset="utf8mb4",
        autocommit=True,
        ssl_disabled=True,
        conv={},
        init_command="SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES'",
    )


def read_table(server: PrivateServer, database: str, table: str, condition: str = "TRUE") -> Rows:
    """Return the rows of a table by their `id`; values are texts, or bytes of binary columns."""
    connection = connect(server, database)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM `{table}` WHERE {condition}")
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {_to_key(row["id"]): row for row in rows}


def _to_key(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
