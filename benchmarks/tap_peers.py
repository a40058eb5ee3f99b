"""How the tap compares with other taps of HubSpot, on portals that all of them can read."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from benchmarks import peers
from benchmarks.bench import TAP, Bench
from benchmarks.contest import Contender, Contest, Goal, hold
from benchmarks.taps import V3_STREAMS, Peer, Track
from demo.portal import TOKEN, ServedPortal

ENGAGEMENTS, FEW_ENGAGEMENTS = 50_000, 20_000
CHANGED = FEW_ENGAGEMENTS // 100
READ_AGAIN = 20  # at most: ours reads the changes of the last hour twice
ALONE = ("engagements",)

OURS = "the tap, engagements"
ONE_WORKER, ALL_STREAMS = f"{OURS}, one worker", "the tap, all streams"
SINGER, MELTANO = "tap-hubspot 4.5.0", "meltano-tap-hubspot 0.10.1"
LARGE_PAGES = f"{SINGER}, pages of 1,000"  # the most that HubSpot allows; it asks for 190

Peers = Mapping[str, Peer]


def measure(bench: Bench) -> list[Contest]:
    """Start the taps, load everything, load what is new."""
    found = _installed()
    with _portal(ENGAGEMENTS) as portal:
        track = Track(portal, bench.folder)
        contests = [
            _first_load(track, found),
            *_beside_v3(track, found),
            *_start_up(track, found),
        ]
    with _portal(FEW_ENGAGEMENTS) as portal:
        contests += _increments(Track(portal, bench.folder), found)
    return contests


def _portal(engagements: int) -> ServedPortal:
    arguments = ("--engagements", str(engagements), "--seed", "7")
    return ServedPortal(arguments, "benchmarks.programs.even_portal")


def _installed() -> Peers:
    found = {}
    for install in (_singer, _meltano):
        try:
            peer = install()
        except peers.PeerMissing as error:
            print(f"not compared with: {error}", file=sys.stderr)
        else:
            found[peer.name] = peer
    return found


def _singer() -> Peer:
    # A --catalog it takes, too, and then writes nothing.
    config = {"api_key": TOKEN, "start_date": "2000-01-01T00:00:00Z"}
    return Peer(SINGER, peers.tap_hubspot() / "tap-hubspot", config, ALONE, "--properties")


def _meltano() -> Peer:
    # With a start_date it would search, which gives 10,000 objects a query.
    program = peers.meltano_tap_hubspot() / "tap-hubspot"
    return Peer(MELTANO, program, {"access_token": TOKEN}, V3_STREAMS)


def _at_least(engagements: int) -> range:
    return range(engagements, engagements + READ_AGAIN + 1)


def _first_load(track: Track, found: Peers) -> Contest:
    all_of_them = _at_least(ENGAGEMENTS)
    one_worker = track.ours(streams=ALONE, settings={"backfill_workers": 1})
    contenders = [
        track.contender(OURS, track.ours(streams=ALONE).command, all_of_them),
        track.contender(ONE_WORKER, one_worker.command, all_of_them),
        track.contender(ALL_STREAMS, track.ours().command, all_of_them),
        *_of_singer(track, found, all_of_them),
    ]
    goals = [
        Goal("cpu_s", OURS, 1 / 7, (SINGER,)),
        Goal("cpu_s", ALL_STREAMS, 1 / 3, (SINGER,)),
    ]
    question = f"First load of {ENGAGEMENTS:,} engagements, other taps"
    return hold(question, ENGAGEMENTS, contenders, goals)


def _beside_v3(track: Track, found: Peers) -> list[Contest]:
    if MELTANO not in found:
        return []
    all_of_them = _at_least(ENGAGEMENTS)
    contenders = [
        track.contender(OURS, track.ours(streams=ALONE).command, all_of_them),
        track.contender(ALL_STREAMS, track.ours().command, all_of_them),
        track.contender(MELTANO, partial(track.sync, found[MELTANO]), all_of_them),
    ]
    question = f"First load of {ENGAGEMENTS:,} engagements, beside a tap of v3's slimmer objects"
    return [hold(question, ENGAGEMENTS, contenders)]


def _increments(track: Track, found: Peers) -> list[Contest]:
    ours = track.state_after("ours", track.ours().command())
    theirs = track.state_after("theirs", track.sync(found[SINGER])) if SINGER in found else None

    def contenders(new: int) -> list[Contender]:
        records = _at_least(new)
        alone, all_streams = track.ours(streams=ALONE, state=ours), track.ours(state=ours)
        return [
            track.contender(OURS, alone.command, records),
            track.contender(ALL_STREAMS, all_streams.command, records),
            *_of_singer(track, found, records, theirs),
        ]

    question = f"An increment of {FEW_ENGAGEMENTS:,} engagements, other taps"
    contests = [hold(f"{question}, nothing new", 1, contenders(0))]
    for engagement_id in track.portal.ids(CHANGED):
        track.portal.update(engagement_id, {"engagement": {"ownerId": 70}})
    contests.append(hold(f"{question}, {CHANGED:,} changed", CHANGED, contenders(CHANGED)))
    return contests


def _of_singer(
    track: Track, found: Peers, records: range, state: Path | None = None
) -> list[Contender]:
    """Return Singer's own tap with its pages and with the largest, none where it is missing."""
    if SINGER not in found:
        return []
    large_pages = found[SINGER].with_config(LARGE_PAGES, engagements_page_size=1000)
    return [
        track.contender(peer.name, partial(track.sync, peer, state), records)
        for peer in (found[SINGER], large_pages)
    ]


def _start_up(track: Track, found: Peers) -> list[Contest]:
    """Say what they can; to discover their streams, the others ask the portal."""

    def contenders(argument: str) -> list[Contender]:
        ours = Contender("the tap", lambda: track.run([TAP, argument]))
        others = [
            Contender(peer.name, partial(track.run, track.command(peer, argument)))
            for peer in found.values()
        ]
        return [ours, *others]

    return [
        hold(f"Start-up, {argument}, other taps", 1, contenders(argument))
        for argument in ("--help", "--discover")
    ]
