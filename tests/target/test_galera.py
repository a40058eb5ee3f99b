"""The servers are a Galera cluster: a node may go, or be in another's way; the load goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from private_servers.galera import GaleraCluster, GaleraNode, install
from tests.conftest import TestDatabase
from tests.overlap import EXIT_LOCKED, ClusterDatabase, run_schedules, schedules
from tests.pipeline import Pipeline
from tests.target.conftest import (
    LOAD_METHODS,
    StartTarget,
    load,
    load_here,
    record,
    state,
    to_lines,
)
from tests.target.feeding import END_S, THINGS, feeding, loaded, numbered, until
from tests.target.locking import OTHER, end, send
from tests.target.proxy import Fate, Proxy, first_time


@pytest.fixture
def cluster() -> Iterator[GaleraCluster]:
    install()
    with GaleraCluster() as cluster:
        yield cluster


@pytest.fixture
def database(cluster: GaleraCluster) -> TestDatabase:
    """A database of the cluster, queried through the last node."""
    return TestDatabase(cluster.nodes[-1], "galera")


def hosts(*nodes: GaleraNode) -> str:
    return ",".join(f"127.0.0.1:{node.port}" for node in nodes)


@pytest.mark.parametrize("method", LOAD_METHODS)
@pytest.mark.parametrize("fault", ["kill", "isolate"])
def test_a_node_goes_in_mid_load(
    cluster: GaleraCluster,
    database: TestDatabase,
    start_target: StartTarget,
    fault: str,
    method: str,
) -> None:
    """
    When the node in use is killed or cut off, another takes over: each row is loaded once, and the
    last state says so, printed and stored.
    """
    settings = {"host": hosts(*cluster.nodes), "state_id": "portal"}
    target = start_target(batch_size_rows=100, load_method=method, **settings)
    assert target.stdin and target.stdout and target.stderr
    with feeding(target, to_lines(THINGS) + numbered(1, 3000), pause_s=0.01):
        until(lambda: loaded(database) >= 500)
        getattr(cluster.nodes[0], fault)()
    # However far it was by then: these meet a node that is gone.
    with feeding(target, numbered(3001, 4000), pause_s=0.0):
        pass
    target.stdin.close()
    output = target.stderr.read()
    assert target.wait(END_S) == 0, output
    assert target.stdout.read().split()[-1] == b"4000"
    assert b"retrying" in output
    right = "SELECT COUNT(*), MIN(id), MAX(id) FROM things WHERE text = CONCAT('text ', id)"
    assert database.query(right) == [(4000, 1, 4000)]
    assert loaded(database) == 4000
    assert database.query("SELECT value FROM _sdc_state") == [("4000",)]


def test_a_state_is_loaded_by_one_load_of_the_cluster(
    cluster: GaleraCluster, database: TestDatabase, start_target: StartTarget
) -> None:
    """
    A second load of a state on another node ends with 75, though its table is another.
    """
    config = {"state_id": "portal", "batch_wait_limit_seconds": 0.1}
    target = start_target(host=hosts(cluster.nodes[0]), **config)
    send(target, THINGS, record({"id": 1}), state("ours"))
    assert target.stdout and target.stdout.readline() == b'"ours"\n'
    others = (OTHER, record({"id": 1}, stream="other_things"), state("theirs"))
    done = load(database, *others, host=hosts(cluster.nodes[1]), **config)
    assert (done.code, done.out) == (EXIT_LOCKED, ""), done.err
    assert "state portal is being loaded by another target-mysql" in done.err
    assert end(target).code == 0
    assert database.query("SELECT value FROM _sdc_state") == [('"ours"',)]


def test_a_conflict_at_commit_is_tried_again(
    cluster: GaleraCluster, database: TestDatabase, start_target: StartTarget
) -> None:
    """
    A conflict with a change on another node at commit leads to a retry of the batch.
    """
    first, second, _ = cluster.nodes
    load_here(database, THINGS, record({"id": 1, "text": "before"}))

    def interfere() -> None:
        second.query("UPDATE galera.things SET text = 'of another node'")
        until(lambda: first.query("SELECT text FROM galera.things") == [("of another node",)])

    with Proxy(first.port, first_time(b"COMMIT", Fate.PASS, interfere)) as proxy:
        row = record({"id": 1, "text": "ours"})
        done = load(database, THINGS, row, state(1), host="127.0.0.1", port=proxy.port)
    assert (done.code, done.out) == (0, "1\n"), done.err
    assert "MySQL error 1213" in done.err and done.err.count("retrying") == 1
    assert database.query("SELECT text FROM things") == [("ours",)]


def test_a_node_outside_of_its_cluster_is_passed_over(
    cluster: GaleraCluster, database: TestDatabase
) -> None:
    """
    A node that accepts logins but is outside the cluster is skipped.
    """
    first, *others = cluster.nodes
    first.isolate()
    done = load(database, THINGS, record({"id": 1}), state(1), host=hosts(first, *others))
    assert (done.code, done.out) == (0, "1\n"), done.err
    assert loaded(database) == 1
    done = load(database, THINGS, record({"id": 2}), state(2), host=hosts(first))
    assert (done.code, done.out) == (1, "")
    assert "WSREP has not yet prepared node for application use" in done.err


def test_runs_on_two_nodes_harm_nothing(cluster: GaleraCluster, tmp_path: Path) -> None:
    """
    Of two concurrent runs through different nodes, only one at a time loads a table.
    """

    def build(seed: int) -> Pipeline:
        folder = tmp_path / str(seed)
        folder.mkdir()
        fresh_reads = "SET SESSION wsrep_sync_wait = 1"
        first = cluster.nodes[0]
        return Pipeline(
            folder, ClusterDatabase(first, f"overlap_{seed}", cluster.nodes, fresh_reads)
        )

    codes = run_schedules(build, schedules(30))
    assert EXIT_LOCKED in codes and 0 in codes
