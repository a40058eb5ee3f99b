"""
Paths of HubSpot's CRM objects API. Pure.

A dated version has the same endpoints as `v3` and `v4`, at other paths. Source: HubSpot's
specifications of 2026-08.
"""

from __future__ import annotations

from dataclasses import dataclass

UNDATED = "v3"
DATED = ("2026-03", "2026-09")
VERSIONS = (UNDATED, *DATED)
NEWEST = DATED[-1]


@dataclass(frozen=True)
class Endpoints:
    """The paths of one version, one of VERSIONS; a `kind` is a type's name, such as `notes`."""

    version: str

    def records(self, kind: str) -> str:
        """Return the path of a type's list; below it are /search and each id."""
        return self._path("objects", kind)

    def search(self, kind: str) -> str:
        return f"{self.records(kind)}/search"

    def batch_read(self, kind: str) -> str:
        return self.batch(kind, "read")

    def batch(self, kind: str, action: str) -> str:
        """Return the path of a batch: to `create`, `read`, `update`, `upsert` or `archive`."""
        return f"{self.records(kind)}/batch/{action}"

    def record(self, kind: str, record_id: int | str) -> str:
        return f"{self.records(kind)}/{record_id}"

    def associations(self, kind: str, partner_type: str) -> str:
        """Return the path that reads the associations of many records."""
        return self.association_batch(kind, partner_type, "read")

    def association_batch(self, kind: str, partner_type: str, action: str) -> str:
        """
        Return the path of a batch of associations: to `read`, `associate/default` or `archive`.

        With v3 it is v4's: v3's own has no pages.
        """
        if self.version == UNDATED:
            return f"/crm/v4/associations/{kind}/{partner_type}/batch/{action}"
        return f"/crm/associations/{self.version}/{kind}/{partner_type}/batch/{action}"

    def definitions(self, kind: str) -> str:
        """Return the path of all properties' definitions; the list has no pages."""
        return self._path("properties", kind)

    def definition(self, kind: str, name: str) -> str:
        """Return the path of a property's definition."""
        return f"{self.definitions(kind)}/{name}"

    @property
    def owners(self) -> str:
        return self._path("owners")

    @property
    def account(self) -> str:
        return f"/account-info/{self.version}/details"

    def _path(self, area: str, kind: str = "") -> str:
        parts = (self.version, area) if self.version == UNDATED else (area, self.version)
        return "/".join(("/crm", *parts, *((kind,) if kind else ())))
