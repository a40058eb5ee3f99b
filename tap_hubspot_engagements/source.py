"""
Whose data a run reads: the portal of the token, which has to be that of the state.

The state file of one portal and the token of another would flag every row of the first as deleted.
"""

from __future__ import annotations

from collections.abc import Iterable

from tap_hubspot_engagements.client import HubspotClient
from tap_hubspot_engagements.exceptions import AuthError, ConfigError, HubspotError, TransientError
from tap_hubspot_engagements.pages import get_first, get_portal
from tap_hubspot_engagements.sent import Sent


class Source:
    """
    The portal that a run reads: `portal` is its id, None while nobody has said.

    It is `confirmed` once HubSpot has named it in this run. Each method raises ConfigError where
    HubSpot names another portal than before, and what the client raises.
    """

    def __init__(self, client: HubspotClient, portal: int | None) -> None:
        self.portal = portal
        self.confirmed = False
        self._client = client

    @property
    def name(self) -> str | None:
        """The source as SCHEMA messages name it, None while it is not known."""
        return None if self.portal is None else f"hubspot:{self.portal}"

    def find(self) -> None:
        """Ask HubSpot for the portal where the state does not name it."""
        if self.portal is None:
            self._check(_ask_portal(self._client))

    def confirm(self) -> None:
        """
        Have HubSpot name the portal, unless it has in this run.

        To be called before anything that removes rows, and before records that name no portal.
        """
        if self.confirmed:
            return
        self._check(_ask_portal(self._client))
        if self.portal is not None and not self.confirmed:
            raise ConfigError(
                f"HubSpot does not say whether the token belongs to portal {self.portal}, as the"
                " state does: grant the token the scope oauth"
            )

    def check_page(self, engagements: Iterable[Sent]) -> None:
        """Compare the portal that engagements name; those that name none are let through."""
        for portal in {one.portal_id for one in engagements}:
            self._check(portal)

    def _check(self, found: int | None) -> None:
        if found is None:
            return
        if self.portal is None:
            self.portal = found
        if found != self.portal:
            raise ConfigError(
                f"the state belongs to portal {self.portal}, the token to portal {found}:"
                f" use another state file and another `database` for portal {found}"
            )
        self.confirmed = True


def _ask_portal(client: HubspotClient) -> int | None:
    """Return the token's portal; None where HubSpot does not name it and has no engagements."""
    try:
        return get_portal(client)
    except AuthError:
        raise
    except (HubspotError, TransientError):
        # Its scope is one of its own; an engagement names its portal, too.
        first = get_first(client)
        return first.portal_id if first else None
