"""Changes, archives and associates engagements: requests that may be repeated without harm."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from target_hubspot_engagements.config import V1
from target_hubspot_engagements.creating import as_done, can_use_v1
from target_hubspot_engagements.drafts import (
    Draft,
    all_partners,
    missing_partners,
    surplus_partners,
)
from target_hubspot_engagements.engagement import Partners
from target_hubspot_engagements.jobs import Job
from target_hubspot_engagements.ledger import ARCHIVING, GONE, UPDATING, Entry
from target_hubspot_engagements.lookups import batched
from target_hubspot_engagements.object_writes import MAX_ASSOCIATIONS, MAX_BATCH, ObjectWrites
from target_hubspot_engagements.outcomes import Outcome, Update
from target_hubspot_engagements.run import Run
from target_hubspot_engagements.v1_writes import V1Writes
from target_hubspot_engagements.validation import Problem

Written = tuple[Draft, int, Partners]
"""A draft, its engagement's id, and the associations that its creation has made."""

Pair = tuple[int, str]
"""Ids of an engagement and of a record that it is associated with."""


class Changing:
    """
    The changes of a window.

    `engagements` have their properties, and get their associations next.
    """

    def __init__(self, run: Run) -> None:
        self.engagements: list[Written] = []
        self._run = run

    def jobs(self, drafts: Sequence[Draft]) -> Iterator[Job]:
        """Yield the requests that change properties."""
        for writes, kind, batch in self._batches(drafts):
            updates = [Update(draft.hubspot_id or 0, draft.texts) for draft in batch]
            yield Job(
                partial(self._begin, batch),
                partial(writes.update, kind, updates),
                partial(self._finish, batch),
            )

    def archive_jobs(self, drafts: Sequence[Draft]) -> Iterator[Job]:
        """Yield the requests that archive engagements."""
        for writes, kind, batch in self._batches(drafts):
            yield Job(
                partial(self._begin_archive, batch),
                partial(writes.archive, kind, [draft.hubspot_id or 0 for draft in batch]),
                partial(self._finish_archive, batch),
            )

    def _batches(
        self, drafts: Sequence[Draft]
    ) -> Iterator[tuple[ObjectWrites | V1Writes, str, list[Draft]]]:
        """Yield batches of drafts with the same type and API, without two of the same id."""
        groups: dict[tuple[bool, str, int], list[Draft]] = defaultdict(list)
        repeats: dict[int | None, int] = defaultdict(int)
        for draft in drafts:
            by_v1 = self._run.config.api_version == V1 and can_use_v1(draft)
            groups[by_v1, draft.kind, repeats[draft.hubspot_id]].append(draft)
            repeats[draft.hubspot_id] += 1
        for (by_v1, kind, _), group in groups.items():
            for batch in batched(group, MAX_BATCH):
                yield self._run.v1 if by_v1 else self._run.objects, kind, batch

    def _begin(self, drafts: Sequence[Draft]) -> None:
        self._run.ledger.put([_in_doubt(draft, UPDATING) for draft in drafts])

    def _finish(self, drafts: Sequence[Draft], outcome: Outcome) -> None:
        """Note the refused changes; the others are noted with their associations."""
        self.engagements += [(drafts[place], one, {}) for place, one in sorted(outcome.ids.items())]
        self._run.progress.counts["updated"] += len(outcome.ids)
        self._reject(drafts, outcome.refusals)

    def _begin_archive(self, drafts: Sequence[Draft]) -> None:
        self._run.ledger.put([_in_doubt(draft, ARCHIVING) for draft in drafts])

    def _finish_archive(self, drafts: Sequence[Draft], outcome: Outcome) -> None:
        self._run.ledger.put([as_gone(drafts[place]) for place in outcome.ids])
        self._run.progress.counts["archived"] += len(outcome.ids)
        self._reject(drafts, outcome.refusals)

    def _reject(self, drafts: Sequence[Draft], refusals: Mapping[int, Problem]) -> None:
        """Reject the records of refused requests; the ledger has them as before."""
        items = [drafts[place] for place in sorted(refusals)]
        self._run.ledger.put(
            [draft.entry for draft in items if draft.entry],
            forgotten=[draft.source.place for draft in items if not draft.entry],
        )
        for place in sorted(refusals):
            self._run.rejections.add(drafts[place].source, [refusals[place]])


class Associating:
    """The associations of engagements whose properties are written."""

    def __init__(self, run: Run, engagements: Sequence[Written]) -> None:
        self._run = run
        self._engagements = engagements
        self._problems: dict[int, list[Problem]] = defaultdict(list)
        self._failed = False

    def jobs(self) -> Iterator[Job]:
        """Yield the requests that make and remove associations."""
        missing = [(one[1], _missing(one)) for one in self._engagements]
        surplus = [(one[1], surplus_partners(one[0])) for one in self._engagements]
        for kind, partner_kind, pairs in self._pairs(missing, MAX_ASSOCIATIONS):
            yield self._job(partial(self._associate, kind, partner_kind, pairs))
        for kind, partner_kind, pairs in self._pairs(surplus, MAX_BATCH):
            yield self._job(partial(self._dissociate, kind, partner_kind, pairs))

    def finish(self) -> None:
        """Note the engagements that are as their records, and reject the others."""
        done = [one for one in self._engagements if one[1] not in self._problems]
        self._run.ledger.put(
            [
                as_done(_in_doubt(draft, UPDATING, hubspot_id), draft)
                for draft, hubspot_id, _ in done
            ]
        )
        for draft, hubspot_id, _ in self._engagements:
            if problems := self._problems.get(hubspot_id):
                written = f"written as engagement {hubspot_id}, but not associated as in the record"
                self._run.rejections.add(draft.source, [Problem(written), *problems])

    def _pairs(
        self, partners: Iterable[tuple[int, Partners]], size: int
    ) -> Iterator[tuple[str, str, list[Pair]]]:
        """Yield pairs to associate, by both types, up to `size` of them."""
        kinds = {hubspot_id: draft.kind for draft, hubspot_id, _ in self._engagements}
        pairs: dict[tuple[str, str], list[Pair]] = defaultdict(list)
        for hubspot_id, of_engagement in partners:
            for partner_kind, ids in of_engagement.items():
                pairs[kinds[hubspot_id], partner_kind] += [(hubspot_id, one) for one in ids]
        for (kind, partner_kind), of_kinds in pairs.items():
            for batch in batched(of_kinds, size):
                yield kind, partner_kind, batch

    def _job(self, send: partial[Outcome]) -> Job:
        return Job(_nothing, send, self._note)

    def _note(self, outcome: Outcome) -> None:
        for hubspot_id, problem in outcome.refusals.items():
            self._problems[hubspot_id].append(problem)

    def _associate(self, kind: str, partner_kind: str, pairs: Sequence[Pair]) -> Outcome:
        refusals = self._run.objects.associate(kind, partner_kind, pairs)
        return Outcome(refusals={pairs[place][0]: one for place, one in refusals.items()})

    def _dissociate(self, kind: str, partner_kind: str, pairs: Sequence[Pair]) -> Outcome:
        refusals = self._run.objects.dissociate(kind, partner_kind, pairs)
        return Outcome(refusals={pairs[place][0]: one for place, one in refusals.items()})


def as_gone(draft: Draft) -> Entry:
    """Return the entry of a key whose engagement is archived, or never was."""
    return Entry(
        *draft.source.place,
        draft.kind,
        GONE,
        source_hash=draft.source.source_hash,
        version=draft.source.version,
    )


def _in_doubt(draft: Draft, state: int, hubspot_id: int | None = None) -> Entry:
    """Return the entry of an engagement while a change has no answer."""
    return Entry(
        *draft.source.place,
        draft.kind,
        state,
        hubspot_id or draft.hubspot_id,
        partners=all_partners(draft),
        version=draft.source.version,
    )


def _missing(item: Written) -> Partners:
    """Return the associations that neither creation nor earlier runs have made."""
    draft, _, made = item
    missing = missing_partners(draft)
    rest = {
        kind: [one for one in ids if one not in made.get(kind, ())] for kind, ids in missing.items()
    }
    return {kind: ids for kind, ids in rest.items() if ids}


def _nothing() -> None:
    """The ledger has the associations of the engagement in doubt."""
