"""Serves a portal from the command line until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from hubspot_simulator.faults import read_faults
from hubspot_simulator.objects.behaviour import read_behaviour, switch_lines
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Serve until SIGTERM or SIGINT; returns the exit code: 0, or 1 for a failed start.

    The first and only line on standard output is the URL.
    """
    options = build_parser().parse_args(arguments)
    # Blocked in this and all later threads until sigwait: no response is cut by a signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        simulator = Simulator(
            read_portal(options),
            options.port,
            token=options.token,
            latency_s=options.latency_ms / 1000,
            rate_limit=options.rate_limit,
            search_limit=options.search_limit,
            scopes=options.scopes.split(",") if options.scopes else None,
            objects=read_behaviour(options.objects),
            faults=read_faults(options.faults) if options.faults else (),
        )
        simulator.start()
    except (OSError, OverflowError, ValueError) as error:
        sys.stderr.write(f"hubspot_simulator: {error}\n")
        return 1
    sys.stdout.write(f"{simulator.url}\n")
    sys.stdout.flush()
    signal.sigwait(STOP_SIGNALS)
    simulator.stop()
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m hubspot_simulator",
        description="Simulates a HubSpot portal on a loopback port. Prints the URL, and serves"
        " until SIGTERM or SIGINT.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=switch_help(),
    )
    add = parser.add_argument
    add("--port", type=int, default=8080, help="port to listen on, 0 for a free one (%(default)s)")
    _add_portal_options(parser)
    latency = "milliseconds before each response (%(default)s)"
    add("--latency-ms", type=whole_number, default=0, metavar="MS", help=latency)
    limit = "requests in any 10 s; more get a 429 (default: no limit)"
    add("--rate-limit", type=whole_number, metavar="N", help=limit)
    searches = "searches in any second; more get a 429 (default: no limit; HubSpot: 5)"
    add("--search-limit", type=whole_number, metavar="N", help=searches)
    add("--scopes", metavar="A,B", help="scopes of the token (default: all)")
    switch = "switch of the objects API, listed below; repeatable"
    add("--objects", action="append", default=[], metavar="NAME=VALUE", help=switch)
    add("--token", default="pat-test", help="the only accepted token (%(default)s)")
    add("--faults", type=Path, metavar="FILE", help="JSON file of faults: which requests fail, how")
    shown_version = f"hubspot_simulator {version('tap-hubspot-engagements')}"
    add("--version", action="version", version=shown_version)
    return parser


def switch_help() -> str:
    """Return the switches of the objects API with their defaults, for the end of --help."""
    lines = [f"  {name}={default}\n      {meaning}" for name, default, meaning in switch_lines()]
    return "\n".join(["switches of the objects API (--objects NAME=VALUE):", *lines])


def _add_portal_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the portal."""
    number = "how many engagements to generate (%(default)s)"
    parser.add_argument("--engagements", type=whole_number, default=5000, metavar="N", help=number)
    parser.add_argument("--seed", type=int, default=7, help="seed of the generator (%(default)s)")
    add = parser.add_mutually_exclusive_group().add_argument
    add("--portal", choices=("june-2018",), help="serve a built-in portal instead")
    lifelike = "serve a sales team at work instead, for reports to look at"
    add("--lifelike", action="store_true", help=lifelike)
    falls = "of --lifelike: last week with a third of calls fewer, and 60 %% fewer of one person"
    parser.add_argument("--falls", action="store_true", help=falls)
    recording = "serve a folder of recorded responses instead"
    add("--recording", type=Path, metavar="DIR", help=recording)


def read_portal(options: argparse.Namespace) -> Portal:
    """Return the portal that the options choose.

    Raises OSError for a folder without lists, ValueError for options that exclude one another.
    """
    if options.falls and not options.lifelike:
        raise ValueError("--falls is for --lifelike only")
    if options.recording:
        return Portal.from_recording(options.recording)
    if options.portal:
        return Portal.june_2018()
    if options.lifelike:
        return Portal.lifelike(options.engagements, options.seed, falls=options.falls)
    return Portal.generate(options.engagements, options.seed)


def whole_number(text: str) -> int:
    """Parse a number of at least 0; raises ValueError for any other text."""
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


if __name__ == "__main__":
    sys.exit(main())
