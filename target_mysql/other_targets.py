"""
Configuration keys of other targets, translated to ours. Pure.

The keys of PipelineWise's targets and of targets made with Meltano's SDK differ from ours more in
name than in meaning. Their configurations work here; a warning names each key without effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mysql_settings import other_names
from mysql_settings.other_names import is_true

ALIASES = {**other_names.ALIASES, "add_record_metadata": "add_metadata_columns"}
# Keys that do not change the loaded rows: speed, files, memory.
WITHOUT_MEANING = frozenset(
    ("parallelism", "parallelism_max", "stream_buffer_size", "disable_table_cache", "query_tag")
    + ("archive_load_files", "flattening_max_key_length", "batch_config", "faker_config")
    + ("process_activate_version_messages", "stream_map_config")
)
# Keys that would change the rows or their readers, and that this target does not support.
WITHOUT_EFFECT = {
    "schema_mapping": "all streams go into `database`",
    "default_target_schema_select_permission": "grant rights on the database yourself",
    "default_target_schema_select_permissions": "grant rights on the database yourself",
    "stream_maps": "records are loaded as the tap sends them",
    "table_name_pattern": "tables have the names of their streams",
}


@dataclass(frozen=True)
class Translation:
    """Settings by our names, warnings about keys without effect, and faults."""

    settings: dict[str, object]
    warnings: tuple[str, ...]
    faults: tuple[str, ...]


def translate(settings: Mapping[str, object]) -> Translation:
    """Return the settings by our names; if several mean the same, ours counts."""
    others = {*WITHOUT_MEANING, *WITHOUT_EFFECT, *other_names.REFUSED}
    others |= {"flattening_enabled", "flattening_max_depth"}
    ours = other_names.to_our_names(settings, ALIASES)
    ours = {name: value for name, value in ours.items() if name not in others}
    if is_true(settings.get("flattening_enabled")):
        levels = ours.get("data_flattening_max_level"), settings.get("flattening_max_depth")
        ours["data_flattening_max_level"] = levels[1] if levels[0] is None else levels[0]
    if isinstance(method := ours.get("load_method"), str) and method.casefold() == "upsert":
        ours["load_method"] = "auto"  # which upserts, as the SDK's does
    present = {name for name, value in settings.items() if value not in (None, "", {}, [])}
    return Translation(
        ours,
        tuple(
            f"{name} has no effect: {WITHOUT_EFFECT[name]}"
            for name in WITHOUT_EFFECT
            if name in present
        ),
        tuple(other_names.refused_faults(settings)),
    )
