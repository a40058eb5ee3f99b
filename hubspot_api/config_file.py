"""A program's file of settings: read, checked for who else may read it, unknown keys named."""

from __future__ import annotations

import difflib
import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hubspot_api.exceptions import SettingsError
from hubspot_api.settings import ApiSettings, is_loopback

LOGGER = logging.getLogger(__name__)


def load_json(path: Path, empty: dict[str, Any] | None = None) -> dict[str, Any]:
    """
    Return the JSON object in the file at `path`; an empty file gives `empty`, if that is not None.

    Raises SettingsError for anything but a readable JSON object.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        if not text.strip() and empty is not None:
            return empty
        value = json.loads(text)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except RecursionError as error:
        raise SettingsError(f"{path}: nested too deeply") from error
    except ValueError as error:
        raise SettingsError(f"{path}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise SettingsError(f"{path}: must hold a JSON object")
    return value


def warn_if_open(path: Path, settings: ApiSettings) -> None:
    """Warn if other users can read or change a file with secrets."""
    if is_loopback(urlsplit(settings.base_url).hostname or ""):
        return  # a token for a server on this machine is no secret
    mode = path.stat().st_mode
    if mode & 0o022:
        LOGGER.warning("%s can be changed by others: chmod 600", path)
    elif mode & 0o044:
        LOGGER.warning("%s can be read by others: chmod 600", path)


def warn_unknown(name: str, known: Iterable[str]) -> None:
    """Warn of a key that is not among the `known` ones, and name the nearest."""
    near = difflib.get_close_matches(name, list(known), n=1)
    LOGGER.warning("unknown config key %s%s", name, f": did you mean {near[0]}?" if near else "")
