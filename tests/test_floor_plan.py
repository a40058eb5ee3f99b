"""The plan: every module is on it, every import goes down, no program imports another."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

# What several programs need alike, and the programs that import it.
LIBRARIES = {
    "command_line": (
        *("tap_hubspot_engagements", "target_mysql", "target_hubspot_engagements"),
        *("engagements_report", "hubspot_engagements"),
    ),
    "hubspot_api": ("tap_hubspot_engagements", "target_hubspot_engagements"),
    "mysql_settings": ("target_mysql", "engagements_report", "hubspot_engagements"),
}

# Each package from roof to ground: a module imports only what stands below it.
FLOORS = {
    "command_line": "about logs log_format metrics_file signals stdin stdout __init__",
    "hubspot_api": (
        "client workers auth responses rate_limit transport watchdog redaction config_file"
        " settings endpoints activity_properties json_codec exceptions __init__"
    ),
    "tap_hubspot_engagements": (
        "__main__ cli commands portal_properties sync sync_objects reference_tables skipped"
        " run related related_type related_pairs sources"
        " objects.object_source objects.source objects.archived"
        " objects.changes objects.lists objects.definitions objects.object_api objects.api"
        " objects.associations objects.typed_records objects.record_layout objects.typed_people"
        " objects.to_engagement"
        " objects.people"
        " v1.source v1.changes v1.id_ranges v1.endpoints v1.unlistable v1.page_size v1.decode"
        " v1.details v1.repair v1.__init__ fast_records typed_engagement reference_endpoints"
        " pagination replication deletions deletion_sweep portal_check metrics progress messages"
        " fetch_associations record_lines discover selection state state_file streams"
        " objects.object_records objects.object_types objects.columns objects.values"
        " objects.__init__ records source engagement properties config times"
        " exceptions __init__"
    ),
    "target_mysql": (
        "__main__ cli commands logs"
        " loading.loader metrics loading.run_history loading.table_changes loading.migrate"
        " loading.version_table loading.committer"
        " loading.stage_and_merge progress loading.staging loading.activate_version"
        " loading.stored_states loading.table_locks loading.state_table"
        " loading.process_identity loading.streams loading.batch loading.__init__"
        " messages retries"
        " server.change_table server.rights server.introspection server.database server.insert"
        " server.connection server.dialect server.upload_connection server.errors server.statements"
        " server.version_statements server.merge_statements server.definition server.__init__"
        " rows.encoder rows.row_function rows.fallback rows.decoder rows.validation"
        " rows.coercion rows.values rows.datetimes rows.json_codec rows.load_file rows.__init__"
        " config other_targets exceptions"
        " tables.alter_plan tables.overflow tables.text_keys tables.index_room"
        " tables.column_compatibility tables.sizes tables.table tables.columns tables.kinds"
        " tables.identifiers tables.dialect tables.__init__ __init__"
    ),
    "target_hubspot_engagements": (
        "__main__ cli commands metrics checking write_back writer unique changing creating drafting"
        " settling reconcile run jobs v1_writes object_writes outcomes to_v1 lookups matching"
        " rejected progress drafts source_streams from_engagement engagement ledger messages"
        " validation values config exceptions __init__"
    ),
    "mysql_settings": (
        "connecting sources server other_names option_files login file_access declarations"
        " addresses visible exceptions __init__"
    ),
    "hubspot_simulator": (
        "__main__ server endpoints objects.routes objects.writes objects.association_writes"
        " objects.lists objects.associations objects.write_values objects.search"
        " objects.batch_read objects.definitions objects.requests faults portal"
        " objects.errors objects.views objects.store objects.type_index"
        " objects.engagement_properties objects.related_records objects.properties"
        " objects.object_types objects.texts objects.behaviour objects.__init__"
        " lifelike team owners generate feed contents oauth rate_limits responses __init__"
    ),
    # It knows the tap and the target as commands, and imports neither.
    "hubspot_engagements": "__main__ cli sync programs outcome config exceptions __init__",
    "engagements_report": (
        "__main__ cli commands option_groups option_values filter_options page.mail page.picture"
        " page.html_report"
        " page.sections.catalogue page.people page.links page.news page.teams page.goals"
        " page.sections.quality page.sections.first_response page.sections.hours"
        " page.sections.outcomes page.sections.parts page.sections.rolling page.sections.daily"
        " page.sections.__init__ page.figures page.freshness page.period page.charts.sparkline"
        " page.charts.averages page.charts.days page.charts.plot page.charts.__init__"
        " page.document page.svg page.formatting page.colours page.__init__ output_formats"
        " text_table stdout views.create views.statements views.definitions views.__init__"
        " queries.indexes queries.last_engagements queries.summaries queries.teams"
        " queries.changes queries.response_times queries.measures queries.people"
        " queries.reports queries.retries queries.database queries.statements queries.periods"
        " queries.calendar queries.__init__ config exceptions __init__"
    ),
}


def modules(package: str) -> dict[str, Path]:
    """Return the package's modules by their dotted names within it."""
    folder = REPOSITORY / package
    paths = sorted(folder.rglob("*.py"))
    return {".".join(path.relative_to(folder).with_suffix("").parts): path for path in paths}


def imports(path: Path) -> set[str]:
    """Return the dotted names that a module imports, including names imported from a module."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("package", FLOORS)
def test_every_module_is_on_the_plan(package: str) -> None:
    """
    The plan names all modules, and no others.
    """
    assert set(modules(package)) == set(FLOORS[package].split())


@pytest.mark.parametrize("package", FLOORS)
def test_imports_only_go_down(package: str) -> None:
    """
    No module imports a module above or beside.
    """
    floors = FLOORS[package].split()
    for name, path in modules(package).items():
        below = floors[floors.index(name) + 1 :]
        prefix = f"{package}."
        inside = {one.removeprefix(prefix) for one in imports(path) if one.startswith(prefix)}
        up = inside & set(floors) - set(below)
        assert not up, f"{package}.{name} imports {up}"


@pytest.mark.parametrize("package", FLOORS)
def test_no_program_imports_another(package: str) -> None:
    """
    HTTP, lines of JSON, the database and the state file connect the programs. Only the programs
    that LIBRARIES names import a library, and a library imports no program.
    """
    libraries = {name for name, users in LIBRARIES.items() if package in users}
    others = (
        (FLOORS.keys() | {"tests", "demo", "benchmarks", "private_servers"}) - {package} - libraries
    )
    for path in modules(package).values():
        assert not {one.split(".")[0] for one in imports(path)} & others
