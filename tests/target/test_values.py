"""The table holds exactly the values that the tap sends, with either load method."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from datetime import date, timedelta, timezone
from datetime import datetime as moment
from decimal import Decimal
from typing import Any

import pytest

from target_mysql.tables.kinds import Kind, to_kind
from tests.conftest import TestDatabase, clean_environment
from tests.servers import FAMILY
from tests.target.conftest import (
    LOAD_METHODS,
    TEXT,
    load,
    load_here,
    record,
    schema,
    settings,
    state,
    to_lines,
)

MEGABYTE = 1024 * 1024
# The peak that the system keeps for a child begins with its parent's; this one does not.
LOAD_AND_TELL_PEAK = """\
import sys
from target_mysql.cli import main
try:
    main()
finally:
    sys.stderr.write(open("/proc/self/status").read())
"""


def utc(*parts: int) -> moment:
    """Return a date-time as PyMySQL does: naive, in the session's time zone, which is UTC."""
    return moment(*parts, tzinfo=timezone.utc).replace(tzinfo=None)


DATE_TIME = {"type": ["null", "string"], "format": "date-time"}
MONEY = {"type": ["null", "number"], "multipleOf": 0.01}
ANY_OF_TIMES = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": ["null", "string"]}]}

# (the property's schema, the value as JSON, what the column then holds)
CASES: list[tuple[Any, str, Any]] = [
    (TEXT, '"😀 \\ud83d\\ude00 ü"', "😀 😀 ü"),
    (TEXT, '"a\\u0000b"', "a\0b"),
    (TEXT, '"\\u001d\\u001e\\u001f \\u001dN \\u001D0"', "\x1d\x1e\x1f \x1dN \x1d0"),
    (TEXT, '"\\u001dN"', "\x1dN"),
    (TEXT, '"N"', "N"),
    (TEXT, '"NULL"', "NULL"),
    (TEXT, '""', ""),
    (TEXT, '"\\t\\n\\r\\\\N \\" \' ` %s %"', "\t\n\r\\N \" ' ` %s %"),
    (TEXT, '" trailing  "', " trailing  "),
    (TEXT, '"\\ud800 alone"', "\ufffd alone"),
    (TEXT, "null", None),
    (TEXT, "12345678901234567890123", "12345678901234567890123"),
    (TEXT, "1.50", "1.50"),
    (TEXT, "true", "true"),
    (TEXT, '{"a": "\\u00fc"}', '{"a": "ü"}'),
    ({"type": ["null", "integer"]}, str(2**63 - 1), 2**63 - 1),
    ({"type": ["null", "integer"]}, str(-(2**63)), -(2**63)),
    ({"type": ["null", "integer"]}, "7.0", 7),
    ({"type": ["null", "integer"]}, '"42"', 42),
    ({"type": "integer", "maximum": 2**64}, str(2**64), Decimal(2**64)),
    ({"type": "integer", "maximum": 1e25}, str(10**25), Decimal(10**25)),
    ({"type": ["null", "boolean"]}, "true", 1),
    ({"type": ["null", "boolean"]}, "false", 0),
    ({"type": ["null", "boolean"]}, "1", 1),
    ({"type": ["null", "boolean"]}, "null", None),
    ({"type": "number"}, "0.1", 0.1),
    ({"type": "number"}, "1.50", 1.5),
    ({"type": "number"}, "-0", 0.0),
    ({"type": "number"}, "0.30000000000000004", 0.30000000000000004),
    ({"type": "number"}, '"1.5"', 1.5),
    ({"type": "number"}, "1e308", 1e308),
    ({"type": "number"}, "-5", -5.0),
    ({"type": "number"}, "5e-324", 5e-324),
    (MONEY, "0.10", Decimal("0.10")),
    (MONEY, "123456789012345678901234567890.12", Decimal("123456789012345678901234567890.12")),
    (MONEY, "1E+3", Decimal("1000.00")),
    ({"type": ["null", "integer", "number"], "multipleOf": 0.01}, "2", Decimal("2.00")),
    (DATE_TIME, '"2020-01-02T03:04:05Z"', utc(2020, 1, 2, 3, 4, 5)),
    (DATE_TIME, '"2020-01-02T03:04:05.123456Z"', utc(2020, 1, 2, 3, 4, 5, 123456)),
    (DATE_TIME, '"2020-01-02T03:04:05.1234567Z"', utc(2020, 1, 2, 3, 4, 5, 123456)),
    (DATE_TIME, '"2020-01-02T03:04:05+05:30"', utc(2020, 1, 1, 21, 34, 5)),
    (DATE_TIME, '"2020-01-01T00:30:00.5-0100"', utc(2020, 1, 1, 1, 30, 0, 500000)),
    (DATE_TIME, '"2020-01-02 03:04:05"', utc(2020, 1, 2, 3, 4, 5)),
    (DATE_TIME, '"2020-01-02"', utc(2020, 1, 2)),
    (DATE_TIME, '"1969-12-31T23:59:59Z"', utc(1969, 12, 31, 23, 59, 59)),
    (DATE_TIME, '"9999-12-31T23:59:59.999999Z"', utc(9999, 12, 31, 23, 59, 59, 999999)),
    ({"type": "string", "format": "date"}, '"2020-02-29"', date(2020, 2, 29)),
    ({"type": "string", "format": "date"}, '"2020-02-29T00:00:00Z"', date(2020, 2, 29)),
    ({"type": "string", "format": "time"}, '"23:59:59.25"', timedelta(seconds=86399.25)),
    ({"type": "string", "format": "time"}, '"01:00:00+02:00"', timedelta(hours=23)),
    ({"type": ["null", "object"]}, '{"n":1.10,"m":1E5,"big":12345678901234567890123,"z":-0}',
     '{"n":1.10,"m":1E5,"big":12345678901234567890123,"z":-0}'),
    ({"type": ["null", "object"]}, '{"a":"\\u00fc\\ud83d\\ude00\\u001f\\u0022\\\\u0041","n":1.10}',
     '{"a":"ü😀\\u001f\\"\\\\u0041","n":1.10}'),
    ({"type": ["null", "object"]}, '{"a":"\\ud800"}', '{"a":"\ufffd"}'),
    ({"type": ["null", "object"]}, "null", None),
    ({"type": "array"}, "[1, null]", "[1, null]"),
    ({}, '"text"', '"text"'),
    ({}, "1.10", "1.10"),
    ({}, "null", None),
    (True, "[true]", "[true]"),
    ({"type": ["integer", "string"]}, "1.10", "1.10"),
    ({"type": ["integer", "string"]}, '"\\u001f"', "\x1f"),
    ({"type": ["integer", "string"]}, '"\\ud800"', "\ufffd"),
    ({"type": ["null", "string", "object"]}, '{"a":1}', '{"a":1}'),
    (ANY_OF_TIMES, '"2020-01-02T03:04:05Z"', "2020-01-02T03:04:05Z"),
    ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "1", 1.0),
]  # fmt: skip


@pytest.mark.parametrize("method", LOAD_METHODS)
def test_every_value_arrives(database: TestDatabase, method: str) -> None:
    """
    Each value reaches its column unchanged, or coerced without loss to the type.
    """
    property_schema = {f"p{number}": one for number, (one, _, _) in enumerate(CASES)}
    values = ",".join(f'"p{number}":{value}' for number, (_, value, _) in enumerate(CASES))
    line = f'{{"type":"RECORD","stream":"things","record":{{"id":1,{values}}}}}'

    done = load(database, schema(property_schema), line, load_method=method)

    assert done.code == 0, done.err
    columns = ", ".join(property_schema)
    (row,) = database.query(f"SELECT {columns} FROM things")
    expected = {case: want for case, (_, _, want) in enumerate(CASES)}
    actual = dict(enumerate(row))
    if FAMILY.rewrites_json:
        for case, (declared_type, _, want) in enumerate(CASES):
            if want is not None and to_kind(declared_type)[0] is Kind.JSON:
                expected[case], actual[case] = json.loads(want), json.loads(actual[case])
    assert actual == expected


@pytest.mark.parametrize(
    ("method", "size"),
    [("insert", MEGABYTE), ("local_infile", MEGABYTE), ("local_infile", 16 * MEGABYTE)],
)
def test_long_text_arrives(database: TestDatabase, method: str, size: int) -> None:
    """
    Text of many megabytes arrives whole, beside rows that are short.
    """
    text = ("0123456789abcdef" * (size // 16))[: size - 4] + "😀"
    rows = [record({"id": 1, "text": "short"}), record({"id": 2, "text": text})]
    done = load(database, schema({"text": TEXT}), *rows, load_method=method)
    assert done.code == 0, done.err
    actual = database.query("SELECT SHA2(text, 256) FROM things WHERE id = 2")
    assert actual == [(hashlib.sha256(text.encode()).hexdigest(),)]


def test_a_row_that_no_insert_can_hold_is_refused(database: TestDatabase) -> None:
    """
    A row beyond max_allowed_packet is an error that names the line, not a lost connection.
    """
    ((packet,),) = database.query("SELECT @@max_allowed_packet")
    rows = [record({"id": 1, "text": "short"}), record({"id": 2, "text": "x" * MEGABYTE})]
    database.query("SET GLOBAL max_allowed_packet = %s", (MEGABYTE,))
    try:
        done = load(database, schema({"text": TEXT}), *rows, load_method="insert")
    finally:
        database.query("SET GLOBAL max_allowed_packet = %s", (packet,))
    assert done.code == 1
    assert "ERROR line 3, stream things, key id='2', column text: max_allowed_packet" in done.err


@pytest.mark.parametrize("method", LOAD_METHODS)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x" * 40 * MEGABYTE, id="plain"),
        pytest.param("\x1f" * 4 * MEGABYTE, id="control characters"),
        pytest.param("\x1f\n" * 3 * MEGABYTE, id="mixed"),
    ],
)
def test_a_long_text_takes_little_memory(database: TestDatabase, method: str, text: str) -> None:
    """
    A long row takes a few times the memory of its line, accepted or not; the error of a refused row
    names line, key and column.
    """
    lines = to_lines(schema({"text": TEXT}), record({"id": 1, "text": text}), state(1))
    environment = clean_environment() | database.environment | settings(load_method=method)
    command = [sys.executable, "-c", LOAD_AND_TELL_PEAK]
    target = subprocess.run(command, input=lines, capture_output=True, env=environment, check=False)
    output = target.stderr.decode()
    if target.returncode:
        refusal = "line 2, stream things, key id='1', column text: max_allowed_packet"
        if method == "local_infile" and FAMILY.version == "5.6.":
            refusal = "Increase the redo log size using innodb_log_file_size"
        assert refusal in output
    else:
        assert database.query("SELECT LENGTH(text) FROM things") == [(len(text),)]
    ((_, peak_kb),) = re.findall(r"(VmHWM):\s+(\d+) kB", output)
    assert int(peak_kb) * 1024 < 100 * MEGABYTE + 8 * len(lines)


def test_a_server_of_small_packets() -> None:
    """
    LOAD DATA travels in packets that the server takes, however small.
    """
    with FAMILY.server(("--max-allowed-packet=1M",)) as server:
        own = TestDatabase(server, "own")
        rows = [record({"id": number, "text": "x" * 1_500_000}) for number in (1, 2)]
        done = load(own, schema({"text": TEXT}), *rows, state(1))
        assert (done.code, done.out) == (0, "1\n"), done.err
        assert "retrying" not in done.err
        assert own.query("SELECT id, LENGTH(text) FROM things") == [(1, 1_500_000), (2, 1_500_000)]


def test_local_infile_off_means_insert(database: TestDatabase) -> None:
    """
    A server that forbids LOAD DATA LOCAL gets INSERTs, and stderr says so once.
    """
    database.query("SET GLOBAL local_infile = 0")
    try:
        done = load(database, schema({"text": TEXT}), record({"id": 1, "text": "a\\'\n"}))
    finally:
        database.query("SET GLOBAL local_infile = 1")
    assert done.code == 0, done.err
    assert done.err.count("using INSERT") == 1
    assert database.query("SELECT text FROM things") == [("a\\'\n",)]


@pytest.mark.parametrize(
    "line",
    [
        '{"type": "RECORD", "stream": "thüngs", "record": {"id": 1, "text": "\\u00fc"}}',
        '{"type": "RECORD", "stream": "th\\u00fcngs", "record": {"id": 1, "text": "\\u00fc"}}',
        '{"record":{"text":"ü","id":1},"stream":"thüngs","type":"RECORD"}',
        '{ "stream" : "thüngs" , "type" : "RECORD" , "record" : { "id" : 1 , "text" : "ü" } }\r',
        '{"type":"RECORD","time_extracted":"2020-01-01T00:00:00Z","stream":"thüngs",'
        '"record":{"id":1,"text":"ü"},"surplus":[1]}',
    ],
)
def test_a_record_may_be_written_in_any_way(database: TestDatabase, line: str) -> None:
    """
    Spaces, escapes, and the order of keys do not matter.
    """
    load_here(database, schema({"text": TEXT}, stream="thüngs"), line)
    assert database.query("SELECT id, text FROM `thüngs`") == [(1, "ü")]


def test_the_only_column_may_be_empty(database: TestDatabase) -> None:
    """
    Rows with a single empty text are loaded.
    """
    message = schema({"text": TEXT}, key=())
    del message["schema"]["properties"]["id"]
    rows = [record({"text": text}) for text in ("", "a", "", None)]
    for method in LOAD_METHODS:
        load_here(
            database,
            message,
            *rows,
            load_method=method,
            add_metadata_columns="false",
            primary_key_required="false",
        )
    actual = sorted(text or str(text) for (text,) in database.query("SELECT text FROM things"))
    assert actual == ["", "", "", "", "None", "None", "a", "a"]


@pytest.mark.skipif(not FAMILY.reads_json, reason="this server has no JSON functions")
@pytest.mark.parametrize("creation", ["", "id BIGINT PRIMARY KEY, object JSON"])
def test_objects_are_json_to_the_server(database: TestDatabase, creation: str) -> None:
    """
    JSON functions read an object's column, also an existing JSON column.
    """
    if creation:
        database.query(f"CREATE TABLE things ({creation})")
    row = record({"id": 1, "object": {"a": [1, {"b": "ü"}]}})
    load_here(database, schema({"object": {"type": "object"}}), row)
    actual = database.query("SELECT JSON_UNQUOTE(JSON_EXTRACT(object, '$.a[1].b')) FROM things")
    assert actual == [("ü",)]
