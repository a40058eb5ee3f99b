"""The interface of a source of engagements: each API version of HubSpot's has one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from tap_hubspot_engagements.engagement import Engagement, FastPath

Resume = Mapping[str, Any]
"""A JSON object from which its own source, and no other, continues a pass."""


@dataclass(frozen=True)
class Unreadable:
    """
    A record that cannot be read: the id, None if unknown, and the reason.

    With `resume`, read_all reads the record's page again.
    """

    id: int | None
    reason: str
    resume: Resume | None = None


@dataclass(frozen=True)
class Page:
    """
    Some engagements, and the place to resume after them.

    `resume` is None if the pass cannot be resumed there. `received_at` is this machine's clock,
    `hubspot_at` HubSpot's clock when the request was sent, both in UTC. `nul_removed` counts the
    engagements that lost a U+0000. Unless `may_be_redacted`, no e-mail of the page is redacted.
    `unreadable` records are not among the engagements. `starts_over` marks the first page of a
    pass that begins anew.
    """

    engagements: Sequence[Engagement]
    resume: Resume | None
    is_last: bool
    received_at: datetime
    hubspot_at: datetime
    nul_removed: int = 0
    may_be_redacted: bool = True
    unreadable: Sequence[Unreadable] = ()
    starts_over: bool = False


class RecordSource(Protocol):
    """
    What passes over engagements, or over the objects of one type, are read from.

    `name` is the API's, `noun` names the records. `skip_types` are the types that are left out, and
    the associations with them. Every method may raise what hubspot_api's client
    raises, and PagingError if responses contradict each other. Delivery is at least once: a page
    may repeat engagements, and a pass never skips any. Targets upsert by primary key, so that
    repeats are harmless.
    """

    name: str
    noun: str
    skip_types: Sequence[str]

    def sees_rows_of(self, writers: Sequence[str]) -> bool:
        """
        Tell whether a full pass shows every live row that these sources, by name, wrote.

        `writers` are those of a Position: () stands for v1 alone.
        """
        ...

    def skipped_in(self, resume: Resume) -> Sequence[str]:
        """Return the types that the rest of a pass would read, but that `skip_types` leaves out."""
        ...

    def read_all(self, resume: Resume | None = None) -> Iterator[Page]:
        """Yield all engagements, or those that come after `resume`; the last page has is_last."""
        ...

    def read_changes(self, since: datetime) -> Iterator[Page]:
        """
        Yield the engagements that changed since `since`, in no particular order.

        Raises ScopeError if HubSpot shows nothing although a newer change exists.
        """
        ...

    def resume_changes(self, resume: Resume) -> Iterator[Page]:
        """Yield the changes after `resume`; nothing if HubSpot no longer knows that place."""
        ...

    def find_contradiction(self, last_page: Page, read: int, created_before_ms: int) -> str | None:
        """
        Return how HubSpot contradicts a full pass of `read` engagements, else None.

        Only engagements created before `created_before_ms` (Unix ms) count. A contradiction is an
        engagement that HubSpot shows elsewhere and that the pass has missed.
        """
        ...

    def check_resume(self, resume: Resume) -> None:
        """Raise ValueError if this source cannot resume from `resume`."""
        ...


class Source(RecordSource, Protocol):
    """An API of HubSpot's that engagements are read from."""

    @property
    def page_sizes(self) -> Mapping[str, int]:
        """The sizes that work if an endpoint's largest page fails, by path."""
        ...

    def read_one(self, engagement_id: int) -> Engagement | None:
        """Return an engagement by id, in a single attempt; None if no such engagement exists."""
        ...

    def read_owners(self) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Yield all owners, page by page, archived owners included."""
        ...

    def read_call_dispositions(self) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Yield the outcomes that calls may have."""
        ...

    def read_portal(self) -> int | None:
        """Return the id of the token's portal; None if HubSpot does not name it."""
        ...

    def check(self, stream: str) -> None:
        """Raise HubspotError if the token cannot read the data of a stream."""
        ...

    def fast_path_for(
        self, stream: str, properties: Sequence[str], *, has_all: bool
    ) -> FastPath | None:
        """
        Return the fast path to a stream's records with these properties, if one exists.

        `has_all` says that no property is deselected.
        """
        ...


def ids_of(engagements: Iterable[Engagement]) -> list[int]:
    """Return the ids of engagements, in their order."""
    return [engagement.id for engagement in engagements]
