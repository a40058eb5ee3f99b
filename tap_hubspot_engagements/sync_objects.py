"""Replicates a stream of objects, such as contacts, with the associations of its records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from tap_hubspot_engagements.deletion_sweep import (
    first_swept,
    is_due,
    since_ms,
    with_deletion,
    without_told,
)
from tap_hubspot_engagements.objects.archived import Deletions, iter_deletions
from tap_hubspot_engagements.objects.object_source import ObjectSource
from tap_hubspot_engagements.record_lines import to_lines, updated_since
from tap_hubspot_engagements.replication import DATE_HEADER_RESOLUTION, Step, iter_steps
from tap_hubspot_engagements.run import Run, check_position
from tap_hubspot_engagements.selection import Selection
from tap_hubspot_engagements.sources import build_object_api
from tap_hubspot_engagements.state import Position, check_not_ahead, read_position, with_position
from tap_hubspot_engagements.times import EPOCH, ms_to_utc


def sync_objects(run: Run, selections: Sequence[Selection]) -> None:
    """
    Replicate an object stream, the first of `selections`; the others are its associations.

    Raises DeletionsError if a full pass misses more than is plausible.
    """
    run.portal_check.confirm()  # these records name no portal
    writer = _Writer(run, selections)
    last = position = read_position(run.state, writer.name)
    check_position(writer.source, position, writer.name)
    now = tuple(selection.mark for selection in selections)
    has_begun = bool(position.bookmark or position.unfinished)
    has_new = has_begun and not {*_parts(now)} <= {*_parts(position.selected or now)}
    options = replace(
        run.options,
        full_refresh=run.options.full_refresh or has_new or run.needs_full_pass,
        every_time=selections[0].full_table,
    )
    position = replace(position, selected=now)
    for number, step in enumerate(iter_steps(writer.source, run.config, position, options)):
        if not number:
            check_not_ahead(last, step.page.hubspot_at, writer.name)
        writer.write_step(step)
        position = step.position
        run.progress.tick()
    writer.sweep(position)


def _parts(marks: Sequence[tuple[str, ...]]) -> Sequence[tuple[str, str]]:
    """Return each selected property with its stream."""
    return [(name, part) for name, *parts in marks for part in parts]


class _Writer:
    """Writes the records and states of one object stream."""

    def __init__(self, run: Run, selections: Sequence[Selection]) -> None:
        self._run = run
        self._selection, *self._pairs = selections
        self.name = self._selection.stream.tap_stream_id
        self._api = build_object_api(run.client, run.config, self._selection)
        self.source = ObjectSource(self._api, run.config)
        self._swept = first_swept(read_position(run.state, self.name))
        self._now = EPOCH

    def write_step(self, step: Step) -> None:
        """Write a page, the deletions that a complete full pass shows, and the state."""
        run, page, version = self._run, step.page, step.position.version
        assert version is not None, "every pass has one"
        self._swept = self._swept or ms_to_utc(version)
        self._now = max(self._now, page.hubspot_at)
        run.related_reader.use_version(self.name, version)
        records = updated_since(run.config.start_date, page.engagements)
        lines, mismatches = to_lines(self._selection, None, records)
        run.messages.write_records(self.name, lines, page.received_at, version)
        run.progress.count(self.name, len(lines), mismatches)
        for selection in self._pairs:
            name = selection.stream.tap_stream_id
            lines = run.related_reader.read_pairs(selection, records)
            run.messages.write_records(name, lines, page.received_at, version)
            run.progress.count(name, len(lines), ())
        run.related_reader.flush()
        if step.ends_full_pass:
            for selection in (self._selection, *self._pairs):
                name = selection.stream.tap_stream_id
                if name not in run.related_reader.failures:
                    run.messages.write_activate_version(name, version)
        self._write_state(step.position)

    def sweep(self, position: Position) -> None:
        """Write the deletions that HubSpot lists, if they are due, and the state."""
        run, swept = self._run, self._swept
        if swept is None or position.version is None or not is_due(run.config, swept, self._now):
            return
        began: datetime | None = None
        moments: list[datetime] = []
        for deletions in iter_deletions(self._api, [self.name], since_ms(run.config, swept)):
            began = min(began or deletions.hubspot_at, deletions.hubspot_at)
            moments += deletions.deleted_at
            self._write_deletions(deletions, position.version)
        if began is not None:
            self._swept = began - DATE_HEADER_RESOLUTION
            position = without_told(position, swept, moments)
            self._write_state(position)

    def _write_deletions(self, deletions: Deletions, version: int) -> None:
        lines: list[bytes] = []
        mismatches: list[str] = []
        start_date = self._run.config.start_date
        for record, at in zip(deletions.engagements, deletions.deleted_at, strict=True):
            more, names = to_lines(self._selection, None, updated_since(start_date, [record]))
            lines += with_deletion(more, at)
            mismatches += names
        self._run.messages.write_records(self.name, lines, deletions.received_at, version)
        self._run.progress.count(self.name, len(lines), mismatches)

    def _write_state(self, position: Position) -> None:
        position = replace(position, swept=self._swept)
        self._run.write_state(with_position(self._run.state, position, self.name))
