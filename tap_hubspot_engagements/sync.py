"""
The whole run, readable top to bottom: which pass, which pages, which records, which state.

One answer of HubSpot feeds every selected stream. A STATE follows each page's records, so that a
run that is killed goes on at the next page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from itertools import compress
from typing import Any

from tap_hubspot_engagements.backfill import EVERYTHING, iter_backfill
from tap_hubspot_engagements.changes import iter_changes, resume_changes
from tap_hubspot_engagements.client import HubspotClient
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.deletions import WHAT_TO_DO, Limits, Tally
from tap_hubspot_engagements.exceptions import (
    AuthError,
    DeletionsError,
    HubspotError,
    PagingError,
    SkippedError,
    TapError,
    TransientError,
)
from tap_hubspot_engagements.json_text import to_json
from tap_hubspot_engagements.messages import Messages
from tap_hubspot_engagements.pages import Page, get_dispositions, iter_owners
from tap_hubspot_engagements.progress import Progress
from tap_hubspot_engagements.records import (
    Misfits,
    Record,
    is_redacted,
    select,
    to_disposition,
    to_owner,
)
from tap_hubspot_engagements.selection import Selection, newly_selected
from tap_hubspot_engagements.sent import Sent
from tap_hubspot_engagements.skipped import Skipped
from tap_hubspot_engagements.source import Source
from tap_hubspot_engagements.state import (
    Changes,
    Position,
    check_not_ahead,
    ms_to_utc,
    read_portal,
    read_position,
    read_records,
    utc_to_ms,
    with_currently_syncing,
    with_portal,
    with_position,
    with_records,
)
from tap_hubspot_engagements.streams import CALL_DISPOSITIONS, ENGAGEMENTS, OWNERS

LOGGER = logging.getLogger(__name__)

# HubSpot's Date header is in whole seconds, and what changes within that second may be unseen.
CLOCK_GRAIN = timedelta(seconds=1)
# Below this age of start_date, asking for changes is less work than reading everything.
CHANGES_ONLY = timedelta(days=30)
# Errors of a stream that say nothing of the others.
SET_ASIDE = (DeletionsError, HubspotError, PagingError, SkippedError, TransientError)
LIST_DELETIONS = 10  # max_deletions of dispositions and owners, which are short lists


@dataclass(frozen=True)
class Step:
    """A page, where replication stands once it is written, and whether it ends a full pass."""

    page: Page
    position: Position
    ends_full_pass: bool = False


@dataclass
class Run:
    """What the parts of a run share; `state` is the last one written."""

    client: HubspotClient
    config: Config
    messages: Messages
    progress: Progress
    state: dict[str, Any]
    selections: Sequence[Selection]
    full_refresh: bool = False
    allow_deletions: bool = False
    names: frozenset[str] = field(init=False)
    position: Position = field(init=False)  # where the last run got to
    source: Source = field(init=False)

    def __post_init__(self) -> None:
        self.names = frozenset(one.stream.tap_stream_id for one in self.selections)
        self.position = read_position(self.state)
        self.source = Source(self.client, read_portal(self.state))

    def write_state(self, state: Mapping[str, Any]) -> None:
        self.state = with_portal(state, self.source.portal)
        self.messages.write_state(self.state)


Job = Callable[[Run, Sequence[Selection]], None]


def sync(run: Run) -> None:
    """
    Replicate the selected streams, engagements first, from where the last run got to.

    A stream that HubSpot refuses does not hold up the others: once they are done and the state is
    written its error is raised, the first one where there are several.
    """
    run.source.find()
    failed: dict[str, TapError] = {}
    for job, selections in _jobs(run.selections):
        name = selections[0].stream.tap_stream_id
        for selection in selections:
            parent_selected = selection.stream.parent in run.names
            run.messages.write_schema(selection, parent_selected, run.source.name)
        run.write_state(with_currently_syncing(run.state, name))
        try:
            job(run, selections)
        except SET_ASIDE as error:
            if _ends_the_run(error, name):
                raise
            failed[name] = error
    run.write_state(with_currently_syncing(run.state, next(iter(failed), None)))
    _raise_first(failed)


def _jobs(selections: Sequence[Selection]) -> list[tuple[Job, list[Selection]]]:
    """
    Return what there is to do: engagements with the streams that come with them, then the others.

    Engagements have a bookmark of their own and need no turn: an endpoint that is refused each
    time would otherwise keep them from ever being read.
    """
    of_engagements = [one for one in selections if one.stream.to_records]
    jobs: list[tuple[Job, list[Selection]]] = []
    if of_engagements:
        jobs.append((sync_engagements, of_engagements))
    return jobs + [(sync_table, [one]) for one in selections if not one.stream.to_records]


def _ends_the_run(error: TapError, name: str) -> bool:
    """Tell whether no other stream could be read after this error of stream `name`."""
    unreachable = isinstance(error, TransientError) and name == ENGAGEMENTS.tap_stream_id
    return isinstance(error, AuthError) or unreachable


def _raise_first(failed: Mapping[str, TapError]) -> None:
    for error in list(failed.values())[1:]:
        LOGGER.error("%s", error)
    for error in failed.values():
        raise error


def sync_engagements(run: Run, selections: Sequence[Selection]) -> None:
    """Replicate engagements, and the streams that come with them."""
    position, anew = _with_selected(run.position, selections)
    every_time = any(one.full_table for one in selections)
    anew = anew or run.full_refresh
    skipped = Skipped(run.client, run.config.page_size, position.skipped, position.unread)
    run.client.page_sizes.update(position.page_sizes)
    steps = iter_steps(run.client, run.config, position, anew, every_time, run.allow_deletions)
    for number, step in enumerate(steps):
        if not number:
            check_not_ahead(run.position, step.page.hubspot_at)
        _write_step(run, selections, replace(step, page=skipped.fill(step.page)), skipped)
        position = step.position
        run.progress.tick()
    _write_late(run, selections, position, skipped)
    skipped.check()


def _write_step(run: Run, selections: Sequence[Selection], step: Step, skipped: Skipped) -> None:
    """Write a page, what a full pass that it ends has not found, and the state."""
    version = step.position.version
    assert version is not None, "every pass has one"
    run.source.check_page(step.page.engagements)
    _write_page(run, selections, step.page, version)
    if step.ends_full_pass:
        _write_late(run, selections, step.position, skipped)
    # What is left out would be taken for deleted.
    if step.ends_full_pass and not skipped.any:
        run.source.confirm()
        for selection in selections:
            run.messages.write_activate_version(selection.stream.tap_stream_id, version)
    sizes = tuple(sorted(run.client.page_sizes.items()))
    position = replace(
        step.position,
        skipped=skipped.ids,
        unread=skipped.pages,
        page_sizes=sizes,
        doubted=step.position.doubted or skipped.too_many,
    )
    run.write_state(with_position(run.state, position))


def _write_late(
    run: Run, selections: Sequence[Selection], position: Position, skipped: Skipped
) -> None:
    """Write what the last run had to leave out and can be had by now, once."""
    if skipped.waiting:
        for page in skipped.retry():
            _write_step(run, selections, Step(page, position), skipped)


def sync_table(run: Run, selections: Sequence[Selection]) -> None:
    """Replicate a stream that has an endpoint of its own, whole."""
    (selection,) = selections
    run.source.confirm()  # these records name no portal
    name = selection.stream.tap_stream_id
    now = datetime.now(timezone.utc)
    version, misfits, found = utc_to_ms(now), Misfits(), 0
    for rows in TABLES[selection.stream](run.client, misfits):
        records = [to_json(select(row, selection.properties)) for row in rows]
        run.messages.write_records(name, records, now, version)
        run.progress.count(name, len(records), misfits)
        misfits.clear()
        found += len(records)
    _check_table(run, name, found)
    if found:
        run.messages.write_activate_version(name, version)
        run.write_state(with_records(run.state, name, found))


def _check_table(run: Run, name: str, found: int) -> None:
    """Raise DeletionsError where a list has become shorter than is plausible."""
    last = read_records(run.state, name)
    limits = Limits(min(LIST_DELETIONS, run.config.max_deletions), run.config.max_deletions_share)
    doubt = limits.doubt(f"records of {name}", found, last)
    if last and not found:
        doubt = f"no records of {name}, after {last} the last time: {WHAT_TO_DO}"
    if not run.allow_deletions:
        _raise_doubt(doubt)


def _with_selected(position: Position, selections: Sequence[Selection]) -> tuple[Position, bool]:
    """Return the position with what is selected now, and whether that takes a full pass anew."""
    now = tuple(one.mark for one in selections)
    # What an older version had selected is not known.
    added = newly_selected(position.selected or now, now)
    begun = position.bookmark or position.backfill or position.changes
    if added and begun:
        LOGGER.info("newly selected: %s: everything is read anew", ", ".join(added))
    return replace(position, selected=now), bool(added and begun)


def iter_steps(
    client: HubspotClient,
    config: Config,
    position: Position,
    full_refresh: bool = False,
    every_time: bool = False,
    allow_deletions: bool = False,
) -> Iterator[Step]:
    """
    Yield what there is to replicate from `position` on.

    Without a bookmark, or when a full pass is due, that is everything and then what changed
    meanwhile; otherwise what changed. With `full_refresh` a full pass begins anew, with
    `every_time` one is due. Raises DeletionsError, in the end, where a full pass misses more than
    is plausible, unless `allow_deletions`.
    """
    doubt = None
    if full_refresh:
        position = replace(position, backfill=None, changes=None)
    if position.changes:
        position = yield from _resume(client, config, position, position.changes)
    due = full_refresh or every_time or _wants_everything(config, position)
    if position.backfill or due:
        limits = None if allow_deletions else Limits.of(config)
        position, doubt = yield from _backfill(client, config, position, limits)
        if not position.bookmark:
            _raise_doubt(doubt)
            LOGGER.info("the portal has no engagements")
            return
    since = position.bookmark or config.start_date
    assert since is not None, "without either there has been a backfill, which gives a bookmark"
    lookback = timedelta(seconds=config.lookback_seconds)
    yield from _drain(iter_changes(client, since, lookback, config.page_size), position)
    _raise_doubt(doubt)


def _raise_doubt(doubt: str | None) -> None:
    if doubt:
        raise DeletionsError(doubt)


def _wants_everything(config: Config, position: Position) -> bool:
    """Tell whether there is no bookmark to go on from, or a full pass is due."""
    now = datetime.now(timezone.utc)
    if position.doubted:
        return True
    if not position.bookmark:
        start_date = config.start_date
        return start_date is None or now - start_date >= CHANGES_ONLY
    if position.version is None or not config.full_refresh_days:
        return False
    return now - ms_to_utc(position.version) >= timedelta(days=config.full_refresh_days)


def _backfill(
    client: HubspotClient, config: Config, position: Position, limits: Limits | None
) -> Generator[Step, None, tuple[Position, str | None]]:
    """
    Yield every engagement, or those that an interrupted backfill has left.

    Returns why the pass is not believed, too, None where it is or without `limits`. Then no row is
    flagged, the bookmark stays, and another full pass is due.
    """
    begun = position.backfill
    signpost = begun.signpost if begun else None
    newest = begun.newest if begun else None
    tally = Tally(begun)
    doubt = None
    ranges = begun.ranges if begun else EVERYTHING
    LOGGER.info("reading all engagements" if not begun else "reading the rest of all engagements")
    steps = iter_backfill(
        client, ranges, config.page_size, config.backfill_workers, not begun or begun.in_order
    )
    for step in steps:
        if signpost is None:
            signpost = step.page.hubspot_at - CLOCK_GRAIN
            # Newer than any before, or the records of a pass could not be told from the last's.
            version = max(utc_to_ms(signpost), (position.version or 0) + 1)
            position = replace(position, version=version)
        elif position.version is None:
            position = replace(position, version=utc_to_ms(signpost))
        newest = _newest(step.page, newest)
        tally.add(step)
        if step.ranges:
            position = position.during(tally.left(signpost, step.ranges, newest))
        else:
            doubt = tally.doubt(client, position, limits, signpost)
            position = _after_full_pass(position, signpost, newest, tally.read, doubt)
        yield Step(step.page, position, ends_full_pass=not step.ranges and not doubt)
    return position, doubt


def _after_full_pass(
    position: Position,
    signpost: datetime,
    newest: datetime | None,
    read: int | None,
    doubt: str | None,
) -> Position:
    if doubt:
        return replace(position, backfill=None, doubted=True)
    return replace(position.finished(signpost, newest), engagements=read, doubted=False)


def _resume(
    client: HubspotClient, config: Config, position: Position, begun: Changes
) -> Generator[Step, None, Position]:
    """Yield the changes that an interrupted run has left."""
    LOGGER.info("reading the rest of the changes since %s", position.bookmark)
    pages = resume_changes(client, begun.after, config.page_size)
    position = yield from _drain(
        pages, replace(position, changes=None), begun.signpost, begun.newest
    )
    return position


def _drain(
    pages: Iterator[Page],
    position: Position,
    signpost: datetime | None = None,
    newest: datetime | None = None,
) -> Generator[Step, None, Position]:
    """Yield the pages of changes, each with the position that it leads to."""
    for page in pages:
        signpost = signpost or page.hubspot_at - CLOCK_GRAIN
        if position.version is None:
            position = replace(position, version=utc_to_ms(signpost))
        newest = _newest(page, newest)
        if any(one.id is None for one in page.broken):
            # Changes are in no order of ids: to be listed again, it must not be passed by.
            signpost = min(signpost, position.bookmark or signpost)
            position = replace(position, doubted=position.doubted or not position.bookmark)
        if not page.has_more:
            position = position.finished(signpost, newest)
        elif page.cursor is not None:
            position = position.during(Changes(signpost, str(page.cursor), newest))
        yield Step(page, position)
    return position


def _newest(page: Page, newest: datetime | None) -> datetime | None:
    """Return the newest lastUpdated of a page and of what was seen before it."""
    seen = [ms for one in page.engagements if (ms := one.last_updated_ms) is not None]
    if not seen:
        return newest
    at = ms_to_utc(max(seen))
    return max(newest, at) if newest else at


def _write_page(run: Run, selections: Sequence[Selection], page: Page, version: int) -> None:
    """Write the page's records of every stream, a parent's before its children's."""
    engagements = _since(run.config.start_date, page.engagements)
    kinds = [one.kind for one in engagements]
    for selection in selections:
        misfits, takes = Misfits(), selection.stream.takes
        taken = compress(engagements, map(takes, kinds)) if takes else engagements
        records = _to_records(selection, taken, misfits)
        name = selection.stream.tap_stream_id
        run.messages.write_records(name, records, page.received_at, version)
        run.progress.count(name, len(records), misfits)
    run.progress.count_types(
        kinds,
        sum(is_redacted(one.whole) for one in engagements) if page.may_be_redacted else 0,
        page.nul_removed,
    )


def _to_records(selection: Selection, engagements: Iterable[Sent], misfits: Misfits) -> list[bytes]:
    """Return the JSON of all records of a stream, in the order of their engagements."""
    shortcut, to_records = selection.shortcut, selection.stream.to_records
    assert to_records is not None, "a stream of engagements has it"
    made: list[bytes] = []
    for one in engagements:
        short = shortcut(one) if shortcut and one.decoded else None
        if short is None:
            records = to_records(one.whole, misfits)
            made += [to_json(select(record, selection.properties)) for record in records]
        else:
            made += short
    return made


def _since(start_date: datetime | None, engagements: Sequence[Sent]) -> Sequence[Sent]:
    """Return the engagements that were updated from `start_date` on, or do not say when."""
    if start_date is None:
        return engagements
    start_ms = utc_to_ms(start_date)
    dated = ((one.last_updated_ms, one) for one in engagements)
    return [one for updated_ms, one in dated if updated_ms is None or updated_ms >= start_ms]


def _iter_dispositions(client: HubspotClient, misfits: Misfits) -> Iterator[list[Record]]:
    yield [to_disposition(one, misfits) for one in get_dispositions(client)]


def _iter_owners(client: HubspotClient, misfits: Misfits) -> Iterator[list[Record]]:
    for owners in iter_owners(client):
        yield [to_owner(one, misfits) for one in owners]


TABLES = {CALL_DISPOSITIONS: _iter_dispositions, OWNERS: _iter_owners}
