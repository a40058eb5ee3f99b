"""
The parts of a response, and HubSpot's error bodies word for word.

Every field of an error body is optional, and the response to an unknown route is HTML
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
class Response:
    """A status, a serialized body, and headers beyond those of every response."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


def json_response(value: Any, status: int = 200) -> Response:
    """Return a response with `value`, serialized as JSON."""
    return Response(status, msgspec.json.encode(value))


def html_response(status: int) -> Response:
    """Return HubSpot's HTML page for an unknown route (404) or a wrong method (405)."""
    title = f"{status} {HTTPStatus(status).phrase}"
    page = (
        '<html> <head> <meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>'
        f" <title>Error {title}</title> </head> <body> <h2>HTTP ERROR: {status}</h2>"
        f" <p>{HTTPStatus(status).phrase}</p> </body> </html>"
    )
    return Response(status, page.encode(), HTML_TYPE)


def cloudflare_response(status: int, title: str) -> Response:
    """Return the page that Cloudflare sends instead of HubSpot's response (502, 504, 52x, 530)."""
    page = (
        "<!DOCTYPE html>\n<html lang='en-US'>\n<head>\n"
        f"<title>api.hubapi.com | {status}: {title}</title>\n</head>\n"
        f"<body>\n<h1>{title} <span>Error code {status}</span></h1>\n</body>\n</html>\n"
    )
    return Response(status, page.encode(), "text/html; charset=UTF-8")


def error_response(status: int, message: str, **fields: Any) -> Response:
    """Return a JSON error with a new correlationId, and `fields` after that."""
    correlation = str(uuid.uuid4())
    body = {"status": "error", "message": message, "correlationId": correlation, **fields}
    return json_response(body, status)


def bad_parameter(name: str, kind: str = "query") -> Response:
    """Return the 400 for a parameter that cannot be parsed; `kind` is `query` or `path`."""
    return error_response(400, f"Unable to parse value for {kind} parameter: {name}")


def expired(ago: str, expire_time: str) -> Response:
    """Return the 401 for a token that expired `ago`, such as `75 second(s)`, at `expire_time`."""
    return error_response(
        401,
        f"The OAuth token used to make this call expired {ago} ago.",
        category="EXPIRED_AUTHENTICATION",
        context={"expire time": [expire_time]},
    )


def no_credentials() -> Response:
    """Return the 401 for a request without an Authorization header."""
    message = (
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you"
        " can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
    )
    return error_response(401, message, category="INVALID_AUTHENTICATION")


def undecodable_token() -> Response:
    """Return the 401 for a token that HubSpot cannot decode: its body says "expired in 1970"."""
    return expired("20543 day(s)", "1970-01-01T00:00:00Z")


def missing_scopes(*required: str) -> Response:
    """Return the 403 for a private app without any of the `required` scopes."""
    page = "https://developers.hubspot.com/scopes"
    message = (
        "This app hasn't been granted all required scopes to make this call."
        f" Read more about required scopes here: {page}."
    )
    detail = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": list(required)},
    }
    return error_response(
        403, message, errors=[detail], links={"scopes": page}, category="MISSING_SCOPES"
    )


def rate_limited(policy: str = "TEN_SECONDLY_ROLLING") -> Response:
    """
    Return the 429 of a rate limit; `policy` may also be SECONDLY or DAILY.

    HubSpot does not promise Retry-After with a 429, so the header is missing.
    """
    message = f"You have reached your {policy.lower()} limit."
    return error_response(429, message, errorType="RATE_LIMIT", policyName=policy)


def internal_error() -> Response:
    """Return HubSpot's 500 without further fields."""
    body = {"correlationId": str(uuid.uuid4()), "message": "internal error", "status": "error"}
    return json_response(body, 500)
