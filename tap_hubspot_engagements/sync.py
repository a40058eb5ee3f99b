"""
The whole run, readable top to bottom: which pass, which pages, which records, which state.

A STATE follows each page's records, so that a run that is killed goes on at the next page.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from datetime import datetime, timedelta, timezone

from tap_hubspot_engagements.backfill import EVERYTHING, iter_backfill
from tap_hubspot_engagements.changes import iter_changes, resume_changes
from tap_hubspot_engagements.client import HubspotClient
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.discover import Selection
from tap_hubspot_engagements.messages import Messages
from tap_hubspot_engagements.pages import Page
from tap_hubspot_engagements.progress import Progress
from tap_hubspot_engagements.records import last_updated_ms, select, to_record
from tap_hubspot_engagements.state import (
    Backfill,
    Changes,
    Position,
    State,
    ms_to_utc,
    read_position,
    utc_to_ms,
    with_currently_syncing,
    with_position,
)

LOGGER = logging.getLogger(__name__)

# HubSpot's Date header is in whole seconds, and what changes within that second may be unseen.
CLOCK_GRAIN = timedelta(seconds=1)
# Below this age of start_date, asking for changes is less work than reading everything.
CHANGES_ONLY = timedelta(days=30)

Step = tuple[Page, Position]
"""A page, and where replication stands once its records are written."""


def sync(
    client: HubspotClient,
    config: Config,
    selections: Sequence[Selection],
    state: State,
    messages: Messages,
    progress: Progress,
) -> None:
    """Replicate the selected streams from where `state` says that the last run got to."""
    for selection in selections:
        messages.write_schema(selection)
        name = selection.stream.tap_stream_id
        state = with_currently_syncing(state, name)
        messages.write_state(state)
        for page, position in iter_steps(client, config, read_position(state)):
            _write_page(page, selection, config.start_date, messages, progress)
            state = with_position(state, position)
            messages.write_state(state)
            progress.tick()
    messages.write_state(with_currently_syncing(state, None))


def iter_steps(client: HubspotClient, config: Config, position: Position) -> Iterator[Step]:
    """
    Yield what there is to replicate from `position` on.

    Without a bookmark that is everything and then what changed meanwhile; with one, what changed.
    """
    if position.changes:
        position = yield from _resume(client, config, position, position.changes)
    if position.backfill or _wants_everything(config, position):
        position = yield from _backfill(client, config, position)
        if not position.bookmark:
            LOGGER.info("the portal has no engagements")
            return
    since = position.bookmark or config.start_date
    assert since is not None, "without either there has been a backfill, which gives a bookmark"
    lookback = timedelta(seconds=config.lookback_seconds)
    yield from _drain(iter_changes(client, since, lookback, config.page_size), position)


def _wants_everything(config: Config, position: Position) -> bool:
    if position.bookmark:
        return False
    start_date = config.start_date
    return start_date is None or datetime.now(timezone.utc) - start_date >= CHANGES_ONLY


def _backfill(
    client: HubspotClient, config: Config, position: Position
) -> Generator[Step, None, Position]:
    """Yield every engagement, or those that an interrupted backfill has left."""
    begun = position.backfill
    signpost = begun.signpost if begun else None
    newest = begun.newest if begun else None
    ranges = begun.ranges if begun else EVERYTHING
    LOGGER.info("reading all engagements" if not begun else "reading the rest of all engagements")
    for step in iter_backfill(client, ranges, config.page_size):
        signpost = signpost or step.page.hubspot_at - CLOCK_GRAIN
        newest = _newest(step.page, newest)
        if step.ranges:
            position = position.during(Backfill(signpost, step.ranges, newest))
        else:
            position = position.finished(signpost, newest)
        yield step.page, position
    return position


def _resume(
    client: HubspotClient, config: Config, position: Position, begun: Changes
) -> Generator[Step, None, Position]:
    """Yield the changes that an interrupted run has left."""
    LOGGER.info("reading the rest of the changes since %s", position.bookmark)
    pages = resume_changes(client, begun.after, config.page_size)
    return (yield from _drain(pages, position, begun.signpost, begun.newest))


def _drain(
    pages: Iterator[Page],
    position: Position,
    signpost: datetime | None = None,
    newest: datetime | None = None,
) -> Generator[Step, None, Position]:
    """Yield the pages of changes, each with the position that it leads to."""
    for page in pages:
        signpost = signpost or page.hubspot_at - CLOCK_GRAIN
        newest = _newest(page, newest)
        if page.has_more:
            position = position.during(Changes(signpost, str(page.cursor), newest))
        else:
            position = position.finished(signpost, newest)
        yield page, position
    return position


def _newest(page: Page, newest: datetime | None) -> datetime | None:
    """Return the newest lastUpdated of a page and of what was seen before it."""
    seen = [ms for one in page.engagements if (ms := last_updated_ms(one)) is not None]
    if not seen:
        return newest
    at = ms_to_utc(max(seen))
    return max(newest, at) if newest else at


def _write_page(
    page: Page,
    selection: Selection,
    start_date: datetime | None,
    messages: Messages,
    progress: Progress,
) -> None:
    start_ms = utc_to_ms(start_date) if start_date else None
    records = []
    for engagement in page.engagements:
        updated_ms = last_updated_ms(engagement)
        if start_ms is not None and updated_ms is not None and updated_ms < start_ms:
            continue
        record, misfits = to_record(engagement)
        progress.count(record["type"], misfits)
        records.append(select(record, selection.properties))
    progress.nul_removed += page.nul_removed
    messages.write_records(selection.stream.tap_stream_id, records, page.received_at)
