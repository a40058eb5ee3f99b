"""The sdist contains the repository, the wheel the shipped packages and nothing else."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.distributions import build_distributions, repository_files

# Top-level packages that users of the programs do not need.
NOT_SHIPPED = {"benchmarks", "demo", "private_servers", "tests"}


@dataclass(frozen=True)
class Distributions:
    """The paths of the files in the sdist and in the wheel, and the wheel's metadata."""

    sdist: set[Path]
    wheel: set[Path]
    metadata: str


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """The contents of an sdist and a wheel, built once for this module."""
    sdist, wheel = build_distributions(tmp_path_factory.mktemp("distributions"))
    with tarfile.open(sdist) as archive:
        # Each path begins with the folder `NAME-VERSION`.
        members = {Path(*Path(one.name).parts[1:]) for one in archive if one.isfile()}
    with zipfile.ZipFile(wheel) as wheel_file:
        names = wheel_file.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        text = wheel_file.read(metadata).decode()
    return Distributions(members, set(map(Path, names)), text)


def shipped_files() -> Iterator[Path]:
    """Yield every file of the shipped packages."""
    packages = {path.parent.name for path in REPOSITORY.glob("*/__init__.py")} - NOT_SHIPPED
    for package in packages:
        for path in (REPOSITORY / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(REPOSITORY)


def test_the_wheel_holds_every_file_of_the_shipped_packages(distributions: Distributions) -> None:
    """
    The wheel contains modules, subpackages and data files of the shipped packages, and no others.
    """
    packages = {path for path in distributions.wheel if not path.parts[0].endswith(".dist-info")}
    assert packages == set(shipped_files())


def test_the_sdist_holds_the_repository(distributions: Distributions) -> None:
    """
    The sdist has everything that the README names: programs, docs, demo, tests, benchmarks.
    """
    files = set(repository_files())
    if not files:
        pytest.skip("no git checkout: the repository's files are not known")
    assert not files - distributions.sdist


def test_the_metadata_is_complete(distributions: Distributions) -> None:
    """
    The metadata has license, authors, keywords, Python versions, and the README.
    """
    metadata = HeaderParser().parsestr(distributions.metadata)
    assert metadata["License"] == "Apache-2.0"
    for name in ("Summary", "Author", "Keywords", "Requires-Python", "Classifier"):
        assert metadata[name], name
    assert "# tap-hubspot-engagements" in metadata.get_payload()
