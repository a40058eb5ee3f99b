"""
A script of what goes wrong, and when.

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

from hubspot_simulator import answers
from hubspot_simulator.answers import HTML_TYPE, JSON_TYPE, Answer
from hubspot_simulator.portal import Portal

Change = Callable[[Portal], object]


class FaultsError(ValueError):
    """A file of faults that cannot be read; the message names the fault by its position."""


@dataclass(frozen=True)
class Fault:
    """
    What goes wrong at some of the requests that it matches: by `method`, and by a part of the path.

    `on` is the first of them, from 1, counted since the fault was added; then every `every`-th is
    struck, `times` in all (None: for good). A request has one wrong answer only: where several
    faults want to give it, the later ones wait for the next request that they match.

    `answer` is sent in place of the portal's, which then does nothing. `sent` is the share of the
    body that goes out before the connection closes, under a Content-Length that promises all of it.
    With `drop` the connection closes without an answer. `before` changes the portal just before it
    answers; `then` just after, when the client has nothing yet.
    """

    on: int = 1
    path: str | None = None
    method: str | None = None
    times: int | None = 1
    every: int = 1
    answer: Answer | None = None
    sent: float = 1.0
    drop: bool = False
    delay_s: float = 0.0
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
        """Return this fault at other requests."""
        return replace(self, on=on, path=path, method=method, times=times, every=every)

    @property
    def spoils(self) -> bool:
        """Whether the client sees a wrong answer, or none."""
        return self.answer is not None or self.drop or self.sent < 1

    def strikes(self, nth: int) -> bool:
        """Whether it is due at the `nth` request that it matches."""
        turns, rest = divmod(nth - self.on, self.every)
        return rest == 0 and turns >= 0 and (self.times is None or turns < self.times)


@dataclass
class _Armed:
    fault: Fault
    matched: int = 0
    owed: int = 0


@dataclass
class Faults:
    """The faults to come, in the order they were added; any thread may add."""

    _armed: list[_Armed] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *faults: Fault) -> None:
        """Add `faults`; each counts requests from here on."""
        with self._lock:
            self._armed += [_Armed(fault) for fault in faults]

    def clear(self) -> None:
        """Forget all faults: nothing goes wrong any more."""
        with self._lock:
            self._armed.clear()

    def due(self, method: str, path: str) -> list[Fault]:
        """Count a request and return what strikes it."""
        with self._lock:
            due: list[Fault] = []
            for armed in self._armed:
                fault = armed.fault
                if (fault.path or "") not in path or fault.method not in (None, method):
                    continue
                armed.matched += 1
                armed.owed += fault.strikes(armed.matched)
                if armed.owed and not (fault.spoils and any(other.spoils for other in due)):
                    armed.owed -= 1
                    due.append(fault)
            return due


RATE_LIMITED = Fault(answer=answers.rate_limited())
RATE_LIMITED_WITH_RETRY_AFTER = Fault(
    answer=replace(answers.rate_limited(), headers={"Retry-After": "1"})
)
RATE_LIMITED_SECONDLY = Fault(answer=answers.rate_limited("SECONDLY"))
DAILY_LIMIT_REACHED = Fault(answer=answers.rate_limited("DAILY"))
EXPIRED_TOKEN = Fault(answer=answers.expired("75 second(s)", "2022-06-21T10:37:52.040Z"))
UNDECODABLE_TOKEN = Fault(answer=answers.undecodable_token())
NO_CREDENTIALS = Fault(answer=answers.no_credentials())
MISSING_SCOPES = Fault(answer=answers.missing_scopes("crm.objects.contacts.read"))
BAD_PARAMETER = Fault(answer=answers.bad_parameter("startTimestamp"))
NOT_FOUND = Fault(answer=answers.error_answer(404, "resource not found"))
UNKNOWN_ROUTE = Fault(answer=answers.html_answer(404))
LOCKED = Fault(answer=answers.error_answer(423, "Locked"))  # HubSpot: wait two seconds at least
MIGRATING = Fault(answer=Answer(477, headers={"Retry-After": "1"}))
SERVER_ERROR = Fault(answer=answers.internal_error())
BAD_GATEWAY = Fault(answer=answers.cloudflare_answer(502, "Bad gateway"))
UNAVAILABLE = Fault(answer=answers.cloudflare_answer(503, "Service unavailable"))
GATEWAY_TIMEOUT = Fault(answer=answers.cloudflare_answer(504, "Gateway time-out"))
ORIGIN_TIMEOUT = Fault(answer=answers.cloudflare_answer(524, "A timeout occurred"))
BAD_TOKEN_FORM = Fault(answer=answers.cloudflare_answer(530, "Origin DNS error"))
NOT_JSON = Fault(answer=Answer(200, b"<html><body>One moment, please.</body></html>", HTML_TYPE))
BROKEN_JSON = Fault(answer=Answer(200, b'{"results":[{"engagement":{"id":4318933,"por'))
EMPTY_BODY = Fault(answer=Answer(200))
CUT_SHORT = Fault(sent=0.5)
DROPPED = Fault(drop=True)

BY_NAME: Mapping[str, Fault] = {
    name: value for name, value in list(globals().items()) if isinstance(value, Fault)
}


def read_faults(path: Path) -> list[Fault]:
    """
    Return the faults in a JSON file: a list of objects with the fields of `Fault`.

    `{"fault": "RATE_LIMITED", "on": 3, "times": 2}` takes one by name;
    `{"on": 2, "status": 503, "json": {…} or "body": "…", "headers": {…}}` answers as it says;
    `{"on": 4, "then": [{"create": {…}}, {"update": {"id": 5, "metadata": {…}}}, {"delete": 7}]}`
    changes the portal. Raises FaultsError for what is none of these, OSError for no such file.
    """
    try:
        entries = msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise FaultsError(f"{path}: not JSON: {error}") from error
    if not isinstance(entries, list):
        raise FaultsError(f"{path}: a list of faults is wanted")
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
        entry["answer"] = _to_answer(entry)
    for moment in ("before", "then"):
        if moment in entry:
            entry[moment] = _to_change(entry[moment])
    return replace(base, **entry)


def _to_answer(entry: dict[str, Any]) -> Answer:
    """Take the parts of an answer out of `entry`; a `body` is sent as HTML, `json` as JSON."""
    status, headers = entry.pop("status", 200), entry.pop("headers", {})
    text = entry.pop("body", None)
    if text is not None:
        return Answer(status, text.encode(), HTML_TYPE, headers)
    value = entry.pop("json", None)
    return Answer(status, b"" if value is None else msgspec.json.encode(value), JSON_TYPE, headers)


def _to_change(steps: Sequence[Mapping[str, Any]]) -> Change:
    """Return what carries out `steps`, each an object with one key: what to do."""
    known = {"create", "update", "associate", "delete", "restore"}
    for step in steps:
        if len(step) != 1 or not step.keys() <= known:
            raise ValueError(f"a change is one of {sorted(known)}, not {list(step)}")

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
