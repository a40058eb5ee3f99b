"""
Writes engagements by HubSpot's CRM objects API, up to a hundred with a request.

Creations are sent once: without an answer their outcome is unknown. Other requests may be carried
out twice without harm, and are retried. Any thread may call these functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from hubspot_api.client import HubspotClient
from hubspot_api.endpoints import Endpoints
from hubspot_api.exceptions import (
    ApiError,
    BadRequestError,
    ConflictError,
    HubspotError,
    NotFoundError,
    OutcomeUnknownError,
)
from target_hubspot_engagements.matching import Result, match_results
from target_hubspot_engagements.outcomes import Creation, Outcome, Update, to_problem, unsent
from target_hubspot_engagements.validation import Problem
from target_hubspot_engagements.values import to_datetime_text

MAX_BATCH = 100
MAX_ASSOCIATIONS = 2_000
TRACE_ID = "objectWriteTraceId"
SOURCE_ID = "hs_object_source_id"
# Category and subcategory of errors by which a removal is done: HubSpot does not have the record,
# nor any of its associations.
ABSENT = ("OBJECT_NOT_FOUND", "crm.associations.INVALID_IDENTIFIER")
# HubSpot's ids of the plain association types, from its associations guide. Pairs that are not here
# are associated after the creation, by the endpoint that needs no id.
ASSOCIATION_TYPE_IDS: Mapping[tuple[str, str], int] = {
    ("notes", "contacts"): 202,
    ("notes", "companies"): 190,
    ("notes", "deals"): 214,
    ("emails", "contacts"): 198,
    ("emails", "companies"): 186,
    ("emails", "deals"): 210,
    ("emails", "tickets"): 224,
    ("tasks", "contacts"): 204,
    ("calls", "contacts"): 194,
    ("meetings", "contacts"): 200,
}

T = TypeVar("T")

_ids_in_message = re.compile(r"=([0-9]+)").findall  # of "CONTACT=1234 is not valid"


class _Record(msgspec.Struct):
    id: str | int
    properties: dict[str, Any] = {}
    createdAt: str | None = None
    objectWriteTraceId: str | None = None


class _BatchError(msgspec.Struct):
    message: str | None = None
    category: str | None = None
    subCategory: Any = None
    context: dict[str, Any] | None = None
    errors: list[Any] | None = None


class _Batch(msgspec.Struct):
    status: str  # HubSpot's specification requires it: a proxy's page does not have it
    results: list[_Record] = []
    errors: list[_BatchError] | None = None


class _AssociationBatch(msgspec.Struct):
    status: str
    errors: list[_BatchError] | None = None


_B = TypeVar("_B", _Batch, _AssociationBatch)
_decode_batch = msgspec.json.Decoder(_Batch).decode
_decode_associations = msgspec.json.Decoder(_AssociationBatch).decode


def has_type_id(kind: str, partner_kind: str) -> bool:
    """Tell whether a creation can make an association with a type."""
    return (kind, partner_kind) in ASSOCIATION_TYPE_IDS


class ObjectWrites:
    """Writes engagements of a portal; methods raise the client's errors about all inputs."""

    def __init__(self, client: HubspotClient, version: str) -> None:
        self._client = client
        self._endpoints = Endpoints(version)

    def create(self, kind: str, creations: Sequence[Creation]) -> Outcome:
        """Create engagements, each with its associations."""
        inputs = [_to_input(kind, place, one) for place, one in enumerate(creations)]
        try:
            body = self._write_batch(kind, "create", inputs, once=True)
        except OutcomeUnknownError:
            return Outcome(unknown={*range(len(creations))})
        except (BadRequestError, ConflictError) as error:
            return _bisect(error, creations, lambda half: self.create(kind, half))
        except ApiError as error:
            return unsent(creations, error)
        return _to_outcome(body, [one.texts for one in creations])

    def upsert(self, kind: str, unique: str, texts: Sequence[Mapping[str, str]]) -> Outcome:
        """Create or update engagements by the property `unique`, which all `texts` have."""
        inputs = [
            {"idProperty": unique, "id": one[unique], "properties": {**one}, TRACE_ID: str(place)}
            for place, one in enumerate(texts)
        ]
        try:
            body = self._write_batch(kind, "upsert", inputs, once=False)
        except (BadRequestError, ConflictError) as error:
            return _bisect(error, texts, lambda half: self.upsert(kind, unique, half))
        return _to_upsert_outcome(body, unique, texts)

    def update(self, kind: str, updates: Sequence[Update]) -> Outcome:
        """Change engagements."""
        inputs = [{"id": str(one.hubspot_id), "properties": {**one.texts}} for one in updates]
        try:
            body = self._write_batch(kind, "update", inputs, once=False)
        except (BadRequestError, ConflictError, NotFoundError) as error:
            return _bisect(error, updates, lambda half: self.update(kind, half))
        refused = set().union(*map(_named_ids, body.errors or ()))
        updated_ids = {int(record.id) for record in body.results if str(record.id) not in refused}
        outcome = Outcome()
        for place, one in enumerate(updates):
            if one.hubspot_id in updated_ids:
                outcome.ids[place] = one.hubspot_id
            else:
                outcome.refusals[place] = _refusal_of_id(body.errors or (), one.hubspot_id)
        return outcome

    def archive(self, kind: str, ids: Sequence[int]) -> Outcome:
        """Archive engagements; HubSpot answers the same for ids that it does not know."""
        inputs = [{"id": str(one)} for one in ids]
        try:
            path = self._endpoints.batch(kind, "archive")
            errors = self._write(path, {"inputs": inputs}, _parse_removal, once=False)
            refusals = _refusals_by_id(errors, [(str(one),) for one in ids])
        except BadRequestError as error:
            return _bisect(error, ids, lambda half: self.archive(kind, half))
        archived = {place: one for place, one in enumerate(ids) if place not in refusals}
        return Outcome(ids=archived, refusals=refusals)

    def associate(
        self, kind: str, partner_kind: str, pairs: Sequence[tuple[int, str]]
    ) -> dict[int, Problem]:
        """Associate engagements with records of a type; returns the refusals by place."""
        inputs = [{"from": {"id": str(one)}, "to": {"id": partner}} for one, partner in pairs]
        path = self._endpoints.association_batch(kind, partner_kind, "associate/default")
        try:
            errors = self._write(path, {"inputs": inputs}, _parse_errors, once=False)
            return _refusals_by_id(errors, [(str(one), partner) for one, partner in pairs])
        except (BadRequestError, NotFoundError) as error:
            outcome = _bisect(
                error,
                pairs,
                lambda half: Outcome(refusals=self.associate(kind, partner_kind, half)),
            )
            return outcome.refusals

    def dissociate(
        self, kind: str, partner_kind: str, pairs: Sequence[tuple[int, str]]
    ) -> dict[int, Problem]:
        """Remove associations of engagements with records of a type; returns the refusals."""
        inputs = [{"from": {"id": str(one)}, "to": [{"id": partner}]} for one, partner in pairs]
        path = self._endpoints.association_batch(kind, partner_kind, "archive")
        try:
            errors = self._write(path, {"inputs": inputs}, _parse_removal, once=False)
            return _refusals_by_id(errors, [(str(one), partner) for one, partner in pairs])
        except (BadRequestError, NotFoundError) as error:
            outcome = _bisect(
                error,
                pairs,
                lambda half: Outcome(refusals=self.dissociate(kind, partner_kind, half)),
            )
            return outcome.refusals

    def _write_batch(
        self, kind: str, action: str, inputs: Sequence[Mapping[str, Any]], *, once: bool
    ) -> _Batch:
        path = self._endpoints.batch(kind, action)
        return self._write(path, {"inputs": inputs}, _parse_batch, once=once)

    def _write(self, path: str, body: object, parse: Callable[[bytes], T], *, once: bool) -> T:
        return self._client.write("POST", path, body, parse, once=once).body


def _parse_batch(text: bytes) -> _Batch:
    return _check_status(_decode_batch(text))


def _parse_errors(text: bytes) -> list[_BatchError]:
    return _check_status(_decode_associations(text)).errors or []


def _parse_removal(text: bytes) -> list[_BatchError]:
    """Return the errors of a removal, without those of absent records; a 204 has no body."""
    errors = _parse_errors(text) if text else []
    return [one for one in errors if one.category not in ABSENT and one.subCategory not in ABSENT]


def _check_status(batch: _B) -> _B:
    """Raise ValueError for an error that comes with a 2xx: no success is taken on trust."""
    if batch.status.lower() == "error":
        raise ValueError("an error with a status of success")
    return batch


def _to_input(kind: str, place: int, creation: Creation) -> dict[str, Any]:
    return {
        "properties": {**creation.texts},
        "associations": [
            {
                "to": {"id": partner},
                "types": [
                    {
                        "associationCategory": "HUBSPOT_DEFINED",
                        "associationTypeId": ASSOCIATION_TYPE_IDS[kind, partner_kind],
                    }
                ],
            }
            for partner_kind, partners in creation.partners.items()
            for partner in partners
        ],
        TRACE_ID: str(place),
    }


def _bisect(
    error: HubspotError, inputs: Sequence[T], send: Callable[[Sequence[T]], Outcome]
) -> Outcome:
    """Send the halves of a batch that HubSpot refused as a whole; a single input is refused."""
    if len(inputs) == 1:
        return Outcome(refusals={0: to_problem(error)})
    middle = len(inputs) // 2
    outcome = send(inputs[:middle])
    rest = inputs[middle:]
    outcome.add(unsent(rest, outcome.error) if outcome.error else send(rest), middle)
    return outcome


def _refusals(body: _Batch, number: int) -> dict[int, Problem]:
    """Return the refusals of a batch of `number` inputs, by the place in the trace id."""
    return {
        int(trace_id): _problem_of(error)
        for error in body.errors or ()
        for trace_id in (error.context or {}).get(TRACE_ID) or ()
        if str(trace_id).isdecimal() and int(trace_id) < number
    }


def _to_outcome(body: _Batch, inputs: Sequence[Mapping[str, Any]]) -> Outcome:
    """Return the outcome of a batch of creations."""
    outcome = Outcome(refusals=_refusals(body, len(inputs)))
    results = [
        Result(int(record.id), record.properties, record.objectWriteTraceId)
        for record in body.results
    ]
    outcome.ids = match_results(inputs, results, outcome.refusals)
    outcome.note_partial()
    outcome.unknown = {*range(len(inputs))} - outcome.ids.keys() - outcome.refusals.keys()
    for record in body.results:
        if record.createdAt:
            outcome.newest_ms = max(outcome.newest_ms, int(to_datetime_text(record.createdAt)))
        outcome.source_id = record.properties.get(SOURCE_ID) or outcome.source_id
    return outcome


def _to_upsert_outcome(body: _Batch, unique: str, texts: Sequence[Mapping[str, str]]) -> Outcome:
    """Return the outcome of a batch whose results name their inputs by a unique property."""
    ids = {str(one.properties.get(unique)).lower(): int(one.id) for one in body.results}
    outcome = Outcome(refusals=_refusals(body, len(texts)))
    for place, one in enumerate(texts):
        hubspot_id = ids.get(one[unique].lower())
        if hubspot_id is not None:
            outcome.ids[place] = hubspot_id
        elif place not in outcome.refusals:
            outcome.unknown.add(place)
    outcome.note_partial()
    return outcome


def _refusal_of_id(errors: Sequence[_BatchError], hubspot_id: int) -> Problem:
    for error in errors:
        if str(hubspot_id) in _named_ids(error):
            return _problem_of(error)
    if errors and not any(error.context for error in errors):
        return _problem_of(errors[0])
    return Problem(f"HubSpot has no engagement {hubspot_id}: it was deleted there")


def _refusals_by_id(
    errors: Sequence[_BatchError], inputs: Sequence[tuple[str, ...]]
) -> dict[int, Problem]:
    """
    Return the refusals of a batch by place; `inputs` are the ids of each input.

    Raises BadRequestError for an error that names no id of the batch, since any may be meant.
    """
    refusals: dict[int, Problem] = {}
    for error in errors:
        named = _named_ids(error)
        places = [place for place, ids in enumerate(inputs) if not named.isdisjoint(ids)]
        if not places:
            raise BadRequestError(_problem_of(error).message)
        refusals |= dict.fromkeys(places, _problem_of(error))
    return refusals


def _named_ids(error: _BatchError) -> set[str]:
    """Return the ids that an error names; other numbers of its message, as of limits, are none."""
    context = error.context or {}
    listed = [*(context.get("id") or ()), *(context.get("ids") or ())]
    return {*map(str, listed), *_ids_in_message(error.message or "")}


def _problem_of(error: _BatchError) -> Problem:
    return Problem(error.message or error.category or "refused without a reason")
