"""
Which passes a run makes, full or over changes, and how far the bookmark may move.

A bookmark never passes the signpost, the moment by HubSpot's clock at which the pass began.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.deletions import DeletionLimits, find_doubt
from tap_hubspot_engagements.exceptions import DeletionsError
from tap_hubspot_engagements.source import Page, RecordSource
from tap_hubspot_engagements.state import FIRST_SOURCE, Position, Unfinished
from tap_hubspot_engagements.times import ms_to_utc, utc_to_ms

LOGGER = logging.getLogger(__name__)

# HubSpot's Date header is in whole seconds; a change within that second may be missing.
DATE_HEADER_RESOLUTION = timedelta(seconds=1)
# With a start_date younger than this, reading changes is less work than reading everything.
MAX_AGE_FOR_CHANGES_ONLY = timedelta(days=30)


@dataclass(frozen=True)
class Step:
    """A page, the position once the page is written, and whether the page ends a full pass."""

    page: Page
    position: Position
    ends_full_pass: bool = False


@dataclass(frozen=True)
class PassOptions:
    """
    Options of a run that change which passes it makes.

    `full_refresh` begins a full pass anew, `every_time` makes one due, `allow_deletions` accepts a
    pass however much is missing.
    """

    full_refresh: bool = False
    every_time: bool = False
    allow_deletions: bool = False


def iter_steps(
    source: RecordSource, config: Config, position: Position, options: PassOptions | None = None
) -> Iterator[Step]:
    """
    Yield the steps of replication from `position` on.

    Without a bookmark, or when a full pass is due, the run reads everything, and then the changes
    since then; otherwise only changes. Raises DeletionsError at the end, after all steps, if a
    full pass misses more than is plausible.
    """
    options = options or PassOptions()
    doubt = None
    position, leaves_out_less = _with_left_out(source, config, position)
    begins_anew = options.full_refresh or leaves_out_less
    if begins_anew:
        position = replace(position, backfill=None, changes=None)
    position = _without_foreign_passes(source, position)
    position = _without_skipped_types(source, position)
    position = position.written_by(source.name)
    if position.changes:
        position = yield from _resume_changes(source, position, position.changes)
    is_due = begins_anew or options.every_time or _is_full_pass_due(config, position)
    if position.backfill or is_due:
        limits = None if options.allow_deletions else DeletionLimits.from_config(config)
        if limits is not None and not source.sees_rows_of(position.writers):
            limits = DeletionLimits.none()  # no row is flagged for being missing
        position, doubt = yield from _read_everything(source, position, limits)
        if not position.bookmark:
            _raise_doubt(doubt)
            LOGGER.info("the portal has no %s", source.noun)
            return
    since = position.bookmark or config.start_date
    assert since is not None, "without either there has been a full pass, which sets a bookmark"
    yield from _read_changes(source, source.read_changes(since), position)
    _raise_doubt(doubt)


def _raise_doubt(doubt: str | None) -> None:
    if doubt:
        raise DeletionsError(doubt)


def _with_left_out(
    source: RecordSource, config: Config, position: Position
) -> tuple[Position, bool]:
    """Return `position` with what the settings leave out, and whether that was more before."""
    returned = position.no_longer_left_out(source.skip_types, config.start_date)
    if returned:
        LOGGER.info("no longer left out: %s; reading all %s", ", ".join(returned), source.noun)
    skip_types = tuple(source.skip_types)
    return replace(position, skip_types=skip_types, start_date=config.start_date), bool(returned)


def _without_foreign_passes(source: RecordSource, position: Position) -> Position:
    """Return `position` without an unfinished pass of another source, which begins anew."""
    if position.unread and source.name != FIRST_SOURCE:
        # Pages of FIRST_SOURCE, by ids; a full pass reads what is on them, too.
        position = replace(position, unread=(), doubted=True)
    unfinished = position.unfinished
    if unfinished is None or unfinished.source == source.name:
        return position
    LOGGER.warning(
        "the state's unfinished pass is of the API %s, not %s: the pass begins anew",
        unfinished.source,
        source.name,
    )
    return position.begun_anew()


def _without_skipped_types(source: RecordSource, position: Position) -> Position:
    """Return `position` without an unfinished pass over types that are skipped by now."""
    skipped = source.skipped_in(position.unfinished.resume) if position.unfinished else ()
    if not skipped:
        return position
    LOGGER.warning(
        "skip_types leaves out %s, which the state's unfinished pass has still to read:"
        " the pass begins anew",
        ", ".join(skipped),
    )
    return position.begun_anew()


def _is_full_pass_due(config: Config, position: Position) -> bool:
    now = datetime.now(timezone.utc)
    if position.doubted:
        return True
    if not position.bookmark:
        start_date = config.start_date
        return start_date is None or now - start_date >= MAX_AGE_FOR_CHANGES_ONLY
    if position.version is None or not config.full_refresh_days:
        return False
    return now - ms_to_utc(position.version) >= timedelta(days=config.full_refresh_days)


def _read_everything(
    source: RecordSource, position: Position, limits: DeletionLimits | None
) -> Generator[Step, None, tuple[Position, str | None]]:
    """
    Yield every engagement, or those that an interrupted full pass has left.

    Returns the new position, and why the pass is not plausible: None for a plausible pass, or
    without `limits`.
    After an implausible pass no row is flagged, the bookmark stays, and another pass is due.
    """
    doubt = None
    unfinished = position.backfill
    signpost = unfinished.signpost if unfinished else None
    newest = unfinished.newest if unfinished else None
    read = unfinished.read if unfinished else 0
    LOGGER.info("reading %sall %s", "the rest of " if unfinished else "", source.noun)
    for page in source.read_all(unfinished.resume if unfinished else None):
        position, signpost = _with_version(position, page, signpost, is_new=True)
        newest = newest_change(page, newest)
        read = 0 if page.starts_over else read
        read = None if read is None else read + len(page.engagements)
        if page.is_last:
            if limits is not None and read is not None:
                doubt = find_doubt(source, position, limits, page, read, signpost)
            position = _after_full_pass(position, signpost, newest, read, doubt)
        else:
            assert page.resume is not None, "read_all can be resumed"
            backfill = Unfinished(signpost, page.resume, newest, read, source.name)
            position = position.during_backfill(backfill)
        yield Step(page, position, ends_full_pass=page.is_last and not doubt)
    return position, doubt


def _with_version(
    position: Position, page: Page, signpost: datetime | None, *, is_new: bool
) -> tuple[Position, datetime]:
    """
    Return the position with a version, and the pass's signpost, both set by the first page.

    A new full pass (`is_new`) must have a higher version than the previous one, or ACTIVATE_VERSION
    could not separate new records from older ones.
    """
    if signpost is None:
        signpost = page.hubspot_at - DATE_HEADER_RESOLUTION
        if is_new:
            version = max(utc_to_ms(signpost), (position.version or 0) + 1)
            return replace(position, version=version), signpost
    if position.version is None:
        position = replace(position, version=utc_to_ms(signpost))
    return position, signpost


def _after_full_pass(
    position: Position,
    signpost: datetime,
    newest: datetime | None,
    read: int | None,
    doubt: str | None,
) -> Position:
    if doubt:
        return replace(position, backfill=None, doubted=True)
    return replace(position.after_pass(signpost, newest), engagements=read, doubted=False)


def _resume_changes(
    source: RecordSource, position: Position, changes: Unfinished
) -> Generator[Step, None, Position]:
    """Yield the changes that an interrupted run has left."""
    LOGGER.info("reading the rest of the changes since %s", position.bookmark)
    pages = source.resume_changes(changes.resume)
    position = replace(position, changes=None)
    return (yield from _read_changes(source, pages, position, changes.signpost, changes.newest))


def _read_changes(
    source: RecordSource,
    pages: Iterator[Page],
    position: Position,
    signpost: datetime | None = None,
    newest: datetime | None = None,
) -> Generator[Step, None, Position]:
    """Yield the pages of changes, each with the position after the page."""
    for page in pages:
        position, signpost = _with_version(position, page, signpost, is_new=False)
        newest = newest_change(page, newest)
        if any(record.id is None for record in page.unreadable):
            # The next run has to list this change again, so the bookmark must not pass it.
            signpost = min(signpost, position.bookmark or signpost)
            position = replace(position, doubted=position.doubted or not position.bookmark)
        if page.is_last:
            position = position.after_pass(signpost, newest)
        elif page.resume is not None:
            changes = Unfinished(signpost, page.resume, newest, source=source.name)
            position = position.during_changes(changes)
        yield Step(page, position)
    return position


def newest_change(page: Page, newest: datetime | None) -> datetime | None:
    """Return the newest lastUpdated of a page and of the pages before it, None if unknown."""
    updates_ms = [
        engagement.last_updated_ms
        for engagement in page.engagements
        if engagement.last_updated_ms is not None
    ]
    if not updates_ms:
        return newest
    at = ms_to_utc(max(updates_ms))
    return max(newest, at) if newest else at
