"""The portal's own properties of objects, for the catalog, and checks of what a token can read."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping

from hubspot_api.activity_properties import OBJECT_TYPES
from hubspot_api.client import HubspotClient
from hubspot_api.endpoints import Endpoints
from hubspot_api.exceptions import AuthError, HubspotError
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.objects.object_api import iter_definitions
from tap_hubspot_engagements.objects.object_types import SCHEMA_OF_TYPE, TEXT, get_object_type
from tap_hubspot_engagements.selection import read_properties
from tap_hubspot_engagements.source import Source
from tap_hubspot_engagements.sources import build_object_api, objects_version
from tap_hubspot_engagements.streams import OBJECT_PROPERTIES, Stream, object_stream, streams_of

LOGGER = logging.getLogger(__name__)


def read_portal_streams(client: HubspotClient, config: Config) -> Mapping[str, Stream]:
    """
    Return the streams with the properties that the portal has.

    A type that the token cannot read keeps its default properties, with a warning.
    """
    endpoints = Endpoints(objects_version(config))
    streams = dict(streams_of(config))
    for name, stream in streams.items():
        if stream.object_type is None:
            continue
        try:
            live, *_ = iter_definitions(client, endpoints, [name])
        except AuthError:
            raise
        except HubspotError as error:
            LOGGER.warning("%s: the catalog has the default properties alone: %s", name, error)
            continue
        defaults = get_object_type(name).defaults
        properties = {
            str(one["name"]): SCHEMA_OF_TYPE.get(str(one.get("type")), TEXT)
            for one in sorted(live, key=lambda one: str(one["name"]))
            if one["name"] not in defaults
        }
        streams[name] = object_stream(name, properties)
    return streams


def check_stream(client: HubspotClient, config: Config, source: Source, stream: Stream) -> None:
    """Raise HubspotError if the token cannot read the data of a stream."""
    if stream.object_type:
        build_object_api(client, config, read_properties(None, stream)).check()
    elif stream is OBJECT_PROPERTIES:
        kinds = [kind for kind in OBJECT_TYPES if kind not in config.skip_types]
        deque(iter_definitions(client, Endpoints(objects_version(config)), kinds), maxlen=0)
    else:
        source.check(stream.tap_stream_id)
