"""
Records as JSON in bytes: which properties and associations a request wants, and how they look.

Bytes are kept for each wanted combination, so that a page that was served before is a join.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from hubspot_simulator.objects.behaviour import ObjectsBehaviour
from hubspot_simulator.objects.object_types import ObjectType, association_type_id, public_name
from hubspot_simulator.objects.properties import Property, Values
from hubspot_simulator.objects.related_records import DEFAULT_PROPERTIES
from hubspot_simulator.objects.store import ObjectStore, partner_ids
from hubspot_simulator.objects.texts import iso_ms, to_text
from hubspot_simulator.objects.type_index import Entry

MAX_VIEWS = 32
MAX_CACHED = 200_000  # records for each view: some 300 MB
DOUBLE_EVERY = 3  # with `association_doubles`, ids divisible by it come twice
OWNER = "hubspot_owner_id"
LABEL = "Decision maker"
LABEL_TYPE_ID = 37
APP = {"sourceType": "INTEGRATION", "sourceId": "9000002"}


class View(NamedTuple):
    """The properties, associations and histories that a request wants of a type's records."""

    object_type: ObjectType
    properties: tuple[Property, ...]
    associations: tuple[ObjectType, ...] = ()
    histories: tuple[Property, ...] = ()


class RecordWriter:
    """Writes records of `store` as `behaviour` says; the store's lock guards it."""

    def __init__(self, store: ObjectStore, behaviour: ObjectsBehaviour, portal_id: int) -> None:
        self._store = store
        self._behaviour = behaviour
        self._portal_id = portal_id
        self._views: OrderedDict[Any, dict[int, tuple[Entry, bytes]]] = OrderedDict()

    def view(
        self,
        object_type: ObjectType,
        properties: Iterable[str],
        associations: Iterable[ObjectType] = (),
        histories: Iterable[str] = (),
    ) -> View:
        """
        Return the view of `properties`, by default those of the type.

        Unknown names are ignored, as HubSpot does.
        """
        definitions = self._store.properties(object_type)
        properties = [*properties] or DEFAULT_PROPERTIES.get(object_type.name, ())
        always = {object_type.created_property, object_type.modified_property, "hs_object_id"}
        names = always.union(properties)
        return View(
            object_type,
            tuple(prop for name, prop in definitions.items() if name in names),
            tuple(associations),
            tuple(definitions[name] for name in dict.fromkeys(histories) if name in definitions),
        )

    def write(
        self, view: View, records: Sequence[tuple[int, Entry]], path: str = ""
    ) -> list[bytes]:
        """Return each record in JSON; `path` is the collection's, for links to more partners."""
        cache = self._cache(view)
        if cache is None:
            return [self._encode(view, key, entry, path) for key, entry in records]
        bodies = []
        for record_id, entry in records:
            cached_item = cache.get(record_id)
            if cached_item is None or cached_item[0] is not entry:
                cached_item = entry, self._encode(view, record_id, entry, path)
                if len(cache) < MAX_CACHED or record_id in cache:
                    cache[record_id] = cached_item
            bodies.append(cached_item[1])
        return bodies

    def _cache(self, view: View) -> dict[int, tuple[Entry, bytes]] | None:
        """Return the bytes kept of a view; None for records whose partners may change unseen."""
        if view.histories or (view.associations and not view.object_type.is_activity):
            return None
        names = tuple(prop.name for prop in view.properties)
        key = view.object_type.name, names, tuple(kind.name for kind in view.associations)
        cache = self._views.setdefault(key, {})
        self._views.move_to_end(key)
        if len(self._views) > MAX_VIEWS:
            self._views.popitem(last=False)
        return cache

    def _encode(self, view: View, record_id: int, entry: Entry, path: str) -> bytes:
        values = self._store.values(view.object_type, record_id, entry)
        record: dict[str, Any] = {
            "id": str(record_id),
            "properties": self._texts(view.properties, record_id, values),
            "createdAt": iso_ms(entry.created_ms),
            "updatedAt": iso_ms(entry.updated_ms),
            "archived": entry.archived_ms is not None,
        }
        if entry.archived_ms is not None:
            record["archivedAt"] = iso_ms(entry.archived_ms)
        if view.histories:
            record["propertiesWithHistory"] = _with_history(
                self._texts(view.histories, record_id, values), entry
            )
        partners = self._associations(view, record_id, entry, values, path)
        if partners:
            record["associations"] = partners
        return msgspec.json.encode(record)

    def _texts(
        self, properties: Iterable[Property], record_id: int, values: Values
    ) -> dict[str, str | None]:
        """Return properties as texts; the hot path: most values are absent or texts already."""
        null_text, time_text = self._behaviour.null_text, self._behaviour.time_text
        epoch_ms = time_text == "epoch_ms" or (time_text == "mixed" and record_id % 2 == 1)
        null = "" if null_text == "empty" else None
        texts: dict[str, str | None] = {}
        for name, kind, read, *_ in properties:
            value = read(values)
            if value is None or value.__class__ is str:
                texts[name] = null if value is None else value
            else:
                text = to_text(value, kind, epoch_ms=epoch_ms)
                texts[name] = null if text is None else text
        if null_text == "mixed" and texts.get(OWNER, OWNER) is None:
            texts[OWNER] = ""  # recorded beside other absent values that are null
        return texts

    def _associations(
        self, view: View, record_id: int, entry: Entry, values: Values, path: str
    ) -> dict[str, dict[str, Any]]:
        partners: dict[str, dict[str, Any]] = {}
        for to_type in view.associations:
            if view.object_type.is_activity and not to_type.is_activity:
                ids = partner_ids(values.get("associations"), record_id, to_type)
            else:
                ids = self._store.partners(view.object_type, record_id, entry, to_type)
            if ids:
                name = public_name(to_type, self._portal_id)
                partners[name] = self._partners(
                    view.object_type, to_type, ids, f"{path}/{record_id}"
                )
        return partners

    def _partners(
        self, from_type: ObjectType, to_type: ObjectType, ids: Sequence[int], path: str
    ) -> dict[str, Any]:
        """Return a record's ids of one type, up to the number that a list shows inline."""
        most = self._behaviour.inline_associations
        name = f"{from_type.association_name}_to_{to_type.association_name}"
        results = []
        for key in ids[:most]:
            results.append({"id": str(key), "type": name})
            if self._behaviour.association_doubles and key % DOUBLE_EVERY == 0:
                results.append({"id": str(key), "type": f"{name}_unlabeled"})
        if len(ids) <= most:
            return {"results": results}
        after = str(ids[most])
        link = f"https://api.hubapi.com{path}/associations/{to_type.name}?after={after}"
        return {"results": results, "paging": {"next": {"after": after, "link": link}}}


def _with_history(texts: Mapping[str, str | None], entry: Entry) -> dict[str, Any]:
    """Return the only version of each property that the portal keeps: the value of today."""
    at = iso_ms(entry.updated_ms)
    return {
        name: [] if text is None else [{"value": text, "timestamp": at, **APP}]
        for name, text in texts.items()
    }


def association_types(
    from_type: ObjectType, to_type: ObjectType, partner_id: int, behaviour: ObjectsBehaviour
) -> list[Mapping[str, Any]]:
    """Return the types of one association: the unlabelled one, with a label where doubled."""
    plain = {
        "category": "HUBSPOT_DEFINED",
        "typeId": association_type_id(from_type, to_type),
        "label": None,
    }
    if not behaviour.association_doubles or partner_id % DOUBLE_EVERY:
        return [plain]
    return [{"category": "USER_DEFINED", "typeId": LABEL_TYPE_ID, "label": LABEL}, plain]
