"""
Requests to HubSpot's CRM objects API.

A page is complete when it is returned: associations that HubSpot did not send with a record have
been requested. Searches have a rate limit of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from hubspot_api.activity_properties import CREATED, ID, MODIFIED
from hubspot_api.client import HubspotClient, Response
from hubspot_api.endpoints import Endpoints
from hubspot_api.exceptions import NotFoundError
from hubspot_api.json_codec import NUL_ESCAPE, parse_json, without_nul
from hubspot_api.rate_limit import RateLimiter
from tap_hubspot_engagements.engagement import Engagement, is_int64
from tap_hubspot_engagements.objects.associations import Associations, naming_type
from tap_hubspot_engagements.objects.columns import properties_of
from tap_hubspot_engagements.objects.record_layout import ObjectEngagement, RecordPage
from tap_hubspot_engagements.objects.typed_records import (
    property_of,
    read_page,
    read_record,
    to_engagements,
)
from tap_hubspot_engagements.properties import REDACTED_MARK

MAX_LISTED = 100  # HubSpot's limit of a page of a list
MAX_FOUND = 200  # and of a search
SEARCHES_PER_SECOND = 5  # of all programs of an account together
SEARCH_WINDOW_S = 1.0
FIRST_SEARCHABLE_MS = 1_000  # HubSpot answers 500 to a filter with the Unix time 0

Filter = tuple[str, str, int]
"""A property, an operator, and a value."""


T = TypeVar("T")

_REDACTED = REDACTED_MARK.encode()


@dataclass(frozen=True)
class ObjectPage:
    """
    Records of one type as engagements.

    `deleted_at` has the moment of each deletion, as HubSpot writes it, on pages of archived
    records. `after` is HubSpot's cursor, None on the last page. The clocks,
    `nul_removed` and `may_be_redacted` are those of source.Page.
    """

    kind: str
    engagements: Sequence[Engagement]
    after: str | None
    received_at: datetime
    hubspot_at: datetime
    nul_removed: int = 0
    may_be_redacted: bool = True
    deleted_at: Sequence[str | None] = ()


@dataclass(frozen=True)
class SearchPage:
    """
    A page of a search: decoded records without associations, and the response.

    `has_more` says that the search has further results.
    """

    records: Sequence[Any]
    has_more: bool
    response: Response[Any]


class RecordsApi(Protocol):
    """
    Lists and searches of one or several types, as lists.py, changes.py and archived.py call them.

    `kind` is the type's name in paths.
    """

    endpoints: Endpoints
    list_size: int

    def modified_property(self, kind: str) -> str: ...

    def modified_text(self, record: Any) -> Any: ...

    def list_page(
        self, kind: str, after: str | int = "", *, archived: bool = False
    ) -> ObjectPage: ...

    def fetch_list(
        self, kind: str, after: str | int = ""
    ) -> tuple[Callable[[], ObjectPage], Callable[[], bool]]: ...

    def search(self, kind: str, filters: Sequence[Filter], sort: str) -> SearchPage: ...

    def to_page(
        self, kind: str, search_pages: Sequence[SearchPage], records: Sequence[Any]
    ) -> ObjectPage: ...

    def highest_id(self, kind: str, created_before_ms: int | None = None) -> int | None: ...

    def get_engagement(self, kind: str, record_id: int) -> Engagement | None: ...

    def check(self, kind: str) -> None: ...


class ObjectsApi:
    """
    The objects API of one portal in one version; threads may share it.

    `page_size` is the largest page of lists and searches, HubSpot's own by default. Associations
    with `skipped_types` are not read. Methods raise what the client raises; a ScopeError says how
    to leave the type out.
    """

    def __init__(
        self,
        client: HubspotClient,
        version: str,
        page_size: int | None = None,
        skipped_types: Iterable[str] = (),
    ) -> None:
        self.client = client
        self.list_size = min(page_size or MAX_LISTED, MAX_LISTED)
        self._search_size = min(page_size or MAX_FOUND, MAX_FOUND)
        self.endpoints = Endpoints(version)
        self.associations = Associations(client, self.endpoints, skipped_types)
        self._searches = searches_of(client)
        self._portal_id: int | None = None

    @property
    def portal_id(self) -> int:
        """The id of the token's portal, requested once."""
        if self._portal_id is None:
            self._portal_id = self.client.get(self.endpoints.account, {}, _parse_portal).body
        return self._portal_id

    def modified_property(self, kind: str) -> str:
        """Return the property with the date of the last change."""
        return MODIFIED

    def modified_text(self, record: Any) -> Any:
        """Return a record's date of change as HubSpot writes it."""
        return property_of(record, MODIFIED)

    def list_page(self, kind: str, after: str | int = "", *, archived: bool = False) -> ObjectPage:
        """
        Return a page of a type's list, which begins at `after`.

        `after` is HubSpot's cursor or an id, which the page includes.
        """
        response = self._get_list(kind, after, archived, lambda text: read_page(kind, text))
        return self._to_list_page(kind, response, response.body)

    def fetch_list(
        self, kind: str, after: str | int = ""
    ) -> tuple[Callable[[], ObjectPage], Callable[[], bool]]:
        """
        Request a page as list_page does; return its decoder, and whether another may follow.

        Decoding is left to the thread that writes the page: objects created in a worker thread
        miss that core's cache.
        """
        response = self._get_list(kind, after, False, check_complete)

        def decode_page() -> ObjectPage:
            try:
                page = read_page(kind, response.text)
            except ValueError:
                # The response is incomplete in a way that shows only now: request it again.
                return self.list_page(kind, after)
            return self._to_list_page(kind, response, page)

        return decode_page, lambda: b'"after"' in response.text

    def _get_list(
        self, kind: str, after: str | int, archived: bool, parse: Callable[[bytes], T]
    ) -> Response[T]:
        params: dict[str, object] = {
            "limit": self.list_size,
            "properties": ",".join(properties_of(kind)),
            "associations": ",".join(self.associations.partner_types),
            "archived": "true" if archived else "false",
        }
        if after:
            params["after"] = after
        path = self.endpoints.records(kind)
        with naming_type(kind):
            return self.client.get(path, params, parse)

    def _to_list_page(
        self, kind: str, response: Response[Any], page: RecordPage[Any]
    ) -> ObjectPage:
        self.associations.complete(kind, page.results)
        return self._to_page(kind, response, page, page.results)

    def search(self, kind: str, filters: Sequence[Filter], sort: str = MODIFIED) -> SearchPage:
        """Return the first page of the records that match all `filters`, in ascending order."""
        body = to_search_body(filters, sort, list(properties_of(kind)), self._search_size)
        return self._search(kind, body)

    def to_page(
        self, kind: str, search_pages: Sequence[SearchPage], records: Sequence[Any]
    ) -> ObjectPage:
        """Return the records of searches as one page, with their associations requested."""
        self.associations.read_all(kind, records)
        response = search_pages[-1].response
        texts = [search_page.response.text for search_page in search_pages]
        return self._to_page(kind, response, response.body, records, texts)

    def highest_id(self, kind: str, created_before_ms: int | None = None) -> int | None:
        """Return the highest id of a type that searches show; None without any."""
        filters = [] if created_before_ms is None else [(CREATED, "LT", created_before_ms)]
        body = to_search_body(filters, ID, [], 1, "DESCENDING")
        records = self._search(kind, body, hint=True).records
        return int(records[0].id) if records else None

    def get_engagement(self, kind: str, record_id: int) -> Engagement | None:
        """Return one engagement of a type, in one attempt; None if it does not exist."""
        portal_id = self.portal_id
        params = {
            "properties": ",".join(properties_of(kind)),
            "associations": ",".join(self.associations.partner_types),
        }
        path = self.endpoints.record(kind, record_id)
        try:
            response = self.client.get(
                path, params, lambda text: read_record(kind, text), hint=True
            )
        except NotFoundError:
            return None
        self.associations.complete(kind, [response.body])
        partner_types = self.associations.partner_types
        return to_engagements(kind, [response.body], portal_id, partner_types)[0]

    def check(self, kind: str) -> None:
        """Raise HubspotError if the token cannot list a type."""
        with naming_type(kind):
            self.client.get(self.endpoints.records(kind), {"limit": 1}, parse_json)

    def _search(self, kind: str, body: Mapping[str, Any], *, hint: bool = False) -> SearchPage:
        with naming_type(kind):
            response = self.client.post(
                self.endpoints.search(kind),
                body,
                lambda text: read_page(kind, text),
                rate_limiter=self._searches,
                hint=hint,
            )
        page = response.body
        return SearchPage(page.results, next_after(page) is not None, response)

    def _to_page(
        self,
        kind: str,
        response: Response[Any],
        page: RecordPage[Any],
        records: Sequence[Any],
        texts: Sequence[bytes] = (),
    ) -> ObjectPage:
        engagements = to_engagements(kind, records, self.portal_id, self.associations.partner_types)
        nul_removed = 0
        texts = texts or (response.text,)
        if any(map(NUL_ESCAPE.search, texts)):
            clean = [_without_nul(engagement) for engagement in engagements]
            nul_removed = sum(
                one is not other for one, other in zip(clean, engagements, strict=True)
            )
            engagements = clean
        return ObjectPage(
            kind,
            engagements,
            next_after(page),
            response.received_at,
            response.hubspot_at,
            nul_removed,
            any(_REDACTED in text for text in texts),
            [record.archivedAt for record in records],
        )


def searches_of(client: HubspotClient) -> RateLimiter:
    """Return the limiter that all searches of a client share."""
    return client.rate_limiter.special(SEARCHES_PER_SECOND, SEARCH_WINDOW_S)


def to_search_body(
    filters: Sequence[Filter],
    sort: str,
    properties: Sequence[str],
    limit: int,
    direction: str = "ASCENDING",
) -> Mapping[str, Any]:
    """Return the body of a search's first page, with every key that HubSpot requires."""
    return {
        "filterGroups": [{"filters": [_to_filter(*one) for one in filters]}] if filters else [],
        "sorts": [{"propertyName": sort, "direction": direction}],
        "properties": properties,
        "limit": limit,
        "after": "",
    }


def check_complete(text: bytes) -> None:
    """Raise ValueError unless a text ends as a JSON object does."""
    if not text.rstrip().endswith(b"}") or not text.lstrip().startswith(b"{"):
        raise ValueError("not a JSON object")


def next_after(page: RecordPage[Any]) -> str | None:
    """Return the cursor of the next page, None on the last one."""
    following = page.paging.get("next") if isinstance(page.paging, dict) else None
    after = following.get("after") if isinstance(following, dict) else None
    return None if after is None else str(after)


def _to_filter(name: str, operator: str, value: int) -> Mapping[str, str]:
    return {"propertyName": name, "operator": operator, "value": str(value)}


def _without_nul(engagement: Engagement) -> Engagement:
    """Return an engagement without U+0000 in its texts: the same object without any."""
    if isinstance(engagement, ObjectEngagement) and not engagement.has_nul():
        return engagement
    mapping = without_nul(engagement.whole)
    return engagement if mapping == engagement.whole else Engagement.from_mapping(mapping)


def _parse_portal(text: bytes) -> int:
    body = parse_json(text)
    portal = body.get("portalId") if isinstance(body, dict) else None
    if not is_int64(portal):
        raise ValueError("portalId is missing")
    return int(portal)  # type: ignore[arg-type]  # is_int64
