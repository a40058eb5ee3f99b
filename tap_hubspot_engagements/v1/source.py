"""HubSpot's engagements API of 2016, as a source of engagements."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hubspot_api.client import HubspotClient
from hubspot_api.exceptions import AuthError, HubspotError, TransientError
from tap_hubspot_engagements import fast_records
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.engagement import Engagement, FastPath
from tap_hubspot_engagements.properties import INNER
from tap_hubspot_engagements.reference_endpoints import (
    check_owners,
    get_dispositions,
    get_portal,
    iter_owners,
)
from tap_hubspot_engagements.source import Page, Resume
from tap_hubspot_engagements.v1.changes import check_changes, iter_changes, resume_changes
from tap_hubspot_engagements.v1.endpoints import (
    PAGED,
    RECENT_MODIFIED,
    get_engagement,
    get_first,
    get_recent,
    is_listed,
)
from tap_hubspot_engagements.v1.id_ranges import Remainder, iter_all
from tap_hubspot_engagements.v1.page_size import PageSizes

LOGGER = logging.getLogger(__name__)

# The list leaves out the engagements of HubSpot's sample contacts, of which there are few.
MAX_LEFT_OUT = 10


class V1Source:
    """
    The source `v1`; see the Protocol in source.py for each method.

    `page_sizes` are those that the state keeps. `workers` concurrent requests read everything, the
    configured number by default.
    """

    name = "v1"
    noun = "engagements"
    skip_types: Sequence[str] = ()

    def __init__(
        self,
        client: HubspotClient,
        config: Config,
        page_sizes: Sequence[tuple[str, int]] = (),
    ) -> None:
        self._client = client
        self._sizes = PageSizes(config.page_size, page_sizes)
        self._workers = config.backfill_workers
        self._lookback = timedelta(seconds=config.lookback_seconds)

    @property
    def page_sizes(self) -> Mapping[str, int]:
        return self._sizes.working

    def skipped_in(self, resume: Resume) -> Sequence[str]:
        return ()

    def sees_rows_of(self, writers: Sequence[str]) -> bool:
        # The objects API lists engagements of HubSpot's sample contacts, and this one does not.
        return set(writers) <= {self.name}

    def read_all(self, resume: Resume | None = None) -> Iterator[Page]:
        remainder = Remainder() if resume is None else Remainder.from_resume(resume)
        return iter_all(self._client, self._sizes, remainder, self._workers)

    def read_changes(self, since: datetime) -> Iterator[Page]:
        return iter_changes(self._client, self._sizes, since, self._lookback)

    def resume_changes(self, resume: Resume) -> Iterator[Page]:
        return resume_changes(self._client, self._sizes, resume["after"])

    def read_one(self, engagement_id: int) -> Engagement | None:
        return get_engagement(self._client, engagement_id)

    def read_owners(self) -> Iterator[Sequence[Mapping[str, Any]]]:
        return iter_owners(self._client)

    def read_call_dispositions(self) -> Iterator[Sequence[Mapping[str, Any]]]:
        yield get_dispositions(self._client)

    def read_portal(self) -> int | None:
        try:
            return get_portal(self._client)
        except AuthError:
            raise
        except (HubspotError, TransientError):
            # That endpoint needs a scope of its own; an engagement names its portal, too.
            first = get_first(self._client)
            return first.portal_id if first else None

    def find_contradiction(self, last_page: Page, read: int, created_before_ms: int) -> str | None:
        assert last_page.resume is not None, "pages of read_all have it"
        highest = last_page.resume["highest"]
        try:
            recent = get_recent(self._client)
        except AuthError:
            raise
        except (HubspotError, TransientError) as error:
            LOGGER.info("%s: only its length shows whether the list is complete", error)
            return None
        beyond = [
            engagement.id
            for engagement in recent
            if engagement.id > highest and _created_ms(engagement) < created_before_ms
        ]
        if not beyond:
            return None
        if len(beyond) <= MAX_LEFT_OUT and not is_listed(self._client, max(beyond)):
            return None  # deleted meanwhile, or left out
        return (
            f"{PAGED} ends at {highest}, after {read} engagements, but {RECENT_MODIFIED} has"
            f" engagement {max(beyond)}"
        )

    def check(self, stream: str) -> None:
        if stream == "owners":
            check_owners(self._client)
        elif stream == "call_dispositions":
            get_dispositions(self._client)
        else:
            get_first(self._client)
            check_changes(self._client)

    def check_resume(self, resume: Resume) -> None:
        if "after" not in resume:
            Remainder.from_resume(resume)
        elif not isinstance(resume["after"], str) or not resume["after"]:
            raise ValueError(f"not a cursor: {resume['after']!r}")

    def fast_path_for(
        self, stream: str, properties: Sequence[str], *, has_all: bool
    ) -> FastPath | None:
        return fast_records.fast_path_for(stream, properties, has_all=has_all)


def _created_ms(engagement: Engagement) -> float:
    """Return when an engagement was created, in Unix ms; infinity if unknown."""
    created_ms = engagement.whole[INNER].get("createdAt")
    return created_ms if isinstance(created_ms, int) else float("inf")
