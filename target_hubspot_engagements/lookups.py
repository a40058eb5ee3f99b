"""
Reads definitions, contacts by e-mail and engagements in doubt from HubSpot.

All by the CRM objects API, also for engagements that v1 wrote: their ids are the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import msgspec

from hubspot_api.client import HubspotClient
from hubspot_api.endpoints import Endpoints
from hubspot_api.exceptions import BadRequestError
from target_hubspot_engagements.matching import Result
from target_hubspot_engagements.validation import TIMESTAMP, Definition, Definitions

MAX_BATCH = 100
MAX_ASSOCIATED = 1_000  # inputs of a batch that reads associations
MAX_GROUPS = 5  # alternatives in a search
MAX_FOUND = 200
MAX_RESULTS = 9_800  # of a search; beyond 10,000 HubSpot answers 400
FIRST_SEARCHABLE_MS = 1_000  # HubSpot answers 500 to a filter with the Unix time 0
SEARCHES, SEARCH_WINDOW_S = 4, 1.0  # HubSpot allows 5 a second, to all programs of an account
CREATED, SOURCE, SOURCE_ID = "hs_createdate", "hs_object_source", "hs_object_source_id"
API_SOURCE = "INTEGRATION"
NOT_FOUND = "OBJECT_NOT_FOUND"  # category of an id that does not exist, or has no associations

T = TypeVar("T")


class _Account(msgspec.Struct):
    portalId: int


class _Definitions(msgspec.Struct):
    results: list[Definition]


class _Record(msgspec.Struct):
    id: str | int
    properties: dict[str, Any] = {}


class _Next(msgspec.Struct):
    after: str | int


class _Paging(msgspec.Struct):
    next: _Next | None = None


class _Error(msgspec.Struct):
    category: str | None = None
    message: str | None = None


class _Records(msgspec.Struct):
    results: list[_Record]  # required: an empty object does not say that there are none
    paging: _Paging | None = None
    errors: list[_Error] | None = None


class _End(msgspec.Struct):
    id: str | int


class _Partner(msgspec.Struct):
    toObjectId: str | int


class _Row(msgspec.Struct, rename={"start": "from"}):
    start: _End
    to: list[_Partner] = []
    paging: _Paging | None = None


class _Rows(msgspec.Struct):
    results: list[_Row]
    errors: list[_Error] | None = None


_decode_account = msgspec.json.Decoder(_Account).decode
_decode_definitions = msgspec.json.Decoder(_Definitions).decode
_decode_records = msgspec.json.Decoder(_Records).decode
_decode_rows = msgspec.json.Decoder(_Rows).decode


def _parse_records(text: bytes) -> _Records:
    records = _decode_records(text)
    _check_errors(records.errors)
    return records


def _parse_rows(text: bytes) -> _Rows:
    rows = _decode_rows(text)
    _check_errors(rows.errors)
    return rows


def _check_errors(errors: Iterable[_Error] | None) -> None:
    """Raise ValueError for a part that HubSpot could not read, since that part may exist."""
    for error in errors or ():
        if error.category != NOT_FOUND:
            raise ValueError(f"a part is missing: {error.message}")


class Lookups:
    """Reads of a portal; methods raise the client's errors."""

    def __init__(self, client: HubspotClient, version: str) -> None:
        self._client = client
        self._endpoints = Endpoints(version)
        self._searches = client.rate_limiter.special(SEARCHES, SEARCH_WINDOW_S)

    def account(self) -> tuple[int, datetime]:
        """Return the id of the token's portal, and HubSpot's clock at the request, in UTC."""
        response = self._client.get(self._endpoints.account, {}, _decode_account)
        return response.body.portalId, response.hubspot_at

    def definitions(self, kind: str) -> Definitions:
        """Return the definitions of a type's properties, by name."""
        path = self._endpoints.definitions(kind)
        results = self._client.get(path, {}, _decode_definitions).body.results
        return {one.name: one for one in results}

    def contact_ids(self, emails: Iterable[str]) -> dict[str, str]:
        """Return the ids of contacts by their e-mail, in lower case; unknown ones are missing."""
        ids = {}
        for batch in batched(emails, MAX_BATCH):
            body = {
                "inputs": [{"id": email} for email in batch],
                "idProperty": "email",
                "properties": ["email"],
                "propertiesWithHistory": [],
            }
            path = self._endpoints.batch("contacts", "read")
            for record in self._client.post(path, body, _parse_records).body.results:
                ids[str(record.properties.get("email")).lower()] = str(record.id)
        return ids

    def associated(
        self, partner_kind: str, partners: Iterable[str], kind: str
    ) -> dict[str, set[int]]:
        """
        Return the ids of the engagements of a type that each of `partners` is part of.

        A partner that HubSpot refuses to read, such as a deleted contact, is no key of the result.
        """
        path = self._endpoints.associations(partner_kind, kind)
        ids: dict[str, set[int]] = defaultdict(set)
        inputs: list[dict[str, str]] = [{"id": partner} for partner in partners]
        batches = [*batched(inputs, MAX_ASSOCIATED)]
        while batches:
            batch = batches.pop()
            try:
                rows = self._client.post(path, {"inputs": batch}, _parse_rows).body.results
            except BadRequestError:  # one unknown partner may refuse the whole batch
                middle = len(batch) // 2
                batches += [batch[:middle], batch[middle:]] if middle else []
                continue
            for item in batch:
                ids[item["id"]] |= set()
            for row in rows:
                ids[str(row.start.id)] |= {int(one.toObjectId) for one in row.to}
            pages = [(row.start.id, row.paging.next) for row in rows if row.paging]
            inputs = [{"id": str(one), "after": str(page.after)} for one, page in pages if page]
            batches += batched(inputs, MAX_ASSOCIATED)
        return ids

    def read(self, kind: str, ids: Iterable[int], names: Sequence[str]) -> list[Result]:
        """Return those of the engagements that are not archived, with properties `names`."""
        results = []
        for batch in batched(ids, MAX_BATCH):
            body = {
                "inputs": [{"id": str(one)} for one in batch],
                "properties": [*names],
                "propertiesWithHistory": [],
            }
            path = self._endpoints.batch_read(kind)
            response = self._client.post(path, body, _parse_records)
            results += _to_results(response.body.results)
        return results

    def source_id(self, kind: str, hubspot_id: int) -> str | None:
        """Return HubSpot's id of the program that created an engagement, None if unknown."""
        results = self.read(kind, [hubspot_id], [SOURCE_ID])
        text = results[0].texts.get(SOURCE_ID) if results else None
        return str(text) if text else None

    def at_moments(
        self, kind: str, since_ms: Mapping[str, int], names: Sequence[str]
    ) -> tuple[list[Result], set[str]]:
        """
        Return the engagements that happened at some moments, as far as the search has them.

        Also returns the moments that have too many for a search, so that some are missing; it has
        left out those created before the moment's value in `since_ms`, in Unix ms, at least
        FIRST_SEARCHABLE_MS. For the moment 0 all moments before FIRST_SEARCHABLE_MS are searched.
        """
        results: list[Result] = []
        crowded: set[str] = set()
        for batch in batched(sorted(since_ms), MAX_GROUPS):
            groups = [[_of_moment(at_ms)] for at_ms in batch]
            of_batch, is_complete = self._search(kind, groups, names)
            if is_complete:
                results += of_batch
                continue
            for at_ms, group in zip(batch, groups, strict=True):
                group.append(_filter(CREATED, "GTE", str(since_ms[at_ms])))
                of_moment, is_complete = self._search(kind, [group], names)
                results += of_moment
                if not is_complete:
                    crowded.add(at_ms)
        return results, crowded

    def created_since(self, kind: str, since_ms: int, source_id: str | None) -> list[int]:
        """Return up to MAX_RESULTS engagements that programs created after a moment in Unix ms."""
        filters = [_filter(CREATED, "GT", str(since_ms)), _filter(SOURCE, "EQ", API_SOURCE)]
        if source_id is not None:
            filters.append(_filter(SOURCE_ID, "EQ", source_id))
        results, _ = self._search(kind, [filters], [])
        return [result.id for result in results]

    def _search(
        self, kind: str, groups: Sequence[Sequence[object]], names: Sequence[str]
    ) -> tuple[list[Result], bool]:
        """Return up to MAX_RESULTS results of a search, and whether they are all of them."""
        body: dict[str, Any] = {
            "filterGroups": [{"filters": [*filters]} for filters in groups],
            "properties": [*names],
            "limit": MAX_FOUND,
            "after": "",
        }
        results: list[Result] = []
        while True:
            response = self._client.post(
                self._endpoints.search(kind), body, _parse_records, rate_limiter=self._searches
            )
            results += _to_results(response.body.results)
            paging = response.body.paging
            if paging is None or paging.next is None:
                return results, True
            if len(results) >= MAX_RESULTS:
                return results, False
            body["after"] = str(paging.next.after)


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of up to `size` items."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _of_moment(at_ms: str) -> dict[str, str]:
    """Return the filter of a moment; for 0, which HubSpot refuses, of all the first ones."""
    if at_ms == "0":
        return _filter(TIMESTAMP, "LT", str(FIRST_SEARCHABLE_MS))
    return _filter(TIMESTAMP, "EQ", at_ms)


def _filter(name: str, operator: str, value: str) -> dict[str, str]:
    return {"propertyName": name, "operator": operator, "value": value}


def _to_results(records: Iterable[_Record]) -> list[Result]:
    return [Result(int(record.id), record.properties) for record in records]
