"""Replicates streams that have an endpoint of their own, whole: call dispositions and owners."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from hubspot_api.json_codec import to_json
from tap_hubspot_engagements.deletions import WHAT_TO_DO, DeletionLimits
from tap_hubspot_engagements.exceptions import DeletionsError
from tap_hubspot_engagements.records import keep_properties
from tap_hubspot_engagements.run import Run
from tap_hubspot_engagements.selection import Selection
from tap_hubspot_engagements.state import read_records, with_records
from tap_hubspot_engagements.streams import OBJECT_PROPERTIES
from tap_hubspot_engagements.times import utc_to_ms

MAX_DELETIONS = 10  # max_deletions of these short lists


def sync_reference_table(run: Run, selections: Sequence[Selection]) -> None:
    """
    Replicate a stream with a separate endpoint.

    Raises DeletionsError if the list has become shorter than is plausible.
    """
    (selection,) = selections
    stream = selection.stream
    assert stream.read is not None, "it has an endpoint of its own"
    run.portal_check.confirm()  # these records name no portal
    now = datetime.now(timezone.utc)
    version, count = utc_to_ms(now), 0
    for objects in stream.read(run):
        conversions = [stream.to_records(one) for one in objects]
        lines = [
            to_json(keep_properties(record, selection.properties))
            for records, _ in conversions
            for record in records
        ]
        run.messages.write_records(stream.tap_stream_id, lines, now, version)
        mismatches = [name for _, names in conversions for name in names]
        run.progress.count(stream.tap_stream_id, len(lines), mismatches)
        count += len(lines)
    if not run.options.allow_deletions:
        _check_length(run, stream.tap_stream_id, count)
    if count:
        run.messages.write_activate_version(stream.tap_stream_id, version)
        run.write_state(with_records(run.state, stream.tap_stream_id, count))


def _check_length(run: Run, name: str, count: int) -> None:
    last = read_records(run.state, name)
    config = run.config
    limits = DeletionLimits(min(MAX_DELETIONS, config.max_deletions), config.max_deletions_share)
    if name == OBJECT_PROPERTIES.tap_stream_id:
        limits = DeletionLimits.none()  # a type that is used no more takes hundreds of them along
    doubt = limits.find_doubt(f"records of {name}", count, last)
    if last and not count:
        doubt = f"no records of {name}, after {last} the last time: {WHAT_TO_DO}"
    if doubt:
        raise DeletionsError(doubt)
