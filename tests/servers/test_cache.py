"""The cache of server programs holds what was fetched whole, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.server_cache import cached


def test_a_server_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What a fetch leaves behind when it fails is thrown away; what succeeds is fetched once.
    """
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("no network")

    with pytest.raises(OSError, match="no network"):
        cached("server", fail)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    for _ in range(2):
        folder = cached("server", lambda made: (made / "program").touch(exist_ok=False))
        assert [path.name for path in folder.iterdir()] == ["program"]
