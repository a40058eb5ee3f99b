"""The related records of one type: which ids are still to be read, and which were merged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tap_hubspot_engagements.objects.object_api import MAX_BATCH, ObjectApi, Results
from tap_hubspot_engagements.objects.object_records import merged_into
from tap_hubspot_engagements.objects.object_types import MERGED_IDS
from tap_hubspot_engagements.selection import Selection

FIRST_VERSION = 1  # of related records whose own stream has had no full pass


class RelatedType:
    """
    The related records of one type.

    `missing` are ids to read among archived records. `merged` has the requested ids of survivors.
    """

    def __init__(self, api: ObjectApi, selection: Selection) -> None:
        self.api = api
        self.selection = selection
        self.version = FIRST_VERSION
        self.missing: list[int] = []
        self.merged: dict[int, set[int]] = {}
        self._all_ids: set[int] = set()
        self._ids: list[int] = []

    def add(self, ids: Iterable[int]) -> None:
        """Add ids, each of which is read once a run."""
        for one in ids:
            if one not in self._all_ids:
                self._all_ids.add(one)
                self._ids.append(one)

    @property
    def waiting(self) -> Sequence[int]:
        """All ids that are still to be read."""
        return (*self._ids, *self.missing)

    def drop_waiting(self) -> None:
        self._ids, self.missing = [], []

    def put_back(self, ids: Sequence[int]) -> None:
        self._ids += ids

    def next_batch(self, *, final: bool) -> tuple[Sequence[int], bool] | None:
        """Return ids to read, and whether among archived records; None without a batch."""
        if len(self._ids) >= MAX_BATCH or (final and self._ids):
            batch, self._ids = self._ids[:MAX_BATCH], self._ids[MAX_BATCH:]
            return batch, False
        if len(self.missing) >= MAX_BATCH or (final and self.missing):
            batch, self.missing = self.missing[:MAX_BATCH], self.missing[MAX_BATCH:]
            return batch, True
        return None

    def match(self, ids: Sequence[int], body: Results) -> list[int]:
        """Return the requested ids without a record, and note those that were merged."""
        result_ids = {int(value["id"]) for value in body.results}
        unmatched = [one for one in ids if one not in result_ids]
        survivors = merged_into(body.results, MERGED_IDS)
        others = result_ids - set(ids)
        unclear = [one for one in unmatched if one not in survivors and one not in body.missing]
        if len(unclear) == len(others) == 1:
            survivors[unclear[0]] = next(iter(others))
        for one in unmatched:
            if one in survivors:
                self.merged.setdefault(survivors[one], set()).add(one)
        return [one for one in unmatched if one not in survivors]
