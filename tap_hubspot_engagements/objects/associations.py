"""
Associations of engagements with contacts, companies, deals and others.

A list sends up to 100 ids for each record and type; a search and a batch read send none. The rest
comes by the associations batch read, up to 1,000 records a request, whose rows have pages, too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import msgspec

from hubspot_api.activity_properties import ASSOCIATIONS
from hubspot_api.client import HubspotClient
from hubspot_api.endpoints import Endpoints
from hubspot_api.exceptions import (
    AuthError,
    BadRequestError,
    HubspotError,
    NotFoundError,
    RefusedError,
    ScopeError,
)
from hubspot_api.json_codec import parse_json
from tap_hubspot_engagements.exceptions import PagingError
from tap_hubspot_engagements.objects.to_engagement import Partner, Partners

LOGGER = logging.getLogger(__name__)

MAX_INPUTS = 1_000  # HubSpot's limit of an associations batch read
MAX_REFUSED = 20  # records without readable associations, before a refusal counts as a fault
# Most portals have none of these, and most tokens lack their scopes: a refusal is a warning. That
# of any other type is an error, as its associations would be missing from the tables.
RARE = ("quotes", "marketing_events")
NOT_FOUND = "OBJECT_NOT_FOUND"


class Target(msgspec.Struct, gc=False):
    """An associated record; the types have an association's labels."""

    toObjectId: str | int
    associationTypes: Any = None


class _Row(msgspec.Struct, gc=False):
    from_: Partner = msgspec.field(name="from")
    to: list[Target] = []
    paging: Any = None


class _Rows(msgspec.Struct, gc=False):
    results: list[_Row] = []
    errors: Any = None


Targets = dict[str, list[Target]]
"""From the id of a record to the records that it is associated with."""

_decode_rows = msgspec.json.Decoder(_Rows).decode


class Associations:
    """
    Reads the associations of records of a portal.

    `partner_types` are the types that are read: all but the skipped ones, and those of RARE that
    HubSpot refuses. Methods raise what the client raises; a ScopeError says how to leave a type
    out.
    """

    def __init__(
        self, client: HubspotClient, endpoints: Endpoints, skipped_types: Iterable[str] = ()
    ) -> None:
        self._client = client
        self._endpoints = endpoints
        self._left_out = set(skipped_types)
        self._refused = 0

    @property
    def partner_types(self) -> tuple[str, ...]:
        return tuple(name for name in ASSOCIATIONS if name not in self._left_out)

    def check(self) -> None:
        """
        Raise ScopeError if the token cannot read a type that is not rare.

        A list without the scope might lack its associations without a word.
        """
        for name in self.partner_types:
            if name not in RARE:
                with naming_type(name):
                    self._client.get(self._endpoints.records(name), {"limit": 1}, _parse_results)

    def complete(self, kind: str, records: Sequence[Any]) -> None:
        """Request the associations of records that have more than HubSpot sent with them."""
        incomplete: dict[str, list[Any]] = {}
        for record in records:
            for name, partners in (record.associations or {}).items():
                if partners.paging:
                    incomplete.setdefault(name, []).append(record)
        for name, members in incomplete.items():
            self._read(kind, name, members)

    def read_all(self, kind: str, records: Sequence[Any]) -> None:
        """Request all associations of records that were sent without any."""
        for record in records:
            record.associations = {}
        for name in self.partner_types:
            if records and (name not in RARE or name in self._present):
                self._read(kind, name, records)

    @cached_property
    def _present(self) -> frozenset[str]:
        """Those of RARE that the portal has any records of, and the token can read."""
        return frozenset(name for name in RARE if self._has_records(name))

    def _has_records(self, name: str) -> bool:
        path = self._endpoints.records(name)
        try:
            return bool(self._client.get(path, {"limit": 1}, _parse_results).body)
        except (BadRequestError, NotFoundError):
            return False  # the portal does not have this type
        except RefusedError as error:
            self._leave_out(name, error)
            return False

    def _read(self, kind: str, name: str, records: Sequence[Any]) -> None:
        """Set the associations of records with one type."""
        try:
            with naming_type(name):
                targets = self.read_targets(kind, name, [record.id for record in records])
        except RefusedError as error:
            if name not in RARE:
                raise
            self._leave_out(name, error)
            return
        for record in records:
            if partners := targets.get(record.id):
                record.associations[name] = Partners([Partner(one.toObjectId) for one in partners])

    def _leave_out(self, name: str, error: Exception) -> None:
        LOGGER.warning("associations with %s are left out: %s", name, error)
        self._left_out.add(name)

    def read_targets(self, kind: str, name: str, record_ids: Sequence[str]) -> Targets:
        """
        Return the records of type `name` that records of type `kind` are associated with.

        Every page of them is requested. Raises what the client raises, and PagingError.
        """
        targets: Targets = {}
        cursors: set[tuple[str, str]] = set()
        inputs = [{"id": record_id} for record_id in record_ids]
        while inputs:
            rows = [
                row
                for start in range(0, len(inputs), MAX_INPUTS)
                for row in self._read_rows(kind, name, inputs[start : start + MAX_INPUTS])
            ]
            inputs = []
            for row in rows:
                record_id = str(row.from_.id)
                targets.setdefault(record_id, []).extend(row.to)
                after = _next_after(row)
                if after is None:
                    continue
                if (record_id, after) in cursors:
                    raise PagingError(f"associations of {kind} {record_id}: {after!r} repeats")
                cursors.add((record_id, after))
                inputs.append({"id": record_id, "after": after})
        return targets

    def _read_rows(
        self, kind: str, name: str, inputs: Sequence[Mapping[str, str]]
    ) -> Iterator[_Row]:
        """
        Yield the rows of one request.

        HubSpot may refuse all inputs for the sake of one, of a record that was deleted meanwhile.
        So halves of them are requested; MAX_REFUSED single refusals are too many. The refusal of a
        record that exists raises BadRequestError: its associations would be missing.
        """
        path = self._endpoints.associations(kind, name)
        try:
            yield from self._client.post(path, {"inputs": inputs}, _parse_rows).body
            return
        except BadRequestError as error:
            if len(inputs) == 1:
                record_id = inputs[0]["id"]
                if not self._is_gone(kind, record_id):
                    raise _to_incomplete_error(kind, name, record_id, error) from error
                self._refused += 1
                if self._refused > MAX_REFUSED:
                    raise
                LOGGER.info("%s %s is deleted, without associations: %s", kind, record_id, error)
                return
        middle = len(inputs) // 2
        yield from self._read_rows(kind, name, inputs[:middle])
        yield from self._read_rows(kind, name, inputs[middle:])

    def _is_gone(self, kind: str, record_id: str) -> bool:
        """Tell whether a record is deleted or merged into another; False if HubSpot refuses it."""
        path = self._endpoints.record(kind, record_id)
        try:
            value = self._client.get(path, {}, _parse_object).body
        except NotFoundError:
            return True
        except AuthError:
            raise
        except HubspotError as error:
            LOGGER.info("%s", error)
            return False
        # An id that was merged answers with the surviving record.
        return str(value.get("id")) != record_id


@contextmanager
def naming_type(kind: str) -> Iterator[None]:
    """Add to a ScopeError how a run goes on without the type."""
    try:
        yield
    except ScopeError as error:
        raise ScopeError(f"{error}; or leave {kind} out by skip_types") from error


def _to_incomplete_error(
    kind: str, name: str, record_id: str, error: BadRequestError
) -> BadRequestError:
    """Return the error for a record whose associations with `name` cannot all be read."""
    return BadRequestError(
        f"{error}: not all {name} of {kind} {record_id} can be read: run again; if this stays, ask"
        " HubSpot's support about this record",
        error.body,
    )


def _next_after(row: _Row) -> str | None:
    following = row.paging.get("next") if isinstance(row.paging, dict) else None
    after = following.get("after") if isinstance(following, dict) else None
    return None if after is None else str(after)


def _parse_rows(text: bytes) -> list[_Row]:
    """Return rows; raise ValueError if HubSpot could not read some of them."""
    body = _decode_rows(text)
    for error in body.errors or ():
        if not isinstance(error, dict) or error.get("category") != NOT_FOUND:
            raise ValueError(f"errors: {error}")
    return body.results


def _parse_object(text: bytes) -> Mapping[str, Any]:
    body = parse_json(text)
    if not isinstance(body, dict):
        raise ValueError("not an object")
    return body


def _parse_results(text: bytes) -> list[Any]:
    body = parse_json(text)
    if not isinstance(body, dict) or not isinstance(body.get("results"), list):
        raise ValueError("results is missing")
    results: list[Any] = body["results"]
    return results
