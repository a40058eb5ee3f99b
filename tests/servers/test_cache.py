"""The cache of server programs holds complete downloads only."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from private_servers.cache import cached


def test_a_server_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Files of a failed download are removed; a successful download happens once.
    """
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("no network")

    with pytest.raises(OSError, match="no network"):
        cached("server", fail)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    for _ in range(2):
        folder = cached("server", lambda folder: (folder / "program").touch(exist_ok=False))
        assert [path.name for path in folder.iterdir()] == ["program"]


def test_two_runs_fetch_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    If several runs need the same server, one downloads and the others wait.
    """
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    downloads: list[Path] = []
    under_way = threading.Barrier(3)

    def fetch(folder: Path) -> None:
        downloads.append(folder)
        (folder / "program").touch()

    def want(_: int) -> list[str]:
        under_way.wait(60)
        return [path.name for path in cached("server", fetch).iterdir()]

    with ThreadPoolExecutor(3) as runs:
        assert list(runs.map(want, range(3))) == [["program"]] * 3
    assert len(downloads) == 1
