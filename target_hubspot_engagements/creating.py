"""Creates engagements: each is noted as pending before the request, as written after the answer."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from hubspot_api.activity_properties import ASSOCIATIONS
from hubspot_api.json_codec import to_json
from target_hubspot_engagements.config import V1
from target_hubspot_engagements.drafts import Draft, all_partners, final_hash, final_partners
from target_hubspot_engagements.engagement import Partners, SourceRecord
from target_hubspot_engagements.jobs import Job
from target_hubspot_engagements.ledger import CREATING, DONE, UPDATING, Entry, Key
from target_hubspot_engagements.lookups import batched
from target_hubspot_engagements.object_writes import MAX_BATCH, ObjectWrites, has_type_id
from target_hubspot_engagements.outcomes import Creation, Outcome
from target_hubspot_engagements.reconcile import Doubt
from target_hubspot_engagements.run import Run
from target_hubspot_engagements.settling import NUM_RESENT
from target_hubspot_engagements.to_v1 import to_v1
from target_hubspot_engagements.v1_writes import V1Writes
from target_hubspot_engagements.validation import Problem

NEWEST_MS, SOURCE_ID = "newest_created_ms", "source_id"
MAX_UNIQUE_CHARS = 100


class Creating:
    """
    The creations of a window.

    `in_doubt` are the records whose creation got no answer, `incomplete` the ids of engagements
    that still lack associations, `example` is the type and id of one that was created.
    """

    def __init__(self, run: Run) -> None:
        self.in_doubt: list[SourceRecord] = []
        self.incomplete: list[tuple[Draft, int, Partners]] = []
        self.example: tuple[str, int] | None = None
        self._run = run

    def jobs(self, drafts: Sequence[Draft]) -> Iterator[Job]:
        """Yield the requests that create engagements."""
        for writes, kind, batch in self._batches(drafts):
            creations = [self._to_creation(writes, draft) for draft in batch]
            yield Job(
                partial(self._begin, batch, creations),
                partial(self._send, writes, kind, creations),
                partial(self._finish, batch, creations),
            )

    def to_doubt(self, draft: Draft) -> Doubt:
        """Return a creation that an earlier ledger may have known."""
        return Doubt(draft.source.place, draft.kind, draft.texts, draft.partners or {}, 0, 0)

    def _batches(
        self, drafts: Sequence[Draft]
    ) -> Iterator[tuple[ObjectWrites | V1Writes, str, list[Draft]]]:
        """Yield batches of drafts with the same type and API, without two of the same values."""
        groups: dict[tuple[bool, str, int], list[Draft]] = defaultdict(list)
        repeats: dict[bytes, int] = defaultdict(int)
        for draft in drafts:
            by_v1 = self._run.config.api_version == V1 and can_use_v1(draft)
            content = to_json((draft.kind, sorted(draft.texts.items())))
            groups[by_v1, draft.kind, repeats[content]].append(draft)
            repeats[content] += 1
        for (by_v1, kind, _), group in groups.items():
            for batch in batched(group, MAX_BATCH):
                yield self._run.v1 if by_v1 else self._run.objects, kind, batch

    def _to_creation(self, writes: ObjectWrites | V1Writes, draft: Draft) -> Creation:
        """Return the creation for a request; the other associations are made afterwards."""
        unique = self._run.config.unique_property
        if unique is not None:
            return Creation({**draft.texts, unique: unique_text(draft.source.place)})
        partners = draft.partners or {}
        if isinstance(writes, ObjectWrites):
            partners = {
                kind: ids for kind, ids in partners.items() if has_type_id(draft.kind, kind)
            }
        else:
            partners = {kind: ids for kind, ids in partners.items() if kind in ASSOCIATIONS}
        return Creation(draft.texts, {kind: ids for kind, ids in partners.items() if ids})

    def _begin(self, drafts: Sequence[Draft], creations: Sequence[Creation]) -> None:
        sent_ms = self._run.now_ms()
        self._run.ledger.put(
            [_pending(*one, sent_ms) for one in zip(drafts, creations, strict=True)]
        )

    def _send(
        self, writes: ObjectWrites | V1Writes, kind: str, creations: Sequence[Creation]
    ) -> Outcome:
        unique = self._run.config.unique_property
        if unique is not None:
            texts = [creation.texts for creation in creations]
            return self._run.objects.upsert(kind, unique, texts)
        return writes.create(kind, creations)

    def _finish(
        self, drafts: Sequence[Draft], creations: Sequence[Creation], outcome: Outcome
    ) -> None:
        """Note the outcome in a single transaction; creations without an answer stay pending."""
        entries = [
            self._to_entry(drafts[place], creations[place], hubspot_id, place in outcome.partial)
            for place, hubspot_id in outcome.ids.items()
        ]
        pending = self._run.ledger.entries(drafts[one].source.place for one in outcome.unknown)
        lost_ms = self._run.now_ms()
        lost = [entry._replace(lost_ms=lost_ms) for entry in pending.values()]
        not_created = [drafts[place] for place in {*outcome.refusals} | outcome.unsent]
        self._run.ledger.put(
            [*entries, *lost, *(draft.entry for draft in not_created if draft.entry)],
            forgotten=[draft.source.place for draft in not_created if not draft.entry],
            facts=self._facts(outcome),
        )
        self._run.progress.counts["created"] += len(outcome.ids)
        for place, hubspot_id in outcome.ids.items():
            self.example = drafts[place].kind, hubspot_id
        self.in_doubt += [drafts[place].source for place in sorted(outcome.unknown)]
        for place, problem in sorted(outcome.refusals.items()):
            self._run.rejections.add(drafts[place].source, [problem])
        for place, problem in sorted(outcome.partial.items()):
            written = f"written as engagement {outcome.ids[place]}, but not as in the record"
            self._run.rejections.add(drafts[place].source, [Problem(written), problem])

    def _to_entry(
        self, draft: Draft, creation: Creation, hubspot_id: int, is_partial: bool
    ) -> Entry:
        """Return the entry of an engagement that was created, perhaps without associations."""
        entry = Entry(
            *draft.source.place,
            draft.kind,
            UPDATING,
            hubspot_id,
            version=draft.source.version,
        )
        if _is_whole(draft, creation) and not is_partial:
            return as_done(entry, draft)
        if not is_partial:
            self.incomplete.append((draft, hubspot_id, creation.partners))
        # The next requests make the other associations: a refusal or a kill may leave some of them.
        return entry._replace(partners=all_partners(draft))

    def _facts(self, outcome: Outcome) -> Mapping[str, str]:
        """Return the facts by which the next run notices an old copy of the ledger."""
        facts: dict[str, str] = {}
        if outcome.newest_ms > int(self._run.ledger.fact(NEWEST_MS) or 0):
            facts |= {NEWEST_MS: str(outcome.newest_ms), NUM_RESENT: "0"}
        if outcome.source_id:
            facts[SOURCE_ID] = outcome.source_id
        return facts


def _pending(draft: Draft, creation: Creation, sent_ms: int) -> Entry:
    """Return the entry of a creation that is about to be sent."""
    return Entry(
        *draft.source.place,
        draft.kind,
        CREATING,
        payload_hash=draft.payload_hash if _is_whole(draft, creation) else None,
        partners=creation.partners,
        version=draft.source.version,
        payload={**creation.texts},
        sent_ms=sent_ms,
    )


def as_done(entry: Entry, draft: Draft) -> Entry:
    """Return the entry of an engagement that equals the record."""
    return entry._replace(
        state=DONE,
        source_hash=draft.source.source_hash,
        payload_hash=final_hash(draft),
        partners=final_partners(draft),
        version=draft.source.version,
        payload=None,
        sent_ms=None,
        lost_ms=None,
    )


def can_use_v1(draft: Draft) -> bool:
    """Tell whether v1 has a place for all values of a draft."""
    return to_v1(draft.kind, draft.texts) is not None


def unique_text(place: Key) -> str:
    """
    Return the text of a source key for a property of unique values.

    HubSpot ignores case; a long text, or a text with capitals, becomes a hash.
    """
    text = ":".join(place)
    if text == text.lower() and len(text) <= MAX_UNIQUE_CHARS:
        return text
    return hashlib.blake2b(to_json(place), digest_size=16).hexdigest()


def _is_whole(draft: Draft, creation: Creation) -> bool:
    """Tell whether a creation makes all associations of the draft."""
    partners = {kind: ids for kind, ids in (draft.partners or {}).items() if ids}
    return partners == creation.partners
