"""
Writes a window of records: drafts, requests, and the ledger before and after each.

A key occurs once in a window, so that the requests of a key keep their order.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from target_hubspot_engagements.changing import Associating, Changing, as_gone
from target_hubspot_engagements.creating import NEWEST_MS, SOURCE_ID, Creating
from target_hubspot_engagements.drafting import Drafting, Reader
from target_hubspot_engagements.drafts import Action, Draft
from target_hubspot_engagements.engagement import SourceRecord
from target_hubspot_engagements.exceptions import LedgerError
from target_hubspot_engagements.jobs import Sender
from target_hubspot_engagements.ledger import CREATING, GONE, UPDATING, Entry
from target_hubspot_engagements.run import Run
from target_hubspot_engagements.settling import NUM_RESENT, look_for, settle
from target_hubspot_engagements.unique import ensure_unique_property

LOGGER = logging.getLogger(__name__)

MAX_TRIES = 3  # of a creation whose answers get lost, each after a look into HubSpot
PENDING = "its creation has no answer"


class Writer:
    """Writes the records of a run, window by window."""

    def __init__(self, run: Run, read: Reader) -> None:
        self._run = run
        self._read = read
        self._drafting = Drafting(run)
        self._sender = Sender(run.config.workers)
        self._checked_kinds: set[str] = set()
        self._unique_kinds: set[str] = set()
        self._has_warned = False

    def close(self) -> None:
        """Let the threads end."""
        self._sender.close()

    def write(self, sources: Sequence[SourceRecord]) -> None:
        """
        Write records; each key comes once.

        Raises the client's errors, LedgerError, and OutputError. Rejected and undecided records
        are in the run.
        """
        in_doubt = self._write_once(sources)
        for _ in range(1, MAX_TRIES):
            if not in_doubt:
                return
            settle(self._run)
            in_doubt = self._write_once(in_doubt)
        if in_doubt:
            settle(self._run)
            self._write_once([one for one in in_doubt if not self._is_creatable(one)])
            for source in filter(self._is_creatable, in_doubt):
                self._run.pass_over(source.place, f"no answer to {MAX_TRIES} requests")

    def _is_creatable(self, source: SourceRecord) -> bool:
        """Tell whether a record's creation was lost again, and HubSpot has no engagement of it."""
        return source.place not in self._run.ledger.entries([source.place])

    def _write_once(self, sources: Sequence[SourceRecord]) -> list[SourceRecord]:
        """Write records, and return those whose creation got no answer."""
        drafts = self._drafting.make(sources, self._read)
        by_action = {action: [one for one in drafts if one.action is action] for action in Action}
        for draft in by_action[Action.WAIT]:
            self._run.pass_over(draft.source.place, PENDING)
        for draft in by_action[Action.UPDATE]:
            self._run.undecided.pop(draft.source.place, None)
        self._warn_of_unassociated(by_action[Action.CREATE])
        self._note_unchanged(by_action[Action.NOTHING])
        creations, adopted = self._adopt(by_action[Action.CREATE])
        if self._run.options.is_dry:
            self._count(by_action)
            return []
        return self._send(creations, by_action[Action.UPDATE], by_action[Action.ARCHIVE]) + [
            *(self._write_once(adopted) if adopted else ())
        ]

    def _send(
        self, creations: Sequence[Draft], updates: Sequence[Draft], archivals: Sequence[Draft]
    ) -> list[SourceRecord]:
        """Send the requests of a window; returns the records whose creation got no answer."""
        self._ensure_unique_property({draft.kind for draft in creations})
        creating, changing = Creating(self._run), Changing(self._run)
        self._sender.run(
            [
                *creating.jobs(creations),
                *changing.jobs(updates),
                *changing.archive_jobs(archivals),
            ]
        )
        self._note_source(creating.example)
        associating = Associating(self._run, [*creating.incomplete, *changing.engagements])
        self._sender.run(associating.jobs())
        associating.finish()
        return creating.in_doubt

    def _warn_of_unassociated(self, drafts: Sequence[Draft]) -> None:
        """Warn, once a run, of an engagement that nobody will see in HubSpot."""
        alone = [draft for draft in drafts if not any((draft.partners or {}).values())]
        if alone and not self._has_warned:
            self._has_warned = True
            stream, key = alone[0].source.place
            LOGGER.warning(
                "stream %s, key %s, and perhaps others: associated with nothing, so that HubSpot's"
                " pages do not show it",
                stream,
                key,
            )

    def _note_unchanged(self, drafts: Sequence[Draft]) -> None:
        """Note that records with another text are the same engagements."""
        entries = [
            draft.entry._replace(source_hash=draft.source.source_hash, version=draft.source.version)
            if draft.entry and draft.entry.state != GONE
            else as_gone(draft)
            for draft in drafts
        ]
        if entries and not self._run.options.is_dry:
            self._run.ledger.put(entries)
        self._run.progress.counts["unchanged"] += len(drafts)

    def _count(self, drafts: dict[Action, list[Draft]]) -> None:
        for action in (Action.CREATE, Action.UPDATE, Action.ARCHIVE):
            self._run.progress.counts[action.value] += len(drafts[action])

    # Before a creation

    def _adopt(self, drafts: Sequence[Draft]) -> tuple[list[Draft], list[SourceRecord]]:
        """
        Return the drafts to create, and the records whose engagements a lost ledger had written.

        Raises LedgerError if HubSpot has engagements that a newer ledger must know.
        """
        if not self._run.options.adopts:
            self._check_ledger_is_current({draft.kind for draft in drafts})
            return list(drafts), []
        decision = look_for(self._run, [Creating(self._run).to_doubt(one) for one in drafts])
        for place, reason in decision.undecided.items():
            self._run.pass_over(place, reason)
        adopted = [draft for draft in drafts if draft.source.place in decision.found]
        if not self._run.options.is_dry:
            self._run.ledger.put(
                [_adopted(one, decision.found[one.source.place]) for one in adopted]
            )
        creations = [draft for draft in drafts if draft.source.place in decision.absent]
        return creations, [draft.source for draft in adopted]

    def _ensure_unique_property(self, kinds: set[str]) -> None:
        """Check, once a type, that the property for source keys is there and unique."""
        name = self._run.config.unique_property
        for kind in sorted(kinds - self._unique_kinds) if name else ():
            self._unique_kinds.add(kind)
            definitions = self._drafting.definitions(kind)
            ensure_unique_property(self._run, kind, str(name), definitions)

    def _note_source(self, example: tuple[str, int] | None) -> None:
        """Note how HubSpot names this program, which the responses of v1 do not tell."""
        if example and self._run.ledger.fact(SOURCE_ID) is None and self._checks_ledger:
            source_id = self._run.lookups.source_id(*example)
            self._run.ledger.set_facts({SOURCE_ID: source_id} if source_id else {})

    @property
    def _checks_ledger(self) -> bool:
        """Whether engagements that the ledger does not know are a sign of an old copy."""
        config = self._run.config
        return not config.other_writers and not config.unique_property

    def _check_ledger_is_current(self, kinds: set[str]) -> None:
        """Check, once a type, that the ledger knows all that this program has created since."""
        run = self._run
        newest_ms = int(run.ledger.fact(NEWEST_MS) or 0)
        if not self._checks_ledger or not newest_ms:
            return
        for kind in kinds - self._checked_kinds:
            self._checked_kinds.add(kind)
            ids = run.lookups.created_since(kind, newest_ms, run.ledger.fact(SOURCE_ID))
            unknown = {*ids} - run.ledger.owners(ids).keys()
            pending = sum(one.state == CREATING for one in run.ledger.in_doubt())
            if len(unknown) > pending + int(run.ledger.fact(NUM_RESENT) or 0):
                raise LedgerError(
                    f"HubSpot has {len(unknown)} {kind} of this app that the ledger does not know,"
                    f" such as {min(unknown)}, created after the ledger was last written: restore"
                    " the newest ledger; or add --adopt, to look for each engagement before it is"
                    " created; or set other_writers, if another program creates them"
                )


def _adopted(draft: Draft, hubspot_id: int) -> Entry:
    """Return the entry of an adopted engagement; the values are written once more."""
    place = draft.source.place
    return Entry(*place, draft.kind, UPDATING, hubspot_id, version=draft.source.version)
