"""
How the objects API behaves if HubSpot leaves it open, or if portals differ.

Every field is a switch: `Simulator(portal, objects=ObjectsBehaviour(list_cursor="opaque"))`, or
`--objects list_cursor=opaque` on the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeVar, get_type_hints

import msgspec

T = TypeVar("T")


def _switch(default: T, meaning: str) -> T:
    """Return a field of `ObjectsBehaviour`; `meaning` is for --help and for the documentation."""
    switch: T = field(default=default, metadata={"meaning": meaning})
    return switch


@dataclass(frozen=True)
class ObjectsBehaviour:
    """Behaviour of the objects API; the defaults are HubSpot's recorded behaviour."""

    forbidden_types: tuple[str, ...] = _switch(
        (), "types that answer 403 whatever the scopes, separated by commas"
    )
    null_text: Literal["null", "empty", "mixed"] = _switch(
        "mixed", "absent values: null, an empty text, or an empty text for owners only (mixed)"
    )
    time_text: Literal["iso", "epoch_ms", "mixed"] = _switch(
        "iso",
        "times: ISO 8601, without milliseconds at a full second; epoch ms; or both, by record",
    )
    list_cursor: Literal["numeric", "opaque"] = _switch(
        "numeric", "cursor of a list: the last id + 1, or a text that no client can make up"
    )
    list_order: Literal["ascending", "shuffled"] = _switch(
        "ascending", "order of a list: by id, or none"
    )
    half_pages: bool = _switch(False, "a list page holds half of the limit, and others follow")
    last_paging: Literal["missing", "null"] = _switch("missing", "`paging` of a last page")
    inline_associations: int = _switch(
        100, "ids for each record and related type in a list, before `paging`"
    )
    association_page: int = _switch(
        500, "partners for each input of an associations batch read, before `paging`"
    )
    association_ids: Literal["number", "text"] = _switch("number", "JSON type of `toObjectId`")
    association_doubles: bool = _switch(
        False, "partners with an id divisible by three come twice, labelled and unlabelled"
    )
    unassociated: Literal["no_row", "error"] = _switch(
        "no_row", "ids without partners in an associations batch read: left out, or in `errors`"
    )
    unknown_ids: Literal["no_row", "refuse"] = _switch(
        "no_row", "unknown ids in an associations batch read: left out, or 400 for the batch"
    )
    multi_status: Literal["by_version", "always", "never"] = _switch(
        "by_version", "status of a batch with errors: 207, from 2026-09 on 200; or one of them"
    )
    complete_requests: bool = _switch(
        True, "2026-09 refuses requests without the keys that its specification requires"
    )
    search_cap: int = _switch(10_000, "results of a search before 400")
    search_delay_ms: int | None = _switch(
        None, "age of a change before searches show it; none: as late as `modified/after`"
    )
    search_body_max: int | None = _switch(None, "characters of a search before 400; none: any")
    url_max: int | None = _switch(None, "characters of a URL before 414; none: any")
    required_on_create: tuple[str, ...] = _switch(
        (), "properties that the account requires, which 2026-09 checks at each creation"
    )
    activity_unique: bool = _switch(True, "activities may have custom properties of unique values")
    trace_ids_in_results: bool = _switch(
        True, "results of a batch creation carry `objectWriteTraceId`"
    )
    archived_days: int = _switch(90, "days that archived records are listed")

    def batch_status(self, version: str, has_errors: bool) -> int:
        """Return the status of a batch read or update: 200, or 207 for one with errors."""
        if not has_errors or self.multi_status == "never":
            return 200
        return 207 if self.multi_status == "always" or version != "2026-09" else 200

    def creation_status(self, version: str, has_errors: bool) -> int:
        """Return the status of a batch creation: 201, or 207 for one with errors."""
        status = self.batch_status(version, has_errors)
        return 201 if status == 200 else status


def switch_lines() -> list[tuple[str, str, str]]:
    """Return name, default and meaning of every switch, as --help and the documentation say it."""
    return [
        (switch.name, _setting(switch.default), switch.metadata["meaning"])
        for switch in fields(ObjectsBehaviour)
    ]


def _setting(value: Any) -> str:
    """Return a default as a setting on the command line is written."""
    if value is None or value == ():
        return "none"
    return str(value).lower()


def read_behaviour(settings: Sequence[str]) -> ObjectsBehaviour:
    """
    Return the behaviour of `NAME=VALUE` settings; a tuple's values are separated by commas.

    Raises ValueError for an unknown name or a value that does not fit.
    """
    hints = get_type_hints(ObjectsBehaviour)
    values: dict[str, Any] = {}
    for setting in settings:
        name, _, text = setting.partition("=")
        if name not in hints:
            names = ", ".join(field.name for field in fields(ObjectsBehaviour))
            raise ValueError(f"no switch {name!r} of the objects API; choose from {names}")
        value: Any = None if text == "none" else text
        if hints[name] == tuple[str, ...]:
            value = tuple(text.split(",")) if value else ()
        try:
            values[name] = msgspec.convert(value, hints[name], strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(f"{name}: {error}") from error
    return ObjectsBehaviour(**values)
