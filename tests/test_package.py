"""What is installed, and what a source distribution has: also what is no Python."""

import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytest.importorskip("setuptools")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source as it is checked out, symlinks included."""
    tree = tmp_path_factory.mktemp("source") / "chatd"
    without = (".*", "*.egg-info", "build", "dist", "__pycache__", "node_modules", "tests")
    shutil.copytree(ROOT, tree, symlinks=True, ignore=shutil.ignore_patterns(*without))
    (tree / "chatd" / "web" / "pages" / "linked.js").symlink_to("../../../LICENSE")
    return tree


def run(tree: Path, *commands: str | Path) -> None:
    """Run commands of setuptools', as a build backend does."""
    program = [sys.executable, "-c", "import setuptools; setuptools.setup()", "-q", *map(str, commands)]
    done = subprocess.run(program, cwd=tree, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr


def files(folder: Path) -> Iterator[str]:
    """The files of chatd that are no Python."""
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts:
            yield path.relative_to(folder).as_posix()


def test_a_wheel_has_every_page_and_every_schema(tree: Path, tmp_path: Path) -> None:
    run(tree, "build", "--build-base", tmp_path / "temporary", "--build-lib", tmp_path / "lib")
    installed = tmp_path / "lib" / "chatd"
    assert sorted(files(installed)) == sorted(files(tree / "chatd"))
    assert "web/pages/index.html" in set(files(installed))
    for name in files(installed):
        assert not (installed / name).is_symlink()
        assert (installed / name).read_bytes() == (tree / "chatd" / name).read_bytes()


def test_a_source_distribution_has_them_too_and_no_symlinks(tree: Path, tmp_path: Path) -> None:
    run(tree, "egg_info", "--egg-base", tmp_path, "sdist", "--formats", "gztar", "--dist-dir", tmp_path)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        top = tar.getnames()[0].partition("/")[0]
        found = {member.name: member for member in tar.getmembers()}
        for name in files(tree / "chatd"):
            member = found[f"{top}/chatd/{name}"]
            content = tar.extractfile(member)
            assert member.isreg() and content is not None
            assert content.read() == (tree / "chatd" / name).read_bytes()
