"""Serves a portal from the command line until it is told to stop."""

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
    Serve until SIGTERM or SIGINT, and return the exit code: 0, or 1 where it cannot start.

    The first and only line on stdout is the URL.
    """
    parser = build_parser()
    options = parser.parse_args(arguments)
    # Held back until sigwait asks for them, in the threads to come as well: nothing is cut in two.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        faults = read_faults(options.faults) if options.faults else []
        simulator = Simulator(
            read_portal(options),
            options.port,
            token=options.token,
            latency_s=options.latency_ms / 1000,
            rate_limit=options.rate_limit,
            search_limit=options.search_limit,
            scopes=options.scopes.split(",") if options.scopes else None,
            objects=read_behaviour(options.objects),
            faults=faults,
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
        description="A HubSpot portal on loopback. Prints its URL, and serves until it is stopped.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=switch_help(),
    )
    parser.add_argument("--port", type=int, default=8080, help="0 for a free one (%(default)s)")
    parser.add_argument(
        "--engagements", type=whole_number, default=5000, metavar="N", help="made up (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=7, help="of what is made up (%(default)s)")
    held = parser.add_mutually_exclusive_group()
    held.add_argument("--portal", choices=("june-2018",), help="a built-in portal instead")
    held.add_argument(
        "--lifelike", action="store_true", help="a sales team at work, for reports to look at"
    )
    held.add_argument(
        "--recording", type=Path, metavar="DIR", help="a folder of recorded answers instead"
    )
    parser.add_argument(
        "--latency-ms", type=whole_number, default=0, metavar="MS", help="of each answer"
    )
    parser.add_argument(
        "--rate-limit",
        type=whole_number,
        metavar="N",
        help="requests in any 10 s, then 429 (no limit)",
    )
    parser.add_argument(
        "--search-limit",
        type=whole_number,
        metavar="N",
        help="searches of the objects API in any second, then 429 (no limit; HubSpot: 5)",
    )
    parser.add_argument("--scopes", metavar="A,B", help="the token's scopes (all)")
    parser.add_argument(
        "--objects",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a switch of the objects API, see below; may be repeated",
    )
    parser.add_argument("--token", default="pat-test", help="that is let in (%(default)s)")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="JSON: what goes wrong, when")
    parser.add_argument(
        "--version",
        action="version",
        version=f"hubspot_simulator {version('tap-hubspot-engagements')}",
    )
    return parser


def switch_help() -> str:
    """Return the switches of the objects API with their defaults, for the end of --help."""
    lines = [f"  {name}={default}\n      {meaning}" for name, default, meaning in switch_lines()]
    return "\n".join(["switches of the objects API (--objects NAME=VALUE):", *lines])


def read_portal(options: argparse.Namespace) -> Portal:
    """Return the portal that the options ask for; raises OSError for a folder that is none."""
    if options.recording:
        return Portal.from_recording(options.recording)
    if options.portal:
        return Portal.june_2018()
    if options.lifelike:
        return Portal.lifelike(options.engagements, options.seed)
    return Portal.generate(options.engagements, options.seed)


def whole_number(text: str) -> int:
    """Return a number from 0 up; raises ValueError for what is none."""
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


if __name__ == "__main__":
    sys.exit(main())
