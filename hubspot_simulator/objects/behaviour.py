"""
How the objects API behaves in the points that HubSpot leaves open, or that differ by portal.

Every field is a switch: `Simulator(portal, objects=ObjectsBehaviour(list_cursor="opaque"))`, or
`--objects list_cursor=opaque` on the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_type_hints

import msgspec


@dataclass(frozen=True)
class ObjectsBehaviour:
    """
    Behaviour of the objects API; the defaults are the recorded behaviour of HubSpot.

    `forbidden_types`: names of object types that answer 403, whatever the token's scopes.

    `null_text`: an absent value is `null`, an empty text, or `mixed`: both, by record.
    `time_text`: times are `iso` (without milliseconds at a full second), `epoch_ms`, or `mixed`.

    `list_cursor`: `numeric` is the last id + 1; an `opaque` cursor cannot be made up by a client.
    `list_order`: `ascending` by id, or `shuffled` pages. `half_pages`: a list page holds half of
    the `limit`, and more pages follow. `last_paging`: the last page has no `paging` key, or null.

    `inline_associations`: ids for each record and related type in a list, before `paging`.
    `association_page`: rows for each input of an associations batch read, before `paging`.
    `association_ids`: `toObjectId` is a `number` or a `text`. `association_doubles`: every third
    partner comes twice, with a labelled and an unlabelled type. `unassociated`: an id without
    associations has `no_row`, or an `error`. `unknown_ids`: an associations batch read with an
    unknown id is answered like an unassociated id, or refused as a whole (`refuse`).

    `multi_status`: batch answers with errors are 207 before 2026-09 and 200 since (`by_version`),
    or `always` or `never` 207. `complete_requests`: 2026-09 refuses a request without the keys that
    its specification requires.

    `search_cap`: results of a query before 400. `search_delay_ms`: age of a change before searches
    show it; None: the delay of `modified/after`. `search_body_max`: characters of a search request
    before 400. `url_max`: characters of a URL before 414. `archived_days`: how long archived
    records are listed.
    """

    forbidden_types: tuple[str, ...] = ()
    null_text: Literal["null", "empty", "mixed"] = "mixed"
    time_text: Literal["iso", "epoch_ms", "mixed"] = "iso"
    list_cursor: Literal["numeric", "opaque"] = "numeric"
    list_order: Literal["ascending", "shuffled"] = "ascending"
    half_pages: bool = False
    last_paging: Literal["missing", "null"] = "missing"
    inline_associations: int = 100
    association_page: int = 500
    association_ids: Literal["number", "text"] = "number"
    association_doubles: bool = False
    unassociated: Literal["no_row", "error"] = "no_row"
    unknown_ids: Literal["no_row", "refuse"] = "no_row"
    multi_status: Literal["by_version", "always", "never"] = "by_version"
    complete_requests: bool = True
    search_cap: int = 10_000
    search_delay_ms: int | None = None
    search_body_max: int | None = None
    url_max: int | None = None
    archived_days: int = 90

    def batch_status(self, version: str, has_errors: bool) -> int:
        """Return the status of a batch read: 200, or 207 for one with errors."""
        if not has_errors or self.multi_status == "never":
            return 200
        return 207 if self.multi_status == "always" or version != "2026-09" else 200


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
        value: Any = tuple(filter(None, text.split(","))) if name == "forbidden_types" else text
        try:
            values[name] = msgspec.convert(value, hints[name], strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(f"{name}: {error}") from error
    return ObjectsBehaviour(**values)
