"""
Contacts, companies, deals, tickets and others: made up from the id alone, when they are needed.

The same seed and id give the same record, so that a portal with millions of associations keeps
no related record in memory.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from hubspot_simulator.objects.object_types import RELATED, ObjectType
from hubspot_simulator.objects.properties import Property, Values
from hubspot_simulator.objects.texts import Kind

MERGED_IDS = "hs_merged_object_ids"
DAY_MS = 86_400_000
HISTORY_DAYS = 3 * 365

_FIRST_NAMES = ("Ada", "Jürgen", "Mei", "Olu", "Zoë", "Łukasz", "Fatima", "Ben", "Noor", "Inés")
_LAST_NAMES = ("Quist", "Nakamura", "Okafor", "Müller", "Byrne", "d'Arc", "Silva", "Ng", "Ås")
_COMPANY_WORDS = ("Nordlicht", "Acme", "Søren & Sønner", "東京物産", "Blue River", "Petit Pain")
_CITIES = ("Berlin", "Paris", "Boston", "大阪", "São Paulo", "Malmö")
_STAGES = ("appointmentscheduled", "qualifiedtobuy", "contractsent", "closedwon", "closedlost")
_CUSTOM_VALUES = ("gold", "silver", "bronze")


class RelatedDates(NamedTuple):
    """When a related record was made and changed last, in Unix ms."""

    created_ms: int
    updated_ms: int


def dates(seed: int, object_type: ObjectType, record_id: int, now_ms: int) -> RelatedDates:
    """Return the dates of a record, both within the three years before `now_ms`."""
    fraction = (record_id * 2_654_435_761 + len(object_type.name) * 97 + seed) % 2**32
    age_ms = fraction * HISTORY_DAYS * DAY_MS // 2**32
    edited_ms = (fraction * 40_503 % 2**32) * age_ms // 2**32
    created_ms = now_ms - age_ms
    return RelatedDates(created_ms, created_ms + (edited_ms if record_id % 3 == 0 else 0))


def values(seed: int, object_type: ObjectType, record_id: int) -> dict[str, Any]:
    """Return the property values of a record, dates and id excepted; some are absent."""
    rng = random.Random(f"{seed}:{object_type.name}:{record_id}")
    return _MAKERS.get(object_type.name, _other)(rng, record_id)


def _contact(rng: random.Random, record_id: int) -> dict[str, Any]:
    first, last = rng.choice(_FIRST_NAMES), rng.choice(_LAST_NAMES)
    contact: dict[str, Any] = {
        "firstname": first,
        "lastname": last,
        "email": f"c{record_id}@customer.example",
        "phone": f"+1555{rng.randrange(10**7):07d}",
        "city": rng.choice(_CITIES),
        "lifecyclestage": rng.choice(("lead", "opportunity", "customer")),
        "favourite_tier": rng.choice(_CUSTOM_VALUES),
        "hubspot_owner_id": rng.choice((70, 71, 13316)),
    }
    if rng.random() < 0.1:
        del contact["email"]
    return contact


def _company(rng: random.Random, record_id: int) -> dict[str, Any]:
    return {
        "name": f"{rng.choice(_COMPANY_WORDS)} {record_id % 10_000}",
        "domain": f"company{record_id}.example",
        "city": rng.choice(_CITIES),
        "numberofemployees": rng.randrange(1, 20_000),
        "favourite_tier": rng.choice(_CUSTOM_VALUES),
    }


def _deal(rng: random.Random, record_id: int) -> dict[str, Any]:
    # Amounts are recorded as "3000" and as "5000.00".
    amount = rng.randrange(100, 90_000)
    return {
        "dealname": f"{rng.choice(_COMPANY_WORDS)}, {amount % 400} seats",
        "amount": f"{amount}.00" if rng.random() < 0.5 else str(amount),
        "pipeline": "default",
        "dealstage": rng.choice(_STAGES),
        "closedate": rng.randrange(1_700_000_000, 1_830_000_000) * 1000
        if rng.random() < 0.7
        else None,
        "hubspot_owner_id": rng.choice((70, 71, 13316)),
    }


def _ticket(rng: random.Random, record_id: int) -> dict[str, Any]:
    return {
        "subject": f"Ticket {record_id}",
        "content": "Shipping was late again 😠",
        "hs_pipeline": "0",
        "hs_pipeline_stage": str(rng.randrange(1, 5)),
        "hs_ticket_priority": rng.choice(("LOW", "MEDIUM", "HIGH")),
        "hs_ticket_category": rng.choice(("PRODUCT_ISSUE", None)),
    }


def _machine(rng: random.Random, record_id: int) -> dict[str, Any]:
    return {
        "serial_number": f"SN-{record_id:08d}",
        "installed_on": f"20{rng.randrange(18, 26)}-0{rng.randrange(1, 10)}-1{rng.randrange(10)}",
        "horse_power": round(rng.uniform(1, 400), 1),
    }


def _other(rng: random.Random, record_id: int) -> dict[str, Any]:
    return {"hs_name": f"Record {record_id}"}


_MAKERS: Mapping[str, Callable[[random.Random, int], dict[str, Any]]] = {
    "contacts": _contact,
    "companies": _company,
    "deals": _deal,
    "tickets": _ticket,
    "machines": _machine,
}
_NAMES: Mapping[str, str] = {
    "contacts": "firstname lastname email phone city lifecyclestage hubspot_owner_id:number",
    "companies": "name domain city numberofemployees:number",
    "deals": "dealname amount:number pipeline dealstage closedate:time hubspot_owner_id:number",
    "tickets": (
        "subject content hs_pipeline hs_pipeline_stage hs_ticket_priority hs_ticket_category"
    ),
    "machines": "serial_number installed_on horse_power:number",
}
# What comes without `properties`, beside dates and id (HubSpot's object guides; recorded deals).
DEFAULT_PROPERTIES: Mapping[str, tuple[str, ...]] = {
    "contacts": ("firstname", "lastname", "email"),
    "companies": ("name", "domain"),
    "deals": ("dealname", "amount", "closedate", "pipeline", "dealstage"),
    "tickets": (
        "subject",
        "content",
        "hs_pipeline",
        "hs_pipeline_stage",
        "hs_ticket_category",
        "hs_ticket_priority",
    ),
}
_TIER = Property(
    "favourite_tier",
    "text",
    itemgetter("favourite_tier"),
    label="Favourite tier",
    options=tuple((value, value.title()) for value in _CUSTOM_VALUES),
    is_custom=True,
)


def value_property(name: str, kind: Kind = "text", *, is_custom: bool = False) -> Property:
    """Return the property that shows the value of its own name."""

    def read(record: Values) -> Any:
        return record.get(name)

    return Property(name, kind, read, is_custom=is_custom)


def _properties(object_type: ObjectType) -> dict[str, Property]:
    names = _NAMES.get(object_type.name, "hs_name").split()
    definitions = [value_property(*_name_and_kind(name)) for name in names]
    for name in (object_type.created_property, object_type.modified_property):
        definitions.append(value_property(name, "time")._replace(read_only=True))
    definitions.append(value_property("hs_object_id", "number")._replace(read_only=True))
    definitions.append(value_property(MERGED_IDS)._replace(read_only=True))
    if object_type.name in ("contacts", "companies"):
        definitions.append(_TIER._replace(read=lambda record: record.get("favourite_tier")))
    return {prop.name: prop for prop in sorted(definitions, key=lambda prop: prop.name)}


def _name_and_kind(text: str) -> tuple[str, Kind]:
    name, _, kind = text.partition(":")
    if kind == "number":
        return name, "number"
    return name, "time" if kind == "time" else "text"


RELATED_PROPERTIES: Mapping[str, Mapping[str, Property]] = {
    kind.name: _properties(kind) for kind in RELATED
}
