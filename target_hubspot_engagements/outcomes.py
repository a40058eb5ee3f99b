"""What a request is to write, and what became of each of its inputs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from hubspot_api.exceptions import ApiError, HubspotError
from target_hubspot_engagements.engagement import Partners
from target_hubspot_engagements.validation import Problem


@dataclass(frozen=True)
class Creation:
    """An engagement to create, with the associations that a creation can make."""

    texts: Mapping[str, str]
    partners: Partners = field(default_factory=dict)


class Update(NamedTuple):
    """Properties of an existing engagement to change."""

    hubspot_id: int
    texts: Mapping[str, str]


@dataclass
class Outcome:
    """
    The outcome of each input of a request, by place.

    `ids` are of those that were written, `refusals` say why HubSpot did not write others, and
    `unknown` are those of which no answer tells. `partial` are those written of which HubSpot
    refused a part, such as an association. `unsent` are those that an `error` kept from being
    sent. `newest_ms` is HubSpot's date of the youngest creation, in Unix ms, and `source_id` how
    HubSpot names the program that created.
    """

    ids: dict[int, int] = field(default_factory=dict)
    refusals: dict[int, Problem] = field(default_factory=dict)
    unknown: set[int] = field(default_factory=set)
    partial: dict[int, Problem] = field(default_factory=dict)
    unsent: set[int] = field(default_factory=set)
    error: ApiError | None = None
    newest_ms: int = 0
    source_id: str | None = None

    def note_partial(self) -> None:
        """Count inputs that were both written and refused as written in part."""
        for place in self.ids.keys() & self.refusals.keys():
            self.partial[place] = self.refusals.pop(place)

    def add(self, other: Outcome, offset: int) -> None:
        """Add the outcome of inputs from place `offset` on."""
        self.ids |= {place + offset: one for place, one in other.ids.items()}
        self.refusals |= {place + offset: one for place, one in other.refusals.items()}
        self.unknown |= {place + offset for place in other.unknown}
        self.partial |= {place + offset: one for place, one in other.partial.items()}
        self.unsent |= {place + offset for place in other.unsent}
        self.error = self.error or other.error
        self.newest_ms = max(self.newest_ms, other.newest_ms)
        self.source_id = other.source_id or self.source_id


def unsent(inputs: Sequence[object], error: ApiError) -> Outcome:
    """Return the outcome of inputs that HubSpot has certainly not carried out."""
    return Outcome(unsent={*range(len(inputs))}, error=error)


def to_problem(error: HubspotError) -> Problem:
    """Return why HubSpot refused a record, with the property that the error names."""
    for one in error.body.get("errors") or ():
        context = one.get("context") if isinstance(one, Mapping) else None
        names = context.get("propertyName") if isinstance(context, Mapping) else None
        if isinstance(names, list) and names:
            return Problem(f"{one.get('message')} ({one.get('code')})", str(names[0]))
    return Problem(str(error.body.get("message") or error))
