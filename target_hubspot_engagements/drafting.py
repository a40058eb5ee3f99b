"""Turns the records of a window into drafts, by HubSpot's definitions and the ledger."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from target_hubspot_engagements.drafts import Draft, make_draft
from target_hubspot_engagements.engagement import HUBSPOT_ID, Engagement, Partners, SourceRecord
from target_hubspot_engagements.ledger import Entry, Key
from target_hubspot_engagements.run import Run
from target_hubspot_engagements.validation import Definitions, Problem

LOGGER = logging.getLogger(__name__)
MAX_WARNINGS = 50  # of a stream whose values are left out

Reader = Callable[[SourceRecord], Engagement]
"""Returns the content of a record; raises ValueError for one that cannot be understood."""


class _Read(NamedTuple):
    source: SourceRecord
    engagement: Engagement


class Drafting:
    """Makes drafts; definitions and contacts are read once a run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._definitions: dict[str, Definitions] = {}
        self._contacts: dict[str, str] = {}
        self._left_out: dict[str, set[str]] = defaultdict(set)  # names of values by stream

    def make(self, sources: Sequence[SourceRecord], read: Reader) -> list[Draft]:
        """Return the drafts of records that can be written; the others are rejected."""
        entries = self._run.ledger.entries([source.place for source in sources])
        contents = self._read(sources, read)
        self._find_contacts(contents)
        owners = self._owners(contents)
        drafts = []
        for source, engagement in contents:
            entry = entries.get(source.place)
            if problem := _owner_problem(source, engagement, entry, owners):
                self._run.rejections.add(source, [problem])
                continue
            draft = self._make(source, engagement, entry)
            if draft is None:
                continue
            if draft.problems:
                self._run.rejections.add(source, draft.problems)
                continue
            drafts.append(draft)
            if engagement.hubspot_id is not None:
                owners.setdefault(engagement.hubspot_id, source.place)
        return drafts

    def definitions(self, kind: str) -> Definitions:
        """Return the definitions of a type's properties."""
        if kind not in self._definitions:
            self._definitions[kind] = self._run.lookups.definitions(kind)
        return self._definitions[kind]

    def _read(self, sources: Sequence[SourceRecord], read: Reader) -> list[_Read]:
        contents = []
        for source in sources:
            try:
                engagement = read(source)
            except ValueError as error:
                self._run.rejections.add(source, [Problem(str(error))])
                continue
            contents.append(_Read(source, engagement))
            if engagement.left_out:
                self._warn_of_left_out(source, engagement.left_out)
        return contents

    def _warn_of_left_out(self, source: SourceRecord, names: Sequence[str]) -> None:
        """Warn, once for each stream and name, of values that are not written."""
        stream = source.place[0]
        warned = self._left_out[stream]
        for name in sorted({*names} - warned):
            if len(warned) < MAX_WARNINGS:
                LOGGER.warning(
                    "stream %s: %s is left out: HubSpot's API has no place for it (line %d%s)",
                    *(stream, name, source.line),
                    "; further names are left out unnamed"
                    if len(warned) == MAX_WARNINGS - 1
                    else " and perhaps others",
                )
                warned.add(name)

    def _owners(self, contents: Sequence[_Read]) -> dict[int, Key]:
        """Return the keys to which the engagements belong that records name by their ids."""
        ids = {one.hubspot_id for _, one in contents if one.hubspot_id is not None}
        return self._run.ledger.owners(ids) if ids else {}

    def _find_contacts(self, contents: Sequence[_Read]) -> None:
        """Look up the contacts of all e-mails that no earlier window had."""
        emails = {one for _, engagement in contents for one in engagement.contact_emails}
        if missing := sorted(emails - self._contacts.keys()):
            self._contacts |= self._run.lookups.contact_ids(missing)

    def _make(
        self, source: SourceRecord, engagement: Engagement, entry: Entry | None
    ) -> Draft | None:
        """Return the draft of a record; None after a rejection."""
        unknown = [one for one in engagement.contact_emails if one not in self._contacts]
        if unknown:
            problem = Problem(f"no contact has the e-mail {', '.join(unknown)}", "contactEmails")
            self._run.rejections.add(source, [problem])
            return None
        definitions = {} if engagement.is_deleted else self.definitions(engagement.kind)
        partners = self._partners(engagement)
        return make_draft(source, engagement, definitions, partners, entry)

    def _partners(self, engagement: Engagement) -> Partners | None:
        """Return the associations, with the contacts that e-mails name."""
        if not engagement.contact_emails:
            return engagement.partners
        contacts = {self._contacts[one] for one in engagement.contact_emails}
        partners: Mapping[str, Sequence[str]] = engagement.partners or {}
        return {**partners, "contacts": sorted(contacts.union(partners.get("contacts", ())))}


def _owner_problem(
    source: SourceRecord,
    engagement: Engagement,
    entry: Entry | None,
    owners: Mapping[int, Key],
) -> Problem | None:
    """Return the problem of a record that names an engagement of another key, None without one."""
    hubspot_id = engagement.hubspot_id
    owner = owners.get(hubspot_id) if hubspot_id is not None else None
    if owner in (None, source.place) or (entry is not None and entry.hubspot_id is not None):
        return None
    stream, key = owner
    return Problem(f"{hubspot_id} is the engagement of stream {stream}, key {key}", HUBSPOT_ID)
