"""
A script of faults: which requests fail, and how.

    simulator.faults.add(RATE_LIMITED, SERVER_ERROR.at(5, path="paged", times=2))

Bodies are those of HubSpot's error handling guide, its usage limits and recorded errors.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from hubspot_simulator import responses
from hubspot_simulator.portal import Portal
from hubspot_simulator.responses import HTML_TYPE, JSON_TYPE, Response

Change = Callable[[Portal], object]


class FaultsError(ValueError):
    """A file of faults is invalid; the message names the fault by its position, from 1."""


@dataclass(frozen=True)
class Fault:
    """
    A fault at some of the requests that match `method` and contain `path` in their path.

    `on` is the first of them, from 1, counted since the fault was added. From there every
    `every`-th request has the fault, `times` in all (None: without an end). Only one fault can
    replace a request's response: further ones wait for the next matching request.

    `response` is sent instead of the portal's, which then does nothing, unless `done`: then the
    portal carries the request out, and its own answer is lost. `sent` is the share of the
    body to send before the connection closes; Content-Length still promises all of the body.
    `drop` closes the connection without a response. `delay_s` is in seconds. `before` changes the
    portal just before the response is made; `then` just after, before the client gets anything.
    """

    on: int = 1
    path: str | None = None
    method: str | None = None
    times: int | None = 1
    every: int = 1
    response: Response | None = None
    sent: float = 1.0
    drop: bool = False
    delay_s: float = 0.0
    done: bool = False
    before: Change | None = None
    then: Change | None = None

    def __post_init__(self) -> None:
        if self.on < 1 or self.every < 1 or (self.times is not None and self.times < 1):
            raise ValueError("on, every and times count from 1")
        if not 0 <= self.sent <= 1 or self.delay_s < 0:
            raise ValueError("sent is a share from 0 to 1, delay_s is 0 or more")

    def at(
        self,
        on: int = 1,
        *,
        path: str | None = None,
        method: str | None = None,
        times: int | None = 1,
        every: int = 1,
    ) -> Fault:
        """Return the same fault for other requests."""
        return replace(self, on=on, path=path, method=method, times=times, every=every)

    @property
    def replaces_response(self) -> bool:
        """Whether the client gets another response than the portal's, or none."""
        return self.response is not None or self.drop or self.sent < 1

    def is_due(self, nth: int) -> bool:
        """Return whether the `nth` matching request, counted from 1, has this fault."""
        turns, rest = divmod(nth - self.on, self.every)
        return rest == 0 and turns >= 0 and (self.times is None or turns < self.times)


@dataclass
class _Counter:
    """A fault, how many requests matched, and how many of its turns are still to come."""

    fault: Fault
    matches: int = 0
    pending: int = 0


@dataclass
class Faults:
    """The active faults, in the order they were added; thread-safe."""

    _counters: list[_Counter] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *faults: Fault) -> None:
        """Add `faults`; each counts requests from now on."""
        with self._lock:
            self._counters += [_Counter(fault) for fault in faults]

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._counters.clear()

    def due(self, method: str, path: str) -> list[Fault]:
        """Count a request and return its faults."""
        with self._lock:
            due: list[Fault] = []
            for counter in self._counters:
                fault = counter.fault
                if (fault.path or "") not in path or fault.method not in (None, method):
                    continue
                counter.matches += 1
                counter.pending += fault.is_due(counter.matches)
                is_blocked = fault.replaces_response and any(one.replaces_response for one in due)
                if counter.pending and not is_blocked:
                    counter.pending -= 1
                    due.append(fault)
            return due


RATE_LIMITED = Fault(response=responses.rate_limited())
RATE_LIMITED_WITH_RETRY_AFTER = Fault(
    response=replace(responses.rate_limited(), headers={"Retry-After": "1"})
)
RATE_LIMITED_SECONDLY = Fault(response=responses.rate_limited("SECONDLY"))
DAILY_LIMIT_REACHED = Fault(response=responses.rate_limited("DAILY"))
EXPIRED_TOKEN = Fault(response=responses.expired("75 second(s)", "2022-06-21T10:37:52.040Z"))
UNDECODABLE_TOKEN = Fault(response=responses.undecodable_token())
NO_CREDENTIALS = Fault(response=responses.no_credentials())
MISSING_SCOPES = Fault(response=responses.missing_scopes("crm.objects.contacts.read"))
BAD_PARAMETER = Fault(response=responses.bad_parameter("startTimestamp"))
NOT_FOUND = Fault(response=responses.error_response(404, "resource not found"))
UNKNOWN_ROUTE = Fault(response=responses.html_response(404))
LOCKED = Fault(
    response=responses.error_response(423, "Locked")
)  # HubSpot asks for a wait of at least two seconds
MIGRATING = Fault(response=Response(477, headers={"Retry-After": "1"}))
SERVER_ERROR = Fault(response=responses.internal_error())
BAD_GATEWAY = Fault(response=responses.cloudflare_response(502, "Bad gateway"))
UNAVAILABLE = Fault(response=responses.cloudflare_response(503, "Service unavailable"))
GATEWAY_TIMEOUT = Fault(response=responses.cloudflare_response(504, "Gateway time-out"))
ORIGIN_TIMEOUT = Fault(response=responses.cloudflare_response(524, "A timeout occurred"))
BAD_TOKEN_FORM = Fault(response=responses.cloudflare_response(530, "Origin DNS error"))
NOT_JSON = Fault(
    response=Response(200, b"<html><body>One moment, please.</body></html>", HTML_TYPE)
)
BROKEN_JSON = Fault(response=Response(200, b'{"results":[{"engagement":{"id":4318933,"por'))
EMPTY_BODY = Fault(response=Response(200))
CUT_SHORT = Fault(sent=0.5)
DROPPED = Fault(drop=True)
# The portal has carried out the request, and the client does not get to know.
DONE_THEN_SERVER_ERROR = Fault(response=responses.internal_error(), done=True)
DONE_THEN_GATEWAY_TIMEOUT = Fault(
    response=responses.cloudflare_response(504, "Gateway time-out"), done=True
)
# The request is lost before the portal gets it.
LOST = Fault(response=responses.internal_error(), drop=True)

BY_NAME: Mapping[str, Fault] = {
    name: value for name, value in list(globals().items()) if isinstance(value, Fault)
}


def read_faults(path: Path) -> list[Fault]:
    """
    Return the faults in a JSON file: a list of objects with the fields of `Fault`.

    `{"fault": "RATE_LIMITED", "on": 3, "times": 2}` selects a fault by name;
    `{"on": 2, "status": 503, "json": {…} or "body": "…", "headers": {…}}` sends this response;
    `{"on": 4, "then": [{"create": {…}}, {"update": {"id": 5, "metadata": {…}}}, {"delete": 7}]}`
    changes the portal. Raises FaultsError for any other content, OSError without a file.
    """
    try:
        entries = msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise FaultsError(f"{path}: not JSON: {error}") from error
    if not isinstance(entries, list):
        raise FaultsError(f"{path}: must be a list of faults")
    faults = []
    for number, entry in enumerate(entries, start=1):
        try:
            faults.append(_to_fault(dict(entry)))
        except (KeyError, TypeError, ValueError) as error:
            raise FaultsError(f"{path}: fault {number}: {error}") from error
    return faults


def _to_fault(entry: dict[str, Any]) -> Fault:
    name = entry.pop("fault", None)
    if name is not None and name not in BY_NAME:
        raise ValueError(f"no fault named {name}; there are {', '.join(BY_NAME)}")
    base = Fault() if name is None else BY_NAME[name]
    if entry.keys() & {"status", "json", "body", "headers"}:
        entry["response"] = _to_response(entry)
    for moment in ("before", "then"):
        if moment in entry:
            entry[moment] = _to_change(entry[moment])
    return replace(base, **entry)


def _to_response(entry: dict[str, Any]) -> Response:
    """Remove a response's parts from `entry` and build it; `body` is HTML text, `json` a value."""
    status, headers = entry.pop("status", 200), entry.pop("headers", {})
    text = entry.pop("body", None)
    if text is not None:
        return Response(status, text.encode(), HTML_TYPE, headers)
    value = entry.pop("json", None)
    return Response(
        status, b"" if value is None else msgspec.json.encode(value), JSON_TYPE, headers
    )


def _to_change(steps: Sequence[Mapping[str, Any]]) -> Change:
    """Return a function that applies `steps`; each is an object whose only key names the change."""
    verbs = {"create", "update", "associate", "delete", "restore"}
    for step in steps:
        if len(step) != 1 or not step.keys() <= verbs:
            raise ValueError(f"a change is one of {sorted(verbs)}, not {list(step)}")

    def change(portal: Portal) -> None:
        for step in steps:
            for verb, value in step.items():
                _change(portal, verb, value)

    return change


def _change(portal: Portal, verb: str, value: Any) -> None:
    if verb == "create":
        portal.create(value)
    elif verb == "delete":
        portal.delete(value)
    elif verb == "restore":
        portal.restore(value)
    elif verb == "associate":
        portal.associate(value["id"], value["key"], value["objectIds"])
    else:
        options = {key: part for key, part in value.items() if key != "id"}
        portal.update(value["id"], **options)
