"""Text in keys and indexes: a longer value gets the room that other columns do not use."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.servers import FAMILY, MARIADB
from tests.target.conftest import LOAD_METHODS, TEXT, load, load_here, record, schema, state

STRING = {"type": "string"}
SEVERAL = {"type": ["integer", "string"]}
KEY = ("site", "country", "page", "query")
LONG_KEYS = pytest.mark.skipif(
    FAMILY.key_characters < 768, reason="a key's column has 191 characters on this server"
)


def console(property_schema: dict[str, Any] = STRING) -> dict[str, Any]:
    """Return the SCHEMA of a search console's stream, whose key is four texts."""
    return schema(dict.fromkeys(KEY, property_schema) | {"n": {"type": "integer"}}, key=KEY)


def hit(number: int, **values: Any) -> dict[str, Any]:
    defaults = {"site": "example.com", "country": "usa", "page": "/", "query": "shoes"}
    return record({"id": number, "n": number, **defaults, **values})


def lengths(database: TestDatabase, table: str = "things") -> dict[str, int]:
    """Return the length of each VARCHAR of a table, in characters."""
    sql = (
        "SELECT column_name, character_maximum_length FROM information_schema.columns"
        " WHERE table_schema = %s AND table_name = %s AND data_type = 'varchar'"
    )
    return {str(name): int(n) for name, n in database.query(sql, (database.name, table))}


@LONG_KEYS
@pytest.mark.parametrize("method", LOAD_METHODS)
@pytest.mark.parametrize("property_schema", [STRING, SEVERAL])
def test_a_long_value_of_a_composite_key(
    database: TestDatabase, method: str, property_schema: dict[str, Any]
) -> None:
    """
    The column grows at the expense of the key's other columns, as often as needed; all rows are
    loaded.
    """
    rows = [hit(1), hit(2, page="/" + "p" * 299), hit(3, query="q" * 250), hit(4, page="x" * 450)]
    rows += [hit(5, page="x" * 449 + "y")]
    for _ in range(2):
        load_here(database, console(property_schema), *rows, load_method=method)
    keys = database.query("SELECT CHAR_LENGTH(page), CHAR_LENGTH(`query`) FROM things ORDER BY n")
    assert keys == [(1, 5), (300, 5), (1, 250), (450, 5), (450, 5)]
    assert sum(lengths(database).values()) <= 768


@LONG_KEYS
def test_a_key_that_no_index_holds(database: TestDatabase) -> None:
    """
    Values that together exceed an index are an error with advice; earlier rows are loaded, and no
    two rows are merged.
    """
    rows = [hit(1, page="p" * 400), state(1), hit(2, query="q" * 367)]
    done = load(database, console(), *rows, state(2))
    assert (done.code, done.out) == (1, "1\n"), done.err
    assert "line 4, stream things, key site='example.com', " in done.err
    assert "column query: 367 characters, too many: the longest values of the key (" in done.err
    assert "have the tap use a shorter key, or load the stream without key_properties" in done.err
    assert database.query("SELECT n FROM things") == [(1,)]


def test_a_key_longer_than_any_index(database: TestDatabase) -> None:
    """
    A value that is too long by itself is refused with the same advice, before the table changes.
    """
    most = FAMILY.key_characters
    message = schema({"k": STRING}, key=("k",))
    texts = ["k" * most, "k" * (most + 1)]
    done = load(database, message, *(record({"id": 1, "k": text}) for text in texts))
    assert done.code == 1
    assert f"column k: {most + 1} characters, too many for VARCHAR({most}): " in done.err
    assert "have the tap use a shorter key" in done.err
    assert lengths(database) == {"k": most}


@LONG_KEYS
def test_a_latin1_key_longer_than_one_of_utf8mb4(database: TestDatabase) -> None:
    """
    An existing key that is too long for utf8mb4 is shortened to the length of its values.
    """
    database.query(
        "CREATE TABLE things (a VARCHAR(900) CHARACTER SET latin1, b VARCHAR(900) CHARACTER SET"
        " latin1, PRIMARY KEY (a, b))"
    )
    database.query("INSERT INTO things VALUES (REPEAT('ä', 500), 'b')")
    message = schema({"a": STRING, "b": STRING}, key=("a", "b"))
    load_here(database, message, record({"id": 1, "a": "😀", "b": "b" * 100}))
    rows = database.query("SELECT CHAR_LENGTH(a), CHAR_LENGTH(b) FROM things ORDER BY 1")
    assert rows == [(1, 100), (500, 1)]


@LONG_KEYS
def test_a_text_of_a_composite_index_grows(database: TestDatabase) -> None:
    """
    The column takes the room that the index leaves; beyond that the error has advice, and after
    that remedy the row loads.
    """
    database.query(
        "CREATE TABLE things (id BIGINT PRIMARY KEY, v VARCHAR(20) CHARACTER SET utf8mb4,"
        " w VARCHAR(600) CHARACTER SET utf8mb4, KEY both_of_them (v, w))"
    )
    message = schema({"v": TEXT, "w": TEXT})
    load_here(database, message, record({"id": 1, "v": "v" * 150, "w": "w"}))
    assert lengths(database) == {"v": 168, "w": 600}
    again = [record({"id": 2, "v": "é" * 169, "w": "w"}), state(2)]
    done = load(database, message, *again)
    assert (done.code, done.out) == (1, ""), done.err
    assert "column v: 169 characters, too many for VARCHAR(168): an index has the" in done.err
    assert "drop the index, or index a part of the column" in done.err
    database.query("ALTER TABLE things DROP INDEX both_of_them")
    database.query("ALTER TABLE things ADD INDEX parts (v(99), w(99))")
    done = load(database, message, *again)
    assert (done.code, done.out) == (0, "2\n"), done.err
    rows = database.query("SELECT CHAR_LENGTH(v), CHAR_LENGTH(w) FROM things ORDER BY id")
    assert rows == [(150, 1), (169, 1)]


@LONG_KEYS
def test_the_second_column_of_an_index_grows(database: TestDatabase) -> None:
    """
    The column becomes a longer VARCHAR, not a LONGTEXT, of which an index has only a prefix.
    """
    database.query(
        "CREATE TABLE things (id BIGINT PRIMARY KEY, n BIGINT, v VARCHAR(20) CHARACTER SET utf8mb4,"
        " w INT, KEY all_of_them (n, v, w))"
    )
    message = schema({"n": {"type": "integer"}, "v": TEXT, "w": TEXT})
    load_here(database, message, record({"id": 1, "n": 1, "v": "v" * 200, "w": "w" * 99}))
    rows = database.query("SELECT n, CHAR_LENGTH(v), CHAR_LENGTH(w) FROM things")
    assert rows == [(1, 200, 99)]
    sql = "SELECT COUNT(*), COUNT(sub_part) FROM information_schema.statistics WHERE"
    sql += " table_schema = %s AND index_name = 'all_of_them'"
    assert database.query(sql, (database.name,)) == [(3, 0)]


def test_a_latin1_column_whose_index_is_too_long_for_utf8mb4(database: TestDatabase) -> None:
    """
    The error says to drop the index, nothing is lost, and without the index the rows are loaded.
    """
    database.query(
        "CREATE TABLE things (id BIGINT PRIMARY KEY, v VARCHAR(700) CHARACTER SET latin1, w"
        " VARCHAR(700) CHARACTER SET latin1, KEY both_of_them (v, w)) ROW_FORMAT=DYNAMIC"
    )
    database.query("INSERT INTO things VALUES (1, 'ä', 'w')")
    rows = [schema({"v": TEXT, "w": TEXT}), record({"id": 2, "v": "😀", "w": "w"}), state(2)]
    done = load(database, *rows)
    assert (done.code, done.out) == (1, ""), done.err
    assert "MySQL error 1071" in done.err
    assert "drop the index, or index a part of the column" in done.err
    assert database.query("SELECT * FROM things") == [(1, "ä", "w")]
    database.query("ALTER TABLE things DROP INDEX both_of_them")
    done = load(database, *rows)
    assert (done.code, done.out) == (0, "2\n"), done.err
    assert database.query("SELECT v FROM things ORDER BY id") == [("ä",), ("😀",)]


@LONG_KEYS
def test_latin1_columns_of_a_foreign_key(database: TestDatabase) -> None:
    """
    The error says to drop the foreign key, nothing is lost; after both tables are loaded the key
    can be added again.
    """
    database.query("CREATE TABLE owners (name VARCHAR(50) PRIMARY KEY) CHARACTER SET latin1")
    database.query(
        "CREATE TABLE things (id BIGINT PRIMARY KEY, owner VARCHAR(50), CONSTRAINT of_owner"
        " FOREIGN KEY (owner) REFERENCES owners (name)) CHARACTER SET latin1"
    )
    database.query("INSERT INTO owners VALUES ('Jörg')")
    database.query("INSERT INTO things VALUES (1, 'Jörg')")
    owners = [schema({"name": STRING}, key=("name",), stream="owners")]
    owners += [record({"id": 1, "name": "😀"}, stream="owners")]
    things = [schema({"owner": TEXT}), record({"id": 2, "owner": "😀"}), state(2)]
    for messages in (owners, things):
        done = load(database, *messages)
        assert (done.code, done.out) == (1, ""), done.err
        assert "a foreign key has a column that has to be changed: drop the foreign" in done.err
    assert database.query("SELECT * FROM things JOIN owners ON owner = name") == [
        (1, "Jörg", "Jörg")
    ]
    database.query("ALTER TABLE things DROP FOREIGN KEY of_owner")
    done = load(database, *owners, *things)
    assert (done.code, done.out) == (0, "2\n"), done.err
    database.query("ALTER TABLE things ADD FOREIGN KEY (owner) REFERENCES owners (name)")
    rows = database.query("SELECT things.id, name FROM things JOIN owners ON owner = name")
    assert sorted(rows) == [(1, "Jörg"), (2, "😀")]


@pytest.mark.skipif(FAMILY is not MARIADB, reason="only MariaDB's data is made for each test")
@pytest.mark.parametrize(("page_size", "most"), [("4k", 192), ("8k", 384)])
def test_servers_with_small_pages(page_size: str, most: int) -> None:
    """
    Long keys, wide rows and overflow work on servers with shorter indexes.
    """
    names = [f"c{number}" for number in range(150)]
    with FAMILY.server([f"--innodb-page-size={page_size}"]) as server:
        database = TestDatabase(server, "small_pages")
        long = "p" * (most - 80)
        message = console()
        message["schema"]["properties"] |= dict.fromkeys(names, TEXT)
        rows = [hit(number, page=long + str(number)) for number in (1, 2)]
        rows += [hit(3, **dict.fromkeys(names, "t" * 40))]
        load_here(database, message, *rows)
        assert sum(lengths(database).values()) <= most
        actual = database.query("SELECT page, c0, _sdc_overflow FROM things ORDER BY n")
        assert [row[:2] for row in actual] == [
            (f"{long}1", None),
            (f"{long}2", None),
            ("/", "t" * 40),
        ]
        assert json.loads(actual[2][2])[names[-1]] == "t" * 40
        done = load(database, console(), hit(4, page="p" * most))
        assert done.code == 1
        assert f"column page: {most} characters, too many: the longest values" in done.err
