"""HubSpot's CRM objects API, as a source of engagements."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hubspot_api.activity_properties import OBJECT_TYPES
from hubspot_api.client import HubspotClient
from hubspot_api.exceptions import AuthError, HubspotError, ScopeError, TransientError
from tap_hubspot_engagements import fast_records
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.engagement import Engagement, FastPath
from tap_hubspot_engagements.objects.api import ObjectsApi, RecordsApi
from tap_hubspot_engagements.objects.changes import Cursor, iter_changes
from tap_hubspot_engagements.objects.definitions import get_dispositions
from tap_hubspot_engagements.objects.lists import Remainder, iter_all
from tap_hubspot_engagements.properties import METADATA
from tap_hubspot_engagements.reference_endpoints import check_owners, iter_owners
from tap_hubspot_engagements.source import Page, Resume
from tap_hubspot_engagements.times import MILLISECOND, utc_to_ms

LOGGER = logging.getLogger(__name__)


class RecordsSource:
    """
    Full passes and changes of the types `kinds`, whichever API of records reads them.

    `noun` names the records in log lines.
    """

    name = "objects"
    noun = "engagements"
    skip_types: Sequence[str] = ()

    def __init__(
        self, api: RecordsApi, kinds: Sequence[str], workers: int, lookback_ms: int
    ) -> None:
        self._records = api
        self._kinds = tuple(kinds)
        self._workers = workers
        self._lookback_ms = lookback_ms

    def skipped_in(self, resume: Resume) -> Sequence[str]:
        return [kind for kind in _kinds_of(resume) if kind not in self._kinds]

    def read_all(self, resume: Resume | None = None) -> Iterator[Page]:
        remainder = (
            Remainder.begin(self._kinds) if resume is None else Remainder.from_resume(resume)
        )
        return iter_all(self._records, self._kinds, remainder, self._workers)

    def read_changes(self, since: datetime) -> Iterator[Page]:
        since_ms = utc_to_ms(since) - self._lookback_ms
        return iter_changes(self._records, Cursor.begin(self._kinds, since_ms))

    def resume_changes(self, resume: Resume) -> Iterator[Page]:
        return iter_changes(self._records, Cursor.from_resume(resume))

    def read_one(self, engagement_id: int) -> Engagement | None:
        for kind in self._kinds:
            if engagement := self._records.get_engagement(kind, engagement_id):
                return engagement
        return None

    def find_contradiction(self, last_page: Page, read: int, created_before_ms: int) -> str | None:
        assert last_page.resume is not None, "pages of read_all have it"
        highest = last_page.resume["highest"]
        missing = [
            f"the list of {kind} ends at {highest.get(kind, 0)}, but a search has {top}"
            for kind in self._kinds
            if (top := self._find_beyond(kind, highest.get(kind, 0), created_before_ms))
        ]
        return f"after {read} {self.noun}, " + "; ".join(missing) if missing else None

    def check_resume(self, resume: Resume) -> None:
        _kinds_of(resume)

    def _find_beyond(self, kind: str, highest: int, created_before_ms: int) -> int | None:
        """Return the highest id of a type that a search has beyond the end of the list."""
        try:
            top = self._records.highest_id(kind, created_before_ms)
            if top is None or top <= highest or self._records.get_engagement(kind, top) is None:
                return None  # none, or deleted meanwhile
        except AuthError:
            raise
        except (HubspotError, TransientError) as error:
            LOGGER.info("%s: only its length shows whether the list is complete", error)
            return None
        return top


def _kinds_of(resume: Resume) -> Sequence[str]:
    """Return the types that the rest of a pass reads; raise ValueError if it is none of ours."""
    if "since_ms" in resume:
        return Cursor.from_resume(resume).kinds
    return Remainder.from_resume(resume).kinds


class ObjectsSource(RecordsSource):
    """
    The sources `v3`, `2026-03` and `2026-09`; see the Protocol in source.py for each method.

    Types in the setting `skip_types` are not read.
    """

    def __init__(
        self,
        client: HubspotClient,
        config: Config,
        page_sizes: Sequence[tuple[str, int]] = (),
    ) -> None:
        self.api = ObjectsApi(client, config.api_version, config.page_size, config.skip_types)
        kinds = [kind for kind in OBJECT_TYPES if kind not in config.skip_types]
        lookback_ms = timedelta(seconds=config.lookback_seconds) // MILLISECOND
        super().__init__(self.api, kinds, config.backfill_workers, lookback_ms)
        self._client = client
        self.skip_types = config.skip_types
        if config.skip_types:
            LOGGER.warning(
                "skip_types: %s are not read; rows of engagements stay as they are",
                ", ".join(config.skip_types),
            )

    def read_all(self, resume: Resume | None = None) -> Iterator[Page]:
        self.api.associations.check()
        yield from super().read_all(resume)

    @property
    def page_sizes(self) -> Mapping[str, int]:
        return {}

    def sees_rows_of(self, writers: Sequence[str]) -> bool:
        return not self.skip_types and set(writers) <= {self.name}

    def read_owners(self) -> Iterator[Sequence[Mapping[str, Any]]]:
        return iter_owners(self._client, self.api.endpoints.owners)

    def read_call_dispositions(self) -> Iterator[Sequence[Mapping[str, Any]]]:
        yield get_dispositions(self._client, self.api.endpoints)

    def read_portal(self) -> int | None:
        return self.api.portal_id

    def check(self, stream: str) -> None:
        if stream == "owners":
            check_owners(self._client, self.api.endpoints.owners)
        elif stream == "call_dispositions":
            get_dispositions(self._client, self.api.endpoints)
        else:
            self._check_types()

    def fast_path_for(
        self, stream: str, properties: Sequence[str], *, has_all: bool
    ) -> FastPath | None:
        if METADATA in properties and stream == "engagements":
            return None  # the fast path decodes metadata, and does not serialize it again
        return fast_records.fast_path_for(stream, properties, has_all=has_all)

    def _check_types(self) -> None:
        """Raise ScopeError with every type that the token cannot read."""
        refusals: list[str] = []
        for kind in self._kinds:
            try:
                self.api.check(kind)
            except ScopeError as error:
                refusals.append(str(error))
        try:
            self.api.associations.check()
        except ScopeError as error:
            refusals.append(str(error))
        if refusals:
            raise ScopeError("; ".join(refusals))
