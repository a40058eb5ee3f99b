"""
Requests for the records of one type of objects: lists, searches, batch reads, definitions.

Has the methods of ObjectsApi that lists.py, changes.py and archived.py call, so that full passes,
changes and deletions work as those of engagements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubspot_api.activity_properties import CREATED, ID
from hubspot_api.client import HubspotClient, Response
from hubspot_api.endpoints import Endpoints
from hubspot_api.exceptions import NotFoundError
from hubspot_api.json_codec import parse_json, without_nul
from tap_hubspot_engagements.engagement import Engagement
from tap_hubspot_engagements.objects.api import (
    MAX_FOUND,
    MAX_LISTED,
    Filter,
    ObjectPage,
    SearchPage,
    searches_of,
    to_search_body,
)
from tap_hubspot_engagements.objects.associations import NOT_FOUND
from tap_hubspot_engagements.objects.object_records import changed_ms
from tap_hubspot_engagements.objects.object_types import MERGED_IDS, ObjectType

MAX_BATCH = 100  # HubSpot's limit of a batch read
# Beyond this length of all names, URLs and bodies of searches may be refused: records are listed or
# found without properties, and then read in batches.
MAX_NAMES_LENGTH = 2_000

Json = dict[str, Any]


@dataclass(frozen=True)
class Results:
    """The body of a list, a search or a batch read."""

    results: Sequence[Json]
    after: str | None
    missing: Sequence[int]


@dataclass(frozen=True)
class ListedRecord:
    """A record as HubSpot sends it, with its id as text."""

    id: str
    value: Json


class ObjectApi:
    """
    The records of one type with `properties`; methods raise what the client raises.

    `kind` in the methods is the type's name, as lists.py and changes.py pass it.
    """

    def __init__(
        self,
        client: HubspotClient,
        version: str,
        object_type: ObjectType,
        properties: Sequence[str],
        page_size: int | None = None,
    ) -> None:
        self.object_type = object_type
        self.endpoints = Endpoints(version)
        self.list_size = min(page_size or MAX_LISTED, MAX_LISTED)
        self._search_size = min(page_size or MAX_FOUND, MAX_FOUND)
        self._client = client
        self._searches = searches_of(client)
        # Merged ids say which record answers for which id.
        always = (ID, object_type.date_property, MERGED_IDS)
        self._properties = list(dict.fromkeys((*properties, *always)))
        self._is_short = len(",".join(self._properties)) <= MAX_NAMES_LENGTH
        self._short = self._properties if self._is_short else list(always)

    def modified_property(self, kind: str) -> str:
        """Return the property with the date of the last change."""
        return self.object_type.date_property

    def modified_text(self, record: ListedRecord) -> Any:
        """Return a record's date of change as HubSpot writes it."""
        return (record.value.get("properties") or {}).get(self.object_type.date_property)

    def list_page(self, kind: str, after: str | int = "", *, archived: bool = False) -> ObjectPage:
        """Return a page of the list, which begins at `after`, HubSpot's cursor or an id."""
        params: Json = {
            "limit": self.list_size,
            "properties": ",".join(self._short),
            "archived": "true" if archived else "false",
        }
        if after:
            params["after"] = after
        response = self._client.get(self.endpoints.records(kind), params, parse_results)
        return self._to_page(kind, response, response.body.results, archived=archived)

    def fetch_list(
        self, kind: str, after: str | int = ""
    ) -> tuple[Callable[[], ObjectPage], Callable[[], bool]]:
        """Request a page as list_page does; return the page, and whether another follows."""
        page = self.list_page(kind, after)
        return lambda: page, lambda: page.after is not None

    def search(self, kind: str, filters: Sequence[Filter], sort: str) -> SearchPage:
        """Return the first page of the records that match all `filters`, in ascending order."""
        body = to_search_body(filters, sort, self._short, self._search_size)
        response = self._search(body)
        records = [ListedRecord(str(one["id"]), one) for one in response.body.results]
        return SearchPage(records, response.body.after is not None, response)

    def to_page(
        self, kind: str, search_pages: Sequence[SearchPage], records: Sequence[ListedRecord]
    ) -> ObjectPage:
        """Return the records of searches as one page."""
        values = [record.value for record in records]
        return self._to_page(kind, search_pages[-1].response, values)

    def highest_id(self, kind: str, created_before_ms: int | None = None) -> int | None:
        """Return the highest id that searches show; None without any."""
        created = CREATED if CREATED in self.object_type.defaults else "createdate"
        filters = [] if created_before_ms is None else [(created, "LT", created_before_ms)]
        body = to_search_body(filters, ID, [], 1, "DESCENDING")
        results = self._search(body, hint=True).body.results
        return int(results[0]["id"]) if results else None

    def get_engagement(self, kind: str, record_id: int) -> Engagement | None:
        """Return one record, in one attempt; None if it does not exist."""
        params = {"properties": ",".join(self._short)}
        path = self.endpoints.record(kind, record_id)
        try:
            value = self._client.get(path, params, parse_json, hint=True).body
        except NotFoundError:
            return None
        # An id that was merged answers with the surviving record.
        return self._to_record(value) if str(value.get("id")) == str(record_id) else None

    def check(self, kind: str = "") -> None:
        """Raise HubspotError if the token cannot list the type."""
        path = self.endpoints.records(self.object_type.name)
        self._client.get(path, {"limit": 1}, parse_results)

    def read_batch(self, ids: Sequence[int], *, archived: bool = False) -> Response[Results]:
        """
        Return up to MAX_BATCH records by id, and the ids that HubSpot calls missing.

        An id that was merged answers with the surviving record, which has another id.
        """
        path = self.endpoints.batch_read(self.object_type.name)
        body = {
            "inputs": [{"id": str(one)} for one in ids],
            "properties": self._properties,
            "propertiesWithHistory": [],
        }
        return self._client.post(f"{path}?archived=true" if archived else path, body, parse_results)

    def _search(self, body: object, *, hint: bool = False) -> Response[Results]:
        path = self.endpoints.search(self.object_type.name)
        return self._client.post(path, body, parse_results, rate_limiter=self._searches, hint=hint)

    def _to_page(
        self,
        kind: str,
        response: Response[Any],
        values: Sequence[Json],
        *,
        archived: bool = False,
    ) -> ObjectPage:
        if not self._is_short:
            values = list(self._with_properties(values, archived=archived))
        # Records of earlier responses may be among the values, so each is searched.
        clean = [without_nul(value) if _has_nul(value) else value for value in values]
        nul_removed = sum(one is not other for one, other in zip(clean, values, strict=True))
        values = clean
        return ObjectPage(
            kind,
            [self._to_record(value) for value in values],
            response.body.after,
            response.received_at,
            response.hubspot_at,
            nul_removed,
            False,
            [value.get("archivedAt") for value in values],
        )

    def _with_properties(self, values: Sequence[Json], *, archived: bool) -> Iterator[Json]:
        """Yield records with all properties; those that are gone meanwhile as they were listed."""
        for start in range(0, len(values), MAX_BATCH):
            listed = values[start : start + MAX_BATCH]
            ids = [int(value["id"]) for value in listed]
            results = self.read_batch(ids, archived=archived).body.results
            complete = {int(value["id"]): value for value in results}
            yield from (complete.get(int(value["id"]), value) for value in listed)

    def _to_record(self, value: Json) -> Engagement:
        at_ms = changed_ms(value, self.object_type.date_property)
        return Engagement(int(value["id"]), None, self.object_type.name, at_ms, value)


def _has_nul(value: Json) -> bool:
    texts = (value.get("properties") or {}).values()
    return any(isinstance(text, str) and "\0" in text for text in texts)


def iter_definitions(
    client: HubspotClient, endpoints: Endpoints, kinds: Sequence[str]
) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Yield the definitions of each type's properties, live ones and then archived ones."""
    for kind in kinds:
        for archived in ("false", "true"):
            path = endpoints.definitions(kind)
            results = client.get(path, {"archived": archived}, _parse_definitions).body
            yield [{**definition, "objectType": kind} for definition in results]


def _parse_definitions(text: bytes) -> list[Json]:
    body = parse_json(text)
    results = body.get("results") if isinstance(body, dict) else None
    if not isinstance(results, list) or not all(
        isinstance(one, dict) and isinstance(one.get("name"), str) for one in results
    ):
        raise ValueError("results is missing")
    return results


def parse_results(text: bytes) -> Results:
    """Return records and the ids of missing ones; raise ValueError for any other error."""
    body = parse_json(text)
    results = body.get("results") if isinstance(body, dict) else None
    if not isinstance(results, list):
        raise ValueError("results is missing")
    if not all(isinstance(one, dict) and str(one.get("id")).isdecimal() for one in results):
        raise ValueError("a record without an id")
    missing: list[int] = []
    for error in body.get("errors") or ():
        if not isinstance(error, dict) or error.get("category") != NOT_FOUND:
            raise ValueError(f"errors: {error}")
        ids = (error.get("context") or {}).get("ids") or ()
        missing += [int(one) for one in ids if str(one).isdecimal()]
    after = ((body.get("paging") or {}).get("next") or {}).get("after")
    return Results(results, None if after is None else str(after), missing)
