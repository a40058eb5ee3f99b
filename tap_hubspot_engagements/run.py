"""The shared parts of a run."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hubspot_api.activity_properties import OBJECT_TYPES
from hubspot_api.client import HubspotClient
from hubspot_api.endpoints import Endpoints
from hubspot_api.exceptions import AuthError, HubspotError
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.fetch_associations import Plan
from tap_hubspot_engagements.messages import Messages
from tap_hubspot_engagements.objects.archived import Deletions, iter_deletions
from tap_hubspot_engagements.objects.associations import naming_type
from tap_hubspot_engagements.objects.object_api import iter_definitions
from tap_hubspot_engagements.portal_check import PortalCheck
from tap_hubspot_engagements.progress import Progress
from tap_hubspot_engagements.related import RelatedReader
from tap_hubspot_engagements.replication import PassOptions
from tap_hubspot_engagements.selection import Selection
from tap_hubspot_engagements.source import RecordSource, Source
from tap_hubspot_engagements.sources import build_archive, build_source, objects_version
from tap_hubspot_engagements.state import (
    FIRST_SOURCE,
    Position,
    read_portal,
    read_position,
    unreadable_state,
    with_portal,
)
from tap_hubspot_engagements.streams import ENGAGEMENTS

LOGGER = logging.getLogger(__name__)


@dataclass
class Run:
    """
    A run of the tap: input, output, and the last state written.

    `position` is the end of the last run. Raises ConfigError for a state that cannot be read.
    """

    client: HubspotClient
    config: Config
    messages: Messages
    progress: Progress
    state: dict[str, Any]
    selections: Sequence[Selection]
    options: PassOptions = field(default_factory=PassOptions)
    plan: Plan = field(default_factory=Plan)
    names: frozenset[str] = field(init=False)
    position: Position = field(init=False)
    source: Source = field(init=False)
    portal_check: PortalCheck = field(init=False)
    related_reader: RelatedReader = field(init=False)
    needs_full_pass: bool = False

    def __post_init__(self) -> None:
        self.names = frozenset(selection.stream.tap_stream_id for selection in self.selections)
        self.selections = (*self.selections, *self.plan.pairs)
        self.position = read_position(self.state)
        self.source = build_source(self.client, self.config, self.position.page_sizes)
        check_position(self.source, self.position)
        self.portal_check = PortalCheck(self.source, read_portal(self.state))
        self.related_reader = RelatedReader(
            self.client,
            self.config,
            self.messages,
            self.progress,
            self.plan,
            self.state,
            self.names,
        )
        self.related_reader.use_versions(self.state)

    def leave_out(self, names: Collection[str]) -> None:
        """Leave streams out of the run; once they are back, a full pass fills them."""
        self.selections = [one for one in self.selections if one.stream.tap_stream_id not in names]

    def read_deletions(self, since_ms: int) -> Iterator[Deletions]:
        """Yield the engagements deleted since `since_ms` (Unix ms), by HubSpot's list of them."""
        kinds = [kind for kind in OBJECT_TYPES if kind not in self.config.skip_types]
        archive = build_archive(self.client, self.config)
        return iter_deletions(archive, kinds, since_ms, self.config.backfill_workers)

    def read_object_properties(self) -> Iterator[Sequence[Mapping[str, Any]]]:
        """
        Yield the definitions of the properties of all types in use.

        A type that the token cannot read does not hold up the others: its error is raised at the
        end, the first of several. Types in `skip_types` are not in use.
        """
        objects = [one.stream.tap_stream_id for one in self.selections if one.stream.object_type]
        kinds = dict.fromkeys([*OBJECT_TYPES, *objects, *self.plan.related_selections])
        endpoints = Endpoints(objects_version(self.config))
        refusals: list[HubspotError] = []
        for kind in [kind for kind in kinds if kind not in self.config.skip_types]:
            try:
                with naming_type(kind):
                    yield from iter_definitions(self.client, endpoints, [kind])
            except AuthError:
                raise
            except HubspotError as error:
                refusals.append(error)
        for refusal in refusals[1:]:
            LOGGER.error("%s", refusal)
        if refusals:
            raise refusals[0]

    def write_state(self, state: Mapping[str, Any]) -> None:
        """Write a STATE message; all earlier records have to be written."""
        state = self.related_reader.with_state(state)
        self.state = with_portal(state, self.portal_check.portal)
        self.messages.write_state(self.state)


def check_position(
    source: RecordSource, position: Position, stream: str = ENGAGEMENTS.tap_stream_id
) -> None:
    """Raise ConfigError if `source` cannot resume its own passes of a stream's position."""
    passes = [one for one in (position.backfill, position.changes) if one]
    resumes = [one.resume for one in passes if one.source == source.name]
    unread = position.unread if source.name == FIRST_SOURCE else ()
    try:
        for resume in [*resumes, *unread]:
            source.check_resume(resume)
    except ValueError as error:
        raise unreadable_state(error, stream) from error
