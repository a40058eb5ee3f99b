"""
HubSpot's endpoints over a portal: page sizes, cursors, order and caps as documented or recorded.

Pure of HTTP: a request's parts go in, an `Answer` comes out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec

from hubspot_simulator import answers
from hubspot_simulator.answers import Answer, json_answer
from hubspot_simulator.contents import DISPOSITIONS
from hubspot_simulator.feed import Cursor
from hubspot_simulator.generate import ASSOCIATION_KEYS
from hubspot_simulator.objects.routes import DATED_VERSIONS
from hubspot_simulator.portal import RECENT_ROWS, Portal

PAGED_DEFAULT, PAGED_MAX = 100, 250
RECENT_DEFAULT, RECENT_MAX = 20, 100
CHANGED_DEFAULT, CHANGED_MAX = 100, 1000
OWNERS_DEFAULT, OWNERS_MAX = 100, 500

# HubSpot lists these on its reference pages as alternatives: any one of them will do.
READ_SCOPES = (
    "crm.objects.companies.read",
    "crm.objects.contacts.read",
    "crm.objects.deals.read",
    "tickets",
    "e-commerce",
)
CONTACTS_SCOPE = "crm.objects.contacts.read"
EMAIL_SCOPE = "sales-email-read"
OWNERS_SCOPE = "crm.objects.owners.read"

WRITABLE_TYPES = ("NOTE", "EMAIL", "TASK", "MEETING", "CALL")
EMAIL_TYPES = (b'"type":"EMAIL"', b'"type":"INCOMING_EMAIL"', b'"type":"FORWARDED_EMAIL"')
# HubSpot's engagements overview, word for word.
REDACTED = {
    "cc": [],
    "to": [],
    "validationSkipped": [],
    "html": "The content of this email has been redacted. To include it in the response, your app"
    " must require the sales-email-read scope.",
    "bcc": [],
}


@dataclass(frozen=True)
class Switches:
    """
    How a portal answers where HubSpot's pages leave it open, or where portals differ.

    `scopes` are the token's, None for all. `last_after` says what the last page of
    `modified/after` has for a cursor; without `has_modified_after` that endpoint is not there.
    `index_delay_ms` is how late it shows a change. With `since_exclusive` a record of exactly the
    time asked for is left out. `server_error_above` is the page size from which `paged` answers
    500, as some portals do.
    """

    scopes: Collection[str] | None = None
    index_delay_ms: int = 0
    last_after: Literal["present", "missing", "null"] = "present"
    has_modified_after: bool = True
    since_exclusive: bool = False
    server_error_above: int | None = None

    def grants(self, *scopes: str) -> bool:
        """Whether the token has one of `scopes`."""
        return self.scopes is None or any(scope in self.scopes for scope in scopes)


class BadParameter(ValueError):
    """A parameter that is not the number it should be; answered with 400."""


@dataclass(frozen=True)
class Ask:
    """A request's parts, and the portal it is about; `parts` are what the path's pattern took."""

    portal: Portal
    switches: Switches
    params: Mapping[str, str]
    body: bytes
    parts: tuple[str, ...] = ()

    def number(self, name: str, default: int, least: int = 0) -> int:
        """Return a query parameter; raises BadParameter where it is no number from `least` on."""
        text = self.params.get(name)
        if text is None:
            return default
        if not re.fullmatch(r"\d{1,18}", text) or int(text) < least:
            raise BadParameter(name)
        return int(text)


def answer(
    portal: Portal,
    switches: Switches,
    method: str,
    path: str,
    params: Mapping[str, str],
    body: bytes = b"",
) -> Answer:
    """Return what HubSpot would answer; unknown routes and wrong methods get its HTML pages."""
    known = False
    for route in ROUTES:
        match = re.fullmatch(route.pattern, path)
        if match is None:
            continue
        known = True
        if route.method != method:
            continue
        if route.scopes and not switches.grants(*route.scopes):
            return answers.missing_scopes(*route.scopes)
        try:
            return route.answer(Ask(portal, switches, params, body, match.groups()))
        except BadParameter as error:
            return answers.bad_parameter(str(error))
    return answers.html_answer(405 if known else 404)


def _paged(ask: Ask) -> Answer:
    """All engagements by id; `offset` is the id that the page before ended at."""
    limit = min(ask.number("limit", PAGED_DEFAULT, least=1), PAGED_MAX)
    threshold = ask.switches.server_error_above
    if threshold is not None and limit > threshold:
        return answers.internal_error()
    page = ask.portal.listed_after(ask.number("offset", 0), limit)
    return _page(ask, page.bodies, page.more, b'"offset":%d' % page.offset)


def _recently_modified(ask: Ask) -> Answer:
    """What changed lately, newest first; `offset` is a row number, and rows move meanwhile."""
    count = min(ask.number("count", RECENT_DEFAULT, least=1), RECENT_MAX)
    offset = ask.number("offset", 0)
    if offset >= RECENT_ROWS:  # the status is known from connectors, its body from nowhere
        return answers.error_answer(400, f"offset must be less than {RECENT_ROWS}")
    since_ms = ask.number("since", 0) + ask.switches.since_exclusive
    page = ask.portal.recently_modified(since_ms, offset, count)
    rest = b'"offset":%d,"total":%d' % (offset + len(page.bodies), page.total)
    return _page(ask, page.bodies, page.more, rest)


def _modified_after(ask: Ask) -> Answer:
    """Changes in no order; `after` is a time, or the cursor that a page before answered with."""
    switches = ask.switches
    if not switches.has_modified_after:
        return answers.html_answer(404)
    limit = min(ask.number("limit", CHANGED_DEFAULT, least=1), CHANGED_MAX)
    cursor = _cursor(ask)
    if not switches.grants(CONTACTS_SCOPE):  # HubSpot `modified/after` page: empty, not an error
        return _page(ask, [], False, _after(cursor, switches))
    page = ask.portal.changed_after(cursor, limit, switches.index_delay_ms)
    if page.more:
        return _page(ask, page.bodies, True, b'"after":"%s"' % page.cursor.encode().encode())
    return _page(ask, page.bodies, False, _after(page.cursor, switches))


def _cursor(ask: Ask) -> Cursor:
    text = ask.params.get("after", "0")
    if text.isdecimal():
        since_ms = ask.number("after", 0) + ask.switches.since_exclusive
        return ask.portal.cursor_at(since_ms, ask.switches.index_delay_ms)
    try:
        return Cursor.decode(text)
    except ValueError:
        raise BadParameter("after") from None


def _after(cursor: Cursor, switches: Switches) -> bytes:
    """Return the cursor of a last page, in the form that `switches` want."""
    if switches.last_after == "missing":
        return b""
    if switches.last_after == "null":
        return b'"after":null'
    return b'"after":"%s"' % cursor.encode().encode()


def _page(ask: Ask, bodies: list[bytes], more: bool, rest: bytes) -> Answer:
    """Return a page; records go in as they are, already JSON."""
    shown = bodies if ask.switches.grants(EMAIL_SCOPE) else [_redacted(body) for body in bodies]
    members = [
        b'"results":[%s]' % b",".join(shown),
        b'"hasMore":%s' % (b"true" if more else b"false"),
    ]
    return Answer(200, b"{%s}" % b",".join([*members, rest] if rest else members))


def _redacted(body: bytes) -> bytes:
    """Return a record as a token without `sales-email-read` sees it: e-mail without its content."""
    if not any(mark in body for mark in EMAIL_TYPES):
        return body
    record = msgspec.json.decode(body)
    if not record["engagement"].get("type", "").endswith("EMAIL"):
        return body
    record["engagement"].pop("ownerId", None)
    return msgspec.json.encode({**record, "metadata": REDACTED})


def _get(ask: Ask) -> Answer:
    try:
        body = ask.portal.body(_id(ask))
    except KeyError:
        return _not_found()
    return Answer(200, body if ask.switches.grants(EMAIL_SCOPE) else _redacted(body))


def _create(ask: Ask) -> Answer:
    given = _object(ask.body)
    if given is None:
        return answers.error_answer(400, "Invalid JSON input")
    inner, metadata = given.get("engagement"), given.get("metadata")
    if not isinstance(inner, dict) or inner.get("type") not in WRITABLE_TYPES:
        return _invalid(f"engagement.type must be one of {', '.join(WRITABLE_TYPES)}")
    if not isinstance(metadata, dict):
        return _invalid("metadata must be given")
    kept = {key: value for key, value in inner.items() if key not in ("id", "portalId", "active")}
    ties: dict[str, list[int]] = {key: [] for key in ASSOCIATION_KEYS}
    record = ask.portal.create(
        {
            "engagement": kept,
            "associations": ties | given.get("associations", {}),
            "attachments": given.get("attachments", []),
            "metadata": metadata,
        }
    )
    return json_answer({**record, "associationCreateFailures": []})


def _update(ask: Ask) -> Answer:
    """Merge what is given; associations cannot be changed here."""
    given = _object(ask.body)
    if given is None:
        return answers.error_answer(400, "Invalid JSON input")
    try:
        record = ask.portal.update(_id(ask), given.get("engagement"), given.get("metadata"))
    except KeyError:
        return _not_found()
    return json_answer(record)


def _delete(ask: Ask) -> Answer:
    try:
        ask.portal.delete(_id(ask))
    except KeyError:
        return _not_found()
    return Answer(204)


def _associate(ask: Ask) -> Answer:
    """Add one tie; the object's type gives the key: `contact` goes to `contactIds`."""
    key, object_id = f"{ask.parts[1].lower()}Ids", int(ask.parts[2])
    if key not in ASSOCIATION_KEYS:
        message = f"Invalid enum constant '{ask.parts[1]}' for class ObjectType"
        return answers.error_answer(400, message)
    try:
        ask.portal.tie(_id(ask), key, object_id)
    except KeyError:
        return _not_found()
    return Answer(204)


def _dispositions(_: Ask) -> Answer:
    """Outcomes of calls: the one list that comes bare."""
    return json_answer(
        [{"id": key, "label": label, "deleted": False} for key, label in DISPOSITIONS.items()]
    )


def _owners(ask: Ask) -> Answer:
    """Owners, live ones or archived ones; `after` is the place in the list to go on at."""
    limit = min(ask.number("limit", OWNERS_DEFAULT, least=1), OWNERS_MAX)
    start = ask.number("after", 0)
    archived = ask.params.get("archived", "false") == "true"
    listed = [owner for owner in ask.portal.owners if owner["archived"] is archived]
    page: dict[str, Any] = {"results": listed[start : start + limit]}
    if start + limit < len(listed):
        page["paging"] = {"next": {"after": str(start + limit)}}
    return json_answer(page)


def _account(ask: Ask) -> Answer:
    return json_answer(
        {
            "portalId": ask.portal.portal_id,
            "accountType": "STANDARD",
            "timeZone": "US/Eastern",
            "companyCurrency": "USD",
            "additionalCurrencies": [],
            "utcOffset": "-05:00",
            "utcOffsetMilliseconds": -18_000_000,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        }
    )


def _id(ask: Ask) -> int:
    return int(ask.parts[0])


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, dict) else None


def _not_found() -> Answer:
    return answers.error_answer(404, "resource not found")


def _invalid(message: str) -> Answer:
    return answers.error_answer(400, message, category="VALIDATION_ERROR")


class Route(NamedTuple):
    """A method and a path, the scopes of which one is needed (none: no check), and who answers."""

    method: str
    pattern: str
    scopes: tuple[str, ...]
    answer: Callable[[Ask], Answer]


_V1 = "/engagements/v1/engagements"
_DATED = f"(?:{'|'.join(DATED_VERSIONS)})"
ROUTES = (
    Route("GET", f"{_V1}/paged", READ_SCOPES, _paged),
    Route("GET", f"{_V1}/recent/modified", READ_SCOPES, _recently_modified),
    Route("GET", f"{_V1}/modified/after", (), _modified_after),
    Route("POST", _V1, READ_SCOPES, _create),
    Route("GET", rf"{_V1}/(\d+)", READ_SCOPES, _get),
    Route("PATCH", rf"{_V1}/(\d+)", READ_SCOPES, _update),
    Route("PUT", rf"{_V1}/(\d+)", READ_SCOPES, _update),
    Route("DELETE", rf"{_V1}/(\d+)", READ_SCOPES, _delete),
    Route("PUT", rf"{_V1}/(\d+)/associations/(\w+)/(\d+)", READ_SCOPES, _associate),
    Route("GET", "/calling/v1/dispositions", (CONTACTS_SCOPE,), _dispositions),
    Route("GET", f"/crm/(?:v3/owners|owners/{_DATED})", (OWNERS_SCOPE,), _owners),
    Route("GET", f"/account-info/(?:v3|{_DATED})/details", (), _account),
)
