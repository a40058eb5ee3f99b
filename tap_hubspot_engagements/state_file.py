"""Finds the state in a state file, in the forms of Singer and of orchestrators. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tap_hubspot_engagements.exceptions import ConfigError

# True beside the bookmarks makes the next run a full refresh. target-mysql reads this key, too.
FULL_REFRESH = "full_refresh"
KNOWN_KEYS = frozenset(("bookmarks", "currently_syncing", "portal"))  # of a state
# Meltano's keys, old and new; a later one takes precedence.
MELTANO_KEYS = ("completed", "completed_state", "partial", "partial_state")


def unwrap(value: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the state in the JSON object of a state file.

    The object is the state, a whole STATE message, or Meltano's own form of a state. There
    the partial state, of a run that failed, is merged over the completed one. FULL_REFRESH may
    stand beside any of them. Raises ConfigError for anything else: to begin anew instead would
    hide the mistake.
    """
    if FULL_REFRESH in value:
        rest = {key: part for key, part in value.items() if key != FULL_REFRESH}
        return {**unwrap(rest), FULL_REFRESH: value[FULL_REFRESH]}
    if isinstance(inner := value.get("value"), Mapping) and not value.keys() & KNOWN_KEYS:
        return unwrap(inner)
    if isinstance(inner := value.get("singer_state"), Mapping):
        return unwrap(inner)
    if value.keys() & MELTANO_KEYS and not value.keys() & KNOWN_KEYS:
        parts = [value.get(name) or {} for name in MELTANO_KEYS if name in value]
        if not all(isinstance(part, Mapping) for part in parts):
            raise ConfigError(f"state: {', '.join(value)} must hold objects")
        state: dict[str, Any] = {}
        for part in parts:
            state = _merge(state, unwrap(part))
        return state
    if value and not value.keys() & KNOWN_KEYS:
        raise ConfigError(f"state: holds {', '.join(map(repr, value))} and no bookmarks")
    return dict(value)


def _merge(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two states as Meltano does: objects key by key, anything else replaced."""
    result = dict(earlier)
    for key, value in later.items():
        if isinstance(value, Mapping):
            existing = result.get(key)
            result[key] = _merge(existing if isinstance(existing, Mapping) else {}, value)
        else:
            result[key] = value
    return result
