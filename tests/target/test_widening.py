"""An existing table, from an earlier SCHEMA or made by hand, holds the new values."""

from __future__ import annotations

from datetime import date, timezone
from datetime import datetime as moment
from decimal import Decimal
from typing import Any

import pytest

from target_mysql.server.statements import find_inexact
from target_mysql.tables.columns import decimal_column
from target_mysql.tables.table import Table
from tests.conftest import TestDatabase
from tests.target.conftest import INTEGER, TEXT, load, load_here, record, schema

NUMBER = {"type": ["null", "number"]}
BOOLEAN = {"type": ["null", "boolean"]}
OBJECT = {"type": ["null", "object"]}
DATE_TIME = {"type": ["null", "string"], "format": "date-time"}
DATE = {"type": ["null", "string"], "format": "date"}
TIME = {"type": ["null", "string"], "format": "time"}
MONEY = {"type": ["null", "number"], "multipleOf": 0.01}
BIG = {"type": ["null", "integer"], "maximum": 10**30}
UNSIGNED = {"type": ["null", "integer"], "minimum": 0, "maximum": 2**64 - 1}
SEVERAL = {"type": ["null", "integer", "string"]}
LONG = "12345678901234567890.123456789"


def utc(*parts: int) -> moment:
    return moment(*parts, tzinfo=timezone.utc).replace(tzinfo=None)


# (column made by hand, what it holds, the schema, what comes, the type then, what is read then)
WIDENED: list[tuple[str, Any, dict[str, Any], Any, str, list[Any]]] = [
    ("BIGINT", 1, INTEGER, 2, "bigint", [1, 2]),
    ("INT", 1, INTEGER, 2, "int", [1, 2]),
    ("INT", 1, INTEGER, 2**31, "bigint", [1, 2**31]),
    ("SMALLINT UNSIGNED", 1, INTEGER, 65_535, "smallint unsigned", [1, 65_535]),
    ("SMALLINT UNSIGNED", 1, INTEGER, -1, "bigint", [1, -1]),
    ("BIGINT UNSIGNED", 2**64 - 1, INTEGER, -1, "decimal(20,0)", [2**64 - 1, -1]),
    ("TINYINT(1)", 1, INTEGER, 2, "bigint", [1, 2]),
    ("TINYINT(1)", 1, BOOLEAN, False, "tinyint(1)", [1, 0]),
    ("INT", 7, BOOLEAN, True, "int", [7, 1]),
    ("BIGINT", 1, NUMBER, 0.5, "double", [1.0, 0.5]),
    ("BIGINT", 2**53 + 1, NUMBER, 0.5, "decimal(65,30)", [2**53 + 1, Decimal("0.5")]),
    ("BIGINT", 1, BIG, 10**30, "decimal(31,0)", [1, 10**30]),
    ("BIGINT", 1, UNSIGNED, 10**21, "decimal(65,0)", [1, 10**21]),
    ("BIGINT", 1, MONEY, 0.25, "decimal(38,2)", [1, Decimal("0.25")]),
    ("BIGINT", 1, MONEY, 1.234, "decimal(65,30)", [1, Decimal("1.234")]),
    ("BIGINT", 1, TEXT, "a", "longtext", ["1", "a"]),
    ("BIGINT", 1, SEVERAL, 2, "longtext", ["1", "2"]),
    ("BIGINT", 1, OBJECT, {}, "longtext", ["1", "{}"]),
    ("DECIMAL(10,2)", "1.25", NUMBER, 0.5, "decimal(10,2)", [Decimal("1.25"), Decimal("0.50")]),
    ("DECIMAL(10,2)", "1.25", NUMBER, 0.125, "decimal(65,30)", [Decimal("1.25"), Decimal("0.125")]),
    ("DECIMAL(10,2)", "1.25", NUMBER, 1e300, "longtext", None),
    ("DECIMAL(10,2)", "1.25", INTEGER, 10**9, "decimal(21,2)", [Decimal("1.25"), 10**9]),
    ("DECIMAL(10,2)", "1.25", INTEGER, 10**20, "decimal(65,2)", [Decimal("1.25"), 10**20]),
    ("DECIMAL(21,2)", "1.25", INTEGER, 10**20, "decimal(65,2)", [Decimal("1.25"), 10**20]),
    ("DECIMAL(22,2)", "1.25", UNSIGNED, 10**21, "decimal(65,2)", [Decimal("1.25"), 10**21]),
    ("DECIMAL(10,2)", "1.25", UNSIGNED, 10**21, "decimal(65,2)", [Decimal("1.25"), 10**21]),
    ("DECIMAL(10,4)", "1.25", MONEY, 10**20, "decimal(40,4)", [Decimal("1.25"), 10**20]),
    ("DECIMAL(10,4)", "1.25", MONEY, 1e-5, "decimal(65,30)", [Decimal("1.25"), Decimal("1e-5")]),
    ("DECIMAL(38,0)", 1, MONEY, 1.234, "decimal(65,30)", [1, Decimal("1.234")]),
    ("DECIMAL(38,0)", 1, MONEY, 1e300, "longtext", ["1.00", "1e+300"]),
    ("FLOAT", 0.5, NUMBER, 0.1, "double", [0.5, 0.1]),
    ("DOUBLE", 0.5, INTEGER, 7, "double", [0.5, 7.0]),
    ("DOUBLE", 0.5, INTEGER, 2**53 + 1, "decimal(65,30)", [Decimal("0.5"), 2**53 + 1]),
    ("DOUBLE", 0.5, TEXT, "a", "longtext", ["0.5", "a"]),
    ("VARCHAR(3)", "abc", TEXT, "def", "varchar(3)", ["abc", "def"]),
    ("VARCHAR(3)", "abc", TEXT, "defg", "longtext", ["abc", "defg"]),
    ("VARCHAR(3)", "abc", SEVERAL, 4, "longtext", ["abc", "4"]),
    ("TEXT", "abc", TEXT, "def", "longtext", ["abc", "def"]),
    ("TEXT CHARACTER SET latin1", "ä", TEXT, "😀", "longtext", ["ä", "😀"]),
    ("VARCHAR(9) CHARACTER SET latin1", "ä", TEXT, "😀", "varchar(9)", ["ä", "😀"]),
    ("LONGTEXT", "no JSON", OBJECT, {"a": 1}, "longtext", ["no JSON", '{"a":1}']),
    ("ENUM('a','B%')", "B%", TEXT, "c", "longtext", ["B%", "c"]),
    ("BIT(1)", 1, BOOLEAN, False, "tinyint(1)", [1, 0]),
    ("DATETIME", "2020-01-02 03:04:05", DATE_TIME, "2020-01-01T00:00:00.5Z", "datetime(6)",
     [utc(2020, 1, 2, 3, 4, 5), utc(2020, 1, 1, 0, 0, 0, 500_000)]),
    ("TIMESTAMP", "2020-01-02 03:04:05", DATE_TIME, "1960-01-01T00:00:00Z", "datetime(6)",
     [utc(2020, 1, 2, 3, 4, 5), utc(1960, 1, 1)]),
    ("DATE", "2020-01-02", DATE_TIME, "2020-01-01T00:00:00Z", "datetime(6)",
     [utc(2020, 1, 2), utc(2020, 1, 1)]),
    ("DATETIME(6)", "2020-01-02 03:04:05", DATE, "2020-01-01", "datetime(6)",
     [utc(2020, 1, 2, 3, 4, 5), utc(2020, 1, 1)]),
    ("DATE", "2020-01-02", TEXT, "a", "longtext", ["2020-01-02", "a"]),
    ("BIGINT NOT NULL", 1, INTEGER, None, "bigint", [1, None]),
]  # fmt: skip

# (column made by hand, what it holds, the schema, what comes, the type then, the column put aside)
PUT_ASIDE: list[tuple[str, Any, dict[str, Any], Any, str, str]] = [
    ("LONGTEXT", "abc", INTEGER, 2, "bigint", "v__text"),
    ("VARCHAR(9)", "abc", NUMBER, 2.5, "double", "v__text"),
    ("LONGTEXT", "abc", DATE, "2020-01-02", "date", "v__text"),
    ("BIGINT", 5, DATE, "2020-01-02", "date", "v__integer"),
    ("DOUBLE", 0.5, DATE, "2020-01-02", "date", "v__number"),
    ("DATETIME", utc(2020, 1, 2), INTEGER, 5, "bigint", "v__date_time"),
    ("DATE", date(2020, 1, 2), TIME, "01:02:03", "time(6)", "v__date"),
    ("TINYINT(1)", 1, DATE, "2020-01-02", "date", "v__integer"),
]


def make(database: TestDatabase, column: str, old_value: Any) -> None:
    database.query(f"CREATE TABLE things (id BIGINT PRIMARY KEY, v {column})")
    database.query("INSERT INTO things VALUES (1, %s)", (old_value,))


def type_of(database: TestDatabase, column: str) -> str:
    actual = "SELECT column_type FROM information_schema.columns WHERE table_schema = %s"
    rows = database.query(f"{actual} AND column_name = %s", (database.name, column))
    sql_type = rows[0][0]
    text = sql_type.decode() if isinstance(sql_type, bytes) else str(sql_type)
    for width in ("smallint(5)", "bigint(20)", "int(11)"):  # of MariaDB, and MySQL before 8
        text = text.replace(width, width.partition("(")[0])
    return text


@pytest.mark.parametrize(
    ("column", "old_value", "property_schema", "value", "then", "read"), WIDENED
)
def test_a_column_made_by_hand_holds_what_comes(
    database: TestDatabase,
    column: str,
    old_value: Any,
    property_schema: dict[str, Any],
    value: Any,
    then: str,
    read: list[Any] | None,
) -> None:
    """
    An existing column stays if possible and is widened otherwise; existing values are not
    truncated.
    """
    make(database, column, old_value)
    for _ in range(2):  # and a second run finds nothing to change
        load_here(database, schema({"v": property_schema}), record({"id": 2, "v": value}))
        assert type_of(database, "v") == then
    actual = [value for (value,) in database.query("SELECT v FROM things ORDER BY id")]
    assert actual == (read or ["1.25", "1e+300"])


@pytest.mark.parametrize(
    ("column", "old_value", "property_schema", "value", "then", "aside"), PUT_ASIDE
)
def test_a_column_of_another_type_is_put_aside(
    database: TestDatabase,
    column: str,
    old_value: Any,
    property_schema: dict[str, Any],
    value: Any,
    then: str,
    aside: str,
) -> None:
    """
    If no type holds old and new values, the old column is renamed, and stderr says so.
    """
    make(database, column, old_value)
    done = load(database, schema({"v": property_schema}), record({"id": 2, "v": value}))
    assert done.code == 0, done.err
    assert f"stay in {aside}" in done.err
    assert type_of(database, "v") == then
    assert database.query(f"SELECT v IS NULL, {aside} FROM things ORDER BY id") == [
        (1, old_value),
        (0, None),
    ]


def test_types_that_go_back_and_forth_keep_every_value(database: TestDatabase) -> None:
    """
    A type that changes from run to run ends as text, with at most a renamed column for each change.
    """
    turns: list[tuple[dict[str, Any], Any]] = [(TEXT, "a"), (INTEGER, 1), (TEXT, "b"), (INTEGER, 2)]
    for number, (property_schema, value) in enumerate(turns):
        load_here(database, schema({"v": property_schema}), record({"id": number, "v": value}))
    rows = database.query("SELECT id, COALESCE(v, v__text_2, v__text) FROM things ORDER BY id")
    assert rows == [(0, "a"), (1, "1"), (2, "b"), (3, "2")]


def test_rows_without_a_key_keep_their_values(database: TestDatabase) -> None:
    """
    A stream without key changes types within a run, and every row is loaded once.
    """
    turns: list[tuple[dict[str, Any], Any]] = [(INTEGER, 2**53 + 1), (NUMBER, 0.5), (TEXT, "a")]
    lines: list[Any] = []
    for property_schema, value in turns:
        lines += [schema({"v": property_schema}, key=()), record({"id": 1, "v": value})]
    load_here(database, *lines, primary_key_required="false")
    actual = {value for (value,) in database.query("SELECT v FROM things")}
    assert actual == {f"{2**53 + 1}.{'0' * 30}", f"0.5{'0' * 29}", "a"}


def test_digits_beyond_a_double_are_kept(database: TestDatabase) -> None:
    """
    A number with more precision than a DOUBLE changes the column to DECIMAL, beyond that to text.
    """
    rows = ['{"id":1,"v":0.5}', f'{{"id":2,"v":{LONG}}}', '{"id":3,"v":null}', '{"id":4}']
    lines = [f'{{"type":"RECORD","stream":"things","record":{row}}}' for row in rows]
    load_here(database, schema({"v": NUMBER}), *lines)
    assert type_of(database, "v") == "decimal(65,30)"
    actual = [value for (value,) in database.query("SELECT v FROM things ORDER BY id")]
    assert actual == [Decimal("0.5"), Decimal(LONG), None, None]
    huge = lines[0].replace("0.5", "1.2345678901234567890e300").replace('"id":1', '"id":5')
    for _ in range(2):  # a second run knows the column of text for one of numbers
        done = load(database, schema({"v": NUMBER}), huge, lines[1])
        assert done.code == 0, done.err
        assert type_of(database, "v") == "longtext"
    rows = database.query("SELECT id, v FROM things WHERE v IS NOT NULL ORDER BY id")
    assert [(1, Decimal("0.5")), (2, Decimal(LONG))] == [(at, Decimal(v)) for at, v in rows[:2]]
    assert rows[2] == (5, "1.2345678901234567890e300")
    refused = load(database, schema({"v": NUMBER}), record({"id": 6, "v": "many"}))
    assert refused.code == 1
    assert "column v: not a number: 'many'" in refused.err


def test_a_wider_decimal_stays_in_later_runs(database: TestDatabase) -> None:
    """
    A value of more digits than multipleOf says widens the column once, and no later run renames it.
    """
    values = ["1.25", "1.234", "1.25", "1e40", "1.25"]
    types = []
    for number, value in enumerate(values):
        line = f'{{"type":"RECORD","stream":"things","record":{{"id":{number},"v":{value}}}}}'
        load_here(database, schema({"v": MONEY}), line)
        types.append(type_of(database, "v"))
    assert types == ["decimal(38,2)", "decimal(65,30)", "decimal(65,30)", "longtext", "longtext"]
    rows = database.query("SELECT v FROM things ORDER BY id")
    assert [Decimal(value) for (value,) in rows] == list(map(Decimal, values))


def test_a_key_that_its_wider_column_would_round_is_an_error(database: TestDatabase) -> None:
    """
    A key's DOUBLE stays if an existing value would lose digits in the only wider column, a DECIMAL.
    """
    message = schema({"key": {"type": "number"}}, key=("key",))
    load_here(database, message, record({"id": 1, "key": 1.5e-31}))
    longer = f'{{"type":"RECORD","stream":"things","record":{{"id":2,"key":{LONG}}}}}'
    done = load(database, message, longer)
    assert done.code == 1
    problem = "existing values would lose digits in DECIMAL(65,30): have the tap send strings"
    assert f"ERROR line 2, stream things, key key={LONG}, column key: {problem}" in done.err
    assert database.query("SELECT `key` FROM things") == [(1.5e-31,)]
    text = schema({"key": {"type": "string"}}, key=("key",))
    load_here(database, text, record({"id": 2, "key": LONG}))
    assert {key for (key,) in database.query("SELECT `key` FROM things")} == {"1.5e-31", LONG}


def test_json_that_the_server_would_refuse_or_change_is_text(database: TestDatabase) -> None:
    """
    Values nested deeper than the server allows, or with digits that the server would lose, are kept
    as text.
    """
    deep, long = "[" * 200 + "]" * 200, '{"a": 12345678901234567890123, "b": 0.1234567890123456789}'
    for value in ('{"a": 1}', deep, long):
        line = f'{{"type":"RECORD","stream":"things","record":{{"id":1,"v":{value}}}}}'
        load_here(database, schema({"v": OBJECT}), line)
        assert database.query("SELECT v FROM things") == [(value,)]


def test_a_required_column_that_no_record_fills_may_be_null(database: TestDatabase) -> None:
    """
    A required column that the stream lacks becomes nullable, unless the column has a default.
    """
    database.query(
        "CREATE TABLE things (id BIGINT PRIMARY KEY, gone VARCHAR(5) NOT NULL,"
        " kind VARCHAR(5) NOT NULL DEFAULT 'x', text VARCHAR(9) NOT NULL)"
    )
    load_here(database, schema({"text": TEXT}), record({"id": 1, "text": None}))
    assert database.query("SELECT gone, kind, text FROM things") == [(None, "x", None)]


def test_a_table_without_a_key_gets_one(database: TestDatabase) -> None:
    """
    An existing table without a primary key gets the stream's key, if its rows allow that.
    """
    database.query("CREATE TABLE things (id INT, name TEXT)")
    database.query("INSERT INTO things VALUES (1, 'a'), (2, 'b')")
    message = schema({"name": {"type": "string"}}, key=("id", "name"))
    load_here(database, message, record({"id": 1, "name": "a"}), record({"id": 1, "name": "A"}))
    assert database.query("SELECT id, name FROM things ORDER BY 1, 2") == [
        (1, "A"),
        (1, "a"),
        (2, "b"),
    ]


def test_a_key_of_text_is_told_apart_by_case(database: TestDatabase) -> None:
    """
    A key with a case-insensitive collation gets a binary collation.
    """
    database.query(
        "CREATE TABLE things (name VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
        " PRIMARY KEY, id INT)"
    )
    message = schema({"name": {"type": "string"}}, key=("name",))
    names = ["a", "A", "á", "😀", "😁", "a" * 21]
    load_here(database, message, *(record({"id": 1, "name": name}) for name in names))
    assert {name for (name,) in database.query("SELECT name FROM things")} == set(names)


def test_a_key_of_text_holds_other_types(database: TestDatabase) -> None:
    """
    When a key becomes an integer, its column stays text, and equal keys match the same rows.
    """
    text = schema({"key": {"type": "string"}, "n": INTEGER}, key=("key",))
    load_here(database, text, record({"id": 1, "key": "7", "n": 1}))
    number = schema({"key": INTEGER, "n": INTEGER}, key=("key",))
    load_here(database, number, record({"id": 1, "key": 7, "n": 2}))
    assert database.query("SELECT `key`, n FROM things") == [("7", 2)]


def test_a_short_key_of_text_holds_longer_numbers(database: TestDatabase) -> None:
    """
    A key of text that holds numbers is widened as one that holds text.
    """
    database.query("CREATE TABLE things (`key` VARCHAR(3) PRIMARY KEY)")
    database.query("INSERT INTO things VALUES ('abc')")
    message = schema({"key": INTEGER}, key=("key",))
    for _ in range(2):
        load_here(database, message, record({"id": 1, "key": 12_345}))
    assert {key for (key,) in database.query("SELECT `key` FROM things")} == {"abc", "12345"}


def test_decimals_are_compared_by_all_digits(database: TestDatabase) -> None:
    """
    A fraction that a DECIMAL would round is found behind more digits than a DOUBLE holds.
    """
    database.query("CREATE TABLE things (n DECIMAL(65,2))")
    database.query("INSERT INTO things VALUES (12345678901234567890.25)")
    table = Table("things", "things", (), ())
    for scale, rows in ((0, [(1,)]), (2, [])):
        assert database.query(find_inexact(table, decimal_column("n", 65, scale))) == rows


@pytest.mark.parametrize(
    ("creation", "problem"),
    [
        ("(id BIGINT PRIMARY KEY, other BIGINT)", "has the primary key (id) but stream things has"),
        ("(id DATE, text LONGTEXT, PRIMARY KEY (id, text(9)))", "key column id is date, not"),
        (
            "(id BIGINT PRIMARY KEY, text VARCHAR(9) UNIQUE)",
            "another unique index (text), by which",
        ),
        ("(id BIGINT PRIMARY KEY) ENGINE=MyISAM", "is MyISAM, without transactions: ALTER TABLE"),
    ],
)
def test_a_table_that_cannot_take_the_rows(
    database: TestDatabase, creation: str, problem: str
) -> None:
    """
    Another key, a second unique index, an engine without transactions: said before a row is sent.
    """
    database.query(f"CREATE TABLE things {creation}")
    key = ("id", "other") if "other" in creation else ("id",)
    message = schema({"text": TEXT, "other": INTEGER}, key=key)
    done = load(database, message, record({"id": 1, "other": 1}))
    assert done.code == 1
    assert "ERROR table things" in done.err
    assert problem in done.err
    assert database.query("SELECT COUNT(*) FROM things") == [(0,)]


def test_a_changed_key_within_a_run_is_an_error(database: TestDatabase) -> None:
    """
    A SCHEMA with another key is refused; earlier records are loaded.
    """
    done = load(
        database,
        schema({"other": INTEGER}),
        record({"id": 1, "other": 1}),
        schema({"other": INTEGER}, key=("other",)),
    )
    assert done.code == 1
    assert "has the primary key (id) but stream things has (other)" in done.err
    assert database.query("SELECT id FROM things") == [(1,)]


def test_one_schema_is_one_alter(database: TestDatabase) -> None:
    """
    However many columns change, the table is altered once; an equal SCHEMA alters nothing.
    """
    load_here(database, schema({"a": INTEGER, "b": TEXT, "c": INTEGER}))
    ((before,),) = [row[1:] for row in database.query("SHOW GLOBAL STATUS LIKE 'Com_alter_table'")]
    changed = schema({"new": TEXT, "a": TEXT, "b": INTEGER, "c": INTEGER, "last": DATE})
    for _ in range(2):
        load_here(database, changed, record({"id": 1, "a": "x", "b": 5, "new": "y"}))
    ((after,),) = [row[1:] for row in database.query("SHOW GLOBAL STATUS LIKE 'Com_alter_table'")]
    assert int(after) - int(before) == 1
    columns = [row[0] for row in database.query("SHOW COLUMNS FROM things")]
    assert [name for name in columns if not name.startswith("_sdc")] == [
        "id", "new", "a", "b", "b__text", "c", "last",
    ]  # fmt: skip
