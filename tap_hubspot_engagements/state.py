"""
Where the last run got to, and where this one may say it got to. Pure.

A bookmark never passes the signpost, the moment by HubSpot's clock at which the pass began.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from tap_hubspot_engagements.config import parse_moment
from tap_hubspot_engagements.exceptions import ConfigError
from tap_hubspot_engagements.streams import ENGAGEMENTS

State = Mapping[str, Any]
Range = tuple[int, int | None]
"""Ids still to read: those above the first, below the second or, with None, without an end."""

PORTAL = "portal"
KNOWN = frozenset(("bookmarks", "currently_syncing", PORTAL))  # keys of a state
# Meltano's, old and new, the later over the earlier.
MELTANO = ("completed", "completed_state", "partial", "partial_state")
STREAM = ENGAGEMENTS.tap_stream_id
BOOKMARK = "lastUpdated"
# Ours, and those of singer-io's tap-hubspot.
MARKS = frozenset(
    f"{BOOKMARK} version backfill changes selected engagements doubted skipped unread page_sizes"
    " cursor offset current_sync_start last_sync_duration".split()
)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
CLOCKS_DIFFER = timedelta(minutes=1)
MILLISECOND = timedelta(milliseconds=1)
FIRST_MOMENT = datetime.min.replace(tzinfo=timezone.utc)
LAST_MOMENT = datetime.max.replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class Backfill:
    """An unfinished pass over all engagements: what is left, and the newest change seen."""

    signpost: datetime
    ranges: tuple[Range, ...]
    newest: datetime | None = None
    in_order: bool = True  # of ids; if not, HubSpot's own cursor is all there is to go by
    read: int | None = None  # engagements so far; None in states of older versions
    highest: int = 0  # id so far


@dataclass(frozen=True)
class Changes:
    """
    An unfinished pass over changes: HubSpot's cursor, and the newest change seen.

    Without a signpost the cursor is where an earlier pass ended, and this one has not begun.
    """

    signpost: datetime | None
    after: str
    newest: datetime | None = None


@dataclass(frozen=True)
class Position:
    """
    Where replication stands; at most one pass is unfinished.

    `version` marks the records since the last full pass began: its moment, in Unix ms.
    `engagements` is how many the last full pass found, None where that is not known.
    `selected` is what the records so far were selected by, None in states of older versions.
    """

    bookmark: datetime | None = None
    version: int | None = None
    backfill: Backfill | None = None
    changes: Changes | None = None
    selected: tuple[tuple[str, ...], ...] | None = None
    engagements: int | None = None
    page_sizes: tuple[tuple[str, int], ...] = ()  # those that work, by path
    skipped: tuple[int, ...] = ()  # ids of engagements that could not be read
    unread: tuple[Range, ...] = ()  # pages with engagements that could not even be identified
    doubted: bool = False  # the last full pass was not believed, and another one is due

    def finished(self, signpost: datetime, newest: datetime | None) -> Position:
        """Return where a whole pass leaves us: it moves the bookmark as far as it has seen."""
        seen = min(newest, signpost) if newest else self.bookmark
        bookmark = max(filter(None, (self.bookmark, seen)), default=None)
        return replace(self, bookmark=bookmark, backfill=None, changes=None)

    def during(self, unfinished: Backfill | Changes) -> Position:
        """Return where an unfinished pass stands; the bookmark has not moved."""
        if isinstance(unfinished, Backfill):
            return replace(self, backfill=unfinished, changes=None)
        return replace(self, backfill=None, changes=unfinished)


def unwrap(value: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the state in what a state file holds.

    That is the state itself, a whole STATE message, or what Meltano keeps and prints, whose partial
    state, of a run that did not end well, goes over the completed one. Raises ConfigError for
    anything else: to begin anew instead would hide it.
    """
    if isinstance(wrapped := value.get("value"), Mapping) and not value.keys() & KNOWN:
        return unwrap(wrapped)
    if isinstance(wrapped := value.get("singer_state"), Mapping):
        return unwrap(wrapped)
    if value.keys() & MELTANO and not value.keys() & KNOWN:
        parts = [value.get(name) or {} for name in MELTANO if name in value]
        if not all(isinstance(part, Mapping) for part in parts):
            raise ConfigError(f"state: {', '.join(value)} must hold objects")
        merged: dict[str, Any] = {}
        for part in parts:
            _merge(unwrap(part), merged)
        return merged
    if value and not value.keys() & KNOWN:
        raise ConfigError(f"state: holds {', '.join(map(repr, value))} and no bookmarks")
    return dict(value)


def _merge(source: Mapping[str, Any], into: dict[str, Any]) -> None:
    """Merge as Meltano does: objects key by key."""
    for key, value in source.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(value, into[key])
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


def read_position(state: State) -> Position:
    """
    Return where a state says that replication stands.

    Raises ConfigError, naming the faulty part, for a state that cannot be understood: to begin
    anew instead would hide it.
    """
    bookmarks = _object(state, "bookmarks", "state")
    mark = _object(bookmarks, STREAM, "bookmarks")
    given = [name for name, value in mark.items() if value is not None]
    if given and MARKS.isdisjoint(given):
        raise ConfigError(f"state: bookmarks.{STREAM} holds {', '.join(given)}, not {BOOKMARK}")
    try:
        backfill = _unfinished(mark, "backfill")
        return Position(
            bookmark=_moment(mark.get(BOOKMARK)),
            version=_id(mark["version"]) if mark.get("version") is not None else None,
            backfill=_read_backfill(backfill) if backfill else None,
            changes=_read_changes(mark) if not backfill else None,
            selected=_read_selected(mark.get("selected")),
            engagements=_count(mark.get("engagements")),
            skipped=tuple(map(_id, mark.get("skipped") or ())),
            unread=_read_ranges(mark.get("unread") or ()),
            page_sizes=tuple((str(path), _id(size)) for path, size in mark.get("page_sizes") or ()),
            doubted=mark.get("doubted") is True,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"state: bookmarks.{STREAM} cannot be read: {error!r}") from error


def read_portal(state: State) -> int | None:
    """Return the portal that a state belongs to, None where it does not say; or ConfigError."""
    portal = state.get(PORTAL)
    try:
        return None if portal is None else _id(portal)
    except ValueError as error:
        raise ConfigError(f"state: {PORTAL} cannot be read: {error}") from error


def with_portal(state: State, portal: int | None) -> dict[str, Any]:
    """Return `state` with the portal that it belongs to, where that is known."""
    return dict(state) if portal is None else {**state, PORTAL: portal}


def with_position(state: State, position: Position) -> dict[str, Any]:
    """
    Return `state` with the stream at `position`; the given state is not changed.

    What has ended becomes null: Meltano merges states key by key, and would keep what is left out.
    What may end is in a list, since that merge fails where it meets an object in place of a null.
    """
    bookmarks = _object(state, "bookmarks", "state")
    mark: dict[str, Any] = dict.fromkeys(_object(bookmarks, STREAM, "bookmarks"))
    if position.bookmark:
        mark[BOOKMARK] = to_rfc3339(position.bookmark)
    if position.version is not None:
        mark["version"] = position.version
    if position.skipped:
        mark["skipped"] = position.skipped
    if position.unread:
        mark["unread"] = position.unread
    if position.page_sizes:
        mark["page_sizes"] = position.page_sizes
    if position.doubted:
        mark["doubted"] = True
    if position.engagements is not None:
        mark["engagements"] = position.engagements
    if position.selected is not None:
        mark["selected"] = position.selected
    if position.backfill:
        mark["backfill"] = [_written_backfill(position.backfill)]
    if position.changes:
        mark["changes"] = [_written(position.changes, after=position.changes.after)]
    return {**state, "bookmarks": {**bookmarks, STREAM: mark}}


def with_currently_syncing(state: State, tap_stream_id: str | None) -> dict[str, Any]:
    """Return `state` saying which stream is being replicated, or that none is."""
    return {**state, "currently_syncing": tap_stream_id}


def ms_to_utc(at_ms: int) -> datetime:
    """Return Unix ms as UTC; the nearest moment that a calendar holds, for ticks and the like."""
    try:
        return EPOCH + at_ms * MILLISECOND
    except OverflowError:
        return LAST_MOMENT if at_ms > 0 else FIRST_MOMENT


def utc_to_ms(at: datetime) -> int:
    """Return `at` as Unix ms, rounded down."""
    return (at - EPOCH) // MILLISECOND


def to_rfc3339(at: datetime) -> str:
    """Return `at` in UTC with microseconds, as singer writes date-times."""
    in_utc = at.astimezone(timezone.utc).replace(tzinfo=None)
    return in_utc.isoformat(timespec="microseconds") + "Z"


def _object(parent: State, name: str, where: str) -> Mapping[str, Any]:
    value = parent.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"state: {name} of {where} must be an object")
    return value


def _unfinished(mark: State, name: str) -> Mapping[str, Any]:
    """Return an unfinished pass, empty where there is none; older states have it without a list."""
    value = mark.get(name)
    if isinstance(value, list):
        (value,) = value or [None]
    return _object({name: value}, name, STREAM)


def _written_backfill(backfill: Backfill) -> dict[str, Any]:
    parts: dict[str, Any] = {"ranges": backfill.ranges}
    if not backfill.in_order:
        parts["in_order"] = False
    if backfill.read is not None:
        parts |= {"read": backfill.read, "highest": backfill.highest}
    return _written(backfill, **parts)


def read_records(state: State, tap_stream_id: str) -> int | None:
    """Return how many records a list without a bookmark had the last time; or ConfigError."""
    mark = _object(_object(state, "bookmarks", "state"), tap_stream_id, "bookmarks")
    try:
        return _count(mark.get("records"))
    except ValueError as error:
        raise ConfigError(f"state: bookmarks.{tap_stream_id} cannot be read: {error}") from error


def with_records(state: State, tap_stream_id: str, records: int) -> dict[str, Any]:
    """Return `state` with how many records a list without a bookmark has."""
    bookmarks = _object(state, "bookmarks", "state")
    return {**state, "bookmarks": {**bookmarks, tap_stream_id: {"records": records}}}


def check_not_ahead(position: Position, now: datetime) -> None:
    """
    Raise ConfigError where a moment of the state lies ahead of HubSpot's clock, `now`.

    From such a bookmark on nothing would ever be read, and no full pass would ever be due.
    """
    moments = {
        BOOKMARK: position.bookmark,
        "version": None if position.version is None else ms_to_utc(position.version),
        "backfill.signpost": position.backfill and position.backfill.signpost,
        "changes.signpost": position.changes and position.changes.signpost,
    }
    for name, at in moments.items():
        if at and at > now + CLOCKS_DIFFER:
            raise ConfigError(
                f"state: {name} of bookmarks.{STREAM}, {to_rfc3339(at)}, lies ahead of HubSpot's"
                f" clock, {to_rfc3339(now)}: take an earlier state, or set {BOOKMARK} to when the"
                " last good run began and leave out the rest of the bookmark"
            )


def _read_selected(value: object) -> tuple[tuple[str, ...], ...] | None:
    if value is None:
        return None
    lists = (list, tuple)
    if not isinstance(value, lists) or not all(
        isinstance(one, lists) and len(one) > 1 and all(isinstance(part, str) for part in one)
        for one in value
    ):
        raise ValueError(f"not what was selected: {value!r}")
    return tuple(tuple(one) for one in value)


def _moment(value: object) -> datetime | None:
    return None if value is None else parse_moment(value)


def _read_backfill(given: Mapping[str, Any]) -> Backfill:
    ranges = _read_ranges(given["ranges"])
    if not ranges:
        raise ValueError("a backfill without ranges")
    newest, in_order = _moment(given.get("newest")), given.get("in_order") is not False
    read, highest = _count(given.get("read")), _id(given.get("highest") or 0)
    return Backfill(parse_moment(given["signpost"]), ranges, newest, in_order, read, highest)


def _read_ranges(given: Iterable[Any]) -> tuple[Range, ...]:
    return tuple((_id(low), None if high is None else _id(high)) for low, high in given)


def _read_changes(mark: Mapping[str, Any]) -> Changes | None:
    """
    Return the changes that a bookmark says are unfinished, None without any.

    A bookmark of tap-hubspot is taken over: without `lastUpdated` it has the cursor of an
    interrupted run in `offset.after`, of a finished one in `cursor`.
    """
    given = _unfinished(mark, "changes")
    if given:
        signpost, newest = parse_moment(given["signpost"]), _moment(given.get("newest"))
        return Changes(signpost, _cursor(given["after"]), newest)
    after = _object(mark, "offset", STREAM).get("after") or mark.get("cursor")
    if after is None or mark.get(BOOKMARK) is not None:
        return None
    return Changes(None, _cursor(after))


def _cursor(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"not a cursor: {value!r}")
    return value


def _id(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"not an id: {value!r}")
    return value


def _count(value: object) -> int | None:
    return None if value is None else _id(value)


def _written(unfinished: Backfill | Changes, **parts: object) -> dict[str, Any]:
    moments = {"signpost": unfinished.signpost, "newest": unfinished.newest}
    written = {name: to_rfc3339(at) for name, at in moments.items() if at}
    return {**written, **parts}
