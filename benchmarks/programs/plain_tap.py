"""
The plain way to read engagements: ask for a page, make objects of it, write each as a line.

One request after the other; no state, no checks, no details. Arguments: the portal's URL, the
token.
"""

from __future__ import annotations

import json
import sys

import requests

PATH = "/engagements/v1/engagements/paged"


def main() -> None:
    url, token = sys.argv[1:]
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    offset, has_more = 0, True
    while has_more:
        answer = session.get(url + PATH, params={"limit": 250, "offset": offset}, timeout=60)
        answer.raise_for_status()
        page = answer.json()
        for one in page["results"]:
            record = one["engagement"] | {name: one[name] for name in ("metadata", "associations")}
            message = {"type": "RECORD", "stream": "engagements", "record": record}
            sys.stdout.write(json.dumps(message) + "\n")
        offset, has_more = page["offset"], page["hasMore"]


if __name__ == "__main__":
    main()
