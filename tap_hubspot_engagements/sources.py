"""The source for each version of HubSpot's API: a new API version is added here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from hubspot_api.client import HubspotClient
from hubspot_api.endpoints import NEWEST, VERSIONS
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.objects.api import ObjectsApi
from tap_hubspot_engagements.objects.object_api import ObjectApi
from tap_hubspot_engagements.objects.object_types import FIRST_COLUMNS, LAST_COLUMNS
from tap_hubspot_engagements.objects.source import ObjectsSource
from tap_hubspot_engagements.selection import Selection
from tap_hubspot_engagements.source import Source
from tap_hubspot_engagements.v1.source import V1Source


class _SourceType(Protocol):
    def __call__(
        self, client: HubspotClient, config: Config, page_sizes: Sequence[tuple[str, int]] = ()
    ) -> Source: ...


SOURCES: Mapping[str, _SourceType] = {
    "v1": V1Source,
    **dict.fromkeys(VERSIONS, ObjectsSource),
}
"""By `api_version`; config.API_VERSIONS has the same names."""


def build_source(
    client: HubspotClient, config: Config, page_sizes: Sequence[tuple[str, int]] = ()
) -> Source:
    """Return the source of the configuration's `api_version`; `page_sizes` are the state's."""
    return SOURCES[config.api_version](client, config, page_sizes)


def objects_version(config: Config) -> str:
    """Return the version of the objects API: that of the engagements, or the newest."""
    return config.api_version if config.api_version in VERSIONS else NEWEST


def build_object_api(client: HubspotClient, config: Config, selection: Selection) -> ObjectApi:
    """Return the API of an object stream, for the selected properties."""
    stream = selection.stream
    assert stream.object_type is not None, "it is an object stream"
    columns = (*FIRST_COLUMNS, *LAST_COLUMNS)
    names = [name for name in selection.properties if name not in columns]
    version = objects_version(config)
    return ObjectApi(client, version, stream.object_type, names, config.page_size)


def build_archive(client: HubspotClient, config: Config) -> ObjectsApi:
    """Return the API whose list of deletions the run reads; v1 has none."""
    return ObjectsApi(client, objects_version(config), config.page_size, config.skip_types)
