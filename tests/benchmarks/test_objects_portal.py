"""The portal on which taps of the objects API are measured."""

from __future__ import annotations

from typing import Any

import requests

from benchmarks.programs.objects_portal import ObjectsSimulator, objects_portal
from benchmarks.programs.v3 import PROPERTIES

TIMEOUT_S = 30.0


def test_v2_lists_the_properties_of_v3() -> None:
    """
    Airbyte's source reads v2's list of definitions; unknown types have none.
    """
    with ObjectsSimulator(objects_portal(100, seed=7)) as simulator:

        def get(path: str) -> Any:
            headers = {"Authorization": f"Bearer {simulator.token}"}
            response = requests.get(simulator.url + path, headers=headers, timeout=TIMEOUT_S)
            response.raise_for_status()
            return response.json()

        properties = get("/properties/v2/notes/properties")
        assert properties == get(f"{PROPERTIES}notes")["results"]
        assert {"hs_note_body", "hs_object_id"} <= {one["name"] for one in properties}
        assert get("/properties/v2/unknown/properties") == []
