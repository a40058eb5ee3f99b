"""How fast the objects API is read, and with how many requests."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks.bench import Bench, Tap
from benchmarks.contest import Contender, Contest, Goal, hold
from benchmarks.measure import Usage
from demo.portal import ServedPortal

PROGRAM = "benchmarks.programs.objects_portal"
VERSION = "2026-09"
BY_OBJECTS: dict[str, Any] = {"api_version": VERSION, "deletion_sweep_hours": None}
OBJECTS, V1 = f"the tap by {VERSION}", "the tap by v1"

ENGAGEMENTS, CHANGED_OF, DELETED_OF, RELATED_OF = 30_000, 6_000, 8_000, 100_000
LIMITED = 120_000  # so that the fifty requests beside pages are few of all
LIMIT, WINDOW_S, PAGE_SIZE = 190, 10, 100  # HubSpot's, of a Professional or Enterprise portal
BY_ARITHMETIC = f"{LIMIT * PAGE_SIZE // WINDOW_S:,} engagements a second, by arithmetic"
SEARCHES = 5  # a second, HubSpot's

MAX_CPU_S = 60e-6  # for each engagement with all of its child streams
CHANGES, MAX_CHANGES = 2_000, 45
DELETIONS, MAX_SWEEP = 5_000, 60
MAX_RELATED = 560
FETCHED = {"engagements": ["contacts", "companies", "deals", "tickets"]}


def measure(bench: Bench) -> list[Contest]:
    """Load everything, at HubSpot's limit and without, then changes, deletions and relations."""
    with _portal(ENGAGEMENTS) as portal:
        contest = _beside_v1(bench, portal)
    return [
        contest,
        _at_the_limit(bench),
        _changes(bench),
        _deletions(bench),
        _related(bench),
    ]


def _portal(engagements: int, *options: str) -> ServedPortal:
    arguments = ("--engagements", str(engagements), "--seed", "7", *options)
    return ServedPortal(arguments, PROGRAM)


def _beside_v1(bench: Bench, portal: ServedPortal) -> Contest:
    one_worker = {**BY_OBJECTS, "backfill_workers": 1}
    alone = Tap(bench.folder, portal, one_worker)
    contenders = [
        Contender(OBJECTS, Tap(bench.folder, portal, BY_OBJECTS).run),
        Contender(f"{OBJECTS}, one worker", alone.run),
        Contender(V1, Tap(bench.folder, portal).run),
    ]
    goals = [
        Goal("cpu_s", OBJECTS, MAX_CPU_S * ENGAGEMENTS),
        Goal("peak_mb", OBJECTS, 1.1, (V1,)),
    ]
    question = f"First load of {ENGAGEMENTS:,} engagements by the objects API, all streams"
    return hold(question, ENGAGEMENTS, contenders, goals)


def _at_the_limit(bench: Bench) -> Contest:
    limits = ("--rate-limit", str(LIMIT), "--search-limit", str(SEARCHES))
    with _portal(LIMITED, *limits) as portal:
        tap = Tap(bench.folder, portal, {**BY_OBJECTS, "requests_per_10_seconds": LIMIT})

        def run() -> Usage:
            time.sleep(WINDOW_S)  # or the requests of the run before would count in this one
            return tap.run()

        least = Usage(LIMITED / (LIMIT * PAGE_SIZE / WINDOW_S))
        contenders = [
            Contender(OBJECTS, run, runs=3),
            Contender(BY_ARITHMETIC, lambda: least, runs=3),
        ]
        return hold(
            f"First load of {LIMITED:,} engagements by the objects API,"
            f" {LIMIT} requests in {WINDOW_S} s",
            LIMITED,
            contenders,
            [Goal("wall_s", OBJECTS, 1 / 0.9, (BY_ARITHMETIC,))],
        )


def _changes(bench: Bench) -> Contest:
    """Count the requests for changes; a run without any has those that every run has."""
    with _portal(CHANGED_OF) as portal:
        settings = {**BY_OBJECTS, "lookback_seconds": 0}
        # Without the tables, which are read in every run.
        first = Tap(bench.folder, portal, settings, ["engagements"])
        tap = replace(first, state=first.sync("first"))
        usage = tap.run()
        nothing_new = Contender(f"{OBJECTS}, nothing new", lambda: usage, records=1, runs=1)
        for engagement_id in portal.ids(CHANGES):
            portal.update(engagement_id, {"engagement": {"ownerId": 70}})
        name = f"{OBJECTS}, {CHANGES:,} changed"
        contenders = [Contender(name, tap.run, runs=3), nothing_new]
        question = f"Changes of {CHANGED_OF:,} engagements by the objects API"
        return hold(question, CHANGES, contenders, [Goal("requests", name, MAX_CHANGES)])


def _deletions(bench: Bench) -> Contest:
    """Count the requests of a sweep: those beyond the same run without one."""
    with _portal(DELETED_OF) as portal:
        contenders, goals = [], []
        for name, settings in ((OBJECTS, BY_OBJECTS), (V1, {"deletion_sweep_hours": None})):
            first = Tap(bench.folder, portal, {**settings, "lookback_seconds": 0})
            without = replace(first, state=first.sync(name.replace(" ", "_")))
            sweeping = replace(without, settings={**without.settings, "deletion_sweep_hours": 0})
            title = f"{name}: a sweep of {DELETIONS:,} deletions"
            contenders.append(Contender(title, partial(_beyond, sweeping, without), runs=1))
            goals.append(Goal("requests", title, MAX_SWEEP))
        for engagement_id in portal.ids(DELETIONS):
            portal.delete(engagement_id)
        return hold(f"Deletions of {DELETED_OF:,} engagements", DELETIONS, contenders, goals)


def _related(bench: Bench) -> Contest:
    """Count the requests for related records: those beyond the same load without them."""
    with _portal(RELATED_OF) as portal:
        contenders, goals = [], []
        for name, settings in ((OBJECTS, BY_OBJECTS), (V1, {"deletion_sweep_hours": None})):
            without = Tap(bench.folder, portal, settings)
            related = replace(without, settings={**settings, "fetch_associations": FETCHED})
            title = f"{name}: 53,000 related records"
            contenders.append(Contender(title, partial(_beyond, related, without), runs=1))
            goals.append(Goal("requests", title, MAX_RELATED))
        question = f"Related records of {RELATED_OF:,} engagements"
        return hold(question, RELATED_OF, contenders, goals)


def _beyond(tap: Tap, without: Tap) -> Usage:
    """Return the usage of `tap`, with the requests that `without` does not send."""
    usage, less = tap.run(), without.run()
    return replace(usage, requests=(usage.requests or 0) - (less.requests or 0))
