"""
Decides about creations without an answer: found in HubSpot, absent, or undecided. Never guessed.

HubSpot has no idempotency key, so an engagement is known by its content: the moment and the owner,
which HubSpot does not reformat, and all values that were sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hubspot_api.json_codec import to_json
from target_hubspot_engagements.engagement import Partners
from target_hubspot_engagements.ledger import Key
from target_hubspot_engagements.lookups import CREATED, FIRST_SEARCHABLE_MS, Lookups
from target_hubspot_engagements.matching import OWNER, Result, is_of_moment, is_same, moment
from target_hubspot_engagements.validation import TIMESTAMP
from target_hubspot_engagements.values import to_datetime_text

CLOCK_SKEW_MS = 120_000  # HubSpot's clock is known to a second, at the start of a run


@dataclass(frozen=True)
class Doubt:
    """
    A creation without an answer: HubSpot may have carried the request out, or not.

    `partners` are the associations that it makes. It was sent after `sent_ms` and before
    `latest_ms`, in Unix ms; both are 0 for an engagement that a lost ledger may have known.
    """

    place: Key
    kind: str
    texts: Mapping[str, str]
    partners: Partners
    sent_ms: int
    latest_ms: int

    @property
    def content(self) -> bytes:
        """All that was sent; creations with the same content may stand for each other."""
        partners = sorted((kind, sorted(ids)) for kind, ids in self.partners.items() if ids)
        return to_json((self.kind, sorted(self.texts.items()), partners))

    @property
    def earliest_ms(self) -> int:
        """When HubSpot created the engagement at the earliest, in Unix ms."""
        return max(self.sent_ms - CLOCK_SKEW_MS, FIRST_SEARCHABLE_MS)

    @property
    def all_partners(self) -> list[tuple[str, str]]:
        """Type and id of the associated records, whose engagements are looked through."""
        return [(kind, one) for kind, ids in self.partners.items() for one in ids]


@dataclass
class Decision:
    """The outcome of each creation; `undecided` has the reason."""

    found: dict[Key, int] = field(default_factory=dict)
    absent: set[Key] = field(default_factory=set)
    undecided: dict[Key, str] = field(default_factory=dict)

    def resend(self, places: Iterable[Key]) -> int:
        """
        Count undecided creations as absent, so that their records are sent again.

        Returns the number of them.
        """
        resent = self.undecided.keys() & {*places}
        for place in resent:
            del self.undecided[place]
        self.absent |= resent
        return len(resent)


@dataclass
class Candidates:
    """
    The engagements that happened at the moment of each creation, for the same owner.

    `search_only` are the creations that only the search can find, which is late; `incomplete` are
    those of them whose moment has more engagements than a search returns.
    """

    results: dict[Key, list[Result]] = field(default_factory=dict)
    search_only: set[Key] = field(default_factory=set)
    incomplete: set[Key] = field(default_factory=set)

    @property
    def ids(self) -> set[int]:
        """The ids of all candidates."""
        return {result.id for results in self.results.values() for result in results}


def find_candidates(lookups: Lookups, doubts: Sequence[Doubt]) -> Candidates:
    """Look for creations among the engagements of their associated records, or by a search."""
    candidates = Candidates()
    for kind in {doubt.kind for doubt in doubts}:
        of_kind = [doubt for doubt in doubts if doubt.kind == kind]
        names = sorted({TIMESTAMP, OWNER, CREATED}.union(*(doubt.texts for doubt in of_kind)))
        candidates.results |= _of_partners(lookups, kind, of_kind, names)
        apart = [doubt for doubt in of_kind if doubt.place not in candidates.results]
        results, incomplete = _of_search(lookups, kind, apart, names)
        candidates.results |= results
        candidates.search_only |= results.keys()
        candidates.incomplete |= incomplete
    return candidates


def decide(
    doubts: Sequence[Doubt],
    candidates: Mapping[Key, Sequence[Result]],
    claimed: Iterable[int],
    why_hidden: Callable[[Doubt], str | None],
) -> Decision:
    """
    Decide the outcome of creations; `claimed` are engagements that belong to other keys.

    A creation is absent only if no engagement of its moment is left, and `why_hidden` returns no
    reason for which HubSpot may have it all the same. An engagement with another text may be the
    same, reformatted by HubSpot.
    """
    decision, taken = Decision(), {*claimed}
    groups = defaultdict(list)
    for doubt in sorted(doubts, key=lambda doubt: doubt.sent_ms):
        groups[doubt.content].append(doubt)
    exact = {
        content: _exact(members[0], candidates.get(members[0].place, ()), taken)
        for content, members in groups.items()
    }
    claims = [one for ids in exact.values() for one in ids]
    contested = {one for one in claims if claims.count(one) > 1}
    for content, members in groups.items():
        near = {result.id for result in candidates.get(members[0].place, ())}
        near -= taken | {*claims}
        _decide_group(decision, members, exact[content], contested, near, why_hidden)
    return decision


def _exact(doubt: Doubt, candidates: Iterable[Result], taken: set[int]) -> set[int]:
    """Return the engagements that have all values of a creation, and no other key."""
    return {
        result.id
        for result in candidates
        if result.id not in taken and is_same(doubt.texts, result.texts)
    }


def _decide_group(
    decision: Decision,
    members: Sequence[Doubt],
    exact: set[int],
    contested: set[int],
    near: set[int],
    why_hidden: Callable[[Doubt], str | None],
) -> None:
    """Decide about creations of the same content, which may stand for each other."""
    if exact & contested or len(exact) > len(members):
        for doubt in members:
            decision.undecided[doubt.place] = f"several engagements fit: {_listed(exact)}"
        return
    rest = list(members)
    for hubspot_id in sorted(exact):
        decision.found[rest.pop(0).place] = hubspot_id
    may_be = f"it may be {_listed(near)}, whose values differ" if near else None
    for doubt in rest:
        if reason := may_be or why_hidden(doubt):
            decision.undecided[doubt.place] = reason
        else:
            decision.absent.add(doubt.place)


def _listed(ids: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(ids)[:5]))


def _of_partners(
    lookups: Lookups, kind: str, doubts: Sequence[Doubt], names: Sequence[str]
) -> dict[Key, list[Result]]:
    """
    Return the candidates among the engagements of each creation's associated records.

    All records are looked through, as some may have been deleted since. A creation has no
    candidates, not even an empty list, if HubSpot shows none of its records.
    """
    by_kind: dict[str, set[str]] = defaultdict(set)
    for doubt in doubts:
        for partner_kind, partner in doubt.all_partners:
            by_kind[partner_kind].add(partner)
    ids: dict[tuple[str, str], set[int]] = {}
    for partner_kind, partners in by_kind.items():
        associated = lookups.associated(partner_kind, sorted(partners), kind)
        ids |= {(partner_kind, partner): one for partner, one in associated.items()}
    everything = sorted(set().union(*ids.values()))
    results = {result.id: result for result in lookups.read(kind, everything, names)}
    candidates = {}
    for doubt in doubts:
        readable = [ids[partner] for partner in doubt.all_partners if partner in ids]
        if readable:
            own = [results[one] for one in sorted(set().union(*readable)) if one in results]
            candidates[doubt.place] = _of_moment(doubt, own)
    return candidates


def _of_search(
    lookups: Lookups, kind: str, doubts: Sequence[Doubt], names: Sequence[str]
) -> tuple[dict[Key, list[Result]], set[Key]]:
    """Return the candidates that the search has, and the creations of which some are missing."""
    since_ms: dict[str, int] = {}
    for doubt in doubts:
        at_ms = moment(doubt.texts)
        since_ms[at_ms] = min(doubt.earliest_ms, since_ms.get(at_ms, doubt.earliest_ms))
    results, crowded = lookups.at_moments(kind, since_ms, names)
    incomplete = {doubt.place for doubt in doubts if moment(doubt.texts) in crowded}
    return {doubt.place: _of_moment(doubt, results) for doubt in doubts}, incomplete


def _of_moment(doubt: Doubt, results: Iterable[Result]) -> list[Result]:
    """Return the engagements of a creation's moment and owner, but for older ones."""
    return [
        result
        for result in results
        if is_of_moment(doubt.texts, result.texts) and _created_ms(result) >= doubt.earliest_ms
    ]


def _created_ms(result: Result) -> int:
    text = result.texts.get(CREATED)
    return int(to_datetime_text(str(text))) if text else 2**63
