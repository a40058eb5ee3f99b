"""
The database to report on: the same settings, from the same sources, as target-mysql has.

So whoever has loaded the tables also finds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from engagements_report.exceptions import UsageError
from mysql_settings.exceptions import SettingsError
from mysql_settings.option_files import OPTION_FILES
from mysql_settings.other_names import refused_faults
from mysql_settings.server import ServerSettings
from mysql_settings.sources import Sources, read_config_files, read_settings

OPTION_GROUP = "engagements-report"


def read_config(
    paths: Iterable[Path],
    environment: Mapping[str, str],
    option_files: Iterable[str] = OPTION_FILES,
) -> tuple[ServerSettings, list[str]]:
    """
    Return the settings of all sources, and warnings; raises UsageError, naming every fault.

    Keys that are no settings of a server are left out: the file may be the target's.
    """
    try:
        config = read_config_files(paths)
    except SettingsError as error:
        raise UsageError(str(error)) from error
    reading = read_settings(
        ServerSettings, Sources(config, environment, OPTION_GROUP, tuple(option_files))
    )
    if faults := [*refused_faults(config), *reading.faults]:
        raise UsageError("configuration: " + "; ".join(faults))
    return ServerSettings(**reading.values), list(reading.warnings)
