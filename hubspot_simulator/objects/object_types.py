"""
Object types: their names in paths, their ids, the scopes that reading needs.

A path may name a type in the plural, in the singular, or by its id; letter case does not matter.
"""

from __future__ import annotations

from typing import NamedTuple

CONTACTS_SCOPE = "crm.objects.contacts.read"
EMAIL_SCOPE = "sales-email-read"


class ObjectType(NamedTuple):
    """
    A type of records.

    `association_name` is its name in association types, as in `meeting_event_to_contact`;
    `association_key` is the key of its ids in a v1 engagement, None for activities.
    """

    name: str
    singular: str
    type_id: str
    scopes: tuple[str, ...]
    association_name: str
    association_key: str | None = None
    modified_property: str = "hs_lastmodifieddate"
    created_property: str = "hs_createdate"

    @property
    def write_scopes(self) -> tuple[str, ...]:
        """The scopes that writing needs."""
        return tuple(scope.replace(".read", ".write") for scope in self.scopes)

    @property
    def is_activity(self) -> bool:
        """Whether its records are engagements in v1."""
        return self.name in ACTIVITY_NAMES


ACTIVITY_NAMES = frozenset(
    ("notes", "emails", "calls", "tasks", "meetings", "communications", "postal_mail")
)
CUSTOM_TYPE_ID = "2-1107382"
CUSTOM_NAME = "machines"


def _activity(name: str, singular: str, type_id: str, association_name: str = "") -> ObjectType:
    scopes = (CONTACTS_SCOPE, EMAIL_SCOPE) if name == "emails" else (CONTACTS_SCOPE,)
    return ObjectType(name, singular, type_id, scopes, association_name or singular)


def _related(
    name: str, singular: str, type_id: str, key: str, scope: str = "", modified_property: str = ""
) -> ObjectType:
    return ObjectType(
        name,
        singular,
        type_id,
        (scope or f"crm.objects.{name}.read",),
        singular,
        key,
        modified_property or "hs_lastmodifieddate",
        "createdate",
    )


NOTES = _activity("notes", "note", "0-46")
EMAILS = _activity("emails", "email", "0-49")
CALLS = _activity("calls", "call", "0-48")
TASKS = _activity("tasks", "task", "0-27")
MEETINGS = _activity("meetings", "meeting", "0-47", "meeting_event")
COMMUNICATIONS = _activity("communications", "communication", "0-18")
POSTAL_MAIL = _activity("postal_mail", "postal_mail", "0-116")
CONTACTS = _related(
    "contacts", "contact", "0-1", "contactIds", modified_property="lastmodifieddate"
)
COMPANIES = _related("companies", "company", "0-2", "companyIds")
DEALS = _related("deals", "deal", "0-3", "dealIds")
TICKETS = _related("tickets", "ticket", "0-5", "ticketIds", "tickets")
QUOTES = _related("quotes", "quote", "0-14", "quoteIds")
MARKETING_EVENTS = _related("marketing_events", "marketing_event", "0-54", "marketingEventIds")
LEADS = _related("leads", "lead", "0-136", "leadIds")
CUSTOM = ObjectType(
    CUSTOM_NAME,
    "machine",
    CUSTOM_TYPE_ID,
    ("crm.objects.custom.read",),
    "machine",
    "customObjectIds",
    "hs_lastmodifieddate",
    "hs_createdate",
)

ACTIVITIES = (NOTES, EMAILS, CALLS, TASKS, MEETINGS, COMMUNICATIONS, POSTAL_MAIL)
RELATED = (CONTACTS, COMPANIES, DEALS, TICKETS, QUOTES, MARKETING_EVENTS, LEADS, CUSTOM)
TYPES = (*ACTIVITIES, *RELATED)

# v1 types without an endpoint in the objects API.
V1_ONLY = frozenset(("PUBLISHING_TASK", "CONVERSATION_SESSION"))
_BY_ENGAGEMENT_TYPE = {
    "NOTE": NOTES,
    "EMAIL": EMAILS,
    "INCOMING_EMAIL": EMAILS,
    "FORWARDED_EMAIL": EMAILS,
    "CALL": CALLS,
    "TASK": TASKS,
    "MEETING": MEETINGS,
    "POSTAL_MAIL": POSTAL_MAIL,
}
# HubSpot's own ids of unlabelled association types, from an activity.
ASSOCIATION_TYPE_IDS = {
    ("notes", "contacts"): 202,
    ("notes", "companies"): 190,
    ("notes", "deals"): 214,
    ("notes", "tickets"): 228,
    ("emails", "contacts"): 198,
    ("emails", "companies"): 186,
    ("emails", "deals"): 210,
    ("emails", "tickets"): 224,
    ("tasks", "contacts"): 204,
    ("tasks", "companies"): 192,
    ("tasks", "deals"): 216,
    ("tasks", "tickets"): 230,
    ("calls", "contacts"): 194,
    ("calls", "companies"): 182,
    ("calls", "deals"): 206,
    ("calls", "tickets"): 220,
    ("meetings", "contacts"): 200,
    ("meetings", "companies"): 188,
    ("meetings", "deals"): 212,
    ("meetings", "tickets"): 226,
    ("contacts", "companies"): 279,
    ("deals", "companies"): 341,
    ("deals", "contacts"): 3,
}


def type_of_engagement(engagement_type: object) -> ObjectType | None:
    """
    Return the type that holds v1 engagements of `engagement_type`; None for types of v1 alone.

    Types without an endpoint of their own are channels of communications, future ones included.
    """
    if engagement_type in V1_ONLY:
        return None
    return _BY_ENGAGEMENT_TYPE.get(str(engagement_type), COMMUNICATIONS)


def association_type_id(from_type: ObjectType, to_type: ObjectType) -> int:
    """Return the id of the unlabelled association type; a number from 9,000 up if not public."""
    public = ASSOCIATION_TYPE_IDS.get((from_type.name, to_type.name))
    return public or 9_000 + TYPES.index(from_type) * len(TYPES) + TYPES.index(to_type)


def resolve(text: str, portal_id: int) -> ObjectType | None:
    """
    Return the type that a path or parameter names, None for an unknown name.

    The custom type answers to its id and its fully qualified name only: HubSpot refuses the bare
    name since June 2025.
    """
    name = text.lower()
    for object_type in TYPES:
        if object_type is CUSTOM:
            if name in (CUSTOM.type_id, qualified_name(portal_id)):
                return CUSTOM
        elif name in (object_type.name, object_type.singular, object_type.type_id):
            return object_type
    return None


def qualified_name(portal_id: int) -> str:
    """Return the custom type's fully qualified name."""
    return f"p{portal_id}_{CUSTOM_NAME}"


def public_name(object_type: ObjectType, portal_id: int) -> str:
    """Return the name that answers use as a key of associations."""
    return qualified_name(portal_id) if object_type is CUSTOM else object_type.name
