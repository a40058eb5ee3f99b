"""One type of objects as a source, so that it is replicated as engagements are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.objects.object_api import ObjectApi
from tap_hubspot_engagements.objects.source import RecordsSource
from tap_hubspot_engagements.times import MILLISECOND


class ObjectSource(RecordsSource):
    """The records of `api`; see the Protocol in source.py for each method."""

    def __init__(self, api: ObjectApi, config: Config) -> None:
        lookback_ms = timedelta(seconds=config.lookback_seconds) // MILLISECOND
        super().__init__(api, [api.object_type.name], config.backfill_workers, lookback_ms)
        self.noun = api.object_type.name

    def sees_rows_of(self, writers: Sequence[str]) -> bool:
        return True
