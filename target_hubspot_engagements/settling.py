"""
Settles the keys whose last request got no answer, at the start of a run and after a lost answer.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence

from target_hubspot_engagements.ledger import (
    ARCHIVING,
    CREATING,
    DONE,
    GONE,
    UPDATING,
    Entry,
)
from target_hubspot_engagements.lookups import batched
from target_hubspot_engagements.object_writes import MAX_BATCH
from target_hubspot_engagements.reconcile import (
    Candidates,
    Decision,
    Doubt,
    decide,
    find_candidates,
)
from target_hubspot_engagements.run import Run

LOGGER = logging.getLogger(__name__)

NAMED_MS = "undecided_named_ms"
"""Fact: when a run last named all keys in doubt, in Unix ms."""

NUM_RESENT = "num_resent"
"""
Fact: how many creations were forgotten that HubSpot may have carried out, since the newest
engagement of which the ledger knows. These engagements are no sign of an old copy of the ledger.
"""


def settle(run: Run, *, resends: bool = False) -> None:
    """
    Settle keys in doubt: archive again, and look for creations in HubSpot.

    A creation that HubSpot carried out is noted. A creation that HubSpot did not carry out is
    forgotten, so that the record is sent again. The others are in `run.undecided`; with `resends`
    those that an earlier run named are forgotten, too.
    """
    entries = run.ledger.in_doubt()
    _archive_again(run, [entry for entry in entries if entry.state == ARCHIVING])
    creating = [entry for entry in entries if entry.state == CREATING]
    if not creating:
        return
    decision = _decide(run, _note_lost(run, creating))
    number, named_ms = (int(run.ledger.fact(name) or 0) for name in (NUM_RESENT, NAMED_MS))
    if resends:  # what was lost since then, no run has named, such as before a kill
        named = [one.place for one in creating if one.lost_ms and one.lost_ms <= named_ms]
        number += decision.resend(named)
    _note_outcomes(run, creating, decision, {NUM_RESENT: str(number)})


def _note_outcomes(
    run: Run, creating: Sequence[Entry], decision: Decision, facts: Mapping[str, str]
) -> None:
    """Note the outcomes of creations in the ledger, the undecided ones in the run."""
    written = [
        _as_written(entry, decision.found[entry.place])
        for entry in creating
        if entry.place in decision.found
    ]
    run.ledger.put(written, forgotten=decision.absent, facts=facts)
    run.note_undecided(decision.undecided, settled={*decision.found} | decision.absent)
    LOGGER.warning(
        "of %d creations without an answer HubSpot has %d, and not %d; %d are undecided",
        len(creating),
        len(decision.found),
        len(decision.absent),
        len(decision.undecided),
    )


def _decide(run: Run, entries: Sequence[Entry]) -> Decision:
    """Return the outcome of creations; waits until HubSpot can no longer carry out the requests."""
    unique = run.config.unique_property
    # An upsert by a unique property may be repeated: there is nothing to look for.
    repeatable = {one.place for one in entries if unique and unique in (one.payload or {})}
    doubts = [_to_doubt(entry) for entry in entries if entry.place not in repeatable]
    if doubts:
        _wait(run, doubts)
    decision = look_for(run, doubts)
    decision.absent |= repeatable
    return decision


def look_for(run: Run, doubts: Sequence[Doubt]) -> Decision:
    """Look for engagements in HubSpot that no key has yet."""
    candidates = find_candidates(run.lookups, doubts)
    claimed = run.ledger.owners(candidates.ids)
    return decide(
        doubts, candidates.results, claimed, lambda doubt: _why_hidden(run, doubt, candidates)
    )


def _why_hidden(run: Run, doubt: Doubt, candidates: Candidates) -> str | None:
    """Return why HubSpot may have an engagement that it does not show; None without a reason."""
    if doubt.place in candidates.incomplete:
        return "HubSpot's search does not show all engagements of its moment"
    delay_s = run.config.settle_seconds
    if doubt.place in candidates.search_only:  # the search is late
        delay_s = max(delay_s, run.config.index_seconds)
    is_early = run.now_ms() - doubt.latest_ms < delay_s * 1000
    return "HubSpot does not show it, and may do so later" if is_early else None


def _wait(run: Run, doubts: Sequence[Doubt]) -> None:
    """Wait until HubSpot cannot carry out any of these creations any more."""
    latest_ms = max(doubt.latest_ms for doubt in doubts)
    wait_s = run.config.settle_seconds - (run.now_ms() - latest_ms) / 1000
    if wait_s > 0:
        LOGGER.warning(
            "%d creations got no answer: looking for them in %.0f s, when HubSpot has carried them"
            " out or never will",
            len(doubts),
            wait_s,
        )
        run.sleep(wait_s)


def _archive_again(run: Run, entries: Sequence[Entry]) -> None:
    """Repeat archiving without an answer: an archived engagement stays archived."""
    by_kind = defaultdict(list)
    for entry in entries:
        if entry.hubspot_id is not None:
            by_kind[entry.kind].append(entry)
    for kind, of_kind in by_kind.items():
        for batch in batched(of_kind, MAX_BATCH):
            ids = [one.hubspot_id for one in batch if one.hubspot_id is not None]
            archived = run.objects.archive(kind, ids).ids
            run.ledger.put(
                [
                    one._replace(state=GONE, hubspot_id=None, partners=None)
                    if place in archived
                    else one._replace(state=UPDATING)  # refused: its record comes again
                    for place, one in enumerate(batch)
                ]
            )


def _note_lost(run: Run, entries: Sequence[Entry]) -> list[Entry]:
    """
    Return the entries with `lost_ms`: the present, if a process was killed before it noted it.

    That process may have sent its last request a moment ago. Later runs count from then, too.
    """
    now_ms = run.now_ms()
    noted = [one._replace(lost_ms=one.lost_ms or now_ms) for one in entries]
    run.ledger.put(noted)
    return noted


def _to_doubt(entry: Entry) -> Doubt:
    return Doubt(
        entry.place,
        entry.kind,
        entry.payload or {},
        entry.partners or {},
        entry.sent_ms or 0,
        entry.lost_ms or 0,
    )


def _as_written(entry: Entry, hubspot_id: int) -> Entry:
    """Return the entry of a creation that was found; the record brings the hash."""
    state = UPDATING if entry.payload_hash is None else DONE
    return entry._replace(
        state=state,
        hubspot_id=hubspot_id,
        source_hash=None,
        payload=None,
        sent_ms=None,
        lost_ms=None,
    )
