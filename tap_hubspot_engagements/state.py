"""
The end of the last run, in the form of the state. Pure.

A pass that has not ended keeps its signpost, the newest change so far, and the source's place to
resume.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tap_hubspot_engagements.exceptions import ConfigError
from tap_hubspot_engagements.source import Resume
from tap_hubspot_engagements.state_file import FULL_REFRESH
from tap_hubspot_engagements.streams import ENGAGEMENTS
from tap_hubspot_engagements.times import ms_to_utc, parse_moment, to_rfc3339

State = Mapping[str, Any]

PORTAL = "portal"
STREAM = ENGAGEMENTS.tap_stream_id
BOOKMARK = "lastUpdated"
OBJECT_BOOKMARK = "updatedAt"  # of object streams
# Ours, and those of singer-io's tap-hubspot.
MARK_KEYS = frozenset(
    f"{BOOKMARK} {OBJECT_BOOKMARK} version backfill changes selected engagements doubted skipped"
    " unread page_sizes writers swept skip_types start_date"
    " cursor offset current_sync_start last_sync_duration".split()
)
PENDING = "associations"  # beside the streams' bookmarks: related ids to read
INCOMPLETE = "incomplete"  # in PENDING: types whose ids were lost
FIRST_SOURCE = "v1"  # of passes that do not name their source
MAX_CLOCK_DIFFERENCE = timedelta(minutes=1)


@dataclass(frozen=True)
class Unfinished:
    """
    The checkpoint of a pass that has not ended: signpost, newest change so far, place to resume.

    `signpost` is None for a pass that has not begun: `resume` is the end of an earlier pass. `read`
    counts the engagements of a full pass, None in states of older versions. `source` is the name
    of the source that understands `resume`.
    """

    signpost: datetime | None
    resume: Resume
    newest: datetime | None = None
    read: int | None = None
    source: str = FIRST_SOURCE


@dataclass(frozen=True)
class Position:
    """
    The progress of replication; at most one pass is unfinished.

    `version` marks the records since the last full pass began: that signpost in Unix ms.
    `engagements` is the number that the last full pass read, None if unknown. `selected` is the
    selection of the records so far, None in states of older versions. `skipped` are ids, and
    `unread` places of read_all, of engagements that could not be read. `doubted` says that the last
    full pass was not plausible, or left out too much, so that another is due. `writers` are the
    sources whose records there are, () for FIRST_SOURCE alone. Deletions before `swept` have been
    told. The passes so far left out `skip_types`, and records last changed before `start_date`.
    """

    bookmark: datetime | None = None
    version: int | None = None
    backfill: Unfinished | None = None
    changes: Unfinished | None = None
    selected: tuple[tuple[str, ...], ...] | None = None
    engagements: int | None = None
    page_sizes: tuple[tuple[str, int], ...] = ()  # that work, by path
    skipped: tuple[int, ...] = ()
    unread: tuple[Resume, ...] = ()
    doubted: bool = False
    writers: tuple[str, ...] = ()
    swept: datetime | None = None
    skip_types: tuple[str, ...] = ()
    start_date: datetime | None = None

    @property
    def unfinished(self) -> Unfinished | None:
        """The unfinished pass, if there is one."""
        return self.backfill or self.changes

    def no_longer_left_out(
        self, skip_types: Sequence[str], start_date: datetime | None
    ) -> list[str]:
        """Return in words what the passes so far left out, and a pass with these settings reads."""
        types = [kind for kind in self.skip_types if kind not in skip_types]
        before = self.start_date
        if before is None or (start_date is not None and start_date >= before):
            return types
        return [*types, f"records last changed before {to_rfc3339(before)}"]

    def begun_anew(self) -> Position:
        """Return the position from which the unfinished pass begins again."""
        is_full_pass_due = self.doubted or self.backfill is not None
        return replace(self, backfill=None, changes=None, doubted=is_full_pass_due)

    def written_by(self, source: str) -> Position:
        """Return the position once there are records of this source, too."""
        has_begun = self.bookmark or self.version
        before = self.writers or ((FIRST_SOURCE,) if has_begun else ())
        writers = tuple(sorted({*before, source}))
        return replace(self, writers=() if writers == (FIRST_SOURCE,) else writers)

    def after_pass(self, signpost: datetime, newest: datetime | None) -> Position:
        """
        Return the position after a complete pass.

        The bookmark moves to the newest change, never back and never past the signpost.
        """
        end = min(newest, signpost) if newest else self.bookmark
        bookmark = max(filter(None, (self.bookmark, end)), default=None)
        return replace(self, bookmark=bookmark, backfill=None, changes=None)

    def during_backfill(self, backfill: Unfinished) -> Position:
        """Return the position during a full pass; the bookmark stays."""
        return replace(self, backfill=backfill, changes=None)

    def during_changes(self, changes: Unfinished) -> Position:
        """Return the position during a pass over changes; the bookmark stays."""
        return replace(self, backfill=None, changes=changes)


def bookmark_key(stream: str) -> str:
    """Return the key of a stream's bookmark, the name of the replication key."""
    return BOOKMARK if stream == STREAM else OBJECT_BOOKMARK


def read_position(state: State, stream: str = STREAM) -> Position:
    """
    Return the position of a stream that a state names.

    Raises ConfigError, naming the faulty part, for a state that cannot be understood: to begin
    anew instead would hide the mistake.
    """
    bookmarks = _object(state, "bookmarks", "state")
    mark = _object(bookmarks, stream, "bookmarks")
    key = bookmark_key(stream)
    names = [name for name, value in mark.items() if value is not None]
    if names and MARK_KEYS.isdisjoint(names):
        raise ConfigError(f"state: bookmarks.{stream} holds {', '.join(names)}, not {key}")
    try:
        backfill = _read_unfinished(mark, "backfill")
        return Position(
            bookmark=_moment(mark.get(key)),
            version=_count(mark.get("version")),
            backfill=backfill,
            changes=None if backfill else _read_changes(mark),
            selected=_read_selected(mark.get("selected")),
            engagements=_count(mark.get("engagements")),
            skipped=tuple(map(_number, mark.get("skipped") or ())),
            unread=tuple(map(_resume, mark.get("unread") or ())),
            page_sizes=tuple(
                (str(path), _number(size)) for path, size in mark.get("page_sizes") or ()
            ),
            doubted=mark.get("doubted") is True,
            writers=_read_names(mark.get("writers")),
            skip_types=_read_names(mark.get("skip_types")),
            start_date=_moment(mark.get("start_date")),
            swept=_moment(mark.get("swept")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise unreadable_state(error, stream) from error


def unreadable_state(error: Exception, stream: str = STREAM) -> ConfigError:
    """Return the error for a stream's faulty bookmark."""
    return ConfigError(f"state: bookmarks.{stream} cannot be read: {error!r}")


def read_portal(state: State) -> int | None:
    """Return the portal that a state belongs to, None if unnamed; raise ConfigError."""
    try:
        return _count(state.get(PORTAL))
    except ValueError as error:
        raise ConfigError(f"state: {PORTAL} cannot be read: {error}") from error


def with_portal(state: State, portal: int | None) -> dict[str, Any]:
    """Return `state` with the portal, if known."""
    return dict(state) if portal is None else {**state, PORTAL: portal}


def with_full_pass_due(state: State, streams: Iterable[str]) -> dict[str, Any]:
    """
    Return `state` with a full pass due, from its beginning, for each of `streams` that has a mark.

    Until that pass has written a state of its own, a killed run leaves this one. The marks take the
    place of FULL_REFRESH, which becomes null: Meltano's merge would keep it.
    """
    bookmarks = _object(state, "bookmarks", "state")
    due = {"doubted": True, "backfill": None, "changes": None}
    marks = {
        name: {**mark, **due}
        for name in streams
        if isinstance(mark := bookmarks.get(name), Mapping) and mark
    }
    cleared = {FULL_REFRESH: None} if FULL_REFRESH in state else {}
    return {**state, **cleared, "bookmarks": {**bookmarks, **marks}}


def with_position(state: State, position: Position, stream: str = STREAM) -> dict[str, Any]:
    """
    Return `state` with a stream at `position`; the argument stays unchanged.

    A finished pass becomes null: Meltano merges states key by key, and would keep a missing key. An
    unfinished pass is in a list, since that merge fails at an object in place of a null.
    """
    bookmarks = _object(state, "bookmarks", "state")
    mark: dict[str, Any] = dict.fromkeys(_object(bookmarks, stream, "bookmarks"))
    values = {
        bookmark_key(stream): to_rfc3339(position.bookmark) if position.bookmark else None,
        "version": position.version,
        "skipped": position.skipped or None,
        "unread": position.unread or None,
        "page_sizes": position.page_sizes or None,
        "doubted": position.doubted or None,
        "engagements": position.engagements,
        "writers": position.writers or None,
        "swept": to_rfc3339(position.swept) if position.swept else None,
        "skip_types": position.skip_types or None,
        "start_date": to_rfc3339(position.start_date) if position.start_date else None,
        "selected": position.selected,
        "backfill": [_write_unfinished(position.backfill)] if position.backfill else None,
        "changes": [_write_unfinished(position.changes)] if position.changes else None,
    }
    mark |= {name: value for name, value in values.items() if value is not None}
    return {**state, "bookmarks": {**bookmarks, stream: mark}}


def read_pending(state: State) -> Mapping[str, Any]:
    """Return the related ids that are still to be read, by type; raise ConfigError."""
    bookmarks = _object(state, "bookmarks", "state")
    pending = _object(bookmarks, PENDING, "bookmarks")
    lists = {name: ids for name, ids in pending.items() if ids and name != INCOMPLETE}
    try:
        return {name: [*map(_number, ids)] for name, ids in lists.items()}
    except (TypeError, ValueError) as error:
        raise unreadable_state(error, PENDING) from error


def read_incomplete(state: State) -> Sequence[str]:
    """Return the types of which ids were lost, since HubSpot refused to read them."""
    bookmarks = _object(state, "bookmarks", "state")
    names = _object(bookmarks, PENDING, "bookmarks").get(INCOMPLETE) or ()
    return [str(name) for name in names]


def with_pending(
    state: State, pending: Mapping[str, Sequence[int]], incomplete: Sequence[str]
) -> dict[str, Any]:
    """Return `state` with the related ids that are still to be read; null for a type without."""
    bookmarks = _object(state, "bookmarks", "state")
    known = dict.fromkeys(_object(bookmarks, PENDING, "bookmarks"))
    by_type = {name: list(ids) or None for name, ids in pending.items()}
    mark = {**known, **by_type, INCOMPLETE: list(incomplete) or None}
    return {**state, "bookmarks": {**bookmarks, PENDING: mark}}


def with_currently_syncing(state: State, tap_stream_id: str | None) -> dict[str, Any]:
    """Return `state` naming the stream that is being replicated, or none."""
    return {**state, "currently_syncing": tap_stream_id}


def read_records(state: State, tap_stream_id: str) -> int | None:
    """Return the number of records of a full-table stream's last run, None if unknown."""
    mark = _object(_object(state, "bookmarks", "state"), tap_stream_id, "bookmarks")
    try:
        return _count(mark.get("records"))
    except ValueError as error:
        raise ConfigError(f"state: bookmarks.{tap_stream_id} cannot be read: {error}") from error


def with_records(state: State, tap_stream_id: str, records: int) -> dict[str, Any]:
    """Return `state` with the number of records of a full-table stream."""
    bookmarks = _object(state, "bookmarks", "state")
    return {**state, "bookmarks": {**bookmarks, tap_stream_id: {"records": records}}}


def check_not_ahead(position: Position, now: datetime, stream: str = STREAM) -> None:
    """
    Raise ConfigError if a moment of the state lies ahead of HubSpot's clock, `now`.

    From such a bookmark no change would ever be read, and no full pass would ever be due.
    """
    key = bookmark_key(stream)
    moments = {
        key: position.bookmark,
        "swept": position.swept,
        "version": None if position.version is None else ms_to_utc(position.version),
        "backfill.signpost": position.backfill and position.backfill.signpost,
        "changes.signpost": position.changes and position.changes.signpost,
    }
    for name, at in moments.items():
        if at and at > now + MAX_CLOCK_DIFFERENCE:
            raise ConfigError(
                f"state: {name} of bookmarks.{stream}, {to_rfc3339(at)}, lies ahead of HubSpot's"
                f" clock, {to_rfc3339(now)}: take an earlier state, or set {key} to when the"
                " last good run began and leave out the rest of the bookmark"
            )


def _read_unfinished(mark: State, name: str) -> Unfinished | None:
    """Return the unfinished pass of this name; all keys that are not ours make the resume."""
    value = mark.get(name)
    if isinstance(value, list):  # older states have the pass without a list
        (value,) = value or [None]
    fields = dict(_object({name: value}, name, STREAM))
    if not fields:
        return None
    signpost, newest = parse_moment(fields.pop("signpost")), _moment(fields.pop("newest", None))
    read, source = _count(fields.pop("read", None)), fields.pop("source", FIRST_SOURCE)
    return Unfinished(signpost, _resume(fields), newest, read, str(source))


def _write_unfinished(unfinished: Unfinished) -> dict[str, Any]:
    moments = {"signpost": unfinished.signpost, "newest": unfinished.newest}
    fields: dict[str, Any] = {name: to_rfc3339(at) for name, at in moments.items() if at}
    if unfinished.read is not None:
        fields["read"] = unfinished.read
    if unfinished.source != FIRST_SOURCE:
        fields["source"] = unfinished.source
    return {**fields, **unfinished.resume}


def _read_changes(mark: State) -> Unfinished | None:
    """
    Return the unfinished pass over changes.

    A bookmark of singer-io's tap-hubspot is accepted: without `lastUpdated`, the cursor of an
    interrupted run in `offset.after`, of a finished run in `cursor`.
    """
    unfinished = _read_unfinished(mark, "changes")
    if unfinished:
        return unfinished
    after = _object(mark, "offset", STREAM).get("after") or mark.get("cursor")
    if after is None or mark.get(BOOKMARK) is not None:
        return None
    return Unfinished(None, {"after": after})


def _read_selected(value: object) -> tuple[tuple[str, ...], ...] | None:
    if value is None:
        return None
    lists = (list, tuple)
    if not isinstance(value, lists) or not all(
        isinstance(mark, lists) and len(mark) > 1 and all(isinstance(part, str) for part in mark)
        for mark in value
    ):
        raise ValueError(f"not a selection: {value!r}")
    return tuple(tuple(mark) for mark in value)


def _read_names(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"not names: {value!r}")
    return tuple(value)


def _object(parent: State, name: str, place: str) -> Mapping[str, Any]:
    value = parent.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"state: {name} of {place} must be an object")
    return value


def _resume(value: object) -> Resume:
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"not a place to resume: {value!r}")
    return value


def _moment(value: object) -> datetime | None:
    return None if value is None else parse_moment(value)


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"not a whole number: {value!r}")
    return value


def _count(value: object) -> int | None:
    return None if value is None else _number(value)
