"""How the tap compares with other taps that read the objects API, by v3's undated paths."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks import peers
from benchmarks.bench import Bench
from benchmarks.contest import Contender, Contest, Goal, hold
from benchmarks.objects import BY_OBJECTS, PROGRAM
from benchmarks.programs import v3
from benchmarks.programs.objects_portal import objects_portal
from benchmarks.taps import V3_STREAMS, Command, Peer, Track
from demo.portal import TOKEN, ServedPortal

ENGAGEMENTS, SLOW_PEER_ENGAGEMENTS, SEED = 30_000, 3_000, 7
READ_AGAIN = 20  # at most: changes of the last hour come again at the end of a first load
BY_V3 = {**BY_OBJECTS, "api_version": "v3"}
OURS, ALONE, V1_ALONE = "the tap by v3", "the tap by v3, engagements", "the tap by v1, engagements"
MELTANO = "meltano-tap-hubspot 0.10.1"

AIRBYTE = "airbyte-source-hubspot 5.7.0"
AIRBYTE_V1 = f"{AIRBYTE}, engagements by v1"
# Airbyte's source has no streams of communications and of postal mail.
AIRBYTE_TYPES = ("calls", "emails", "meetings", "notes", "tasks")
AIRBYTE_CONFIG = {
    "credentials": {"credentials_title": "Private App Credentials", "access_token": TOKEN},
    "start_date": "2006-06-01T00:00:00Z",
}
PEERS: Mapping[str, Any] = {"runs": 3, "may_fail": True}


def measure(bench: Bench) -> list[Contest]:
    """Load everything beside Meltano's tap, and fewer engagements beside Airbyte's source."""
    contests = []
    comparisons: tuple[tuple[int, Callable[[Track], Contest]], ...] = (
        (ENGAGEMENTS, _beside_meltano),
        (SLOW_PEER_ENGAGEMENTS, _beside_airbyte),
    )
    for engagements, compare in comparisons:
        arguments = ("--engagements", str(engagements), "--seed", str(SEED))
        with ServedPortal(arguments, PROGRAM) as portal:
            try:
                contests.append(compare(Track(portal, bench.folder)))
            except peers.PeerMissing as error:
                print(f"not compared with: {error}", file=sys.stderr)
    return contests


def _beside_meltano(track: Track) -> Contest:
    program = peers.meltano_tap_hubspot() / "tap-hubspot"
    # With a start_date it would search, which gives 10,000 objects a query.
    peer = Peer(MELTANO, program, {"access_token": TOKEN}, V3_STREAMS)
    theirs = track.contender(MELTANO, partial(track.sync, peer), _at_least(ENGAGEMENTS))
    contenders = [*_ours(track, ENGAGEMENTS), replace(theirs, **PEERS)]
    question = f"First load of {ENGAGEMENTS:,} engagements by v3, beside another tap of it"
    return hold(question, ENGAGEMENTS, contenders)


def _beside_airbyte(track: Track) -> Contest:
    program = peers.airbyte_source_hubspot() / "source-hubspot"
    alone = track.ours(streams=["engagements"])
    all_of_them = _at_least(SLOW_PEER_ENGAGEMENTS)

    def airbyte(name: str, streams: Sequence[str], records: int) -> Contender:
        command = partial(_airbyte_command, track, [program, "read"], streams)
        contender = track.contender(name, command, range(records, records + 1))
        return replace(contender, records=records, **PEERS)

    streams = [f"engagements_{one}" for one in AIRBYTE_TYPES]
    contenders = [
        *_ours(track, SLOW_PEER_ENGAGEMENTS),
        track.contender(V1_ALONE, alone.command, all_of_them),
        airbyte(AIRBYTE, streams, _count(AIRBYTE_TYPES)),
        airbyte(AIRBYTE_V1, ["engagements"], SLOW_PEER_ENGAGEMENTS),
    ]
    goals = [
        Goal("cpu_s", OURS, 1 / 10, (AIRBYTE,)),
        Goal("cpu_s", V1_ALONE, 1 / 10, (AIRBYTE_V1,)),
    ]
    question = f"First load of {SLOW_PEER_ENGAGEMENTS:,} engagements by v3, beside Airbyte's source"
    return hold(question, SLOW_PEER_ENGAGEMENTS, contenders, goals)


def _ours(track: Track, engagements: int) -> list[Contender]:
    """Return the tap with all streams, and with engagements alone."""
    all_streams = track.ours(settings=BY_V3)
    alone = track.ours(settings=BY_V3, streams=["engagements"])
    return [
        track.contender(OURS, all_streams.command, _at_least(engagements)),
        track.contender(ALONE, alone.command, _at_least(engagements)),
    ]


def _airbyte_command(track: Track, program: Command, streams: Sequence[str]) -> Command:
    """Return the command line of a first load of `streams`, and write the files that it names."""
    config = track.file("airbyte.json", AIRBYTE_CONFIG)
    entries = [_configured(name) for name in streams]
    catalog = track.file("airbyte.catalog.json", {"streams": entries})
    return track.redirected(*program, "--config", config, "--catalog", catalog)


def _configured(name: str) -> Mapping[str, Any]:
    """Return a stream's entry of Airbyte's configured catalog; the source has schemas itself."""
    stream = {
        "name": name,
        "json_schema": {"type": "object"},
        "supported_sync_modes": ["full_refresh", "incremental"],
        "source_defined_cursor": True,
        "source_defined_primary_key": [["id"]],
    }
    return {"stream": stream, "sync_mode": "incremental", "destination_sync_mode": "append_dedup"}


def _at_least(engagements: int) -> range:
    return range(engagements, engagements + READ_AGAIN + 1)


def _count(object_types: Sequence[str]) -> int:
    """Return how many of the engagements in the smaller portal are objects of `object_types`."""
    records = objects_portal(SLOW_PEER_ENGAGEMENTS, SEED).records()
    return sum(v3.KINDS[one["engagement"]["type"]] in object_types for one in records)
