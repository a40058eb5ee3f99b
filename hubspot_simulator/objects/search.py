"""
Searches: filters, one sort, row offsets, and a cap of 10,000 results for a query.

Facts: HubSpot's search guide, and connectors. Changes show late, archived records never, and
neither do associations. Times are compared by whole milliseconds; a filter with epoch 0 fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from hubspot_simulator import responses
from hubspot_simulator.objects.batch_read import names
from hubspot_simulator.objects.errors import ObjectsError, bad_request
from hubspot_simulator.objects.object_types import CUSTOM, ObjectType, resolve
from hubspot_simulator.objects.properties import Property
from hubspot_simulator.objects.requests import ObjectsRequest
from hubspot_simulator.objects.texts import to_ms, to_text
from hubspot_simulator.objects.type_index import Entry, TypeIndex
from hubspot_simulator.responses import Response

SEARCH_DEFAULT, SEARCH_MAX = 10, 200
MAX_GROUPS, MAX_FILTERS_OF_GROUP, MAX_FILTERS = 5, 6, 18
LAST_MS = 2**62
RANGE_OPERATORS = ("EQ", "GT", "GTE", "LT", "LTE", "BETWEEN")
# HubSpot's search guide: not filterable.
UNFILTERABLE = ("hs_body_preview_html", "hs_email_html")

Scalar = int | float | str


class Filter(NamedTuple):
    """A condition on one property; `values` are in the property's own type."""

    prop: Property
    operator: str
    values: tuple[Scalar, ...]


class PartnerFilter(NamedTuple):
    """The condition `associations.contact`: an association with one of `ids`."""

    to_type: ObjectType
    ids: frozenset[int]


class Sort(NamedTuple):
    """The property to sort by."""

    prop: Property
    is_descending: bool


Group = Sequence[Filter | PartnerFilter]


class Query(NamedTuple):
    """A search, read and checked; a record matches if it matches all filters of any group."""

    groups: Sequence[Group]
    sort: Sort
    text: str
    start: int
    limit: int


def search(request: ObjectsRequest) -> Response:
    """Return a page of the records that match, with the total."""
    object_type = request.object_type
    most = request.behaviour.search_body_max
    if most is not None and len(request.body.decode()) > most:
        raise ObjectsError(bad_request(f"The request body exceeds {most} characters"))
    body = request.json(required_keys=("after",))
    query = _read_query(request, body)
    with request.store.lock:
        index = request.store.index(object_type)
        index.show(request.store.now_ms - request.portal.search_delay_ms)
        ids = _matching(request, index, query)
        page = ids[query.start : min(query.start + query.limit, request.behaviour.search_cap)]
        records = [(key, index.searchable(key)) for key in page]
        view = request.portal.writer.view(object_type, names(body, "properties"))
        bodies = request.portal.writer.write(view, records)
    return _page_response(request, bodies, len(ids), query.start)


def _page_response(
    request: ObjectsRequest, bodies: Sequence[bytes], total: int, start: int
) -> Response:
    results = b'{"total":%d,"results":[%s]' % (total, b",".join(bodies))
    end = start + len(bodies)
    if end < total and bodies:
        return Response(200, results + b',"paging":{"next":{"after":"%d"}}}' % end)
    is_null = request.behaviour.last_paging == "null"
    return Response(200, results + (b',"paging":null}' if is_null else b"}"))


# Reading a query


def _read_query(request: ObjectsRequest, body: Mapping[str, Any]) -> Query:
    limit = body.get("limit", SEARCH_DEFAULT)
    if not isinstance(limit, int) or not 0 <= limit <= SEARCH_MAX:
        raise ObjectsError(bad_request(f"limit must be between 0 and {SEARCH_MAX}, was {limit}"))
    after = str(body.get("after") or "0")
    if not after.isdecimal():
        message = f'Cannot deserialize value of type `int` from String "{after}"'
        raise ObjectsError(bad_request(message))
    if int(after) >= request.behaviour.search_cap:
        message = f"The maximum number of results of a search is {request.behaviour.search_cap}"
        raise ObjectsError(bad_request(message))
    groups = body.get("filterGroups") or []
    counts = [len(group.get("filters") or []) for group in groups]
    if len(groups) > MAX_GROUPS or sum(counts) > MAX_FILTERS:
        raise ObjectsError(bad_request("There are too many filterGroups or filters"))
    if counts and max(counts) > MAX_FILTERS_OF_GROUP:
        raise ObjectsError(bad_request("There are too many filters in a filterGroup"))
    return Query(
        [[_read_filter(request, item) for item in group.get("filters") or []] for group in groups],
        _read_sort(request, body.get("sorts") or []),
        str(body.get("query") or ""),
        int(after),
        limit,
    )


def _read_sort(request: ObjectsRequest, sorts: Sequence[Any]) -> Sort:
    """Return the sort; without one, by creation, oldest first."""
    if len(sorts) > 1:
        raise ObjectsError(bad_request("Only one sort is allowed"))
    if not sorts:
        return Sort(_property(request, request.object_type.created_property), False)
    if isinstance(sorts[0], str):
        name = sorts[0].lstrip("-")
        return Sort(_property(request, name), sorts[0].startswith("-"))
    name = str(sorts[0].get("propertyName"))
    return Sort(_property(request, name), sorts[0].get("direction") == "DESCENDING")


def _property(request: ObjectsRequest, name: str) -> Property:
    prop = request.store.properties(request.object_type).get(name)
    if prop is None or name in UNFILTERABLE:
        message = f"There was a problem with the request: property {name} cannot be searched"
        raise ObjectsError(bad_request(message))
    return prop


def _read_filter(request: ObjectsRequest, item: Mapping[str, Any]) -> Filter | PartnerFilter:
    name, operator = str(item.get("propertyName")), str(item.get("operator"))
    texts = _filter_texts(item, operator)
    if name.startswith("associations."):
        return _read_partner_filter(request, name, texts)
    if operator not in _OPERATORS:
        raise ObjectsError(bad_request(f"Invalid operator {operator}"))
    prop = _property(request, name)
    try:
        values = tuple(_filter_value(prop, text) for text in texts)
    except ValueError as error:
        raise ObjectsError(bad_request(f"Invalid value of {name}: {error}")) from error
    if prop.kind == "time" and 0 in values:
        raise ObjectsError(responses.internal_error())  # Estuary's connector: epoch 0 answers 500
    return Filter(prop, operator, values)


def _filter_texts(item: Mapping[str, Any], operator: str) -> list[str]:
    if operator in ("IN", "NOT_IN"):
        values = item.get("values")
        if not isinstance(values, list):
            raise ObjectsError(bad_request(f"operator {operator} requires values"))
        return [str(value) for value in values]
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return []
    keys = ("value", "highValue") if operator == "BETWEEN" else ("value",)
    if any(item.get(key) is None for key in keys):
        raise ObjectsError(bad_request(f"operator {operator} requires {' and '.join(keys)}"))
    return [str(item[key]) for key in keys]


def _read_partner_filter(request: ObjectsRequest, name: str, texts: Sequence[str]) -> PartnerFilter:
    to_type = resolve(name.removeprefix("associations."), request.portal.portal_id)
    if to_type is None or CUSTOM in (to_type, request.object_type):
        raise ObjectsError(bad_request(f"Invalid filter {name}"))
    return PartnerFilter(to_type, frozenset(int(text) for text in texts if text.isdecimal()))


def _filter_value(prop: Property, text: str) -> Scalar:
    """Return a filter's value in the property's type: ms, a number, or a text in lower case."""
    if prop.kind == "time":
        return to_ms(text)
    if prop.kind == "number":
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    return text.lower()


# Matching


def _matching(request: ObjectsRequest, index: TypeIndex, query: Query) -> list[int]:
    """Return the ids of all records that match, in the order of the sort."""
    groups = query.groups or [()]
    if len(groups) == 1:
        ids = _matching_group(request, index, groups[0])
    else:
        union = {key for group in groups for key in _matching_group(request, index, group)}
        ids = list(union)
    if query.text:
        ids = [key for key in ids if _contains(request, index, key, query.text.lower())]
    return _ordered(request, index, ids, query.sort)


def _matching_group(request: ObjectsRequest, index: TypeIndex, group: Group) -> list[int]:
    """Return the ids that match all filters, by date of change: date and id need no decoding."""
    date_property = request.object_type.modified_property
    first_ms, last_ms = -LAST_MS, LAST_MS
    tests = []
    for item in group:
        is_range = isinstance(item, Filter) and item.operator in RANGE_OPERATORS
        if isinstance(item, Filter) and is_range and item.prop.name == date_property:
            low, high = _bounds(item)
            first_ms, last_ms = max(first_ms, low), min(last_ms, high)
        else:
            tests.append(_test(request, index, item))
    ids = [key for _, key in index.modified_between(first_ms, last_ms)]
    for test in tests:
        ids = [key for key in ids if test(key)]
    return ids


def _bounds(item: Filter) -> tuple[int, int]:
    """Return the first and last value that a range operator lets through."""
    value = int(item.values[0])
    if item.operator == "BETWEEN":
        return value, int(item.values[1])
    bounds = {
        "EQ": (value, value),
        "GT": (value + 1, LAST_MS),
        "GTE": (value, LAST_MS),
        "LT": (-LAST_MS, value - 1),
        "LTE": (-LAST_MS, value),
    }
    return bounds[item.operator]


def _test(
    request: ObjectsRequest, index: TypeIndex, item: Filter | PartnerFilter
) -> Callable[[int], bool]:
    """Return the test of one filter on a record's id."""
    object_type, store = request.object_type, request.store
    if isinstance(item, PartnerFilter):
        to_type, wanted_ids = item

        def is_partner(key: int) -> bool:
            entry = index.searchable(key)
            return not wanted_ids.isdisjoint(store.partners(object_type, key, entry, to_type))

        return is_partner
    compare = _OPERATORS[item.operator]
    value_of = _value_reader(request, index, item.prop)
    return lambda key: compare(value_of(key), item.values)


def _value_reader(
    request: ObjectsRequest, index: TypeIndex, prop: Property
) -> Callable[[int], Scalar | None]:
    """Return a function from an id to a property's value; id and dates need no decoding."""
    object_type, store = request.object_type, request.store
    if prop.name == "hs_object_id":
        return lambda key: key
    if prop.name == object_type.created_property:
        return lambda key: index.searchable(key).created_ms
    if prop.name == object_type.modified_property:
        return lambda key: index.searchable(key).updated_ms

    def value(key: int) -> Scalar | None:
        entry: Entry = index.searchable(key)
        raw = prop.read(store.values(object_type, key, entry))
        if isinstance(raw, (int, float)) and not isinstance(raw, bool):
            return raw if prop.kind in ("number", "time") else str(raw)
        text = to_text(raw, prop.kind)
        if text and prop.kind == "number":
            return _number_or_text(text)
        return text.lower() if text else None

    return value


def _number_or_text(text: str) -> Scalar:
    try:
        return float(text)
    except ValueError:
        return text.lower()


def _contains(request: ObjectsRequest, index: TypeIndex, key: int, text: str) -> bool:
    """Tell whether a record's values contain the free text of a query."""
    values = request.store.values(request.object_type, key, index.searchable(key))
    return text in msgspec.json.encode(values).decode().lower()


def _ordered(request: ObjectsRequest, index: TypeIndex, ids: list[int], sort: Sort) -> list[int]:
    """Return `ids` by the sort's property; absent values come last. Equal values are by id."""
    if sort.prop.name == "hs_object_id":
        return sorted(ids, reverse=sort.is_descending)
    value_of = _value_reader(request, index, sort.prop)
    present = [(value, key) for key in ids if (value := value_of(key)) is not None]
    absent = sorted({*ids} - {key for _, key in present})
    pairs = sorted(present, key=lambda pair: (isinstance(pair[0], str), *pair))
    if sort.is_descending:
        pairs.reverse()
    return [key for _, key in pairs] + absent


def _compare(
    check: Callable[[Any, Any], bool],
) -> Callable[[Scalar | None, Sequence[Scalar]], bool]:
    """Return a comparison with the first value; values of two types never match."""

    def matches(value: Scalar | None, values: Sequence[Scalar]) -> bool:
        if value is None or isinstance(value, str) != isinstance(values[0], str):
            return False
        return check(value, values[0])

    return matches


def _between(value: Scalar | None, values: Sequence[Scalar]) -> bool:
    return _OPERATORS["GTE"](value, values[:1]) and _OPERATORS["LTE"](value, values[1:])


def _has_token(value: Scalar | None, values: Sequence[Scalar]) -> bool:
    token = str(values[0]).strip("*")
    return value is not None and token in str(value).lower()


_OPERATORS: Mapping[str, Callable[[Scalar | None, Sequence[Scalar]], bool]] = {
    "EQ": _compare(lambda value, other: bool(value == other)),
    "NEQ": lambda value, values: value is not None and value != values[0],
    "LT": _compare(lambda value, other: bool(value < other)),
    "LTE": _compare(lambda value, other: bool(value <= other)),
    "GT": _compare(lambda value, other: bool(value > other)),
    "GTE": _compare(lambda value, other: bool(value >= other)),
    "BETWEEN": _between,
    "IN": lambda value, values: value is not None and value in values,
    "NOT_IN": lambda value, values: value is None or value not in values,
    "HAS_PROPERTY": lambda value, _: value is not None,
    "NOT_HAS_PROPERTY": lambda value, _: value is None,
    "CONTAINS_TOKEN": _has_token,
    "NOT_CONTAINS_TOKEN": lambda value, values: not _has_token(value, values),
}
