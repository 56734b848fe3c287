"""Where a manhole may be, and that there is none unless it is asked for."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chatd.manhole.service import Manhole
from chatd.tap import Options, makeService
from tests.processes.servers import ROOT

EXPECTED = 'expected "unix:PATH", "tcp:PORT:interface=127.0.0.1" or the like, got '


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes a configuration whose only section is the manhole's. :returns: its name."""
    monkeypatch.chdir(tmp_path)

    def write(listen: str, keys: str = 'authorized_keys = "a"\nhost_key = "h"\n') -> str:
        listen = listen.replace("\\", "\\\\")
        Path("c.toml").write_text(f'[manhole]\nlisten = "{listen}"\n{keys}', encoding="utf-8")
        return "c.toml"

    return write


def parsed(file: str) -> Options:
    """The options of a command line that names a file."""
    options = Options()
    options.parseOptions(["--config", file])
    return options


def refused(file: str) -> object:
    """What is said of a file that will not do."""
    with pytest.raises(SystemExit) as end:
        parsed(file)
    return end.value.code


@pytest.mark.parametrize(
    "listen",
    [
        "unix:m.sock:mode=600",
        "tcp:9328:interface=127.0.0.1",
        "tcp:9328:interface=127.8.8.8",
        r"tcp6:9328:interface=\:\:1",
    ],
)
def test_it_may_be_on_a_unix_socket_or_on_loopback(file, listen):
    house = makeService(parsed(file(listen)))
    (manhole,) = (service for service in house if isinstance(service, Manhole))
    assert manhole.description == listen


@pytest.mark.parametrize(
    "listen",
    [
        "tcp:9328",
        "tcp6:9328",
        "tcp:9328:interface=0.0.0.0",
        "tcp:9328:interface=192.168.1.1",
        r"tcp6:9328:interface=\:\:",
    ],
)
def test_it_may_not_be_where_others_could_reach_it(file, listen):
    line = f"chatd: c.toml: manhole.listen: {EXPECTED}{listen!r} (others could reach it)"
    assert refused(file(listen)) == line


@pytest.mark.parametrize("listen", ["9328", "tcp:port", "nowhere:9328", "tcp:9328:interface=localhost"])
def test_what_is_no_such_place_is_one_line(file, listen):
    line = refused(file(listen))
    assert line.startswith(f"chatd: c.toml: manhole.listen: {EXPECTED}{listen!r} (")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("keys", "missing"), [('host_key = "h"', "authorized_keys"), ('authorized_keys = "a"', "host_key")]
)
def test_it_needs_both_files_of_keys(file, keys, missing):
    line = f"chatd: c.toml: manhole.{missing}: expected the path of a file, as there is a manhole.listen"
    assert refused(file("unix:m.sock", keys)) == line


def test_to_check_a_configuration_makes_no_key(file):
    parsed(file("unix:m.sock"))
    assert sorted(path.name for path in Path().iterdir()) == ["c.toml"]


def test_without_one_nothing_of_it_is_imported():
    script = (
        "import sys; from chatd.tap import Options, makeService; o = Options(); o.parseOptions([]);"
        "makeService(o); print([name for name in sys.modules if 'conch' in name or 'manhole' in name])"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("[]\n", "")
