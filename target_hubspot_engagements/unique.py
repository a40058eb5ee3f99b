"""The custom property of unique values: checked, or created if the portal permits."""

from __future__ import annotations

import logging

from hubspot_api.endpoints import Endpoints
from hubspot_api.exceptions import HubspotError
from target_hubspot_engagements.exceptions import ConfigError
from target_hubspot_engagements.run import Run
from target_hubspot_engagements.validation import Definitions

LOGGER = logging.getLogger(__name__)


def ensure_unique_property(run: Run, kind: str, name: str, definitions: Definitions) -> None:
    """
    Check that a type has the unique property `name`, and create a missing property.

    A property must be unique from its creation. Raises ConfigError if HubSpot refuses.
    """
    if name in definitions:
        if not definitions[name].hasUniqueValue:
            raise ConfigError(f"unique_property: {name} of {kind} is not unique: name another")
        return
    body = {
        "name": name,
        "label": "Source key",
        "description": "Key of the engagement in the system that logged it",
        "groupName": f"{kind}_information",
        "type": "string",
        "fieldType": "text",
        "hasUniqueValue": True,
    }
    try:
        path = Endpoints(run.version).definitions(kind)
        run.client.write("POST", path, body, bytes, once=False)
    except HubspotError as error:
        raise ConfigError(
            f"unique_property: HubSpot does not let {name} of {kind} be created: leave"
            f" unique_property out: {error}"
        ) from error
    LOGGER.info("created the property %s of %s", name, kind)
