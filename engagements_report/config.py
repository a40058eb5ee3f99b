"""
The settings of the server: the same, from the same sources, as those of target-mysql.

So a machine that loads the tables can also report on them.
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

    Other keys are ignored, since the file may be the target's configuration.
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
