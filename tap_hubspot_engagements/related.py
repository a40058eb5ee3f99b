"""
Reads the records that the engagements and objects of a run are associated with.

Ids are collected page by page, and read by batches of 100. What does not fill a batch yet stands in
the state, so that a run that is killed loses none.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hubspot_api.client import HubspotClient, Response
from hubspot_api.endpoints import Endpoints
from hubspot_api.exceptions import AuthError, HubspotError
from hubspot_api.json_codec import to_json
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.deletion_sweep import with_deletion
from tap_hubspot_engagements.engagement import Engagement
from tap_hubspot_engagements.fetch_associations import Plan
from tap_hubspot_engagements.messages import Messages
from tap_hubspot_engagements.objects.associations import Associations, Target
from tap_hubspot_engagements.objects.object_api import Results
from tap_hubspot_engagements.objects.object_records import changed_ms
from tap_hubspot_engagements.objects.values import to_ms
from tap_hubspot_engagements.progress import Progress
from tap_hubspot_engagements.records import ids_under, keep_properties, to_pair
from tap_hubspot_engagements.related_pairs import associations_of, kind_in, types_by_id
from tap_hubspot_engagements.related_type import FIRST_VERSION, RelatedType
from tap_hubspot_engagements.selection import Selection
from tap_hubspot_engagements.sources import build_object_api, objects_version
from tap_hubspot_engagements.state import (
    State,
    read_incomplete,
    read_pending,
    read_position,
    with_full_pass_due,
    with_pending,
)
from tap_hubspot_engagements.streams import ENGAGEMENTS, Pair
from tap_hubspot_engagements.times import ms_to_utc, utc_to_ms

LOGGER = logging.getLogger(__name__)

# Ids of a type that HubSpot refuses wait in the state up to this number. Beyond it, the type is
# incomplete, and a full pass collects the ids again once the type can be read.
MAX_WAITING = 1_000


class RelatedReader:
    """
    Collects ids of related records and writes their streams.

    `failures` has the first refusal of each type or stream. Records of the selected streams,
    `stream_names`, are not `isAssociated`.
    """

    def __init__(
        self,
        client: HubspotClient,
        config: Config,
        messages: Messages,
        progress: Progress,
        plan: Plan,
        state: State,
        stream_names: Iterable[str],
    ) -> None:
        self.failures: dict[str, HubspotError] = {}
        self._plan = plan
        self._messages = messages
        self._progress = progress
        self._start_ms = utc_to_ms(config.start_date) if config.start_date else None
        self._stream_names = frozenset(stream_names)
        self._associations = Associations(client, Endpoints(objects_version(config)))
        self._carried = [
            (selection.stream.pair, selection.stream.takes_type)
            for selection in plan.pairs
            if selection.stream.pair and selection.stream.pair.key
        ]
        self._pairs_by_root = _pairs_by_root(plan.pairs)
        self._types = {
            name: RelatedType(build_object_api(client, config, selection), selection)
            for name, selection in plan.related_selections.items()
        }
        self._incomplete = set(read_incomplete(state)) & self._types.keys()
        self._roots_due: set[str] = set()  # streams with records whose associations were not read
        for name, ids in read_pending(state).items():
            if name in self._types:
                self._types[name].add(ids)

    def write_schemas(self, source: str | None) -> None:
        """Write the SCHEMA of every related stream, and of associations that come with it."""
        for name, selection in self._plan.related_selections.items():
            self._messages.write_schema(selection, False, source)
            for pairs in self._pairs_by_root.get(name, ()):
                if pairs.stream.tap_stream_id not in self.failures:
                    self._messages.write_schema(pairs, True, source)

    def find_refused_pairs(self) -> frozenset[str]:
        """
        Return the streams of associations that HubSpot refuses to list; each is in `failures`.

        A run leaves them out: their rows would count as gone if their root's records came without.
        """
        refusals: dict[str, HubspotError | None] = {}
        for pair in [one.stream.pair for one in self._plan.pairs]:
            assert pair is not None, "the plan's streams are of associations"
            if pair.key:
                continue  # they come with the engagements
            if pair.partner not in refusals:
                refusals[pair.partner] = self._find_refusal(pair.partner)
            if error := refusals[pair.partner]:
                self.failures[pair.name] = error
        return frozenset(self.failures)

    def _find_refusal(self, name: str) -> HubspotError | None:
        """Return why the token cannot read a type; None if the token can."""
        try:
            self._types[name].api.check()
        except AuthError:
            raise
        except HubspotError as error:
            return error
        return None

    def needs_full_pass(self) -> bool:
        """Tell whether a type that could not be read is readable now; ids of it were lost."""
        readable_types = set()
        for name in sorted(self._incomplete):
            if error := self._find_refusal(name):
                self.failures.setdefault(name, error)
            else:
                readable_types.add(name)
        self._incomplete -= readable_types
        return bool(readable_types)

    def collect(self, engagements: Iterable[Engagement]) -> None:
        """Add the ids in the associations of engagements."""
        if not self._carried:
            return
        for engagement in engagements:
            value = {"associations": associations_of(engagement)}
            for pair, takes_type in self._carried:
                if takes_type is None or takes_type(engagement.type):
                    self._types[pair.partner].add(ids_under(pair.key, value))

    def read_pairs(self, selection: Selection, members: Iterable[Engagement]) -> list[bytes]:
        """
        Return the records of a stream of associations that do not come with the engagements.

        Up to 1,000 engagements or objects of a type take one request.
        """
        pair = selection.stream.pair
        assert pair is not None, "it is a stream of associations"
        by_kind: dict[str, list[str]] = defaultdict(list)
        for member in members:
            kind = kind_in(pair, member)
            if kind is not None:
                by_kind[kind].append(str(member.id))
        lines: list[bytes] = []
        for kind, ids in by_kind.items():
            targets = self._read_targets(pair, kind, ids, str(selection.stream.parent))
            for from_id, partners in targets.items():
                for to_id, types in types_by_id(partners).items():
                    self._types[pair.partner].add([to_id])
                    record = to_pair(int(from_id), to_id, types)
                    lines.append(to_json(keep_properties(record, selection.properties)))
        return lines

    def flush(self, *, final: bool = False) -> None:
        """Read and write all full batches, and with `final` the others."""
        has_read = True
        while has_read:  # the associations of a related record may name others
            has_read = False
            for name, related_type in self._types.items():
                while name not in self.failures and (batch := related_type.next_batch(final=final)):
                    self._read(name, related_type, *batch)
                    has_read = True

    def with_state(self, state: State) -> dict[str, Any]:
        """Return `state` with the ids that are still to be read, and the full passes now due."""
        if not self._types:
            return dict(state)
        waiting: dict[str, Sequence[int]] = {}
        for name, related_type in self._types.items():
            ids = related_type.waiting
            if name in self.failures and len(ids) > MAX_WAITING:
                self._incomplete.add(name)
                related_type.drop_waiting()
                ids = ()
            waiting[name] = ids
        state = with_full_pass_due(state, self._roots_due)
        return with_pending(state, waiting, sorted(self._incomplete))

    def _read_targets(
        self, pair: Pair, kind: str, ids: Sequence[str], root_stream: str
    ) -> Mapping[str, Sequence[Target]]:
        """Return the records associated with `ids`; none, and a full pass due, if refused."""
        if pair.name in self.failures:
            return {}
        try:
            return self._associations.read_targets(kind, pair.partner, ids)
        except AuthError:
            raise
        except HubspotError as error:
            self.failures[pair.name] = error
            self._roots_due.add(root_stream)
            return {}

    def _read(
        self, name: str, related_type: RelatedType, ids: Sequence[int], is_archived: bool
    ) -> None:
        try:
            response = related_type.api.read_batch(ids, archived=is_archived)
        except AuthError:
            raise
        except HubspotError as error:
            LOGGER.warning("%s are not read: %s", name, error)
            self.failures[name] = error
            related_type.put_back(ids)
            return
        unmatched = related_type.match(ids, response.body)
        if not is_archived:
            related_type.missing += unmatched
        self._write(name, related_type, response)

    def _write(self, name: str, related_type: RelatedType, response: Response[Results]) -> None:
        selection = related_type.selection
        lines: list[bytes] = []
        mismatches: list[str] = []
        for value in response.body.results:
            (record,), more = selection.stream.to_records(value)
            comes_by_stream = name in self._stream_names and self._is_in_range(related_type, value)
            record["isAssociated"] = not comes_by_stream
            if ids := related_type.merged.get(record["id"]):
                record["extra"] = {**(record["extra"] or {}), "requestedIds": sorted(ids)}
            line = to_json(keep_properties(record, selection.properties))
            deleted_ms = to_ms(str(value.get("archivedAt"))) if value.get("archived") else None
            if comes_by_stream and isinstance(deleted_ms, int):
                (line,) = with_deletion([line], ms_to_utc(deleted_ms))
            lines.append(line)
            mismatches += more
        self._messages.write_records(name, lines, response.received_at, related_type.version)
        self._progress.count(name, len(lines), mismatches)
        self._write_pairs_of(name, related_type, response)

    def _write_pairs_of(
        self, name: str, related_type: RelatedType, response: Response[Results]
    ) -> None:
        """Write the associations of live related records whose type is a root."""
        members = [
            Engagement(int(value["id"]), None, name, None, value)
            for value in response.body.results
            if not value.get("archived") and self._is_in_range(related_type, value)
        ]
        for selection in self._pairs_by_root.get(name, ()):
            lines = self.read_pairs(selection, members)
            stream = selection.stream.tap_stream_id
            self._messages.write_records(stream, lines, response.received_at, related_type.version)
            self._progress.count(stream, len(lines), ())

    def _is_in_range(self, related_type: RelatedType, value: Mapping[str, Any]) -> bool:
        """Tell whether the stream's own sync reads a record, by `start_date`."""
        at_ms = changed_ms(value, related_type.api.object_type.date_property)
        return self._start_ms is None or at_ms is None or at_ms >= self._start_ms

    def use_version(self, name: str, version: int) -> None:
        """Give records of a type the version of its stream's pass in this run."""
        if name in self._types:
            self._types[name].version = version

    def use_versions(self, state: State) -> None:
        """Give the records of each stream the version of the stream's last full pass."""
        for name, related_type in self._types.items():
            related_type.version = read_position(state, name).version or FIRST_VERSION


def _pairs_by_root(pairs: Iterable[Selection]) -> Mapping[str, Sequence[Selection]]:
    """
    Return the streams of associations of objects, by the object's type.

    A record replaces its child rows: that of a root has to bring its associations along.
    """
    by_root: dict[str, list[Selection]] = defaultdict(list)
    for selection in pairs:
        if selection.stream.pair and selection.stream.parent != ENGAGEMENTS.tap_stream_id:
            by_root[selection.stream.pair.root].append(selection)
    return by_root
