"""
Writes engagements by HubSpot's engagements API, v1: one with a request, associations inside.

Has the methods of ObjectWrites that create, change and archive. Any thread may call them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from hubspot_api.activity_properties import ASSOCIATIONS
from hubspot_api.client import HubspotClient
from hubspot_api.exceptions import (
    ApiError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    OutcomeUnknownError,
)
from target_hubspot_engagements.outcomes import Creation, Outcome, Update, to_problem, unsent
from target_hubspot_engagements.to_v1 import to_v1
from target_hubspot_engagements.validation import Problem

PATH = "/engagements/v1/engagements"


class _Inner(msgspec.Struct):
    id: int
    createdAt: int = 0


class _Created(msgspec.Struct):
    engagement: _Inner
    associationCreateFailures: list[Any] = []


_decode_created = msgspec.json.Decoder(_Created).decode


def _parse_removal(text: bytes) -> None:
    """Check the response to a deletion, which has no body: 204."""
    if text:
        raise ValueError("a body that a deletion does not have")


class V1Writes:
    """Writes engagements whose texts `to_v1` converts; methods raise the client's errors."""

    def __init__(self, client: HubspotClient) -> None:
        self._client = client

    def create(self, kind: str, creations: Sequence[Creation]) -> Outcome:
        """Create engagements in sequence, each with all associations."""
        outcome = Outcome()
        for place, creation in enumerate(creations):
            outcome.add(self._create(kind, creation), place)
            if outcome.error:
                outcome.add(unsent(creations[place + 1 :], outcome.error), place + 1)
                break
        return outcome

    def update(self, kind: str, updates: Sequence[Update]) -> Outcome:
        """Change engagements in sequence."""
        outcome = Outcome()
        for place, (hubspot_id, texts) in enumerate(updates):
            body = to_v1(kind, texts)
            try:
                path = f"{PATH}/{hubspot_id}"
                self._client.write("PATCH", path, body, _decode_created, once=False)
                outcome.ids[place] = hubspot_id
            except (BadRequestError, ConflictError) as error:
                outcome.refusals[place] = to_problem(error)
            except NotFoundError:
                message = f"HubSpot has no engagement {hubspot_id}: it was deleted there"
                outcome.refusals[place] = Problem(message)
        return outcome

    def archive(self, kind: str, ids: Sequence[int]) -> Outcome:
        """Archive engagements; those that HubSpot does not know are archived already."""
        outcome = Outcome(ids=dict(enumerate(ids)))
        for place, hubspot_id in enumerate(ids):
            try:
                path = f"{PATH}/{hubspot_id}"
                self._client.write("DELETE", path, None, _parse_removal, once=False)
            except NotFoundError:
                continue
            except BadRequestError as error:
                del outcome.ids[place]
                outcome.refusals[place] = to_problem(error)
        return outcome

    def _create(self, kind: str, creation: Creation) -> Outcome:
        body = to_v1(kind, creation.texts) or {}
        body["associations"] = {
            ASSOCIATIONS[partner_kind]: list(map(int, partners))
            for partner_kind, partners in creation.partners.items()
        }
        try:
            created = self._client.write("POST", PATH, body, _decode_created, once=True).body
        except OutcomeUnknownError:
            return Outcome(unknown={0})
        except (BadRequestError, ConflictError) as error:
            return Outcome(refusals={0: to_problem(error)})
        except ApiError as error:
            return unsent([creation], error)
        outcome = Outcome(ids={0: created.engagement.id}, newest_ms=created.engagement.createdAt)
        if created.associationCreateFailures:
            message = f"associations that HubSpot refused: {created.associationCreateFailures}"
            outcome.partial[0] = Problem(message)
        return outcome
