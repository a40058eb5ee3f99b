"""The streams to replicate, and the selection of a catalog."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tap_hubspot_engagements.exceptions import ConfigError
from tap_hubspot_engagements.selection import read_selection
from tap_hubspot_engagements.streams import ENGAGEMENTS, STREAMS
from tests.conftest import REPOSITORY
from tests.tap.conftest import (
    DISCOVERED,
    PROPERTIES,
    Tap,
    engagements_alone,
    records,
    select_everything,
)

Catalog = dict[str, Any]
DEFAULT = [name for name in PROPERTIES if name != "metadata"]


def catalog() -> Catalog:
    return copy.deepcopy(engagements_alone())


def fields(catalog: Catalog) -> dict[tuple[str, ...], dict[str, Any]]:
    """Return the stream's metadata, by breadcrumb, to be read and changed."""
    (entry,) = catalog["streams"]
    return {tuple(one["breadcrumb"]): one["metadata"] for one in entry["metadata"]}


def chosen(catalog: Catalog) -> list[str]:
    (selection,) = read_selection(catalog)
    return list(selection.properties)


def test_discovery_needs_nothing(tmp_path: Path) -> None:
    """
    --discover prints catalog.json, without token or network: without a config or credentials.
    """
    tap = Tap(tmp_path)
    config = tap.write("config.json", {"start_date": "2026-01-01T00:00:00Z"})
    for arguments in (["--discover"], ["-d", "--config", config]):
        run = tap.bare(*arguments, environment={"HTTPS_PROXY": "http://127.0.0.1:1"})
        assert (run.code, run.err) == (0, "")
        assert run.out == (REPOSITORY / "catalog.json").read_text()


def test_the_entry() -> None:
    """
    The stream has the name, keys, replication and whole schema of the registry.
    """
    (entry,) = catalog()["streams"]
    assert entry["tap_stream_id"] == entry["stream"] == "engagements"
    assert entry["key_properties"] == ["id"]
    assert (entry["replication_key"], entry["replication_method"]) == ("lastUpdated", "INCREMENTAL")
    assert entry["schema"] == ENGAGEMENTS.schema
    root = fields(catalog())[()]
    assert root["table-key-properties"] == ["id"]
    assert root["valid-replication-keys"] == ["lastUpdated"]
    assert root["forced-replication-method"] == "INCREMENTAL"
    assert root["selected"] is True


def test_the_fields() -> None:
    """
    Key and replication key come always, metadata when chosen, all others unless left out.
    """
    result = fields(catalog())
    for name in PROPERTIES:
        automatic = name in ("id", "lastUpdated")
        assert result["properties", name] == {
            "inclusion": "automatic" if automatic else "available",
            "selected-by-default": name != "metadata",
        }
    assert len(result) == len(PROPERTIES) + 1
    assert chosen(catalog()) == DEFAULT
    assert chosen(select_everything()) == PROPERTIES


def test_the_schema_avoids_what_breaks_others() -> None:
    """
    Everything but the key may be null; no formats, no anyOf, types with null first; items given.
    """
    for name, schema in ENGAGEMENTS.schema["properties"].items():
        if name == "id":
            assert schema["type"] == "integer"
            continue
        assert schema["type"][0] == "null"
        assert len(schema["type"]) == 2
        assert not schema.keys() & {"format", "anyOf", "enum"}
        assert ("items" in schema) == ("array" in schema["type"])


@pytest.mark.parametrize("name", PROPERTIES)
def test_selection_by_field(name: str) -> None:
    """
    A field's metadata selects or deselects; automatic fields cannot be deselected.
    """
    for selected in (True, False):
        edits = catalog()
        fields(edits)["properties", name]["selected"] = selected
        kept = name in chosen(edits)
        assert kept is (selected or name in ("id", "lastUpdated"))


def test_selected_by_default() -> None:
    """
    selected-by-default decides in absence of selected, for streams and fields alike.
    """
    edits = catalog()
    del fields(edits)[()]["selected"]
    with pytest.raises(ConfigError, match="selects no stream"):
        read_selection(edits)
    fields(edits)[()]["selected-by-default"] = True
    fields(edits)["properties", "metadata"]["selected-by-default"] = True
    fields(edits)["properties", "type"]["selected-by-default"] = False
    assert chosen(edits) == [name for name in PROPERTIES if name != "type"]
    fields(edits)[()]["selected"] = False
    with pytest.raises(ConfigError, match="selects no stream"):
        read_selection(edits)


def test_the_old_way() -> None:
    """
    A plain `selected` of the entry counts if the metadata says nothing.
    """
    edits = catalog()
    del fields(edits)[()]["selected"]
    edits["streams"][0]["selected"] = True
    assert chosen(edits) == DEFAULT
    edits["streams"][0] |= {"metadata": []}
    assert chosen(edits) == DEFAULT
    edits["streams"][0] |= {"metadata": None, "selected": False}
    with pytest.raises(ConfigError, match="selects no stream"):
        read_selection(edits)


def test_what_a_catalog_adds_is_ignored() -> None:
    """
    Unknown fields and keys of a catalog do no harm: the tap's own schema counts.
    """
    edits = catalog()
    edits["streams"][0]["schema"] = {}
    edits["more"] = 1
    more = {"breadcrumb": ["properties", "nothing"], "metadata": {"selected": True}}
    edits["streams"][0]["metadata"].append(more)
    assert chosen(edits) == DEFAULT


def broken(change: Callable[[Catalog], object]) -> Catalog:
    edits = catalog()
    change(edits)
    return edits


@pytest.mark.parametrize(
    ("edits", "text"),
    [
        ({}, "must hold a list of streams"),
        ({"streams": None}, "must hold a list of streams"),
        ({"streams": {"engagements": {}}}, "must hold a list of streams"),
        ({"streams": ["engagements"]}, "must hold a list of streams"),
        ({"streams": []}, "selects no stream"),
        ({"streams": [{"tap_stream_id": "products"}]}, "unknown stream products; there are enga"),
        ({"streams": [{"tap_stream_id": ["x"]}]}, "unknown stream"),
        ({"streams": [{}]}, "unknown stream None"),
        (broken(lambda c: c["streams"][0].update(metadata=5)), "metadata of engagements"),
        (broken(lambda c: c["streams"][0].update(metadata={"a": 1})), "metadata of engagements"),
        (broken(lambda c: c["streams"][0].update(metadata=[{}])), "metadata of engagements"),
        (
            broken(lambda c: c["streams"][0]["metadata"][0].update(metadata=None)),
            "metadata of engagements",
        ),
        (
            broken(lambda c: c["streams"][0]["metadata"][0].update(metadata="selected")),
            "metadata of engagements",
        ),
        (
            broken(lambda c: c["streams"][0]["metadata"][0].update(breadcrumb=[[]])),
            "metadata of engagements",
        ),
    ],
)
def test_what_is_no_catalog(edits: Catalog, text: str) -> None:
    """
    A catalog that cannot be followed is an error that says why.
    """
    with pytest.raises(ConfigError, match=text):
        read_selection(edits)


@pytest.mark.parametrize("option", ["--catalog", "--properties", "-p"])
def test_a_catalog_as_a_user_gives_it(option: str, run_tap: Tap) -> None:
    """
    Each of the options takes the file; a faulty file ends the run with 2 and a single line.
    """
    edits = catalog()
    for name in PROPERTIES:
        fields(edits)["properties", name]["selected"] = name in ("type", "metadata")
    path = run_tap.write("mine.json", edits)
    run = run_tap(option, path)
    assert run.code == 0
    assert all(
        list(record) == ["id", "lastUpdated", "type", "metadata"]
        for record in records(run.messages)
    )
    assert len({record["id"] for record in records(run.messages)}) == 60

    run = run_tap(option, run_tap.write("mine.json", {"streams": [{"stream": "products"}]}))
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith("ERROR catalog: unknown stream products; there are engagements, ")
    assert run.err.count("\n") == 1


def test_without_a_catalog(run_tap: Tap) -> None:
    """
    Without a catalog the discovered one is used, as selected there: all but owners and objects.
    """
    messages = run_tap(catalog=DISCOVERED).messages
    result = [
        one["record"] for one in messages if one.get("stream") == "engagements" and "record" in one
    ]
    assert all(list(record) == DEFAULT for record in result)
    assert len({record["id"] for record in result}) == 60
    announced = {one["stream"] for one in messages if one["type"] == "SCHEMA"}
    assert announced == {name for name, stream in STREAMS.items() if stream.selected}
    assert "contacts" not in announced
