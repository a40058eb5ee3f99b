"""README and docs/ agree with the code: tables, commands, links, error texts."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engagements_report.queries.reports import REPORTS
from hubspot_api.endpoints import Endpoints
from hubspot_api.settings import to_json_schema
from hubspot_engagements.outcome import MEANINGS
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from mysql_settings.declarations import declared
from private_servers.shell import CommandFailed, run_steps
from tap_hubspot_engagements import config as tap_config
from tap_hubspot_engagements.objects.definitions import DISPOSITION
from tap_hubspot_engagements.streams import ENGAGEMENTS, STREAMS
from target_hubspot_engagements import config as write_back_config
from target_mysql.config import Config as TargetConfig
from tests.conftest import PROGRAMS, REPOSITORY, TestDatabase, clean_environment, run_program
from tests.distributions import repository_files

README, TAP, TARGET = "README.md", "docs/tap.md", "docs/target.md"
WRITE_BACK = "docs/write-back.md"
REPORT, OPERATIONS = "docs/reports.md", "docs/operations.md"
MAX_README_LINES = 130
DOCUMENTS = sorted(
    str(path.relative_to(REPOSITORY))
    for path in (*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"))
)
PROGRAM_PACKAGES = (
    *("tap_hubspot_engagements", "target_mysql", "engagements_report"),
    *("hubspot_api", "mysql_settings", "command_line", "hubspot_engagements"),
    "target_hubspot_engagements",
)
# A value in a message: a %-format of the code, or the ellipsis of the documents.
PLACEHOLDER = re.compile(r"%(?:\.\d+)?[sdfgr]|…+")
MIN_QUOTED_LENGTH = 12  # characters of a quoted error between two placeholders
PORTAL_SIZE = 64


def text_of(document: str) -> str:
    return (REPOSITORY / document).read_text(encoding="utf-8")


@cache
def sections(document: str) -> dict[str, str]:
    """Return the text below each heading, up to the next one; code blocks have no headings."""
    texts: dict[str, list[str]] = {}
    heading, in_code = "", False
    for line in text_of(document).splitlines():
        in_code ^= line.startswith("```")
        if not in_code and (match := re.match(r"#+ (.*)", line)):
            heading = match[1]
        else:
            texts.setdefault(heading, []).append(line)
    return {heading: "\n".join(lines) + "\n" for heading, lines in texts.items()}


def blocks(text: str, language: str) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of the tables' rows, without the headings."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [row for row in rows if row[0].startswith("`")]


def code_spans(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


@cache
def messages() -> tuple[str, ...]:
    """Return every text in the programs' code, with `…` for values."""
    texts = []
    for package in PROGRAM_PACKAGES:
        for path in (REPOSITORY / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, (ast.Constant, ast.JoinedStr)):
                    texts.append(PLACEHOLDER.sub("…", literal(node)))
    return tuple(texts)


def literal(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(map(literal, node.values))
    return str(node.value) if isinstance(node, ast.Constant) else "…"


def settings_of_target() -> dict[str, tuple[object, str]]:
    """Return (default, meaning) of the target's settings."""
    settings = declared(TargetConfig).items()
    return {name: (setting.default_text, setting.meaning) for name, setting in settings}


@pytest.mark.parametrize(
    ("document", "defaults"),
    [
        (TAP, tap_config.defaults()),
        (TARGET, settings_of_target()),
        (WRITE_BACK, write_back_config.defaults()),
    ],
)
def test_configuration_tables(document: str, defaults: dict[str, tuple[object, str]]) -> None:
    """
    Each table has every key of the code in order, with default and meaning.
    """
    text = sections(document)["Configuration"]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", text, re.M)
    table = [(name, default.strip("`"), meaning) for name, default, _, meaning in rows]
    assert table == [
        (name, to_text(default), meaning) for name, (default, meaning) in defaults.items()
    ]


def test_units_of_the_write_backs_configuration() -> None:
    """
    Each row of the write-back's table has the unit that --about prints, or none.
    """
    text = sections(WRITE_BACK)["Configuration"]
    rows = dict(re.findall(r"^\| `(\w+)` \| .*? \| (.*?) \| .*? \|$", text, re.M))
    properties = to_json_schema(write_back_config.Config)["properties"]
    assert isinstance(properties, dict)
    assert rows == {name: one.get("x-unit", "") for name, one in properties.items()}


def test_the_exit_codes_of_the_write_back() -> None:
    """
    The document and --help explain the same exit codes.
    """
    text = sections(WRITE_BACK)["target-hubspot-engagements"].partition("Exit codes: ")[2]
    helped = " ".join(run_program("target-hubspot-engagements", "--help").out.split())
    codes = [
        set(re.findall(r"\b\d+\b", one.partition("\n")[0]))
        for one in (text, helped.partition("Exit codes: ")[2])
    ]
    assert codes[0] == codes[1]


def test_units_of_the_targets_configuration() -> None:
    """
    Each row of the target's table has the unit that the setting declares, or none.
    """
    text = sections(TARGET)["Configuration"]
    rows = re.findall(r"^\| `(\w+)` \| .*? \| (.*?) \| .*? \|$", text, re.M)
    assert rows == [(name, setting.unit) for name, setting in declared(TargetConfig).items()]


def to_text(default: object) -> str:
    """Return a default in the form of the documents."""
    if default is None or default in ("", ()):
        return ""
    return json.dumps(default).strip('"')


def test_the_table_of_streams() -> None:
    """
    The table has every stream of the code in order, with key and replication method.
    """
    rows = table_rows(sections(TAP)["Streams"])
    assert [name.strip("`") for name, *_ in rows] == list(STREAMS)
    for name, _, endpoint, key, replication in rows:
        stream = STREAMS[name.strip("`")]
        assert code_spans(key) == list(stream.key_properties)
        assert code_spans(replication)[0] == stream.replication_method
        assert (endpoint == "none of its own") == (stream.parent is not None)


def test_every_endpoint_is_in_the_code() -> None:
    """
    The documents name paths that the tap requests.
    """
    paths = {path for document in (TAP, "docs/hubspot.md") for path in endpoints(document)}
    assert len(paths) > 5
    for path in paths:
        assert any(path in text for text in messages()), path


def test_every_endpoint_of_the_objects_api() -> None:
    """
    The table of endpoints of the objects API has the paths that the tap composes, and no others.
    """
    api = Endpoints("{ver}")
    composed = {
        api.records("{type}"),
        api.search("{type}"),
        api.record("{type}", "{id}"),
        api.associations("{type}", "{related}"),
        api.definition("calls", DISPOSITION),
        api.owners,
        api.account,
    }
    spans = code_spans(sections("docs/hubspot.md")["The objects API"])
    assert {span for span in spans if "/{ver}" in span} == composed


def endpoints(document: str) -> Iterator[str]:
    """Yield the paths in a document's tables of streams and endpoints."""
    for heading in ("Streams", "Endpoints"):
        for path in code_spans(sections(document).get(heading, "")):
            if path.startswith("/"):
                yield path.removesuffix("/:id")


def test_the_diagram_of_streams() -> None:
    """
    The diagram has every stream, and only existing properties.
    """
    (diagram,) = blocks(sections(TAP)["Streams"], "mermaid")
    entities = dict(re.findall(r"^    (\w+) \{\n(.*?)^    \}", diagram, re.M | re.S))
    relations = re.findall(r"^    (\w+) \|\|--o[|{] (\w+)", diagram, re.M)
    assert {name for pair in relations for name in pair} == set(STREAMS)
    for name, attributes in entities.items():
        for attribute in re.findall(r"^ +\w+ (\w+)", attributes, re.M):
            assert attribute in STREAMS[name].schema["properties"], f"{name}.{attribute}"


def test_the_columns_of_engagements() -> None:
    """
    The list of columns equals the schema's properties, in order.
    """
    columns = code_spans(sections(TAP)["engagements"].split("\n\n")[1])
    assert columns == list(ENGAGEMENTS.schema["properties"])


def test_the_table_of_reports() -> None:
    """
    The table has every report, in the order of the code.
    """
    rows = table_rows(sections(REPORT)["engagements-report"])
    names = [name.strip("`") for name, *_ in rows if "--" not in name]
    expected = [*REPORTS, "sql REPORT", "html FILE", "csv-dir DIR", "freshness", "index", "views"]
    assert names == expected


@pytest.mark.parametrize(
    ("document", "program", "commands"),
    [
        (TAP, "tap-hubspot-engagements", ()),
        (TARGET, "target-mysql", ()),
        (WRITE_BACK, "target-hubspot-engagements", ()),
        (
            REPORT,
            "engagements-report",
            (*REPORTS, "sql", "html", "csv-dir", "freshness", "index", "views"),
        ),
        (OPERATIONS, "hubspot-engagements", ("sync", "check")),
    ],
)
def test_the_tables_of_options(document: str, program: str, commands: tuple[str, ...]) -> None:
    """
    The document's table has the options of --help, also of the commands, and no others.
    """
    option = re.compile(r"(?<![\w-])--[a-z][\w-]*")
    heading = {"hubspot-engagements": "The hourly run"}.get(program, program)
    options = option.findall(str(table_rows(sections(document)[heading])))
    helps = [
        run_program(program, *command, "--help").out
        for command in ((), *zip(commands, strict=True))
    ]
    assert set(options) == set(option.findall("".join(helps)))


@pytest.fixture
def folder(tmp_path: Path, database: TestDatabase) -> Iterator[tuple[Path, Simulator]]:
    """A folder with the three files of an hourly run, and the portal to read."""
    with Simulator(Portal.june_2018(), token=sample("config")["access_token"]) as simulator:
        write_settings(tmp_path, simulator, database)
        yield tmp_path, simulator


def sample(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(text_of(f"sample_{name}.json"))
    return content


def write_settings(folder: Path, simulator: Simulator, database: TestDatabase) -> None:
    """Write the configurations, built from the samples, and the catalog into `folder`."""
    tap = sample("config") | {"base_url": simulator.url}
    target = sample("target_config") | {
        "port": database.server.port,
        "user": "root",
        "password": database.server.password,
        "database": database.name,
    }
    both = sample("sync_config") | {"tap": tap, "target": target}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("config", tap), ("target_config", target), ("sync", both)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    (folder / "catalog.json").write_text(text_of("catalog.json"))


def run_bash(folder: Path, script: str) -> str:
    return run_steps(["bash", "-ec", script], folder=folder, environment=environment_of_programs())


def run_cron_job(folder: Path, crontab: str, user: str = "") -> None:
    """Run the job of a crontab like cron, in `folder`; `user` is before the job's command."""
    lines = [line for line in crontab.strip().splitlines() if not line.startswith("#")]
    path_line, job = lines
    minute, *rest, command = job.split(None, 5)
    assert minute.isdigit() and rest == ["*"] * 4
    assert command.startswith(user)
    path = path_line.removeprefix("PATH=").replace("/srv/hubspot/.venv/bin", str(PROGRAMS))
    environment = {"PATH": path, "HOME": str(folder), "SHELL": "/bin/sh"}
    command = command.removeprefix(user).replace("/srv/hubspot", str(folder))
    run_steps(["/bin/sh", "-c", command], environment=environment)


def environment_of_programs() -> dict[str, str]:
    environment = clean_environment()
    return environment | {"PATH": f"{PROGRAMS}:{environment['PATH']}"}


def add_note(simulator: Simulator) -> None:
    simulator.portal.create({"engagement": {"type": "NOTE"}, "metadata": {}})


def rows_of(database: TestDatabase) -> int:
    return int(database.query("SELECT COUNT(*) FROM engagements")[0][0])


def test_the_commands_of_a_first_load_and_an_hourly_run(
    folder: tuple[Path, Simulator], database: TestDatabase
) -> None:
    """
    The check passes, the command loads a portal, and the crontab line then loads the changes.
    """
    path, simulator = folder
    (check,) = blocks(sections(README)["Configure"], "console")
    assert "token accepted" in run_bash(path, check.removeprefix("$ "))
    command, _ = blocks(sections(README)["Run"], "bash")
    summary = json.loads(run_bash(path, command).splitlines()[-1])
    assert summary["status"] == "done"
    assert rows_of(database) == PORTAL_SIZE

    add_note(simulator)
    run_cron_job(path, blocks(sections(README)["Run"], "crontab")[0])

    assert rows_of(database) == PORTAL_SIZE + 1
    (line,) = (path / "runs.jsonl").read_text().splitlines()
    assert json.loads(line)["exit_code"] == 0
    log = (path / "hourly.log").read_text()
    assert "reading all engagements" not in log, "the state of the first load was not used"


def test_the_crontab_of_deploy(folder: tuple[Path, Simulator], database: TestDatabase) -> None:
    """
    The file for /etc/cron.d has the same job, for a user of its own.
    """
    path, _ = folder
    run_cron_job(path, text_of("deploy/cron/hubspot-engagements"), user="hubspot ")
    assert rows_of(database) == PORTAL_SIZE


def test_the_plain_pipes(folder: tuple[Path, Simulator], database: TestDatabase) -> None:
    """
    The README's pipe loads a portal and leaves the state; the script with the state in the
    database, which takes the state over, then loads the changes.
    """
    path, simulator = folder
    _, pipe = blocks(sections(README)["Run"], "bash")
    run_bash(path, pipe)
    assert rows_of(database) == PORTAL_SIZE
    target = json.loads((path / "target_config.json").read_text())
    (path / "target_config.json").write_text(json.dumps(target | {"state_id": "portal"}))
    run_bash(path, "target-mysql --config target_config.json --set-state state.json")

    add_note(simulator)
    simulator.requests.clear()
    (script,) = blocks(sections(OPERATIONS)["As a plain pipe"], "bash")
    (path / "hourly.sh").write_text(script)
    run_bash(path, "bash hourly.sh")

    assert rows_of(database) == PORTAL_SIZE + 1
    assert not any("paged" in request.path for request in simulator.requests)


def test_a_failed_run_keeps_the_last_state(
    folder: tuple[Path, Simulator], database: TestDatabase
) -> None:
    """
    A run that fails before the first state leaves the last state to the next run.
    """
    path, simulator = folder
    command, _ = blocks(sections(README)["Run"], "bash")
    run_bash(path, command)
    good = (path / "catalog.json").read_text()
    (path / "catalog.json").write_text("{}")
    with pytest.raises(CommandFailed):
        run_bash(path, command)

    (path / "catalog.json").write_text(good)
    add_note(simulator)
    simulator.requests.clear()
    run_bash(path, command)

    assert not any("paged" in request.path for request in simulator.requests)
    assert rows_of(database) == PORTAL_SIZE + 1


def test_the_loop_over_portals(folder: tuple[Path, Simulator], database: TestDatabase) -> None:
    """
    The loop loads each portal, and continues after a portal that fails.
    """
    path, _ = folder
    (loop,) = blocks(sections(OPERATIONS)["Several portals"], "bash")
    (path / "portals").mkdir()
    (path / "portals" / "broken.json").write_text("{")
    good = json.loads((path / "sync.json").read_text())
    (path / "portals" / "good.json").write_text(json.dumps(good | {"catalog": "../catalog.json"}))

    outcome = subprocess.run(
        ["bash", "-c", loop],
        cwd=path,
        env=environment_of_programs(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert outcome.returncode == 1
    assert "portals/broken.json: exit code 2" in outcome.stderr
    assert rows_of(database) == PORTAL_SIZE


def test_the_grant_is_enough(database: TestDatabase) -> None:
    """
    A user with the rights of docs/target.md can load, and error 1044 names the same rights.
    """
    (statements,) = blocks(sections(TARGET)["The user's rights"], "sql")
    user = f"u{os.getpid()}"
    statements = statements.replace("hubspot.*", f"{database.name}.*")
    statements = statements.replace("DATABASE hubspot", f"DATABASE {database.name}")
    statements = statements.replace("hubspot@", f"{user}@")
    connection = database.connect()
    with connection, connection.cursor() as cursor:
        for statement in filter(str.strip, statements.split(";")):
            cursor.execute(statement)
    rights = re.search(r"GRANT (.*?) ON", statements)
    assert rights and any(rights[1] in text for text in messages())

    settings = {"USER": user, "PASSWORD": "change me"}
    outcome = run_program(
        "target-mysql",
        stdin='{"type": "SCHEMA", "stream": "s", "key_properties": ["id"],'
        ' "schema": {"properties": {"id": {"type": "integer"}}}}\n'
        '{"type": "RECORD", "stream": "s", "record": {"id": 1}}\n',
        environment=database.environment
        | {f"TARGET_MYSQL_{name}": value for name, value in settings.items()},
    )

    assert (outcome.code, outcome.err.count("ERROR")) == (0, 0), outcome.err
    assert database.query("SELECT id FROM s") == [(1,)]
    database.query(f"DROP USER {user}@'%%'", ())


def test_every_error_of_the_troubleshooting_tables_is_in_the_code() -> None:
    """
    Each explained text is a text of the programs, except for the values.
    """
    texts = sections(OPERATIONS)
    rows = [*table_rows(texts["Errors of the tap"])]
    rows += table_rows(texts["Errors of the target and the reports"])
    assert len(rows) > 30
    for text, *_ in rows:
        pieces = PLACEHOLDER.split(text.strip("`"))
        assert max(map(len, pieces)) >= MIN_QUOTED_LENGTH, text
        pattern = re.compile(".*".join(map(re.escape, pieces)), re.DOTALL)
        assert any(map(pattern.search, messages())), f"no program says: {text}"


def test_every_exit_code_is_explained() -> None:
    """
    The table has the exit codes of the programs' --help.
    """
    rows = re.findall(r"^\| ([\d, ]+) \|", sections(OPERATIONS)["Exit codes"], re.M)
    table_codes = {code for row in rows for code in re.findall(r"\d+", row)}
    help_codes: set[str] = set()
    for program in (
        *("tap-hubspot-engagements", "target-mysql", "target-hubspot-engagements"),
        "engagements-report",
    ):
        text = " ".join(run_program(program, "--help").out.split())
        help_codes |= set(re.findall(r"\b\d+\b", text.partition("Exit codes: ")[2]))
    assert table_codes == help_codes


def test_the_exit_codes_of_a_sync() -> None:
    """
    The table has the meaning of each exit code, as the summary has it.
    """
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", sections(OPERATIONS)["Exit codes"], re.M)
    assert {int(code): meaning for code, meaning in rows} == MEANINGS


def test_every_target_of_make_is_explained() -> None:
    """
    The documents name the targets of the Makefile, and no others.
    """
    targets = set(re.findall(r"^([a-z-]+):.*## ", text_of("Makefile"), re.M))
    documented: set[str] = set()
    for document in DOCUMENTS:
        for names in re.findall(r"(?:`|^\$ )make ([a-z -]+)", text_of(document), re.M):
            documented |= set(names.split())
    assert documented == targets


def test_every_file_in_the_documents_exists() -> None:
    """
    The repository has each module and data file that a document names.
    """
    files = repository_files()
    if not files:
        pytest.skip("no git checkout: the repository's files are not known")
    for document in set(DOCUMENTS) - {"CHANGELOG.md"}:
        for name in code_spans(text_of(document)):
            if re.fullmatch(r"[\w./]+\.(?:py|sql|css)", name):
                assert any(f"/{file}".endswith(f"/{name}") for file in files), f"{document}: {name}"


def test_every_link_leads_somewhere() -> None:
    """
    Each relative link has a file, and each anchor a heading.
    """
    links = [(document, link) for document in DOCUMENTS for link in relative_links(document)]
    assert len(links) > 50
    for document, link in links:
        path, _, anchor = link.partition("#")
        target = (REPOSITORY / document).parent / path if path else REPOSITORY / document
        assert target.exists(), f"{document}: {link}"
        if anchor:
            name = str(target.resolve().relative_to(REPOSITORY.resolve()))
            assert anchor in map(slug, sections(name)), f"{document}: {link}"


def relative_links(document: str) -> list[str]:
    text = re.sub(r"^```.*?^```", "", text_of(document), flags=re.M | re.S)
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link for link in links if not re.match(r"\w+:", link)]


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_document_is_reached_from_the_readme() -> None:
    """
    The README links to each page of docs/.
    """
    targets = {link.partition("#")[0] for link in relative_links(README)}
    assert {document for document in DOCUMENTS if document != README} <= targets


def test_the_readme_is_short() -> None:
    """
    The README is short enough to be read completely; details are in docs/.
    """
    assert len(text_of(README).splitlines()) <= MAX_README_LINES


@pytest.mark.parametrize("document", [README, "docs/demo.md"])
def test_the_demo_is_shown_as_it_is(document: str) -> None:
    """
    The session has the known answer.
    """
    assert "1.0714" in text_of(document)
    assert re.search(r"TASK\s+│ 2018-07-13 │\s+4", text_of(document))
