"""
HubSpot's endpoints: pagination, page sizes, order and limits as documented or recorded.

Independent of HTTP: a request's parts go in, a `Response` comes out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec

from hubspot_simulator import responses
from hubspot_simulator.contents import DISPOSITIONS
from hubspot_simulator.feed import Cursor
from hubspot_simulator.generate import ASSOCIATION_KEYS
from hubspot_simulator.objects.routes import DATED_VERSIONS
from hubspot_simulator.portal import RECENT_ROWS, Portal
from hubspot_simulator.responses import Response, json_response

PAGED_DEFAULT, PAGED_MAX = 100, 250
RECENT_DEFAULT, RECENT_MAX = 20, 100
CHANGED_DEFAULT, CHANGED_MAX = 100, 1000
OWNERS_DEFAULT, OWNERS_MAX = 100, 500

# HubSpot's reference pages list these as alternatives: one of them is enough.
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

NOTE_MAX_CHARS = 65_536
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
class Behaviour:
    """
    How a portal behaves where HubSpot's pages leave it open, or where portals differ.

    `scopes` are the token's, None for all of them. `last_after` is the form of the cursor on the
    last page of `modified/after`; without `has_modified_after` that endpoint returns 404.
    `index_delay_ms` is how late the endpoint shows a change, in milliseconds. `since_exclusive`
    excludes a record changed at exactly the requested time. `server_error_above` is the page size
    above which `paged` returns 500, as some portals do (tap-hubspot PR 234).
    """

    scopes: Collection[str] | None = None
    index_delay_ms: int = 0
    last_after: Literal["present", "missing", "null"] = "present"
    has_modified_after: bool = True
    since_exclusive: bool = False
    server_error_above: int | None = None

    def grants(self, *scopes: str) -> bool:
        """Return whether the token has at least one of `scopes`."""
        return self.scopes is None or any(scope in self.scopes for scope in scopes)


class BadParameter(ValueError):
    """A parameter is not a number in its range; the response is a 400."""


@dataclass(frozen=True)
class Request:
    """
    A request's parts, and the portal to serve.

    `path_parts` are the groups of the route's pattern.
    """

    portal: Portal
    behaviour: Behaviour
    params: Mapping[str, str]
    body: bytes
    path_parts: tuple[str, ...] = ()

    def number(self, name: str, default: int, minimum: int = 0) -> int:
        """
        Return a query parameter, or `default` if the request does not have it.

        Raises BadParameter unless the value is a whole number of at least `minimum`.
        """
        text = self.params.get(name)
        if text is None:
            return default
        if not re.fullmatch(r"\d{1,18}", text) or int(text) < minimum:
            raise BadParameter(name)
        return int(text)


def respond(
    portal: Portal,
    behaviour: Behaviour,
    method: str,
    path: str,
    params: Mapping[str, str],
    body: bytes = b"",
) -> Response:
    """Return HubSpot's response; unknown routes and wrong methods get HubSpot's HTML pages."""
    is_known_path = False
    for route in ROUTES:
        match = re.fullmatch(route.pattern, path)
        if match is None:
            continue
        is_known_path = True
        if route.method != method:
            continue
        if route.scopes and not behaviour.grants(*route.scopes):
            return responses.missing_scopes(*route.scopes)
        try:
            return route.respond(Request(portal, behaviour, params, body, match.groups()))
        except BadParameter as error:
            return responses.bad_parameter(str(error))
    return responses.html_response(405 if is_known_path else 404)


def _paged(request: Request) -> Response:
    """List all engagements by id; `offset` is the last id of the previous page."""
    limit = min(request.number("limit", PAGED_DEFAULT, minimum=1), PAGED_MAX)
    threshold = request.behaviour.server_error_above
    if threshold is not None and limit > threshold:
        return responses.internal_error()
    page = request.portal.listed_after(request.number("offset", 0), limit)
    return _page(request, page.bodies, page.more, b'"offset":%d' % page.offset)


def _recently_modified(request: Request) -> Response:
    """List recent changes, newest first; `offset` is a row number, and rows shift meanwhile."""
    count = min(request.number("count", RECENT_DEFAULT, minimum=1), RECENT_MAX)
    offset = request.number("offset", 0)
    if offset >= RECENT_ROWS:  # connectors show the status; no source shows the body
        return responses.error_response(400, f"offset must be less than {RECENT_ROWS}")
    since_ms = request.number("since", 0) + request.behaviour.since_exclusive
    page = request.portal.recently_modified(since_ms, offset, count)
    rest = b'"offset":%d,"total":%d' % (offset + len(page.bodies), page.total)
    return _page(request, page.bodies, page.more, rest)


def _modified_after(request: Request) -> Response:
    """List changes in no order; `after` is a time in Unix ms, or the cursor of an earlier page."""
    behaviour = request.behaviour
    if not behaviour.has_modified_after:
        return responses.html_response(404)
    limit = min(request.number("limit", CHANGED_DEFAULT, minimum=1), CHANGED_MAX)
    cursor = _cursor(request)
    if not behaviour.grants(CONTACTS_SCOPE):  # HubSpot `modified/after` page: empty, not an error
        return _page(request, [], False, _after(cursor, behaviour))
    page = request.portal.changed_after(cursor, limit, behaviour.index_delay_ms)
    if page.more:
        return _page(request, page.bodies, True, b'"after":"%s"' % page.cursor.encode().encode())
    return _page(request, page.bodies, False, _after(page.cursor, behaviour))


def _cursor(request: Request) -> Cursor:
    text = request.params.get("after", "0")
    if text.isdecimal():
        since_ms = request.number("after", 0) + request.behaviour.since_exclusive
        return request.portal.cursor_at(since_ms, request.behaviour.index_delay_ms)
    try:
        return Cursor.decode(text)
    except ValueError:
        raise BadParameter("after") from None


def _after(cursor: Cursor, behaviour: Behaviour) -> bytes:
    """Return the JSON member of a last page's cursor, in the form of `last_after`."""
    if behaviour.last_after == "missing":
        return b""
    if behaviour.last_after == "null":
        return b'"after":null'
    return b'"after":"%s"' % cursor.encode().encode()


def _page(request: Request, bodies: list[bytes], more: bool, rest: bytes) -> Response:
    """Return a page of records, which are serialized already."""
    records = (
        bodies if request.behaviour.grants(EMAIL_SCOPE) else [_redacted(body) for body in bodies]
    )
    members = [
        b'"results":[%s]' % b",".join(records),
        b'"hasMore":%s' % (b"true" if more else b"false"),
    ]
    return Response(200, b"{%s}" % b",".join([*members, rest] if rest else members))


def _redacted(body: bytes) -> bytes:
    """Return a record as a token without `sales-email-read` gets it: e-mails without content."""
    if not any(mark in body for mark in EMAIL_TYPES):
        return body
    record = msgspec.json.decode(body)
    if not record["engagement"].get("type", "").endswith("EMAIL"):
        return body
    record["engagement"].pop("ownerId", None)
    return msgspec.json.encode({**record, "metadata": REDACTED})


def _get(request: Request) -> Response:
    try:
        body = request.portal.body(_id(request))
    except KeyError:
        return _not_found()
    return Response(200, body if request.behaviour.grants(EMAIL_SCOPE) else _redacted(body))


def _create(request: Request) -> Response:
    submitted = _object(request.body)
    if submitted is None:
        return responses.error_response(400, "Invalid JSON input")
    inner, metadata = submitted.get("engagement"), submitted.get("metadata")
    if not isinstance(inner, dict) or inner.get("type") not in WRITABLE_TYPES:
        return _invalid(f"engagement.type must be one of {', '.join(WRITABLE_TYPES)}")
    if not isinstance(metadata, dict):
        return _invalid("metadata must be given")
    if inner["type"] == "NOTE" and len(str(metadata.get("body") or "")) > NOTE_MAX_CHARS:
        return _invalid(f"metadata.body of a NOTE has at most {NOTE_MAX_CHARS} characters")
    writable = {key: inner[key] for key in inner if key not in ("id", "portalId", "active")}
    associations: dict[str, list[int]] = {key: [] for key in ASSOCIATION_KEYS}
    record = request.portal.create(
        {
            "engagement": writable,
            "associations": associations | _without_nulls(submitted.get("associations") or {}),
            "attachments": submitted.get("attachments", []),
            "metadata": metadata,
        }
    )
    return json_response({**record, "associationCreateFailures": []})


def _without_nulls(associations: Mapping[str, Any]) -> dict[str, Any]:
    """Return associations without null ids, which HubSpot drops silently (recorded)."""
    return {
        key: [one for one in ids if one is not None] if isinstance(ids, list) else ids
        for key, ids in associations.items()
    }


def _update(request: Request) -> Response:
    """Merge the body into a record; HubSpot does not change associations here."""
    changes = _object(request.body)
    if changes is None:
        return responses.error_response(400, "Invalid JSON input")
    inner, metadata = changes.get("engagement"), changes.get("metadata")
    try:
        record = request.portal.update(_id(request), inner, metadata)
    except KeyError:
        return _not_found()
    return json_response(record)


def _delete(request: Request) -> Response:
    try:
        request.portal.delete(_id(request))
    except KeyError:
        return _not_found()
    return Response(204)


def _associate(request: Request) -> Response:
    """Add one association; the object's type gives the key: `contact` means `contactIds`."""
    key, object_id = f"{request.path_parts[1].lower()}Ids", int(request.path_parts[2])
    if key not in ASSOCIATION_KEYS:
        message = f"Invalid enum constant '{request.path_parts[1]}' for class ObjectType"
        return responses.error_response(400, message)
    try:
        request.portal.add_association(_id(request), key, object_id)
    except KeyError:
        return _not_found()
    return Response(204)


def _dispositions(_: Request) -> Response:
    """List the outcomes of calls, as a JSON array without an object around it."""
    return json_response(
        [{"id": key, "label": label, "deleted": False} for key, label in DISPOSITIONS.items()]
    )


def _owners(request: Request) -> Response:
    """List live or archived owners; `after` is the position of the next page."""
    limit = min(request.number("limit", OWNERS_DEFAULT, minimum=1), OWNERS_MAX)
    start = request.number("after", 0)
    is_archived = request.params.get("archived", "false") == "true"
    owners = [owner for owner in request.portal.owners if owner["archived"] is is_archived]
    page: dict[str, Any] = {"results": owners[start : start + limit]}
    if start + limit < len(owners):
        page["paging"] = {"next": {"after": str(start + limit)}}
    return json_response(page)


def _account(request: Request) -> Response:
    return json_response(
        {
            "portalId": request.portal.portal_id,
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


def _id(request: Request) -> int:
    return int(request.path_parts[0])


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, dict) else None


def _not_found() -> Response:
    return responses.error_response(404, "resource not found")


def _invalid(message: str) -> Response:
    return responses.error_response(400, message, category="VALIDATION_ERROR")


class Route(NamedTuple):
    """A method, a path pattern, the scopes of which one is required, and the endpoint."""

    method: str
    pattern: str
    scopes: tuple[str, ...]
    respond: Callable[[Request], Response]


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
