"""
What is sent back: an answer's parts, and HubSpot's own words for what can go wrong.

Every field of an error body is optional, and an unknown route is answered in HTML
(HubSpot's error handling guide; probe of 438 endpoints, April 2026).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec

JSON_TYPE = "application/json;charset=utf-8"
HTML_TYPE = "text/html;charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """A status, a body already in bytes, and headers beyond those that every answer has."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(value: Any, status: int = 200) -> Answer:
    """Return `value` as a JSON answer."""
    return Answer(status, msgspec.json.encode(value))


def html_answer(status: int) -> Answer:
    """Return HubSpot's HTML page for an unknown route (404) or a wrong method (405)."""
    title = f"{status} {HTTPStatus(status).phrase}"
    page = (
        '<html> <head> <meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>'
        f" <title>Error {title}</title> </head> <body> <h2>HTTP ERROR: {status}</h2>"
        f" <p>{HTTPStatus(status).phrase}</p> </body> </html>"
    )
    return Answer(status, page.encode(), HTML_TYPE)


def cloudflare_answer(status: int, title: str) -> Answer:
    """Return the page that Cloudflare puts in place of HubSpot's answer (502, 504, 52x, 530)."""
    page = (
        "<!DOCTYPE html>\n<html lang='en-US'>\n<head>\n"
        f"<title>api.hubapi.com | {status}: {title}</title>\n</head>\n"
        f"<body>\n<h1>{title} <span>Error code {status}</span></h1>\n</body>\n</html>\n"
    )
    return Answer(status, page.encode(), "text/html; charset=UTF-8")


def error_answer(status: int, message: str, **fields: Any) -> Answer:
    """Return an error in JSON, with a correlationId of its own and `fields` after it."""
    correlation = str(uuid.uuid4())
    body = {"status": "error", "message": message, "correlationId": correlation, **fields}
    return json_answer(body, status)


def bad_parameter(name: str, kind: str = "query") -> Answer:
    """Return the 400 for a `query` or `path` parameter that cannot be read."""
    return error_answer(400, f"Unable to parse value for {kind} parameter: {name}")


def expired(ago: str, expire_time: str) -> Answer:
    """Return the 401 for a token that ended `ago`, e.g. `75 second(s)`, at `expire_time`."""
    return error_answer(
        401,
        f"The OAuth token used to make this call expired {ago} ago.",
        category="EXPIRED_AUTHENTICATION",
        context={"expire time": [expire_time]},
    )


def no_credentials() -> Answer:
    """Return the 401 for a request without an Authorization header."""
    message = (
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you"
        " can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
    )
    return error_answer(401, message, category="INVALID_AUTHENTICATION")


def undecodable_token() -> Answer:
    """Return the 401 for a token that HubSpot cannot decode: it is said to have ended in 1970."""
    return expired("20543 day(s)", "1970-01-01T00:00:00Z")


def missing_scopes(*required: str) -> Answer:
    """Return the 403 for a private app that has none of the `required` scopes."""
    page = "https://developers.hubspot.com/scopes"
    message = (
        "This app hasn't been granted all required scopes to make this call."
        f" Read more about required scopes here: {page}."
    )
    detail = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": list(required)},
    }
    return error_answer(
        403, message, errors=[detail], links={"scopes": page}, category="MISSING_SCOPES"
    )


def rate_limited(policy: str = "TEN_SECONDLY_ROLLING") -> Answer:
    """Return the 429 of `policy`, also SECONDLY or DAILY; Retry-After is not promised with it."""
    message = f"You have reached your {policy.lower()} limit."
    return error_answer(429, message, errorType="RATE_LIMIT", policyName=policy)


def internal_error() -> Answer:
    """Return HubSpot's plain 500."""
    body = {"correlationId": str(uuid.uuid4()), "message": "internal error", "status": "error"}
    return json_answer(body, 500)
