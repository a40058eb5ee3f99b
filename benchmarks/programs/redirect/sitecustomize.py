"""
Sends what a tap asks HubSpot to the portal at HUBSPOT_URL: other taps have HubSpot's address fixed.

Python imports this as it starts, where the folder is on PYTHONPATH.
"""

import os
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

HUBSPOT = "https://api.hubapi.com"
_send = HTTPAdapter.send


def send(self: HTTPAdapter, request: PreparedRequest, *args: Any, **options: Any) -> Response:
    request.url = (request.url or "").replace(HUBSPOT, os.environ["HUBSPOT_URL"], 1)
    return _send(self, request, *args, **options)


HTTPAdapter.send = send  # type: ignore[method-assign]  # there is no other way in
