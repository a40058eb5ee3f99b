"""
The whole run, readable top to bottom: which streams, which pages, which records, which state.

One response of HubSpot feeds every selected stream. A STATE follows each page's records, so that a
run that is killed resumes at the next page. The pipe gives backpressure: a page is written before
the next is taken.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import compress

from hubspot_api.exceptions import AuthError, HubspotError, TransientError
from tap_hubspot_engagements.deletion_sweep import (
    first_swept,
    is_due,
    since_ms,
    with_deletion,
    without_told,
)
from tap_hubspot_engagements.engagement import FastPath
from tap_hubspot_engagements.exceptions import DeletionsError, PagingError, SkippedError
from tap_hubspot_engagements.objects.archived import Deletions
from tap_hubspot_engagements.record_lines import to_lines, updated_since
from tap_hubspot_engagements.records import TypeMismatches, is_redacted
from tap_hubspot_engagements.reference_tables import sync_reference_table
from tap_hubspot_engagements.related_pairs import fast_pairs
from tap_hubspot_engagements.replication import DATE_HEADER_RESOLUTION, Step, iter_steps
from tap_hubspot_engagements.run import Run
from tap_hubspot_engagements.selection import Selection, newly_selected
from tap_hubspot_engagements.skipped import Skipped
from tap_hubspot_engagements.source import Page
from tap_hubspot_engagements.state import (
    FIRST_SOURCE,
    Position,
    check_not_ahead,
    with_currently_syncing,
    with_full_pass_due,
    with_position,
)
from tap_hubspot_engagements.streams import ENGAGEMENTS
from tap_hubspot_engagements.sync_objects import sync_objects
from tap_hubspot_engagements.times import EPOCH, ms_to_utc

LOGGER = logging.getLogger(__name__)

# Errors of one stream that do not stop the others.
STREAM_ERRORS = (DeletionsError, HubspotError, PagingError, SkippedError, TransientError)

NO_MISMATCHES: TypeMismatches = ()

Job = Callable[[Run, Sequence[Selection]], None]


def sync(run: Run) -> None:
    """
    Replicate the selected streams, engagements first, from the end of the last run.

    A stream that HubSpot refuses does not hold up the others. Once they are complete and the state
    is written, the error is raised, the first of several.
    """
    run.portal_check.find()
    run.leave_out(run.related_reader.find_refused_pairs())
    run.related_reader.write_schemas(run.portal_check.source_name)
    run.needs_full_pass = run.related_reader.needs_full_pass()
    if run.needs_full_pass:
        # Before the first STATE, which no longer has the reason for these passes.
        run.state = with_full_pass_due(run.state, _roots(run.selections))
    failures: dict[str, Exception] = {}
    for job, selections in _jobs(run.selections):
        name = selections[0].stream.tap_stream_id
        for selection in selections:
            is_parent_selected = selection.stream.parent in run.names
            run.messages.write_schema(selection, is_parent_selected, run.portal_check.source_name)
        run.write_state(with_currently_syncing(run.state, name))
        try:
            job(run, selections)
        except STREAM_ERRORS as error:
            if _ends_the_run(error, name):
                raise
            failures[name] = error
    run.related_reader.flush(final=True)
    failures = {**failures, **run.related_reader.failures}
    run.write_state(with_currently_syncing(run.state, next(iter(failures), None)))
    _raise_first(failures)


def _jobs(selections: Sequence[Selection]) -> list[tuple[Job, list[Selection]]]:
    """
    Return the jobs in order: engagements, objects, each with child streams, and then the tables.

    Engagements come first in every run: an endpoint that HubSpot refuses each time would otherwise
    keep them from ever being read.
    """
    with_engagements = [one for one in selections if _root_of(one) == ENGAGEMENTS.tap_stream_id]
    objects = [one for one in selections if one.stream.object_type]
    jobs: list[tuple[Job, list[Selection]]] = []
    if with_engagements:
        jobs.append((sync_engagements, with_engagements))
    for selection in objects:
        name = selection.stream.tap_stream_id
        pairs = [one for one in selections if one.stream.pair and one.stream.parent == name]
        jobs.append((sync_objects, [selection, *pairs]))
    tables = [selection for selection in selections if selection.stream.read]
    return jobs + [(sync_reference_table, [selection]) for selection in tables]


def _roots(selections: Sequence[Selection]) -> set[str]:
    """Return the streams that passes are made of, engagements and objects."""
    return {root for one in selections if (root := _root_of(one))}


def _root_of(selection: Selection) -> str | None:
    """Return the stream that a stream's records come and go with; None for a reference table."""
    stream = selection.stream
    return None if stream.read else stream.parent or stream.tap_stream_id


def _ends_the_run(error: Exception, name: str) -> bool:
    """Tell whether no other stream could be read after this error of stream `name`."""
    is_unreachable = isinstance(error, TransientError) and name == ENGAGEMENTS.tap_stream_id
    return isinstance(error, AuthError) or is_unreachable


def _raise_first(failures: Mapping[str, Exception]) -> None:
    for error in list(failures.values())[1:]:
        LOGGER.error("%s", error)
    for error in failures.values():
        raise error


def sync_engagements(run: Run, selections: Sequence[Selection]) -> None:
    """Replicate engagements and their child streams."""
    position, has_new = _with_selected(run.position, selections)
    options = replace(
        run.options,
        full_refresh=run.options.full_refresh or has_new or run.needs_full_pass,
        every_time=any(selection.full_table for selection in selections),
    )
    unread = position.unread if run.source.name == FIRST_SOURCE else ()
    skipped = Skipped(run.source, position.skipped, unread)
    writer = _Writer(run, selections, skipped)
    for number, step in enumerate(iter_steps(run.source, run.config, position, options)):
        if not number:
            check_not_ahead(run.position, step.page.hubspot_at)
        writer.write_step(replace(step, page=skipped.fill(step.page)))
        position = step.position
        run.progress.tick()
    writer.write_retries(position)
    writer.sweep(position)
    skipped.raise_if_any()


def _with_selected(position: Position, selections: Sequence[Selection]) -> tuple[Position, bool]:
    """Return the position with the current selection, and whether a new full pass is necessary."""
    current = tuple(selection.mark for selection in selections)
    # The selection of an older version's state is unknown.
    added = newly_selected(position.selected or current, current)
    has_begun = position.bookmark or position.unfinished
    if added and has_begun:
        LOGGER.info(
            "newly selected: %s; reading all engagements, since earlier ones were read without",
            ", ".join(added),
        )
    return replace(position, selected=current), bool(added and has_begun)


def _first_swept(run: Run) -> datetime | None:
    """
    Return the moment from which on deletions are told; None for that of the first page.

    Sweeps leave out what the settings do. Once that is read again, deletions from before the last
    sweep are told, too, unless the full pass shows them.
    """
    position = run.position
    returned = position.no_longer_left_out(run.source.skip_types, run.config.start_date)
    shows_all = run.source.sees_rows_of(position.written_by(run.source.name).writers)
    return EPOCH if returned and not shows_all else first_swept(position)


class _Writer:
    """Writes the records and states of engagements and their child streams."""

    def __init__(self, run: Run, selections: Sequence[Selection], skipped: Skipped) -> None:
        self._run = run
        self._skipped = skipped
        self._swept = _first_swept(run)
        self._needs_sweep = False
        self._now = EPOCH
        self._streams = [(selection, self._fast_path_for(selection)) for selection in selections]

    def _fast_path_for(self, selection: Selection) -> FastPath | None:
        if selection.stream.pair:
            return fast_pairs(selection.stream.pair)
        return self._run.source.fast_path_for(
            selection.stream.tap_stream_id,
            selection.properties,
            has_all=selection.has_all_properties,
        )

    def write_step(self, step: Step) -> None:
        """
        Write a page, the deletions that a complete full pass shows, and the state.

        A full pass that left out an engagement deletes nothing, or that one would count as deleted.
        Nor does one that cannot see all rows, such as types that another source alone has read:
        then the list of deletions is read instead.
        """
        run, version = self._run, step.position.version
        assert version is not None, "every pass has one"
        self._swept = self._swept or ms_to_utc(version)
        self._write_page(step.page, version)
        if step.ends_full_pass:
            # Without a state: it would say that the pass is over, though nothing is flagged yet.
            for page in self._skipped.retry():
                self._write_page(page, version)
        sees_all = run.source.sees_rows_of(step.position.writers)
        self._needs_sweep = self._needs_sweep or (step.ends_full_pass and not sees_all)
        if step.ends_full_pass and sees_all and not self._skipped.has_any:
            run.portal_check.confirm()
            for selection, _ in self._streams:
                name = selection.stream.tap_stream_id
                if name not in run.related_reader.failures:
                    run.messages.write_activate_version(name, version)
        run.write_state(with_position(run.state, self._complete(step.position)))

    def write_retries(self, position: Position) -> None:
        """Write the last run's unreadable engagements that are readable now, once."""
        for page in self._skipped.retry():
            self.write_step(Step(page, position))

    def sweep(self, position: Position) -> None:
        """Write the deletions that HubSpot lists, if they are due, and the state."""
        run, swept = self._run, self._swept
        if swept is None or position.version is None or run.config.deletion_sweep_hours is None:
            return
        if not self._needs_sweep and not is_due(run.config, swept, self._now):
            return
        began: datetime | None = None
        moments: list[datetime] = []
        for deletions in run.read_deletions(since_ms(run.config, swept)):
            began = min(began or deletions.hubspot_at, deletions.hubspot_at)
            moments += deletions.deleted_at
            self._write_deletions(deletions, position.version)
        if began is not None:
            self._swept = began - DATE_HEADER_RESOLUTION
            position = without_told(position, swept, moments)
            run.write_state(with_position(run.state, self._complete(position)))

    def _write_deletions(self, deletions: Deletions, version: int) -> None:
        run = self._run
        run.portal_check.check_page(deletions.engagements)
        live = {id(one) for one in updated_since(run.config.start_date, deletions.engagements)}
        for selection, fast_path in self._streams:
            takes_type = selection.stream.takes_type
            name = selection.stream.tap_stream_id
            lines: list[bytes] = []
            mismatches: list[str] = []
            for engagement, at in zip(deletions.engagements, deletions.deleted_at, strict=True):
                if id(engagement) in live and (not takes_type or takes_type(engagement.type)):
                    more, names = to_lines(selection, fast_path, [engagement])
                    lines += with_deletion(more, at)
                    mismatches += names
            run.messages.write_records(name, lines, deletions.received_at, version)
            run.progress.count(name, len(lines), mismatches)

    def _complete(self, position: Position) -> Position:
        """Return the position with the other facts of the state."""
        return replace(
            position,
            skipped=self._skipped.ids,
            unread=self._skipped.unread,
            page_sizes=tuple(sorted(self._run.source.page_sizes.items())),
            doubted=position.doubted or self._skipped.exceeds_state,
            swept=self._swept,
        )

    def _write_page(self, page: Page, version: int) -> None:
        """Write the page's records of every stream, a parent's before its children's."""
        run = self._run
        self._now = max(self._now, page.hubspot_at)
        run.portal_check.check_page(page.engagements)
        engagements = updated_since(run.config.start_date, page.engagements)
        types = [engagement.type for engagement in engagements]
        for selection, fast_path in self._streams:
            takes_type = selection.stream.takes_type
            members = compress(engagements, map(takes_type, types)) if takes_type else engagements
            if selection.stream.pair and not selection.stream.pair.key:
                lines, mismatches = run.related_reader.read_pairs(selection, members), NO_MISMATCHES
            else:
                lines, mismatches = to_lines(selection, fast_path, members)
            name = selection.stream.tap_stream_id
            run.messages.write_records(name, lines, page.received_at, version)
            run.progress.count(name, len(lines), mismatches)
        run.related_reader.collect(engagements)
        run.related_reader.flush()
        redacted_emails = (
            sum(is_redacted(engagement.whole) for engagement in engagements)
            if page.may_be_redacted
            else 0
        )
        run.progress.count_types(types, redacted_emails, page.nul_removed)
