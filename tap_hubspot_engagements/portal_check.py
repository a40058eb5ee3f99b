"""
Checks that token and state belong to the same portal.

The state of one portal with the token of another would flag every row of the first as deleted.
"""

from __future__ import annotations

from collections.abc import Iterable

from tap_hubspot_engagements.engagement import Engagement
from tap_hubspot_engagements.exceptions import ConfigError
from tap_hubspot_engagements.source import Source


class PortalCheck:
    """
    The portal of a run: `portal` is the id, None while unknown.

    `is_confirmed` says that HubSpot has named it in this run. Every method raises ConfigError if
    HubSpot names another portal than before, and the source's own errors.
    """

    def __init__(self, source: Source, portal: int | None) -> None:
        self.portal = portal
        self.is_confirmed = False
        self._source = source

    @property
    def source_name(self) -> str | None:
        """The `x-source` of SCHEMA messages, None while the portal is unknown."""
        return None if self.portal is None else f"hubspot:{self.portal}"

    def find(self) -> None:
        """Ask HubSpot for the portal unless the state names it."""
        if self.portal is None:
            self._check(self._source.read_portal())

    def confirm(self) -> None:
        """
        Have HubSpot name the portal, once in a run.

        Call this before anything that removes rows, and before records that name no portal.
        """
        if self.is_confirmed:
            return
        self._check(self._source.read_portal())
        if self.portal is not None and not self.is_confirmed:
            raise ConfigError(
                f"HubSpot does not say whether the token belongs to portal {self.portal}, as the"
                " state does: grant the token the scope oauth"
            )

    def check_page(self, engagements: Iterable[Engagement]) -> None:
        """Check the portal that engagements name; those that name none pass."""
        for portal in {engagement.portal_id for engagement in engagements}:
            self._check(portal)

    def _check(self, portal: int | None) -> None:
        if portal is None:
            return
        if self.portal is None:
            self.portal = portal
        if portal != self.portal:
            raise ConfigError(
                f"the state belongs to portal {self.portal}, the token to portal {portal}:"
                f" use another state file and another `database` for portal {portal}"
            )
        self.is_confirmed = True
