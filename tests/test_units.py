"""The units for systemd, as systemd itself reads them."""

import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from chatd.config import Config
from chatd.house import STOP_SECONDS
from chatd.tap import SPARE_FILES
from chatd.web.site import MOST
from tests.certificates import Authority
from tests.processes.servers import ROOT, TWISTD

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze, of the package systemd"
)


@pytest.fixture(params=["chatd", "chatd@"])
def units(request: pytest.FixtureRequest, tmp_path: Path) -> list[Path]:
    """The units as they are installed, but that the program is where it is: of one server, and of nodes."""
    service, port = tmp_path / f"{request.param}.service", tmp_path / f"{request.param}.socket"
    text = (ROOT / "etc" / service.name).read_text()
    assert text.count("/opt/chatd/bin/twistd -n") == 1
    service.write_text(text.replace("/opt/chatd/bin/twistd -n", f"{TWISTD} -n"))
    port.write_text((ROOT / "etc" / port.name).read_text())
    return [service, port]


def analyze(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run systemd-analyze to its end."""
    return subprocess.run(
        ["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, timeout=60
    )


@needs_systemd
def test_systemd_has_nothing_to_say_against_them(units):
    done = analyze("verify", *units)
    ours = [line for line in done.stderr.splitlines() if "chatd" in line]
    assert (done.returncode, ours) == (0, [])


@needs_systemd
def test_systemd_would_object_to_a_mistake(units):
    units[0].write_text(units[0].read_text().replace("ExecStart=", "ExecStrat="))
    done = analyze("verify", *units)
    assert "ExecStrat" in done.stderr


@needs_systemd
def test_the_service_is_exposed_to_little_but_the_network(units):
    done = analyze("security", "--offline=true", "--no-pager", "--threshold=15", units[0])
    if "unrecognized option" in done.stderr or "Unknown command" in done.stderr:
        pytest.skip("needs systemd 250")
    assert done.returncode == 0, done.stdout


def service() -> ConfigParser:
    """The service's settings; of those that are repeated, the last."""
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOT / "etc" / "chatd.service")
    return parser


def test_the_service_may_open_as_many_files_as_the_default_configuration_wants():
    needed = Config().server.max_connections + SPARE_FILES + MOST
    assert int(service()["Service"]["LimitNOFILE"]) >= needed


def test_the_service_gives_a_stop_the_time_that_it_may_take():
    steps = 2  # the last turn, and the last connections
    assert int(service()["Service"]["TimeoutStopSec"]) > steps * STOP_SECONDS


def test_the_service_and_the_program_agree_on_who_says_that_it_is_ready():
    settings = service()["Service"]
    assert settings["Type"] == "notify" and settings["NotifyAccess"] == "main"
    assert settings["ExecReload"] == "/bin/kill -HUP $MAINPID"


# MemoryDenyWriteExecute, as the kernel itself does it since Linux 6.3: PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN.
DENY = """
import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0:
    sys.exit("no such prctl")
os.execv(sys.argv[1], sys.argv[1:])
"""
MAP = "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)"


def denied(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run a command where no memory that can be written may be executed."""
    launched = [sys.executable, "-c", DENY, *map(str, command)]
    return subprocess.run(launched, capture_output=True, text=True, timeout=60, cwd=ROOT)


def test_the_service_may_execute_memory_for_as_long_as_tls_cannot_do_without(tmp_path):
    """pyOpenSSL makes its callbacks at run time."""
    refused = denied(sys.executable, "-c", MAP)
    if "no such prctl" in refused.stderr:
        pytest.skip("needs Linux 6.3")
    assert "PermissionError" in refused.stderr
    endpoint = f"ssl:0:{Authority(tmp_path).issue('localhost').endpoint}"
    does_tls = denied(TWISTD, "chatd", "--listen", endpoint, "--check").returncode == 0
    assert does_tls or "MemoryDenyWriteExecute" not in service()["Service"]
