"""chatd as a daemon: pidfile, log file, umask, user and group, and its end."""

import grp
import os
import pwd
import re
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.processes.clients import Client
from tests.processes.frames import notice
from tests.processes.servers import ANY_PORT, LISTENING, NO_PAGES, bugs, twistd, wait_for_exit


class Daemon:
    """A daemon and its files, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.pidfile = directory / "chatd.pid"
        self.logfile = directory / "chatd.log"

    def start(self, *options: str, listen: str = ANY_PORT) -> tuple[int, str]:
        """Start it. :returns: the status of the command that does, and its errors, once it runs or cannot."""
        files = (f"--pidfile={self.pidfile}", f"--logfile={self.logfile}")
        config = self.directory / "chatd.toml"
        config.write_text(NO_PAGES)
        chatd = ("chatd", "--listen", listen, "--config", config)
        ended = twistd(*files, *options, *chatd, cwd=self.directory)
        assert ended.stdout == ""
        return ended.returncode, ended.stderr

    @property
    def pid(self) -> int:
        """Its process id, as the pidfile has it."""
        return int(self.pidfile.read_text())

    @property
    def port(self) -> int:
        """Where it listens, as the log has it."""
        found = re.search(LISTENING, self.logfile.read_text())
        assert found is not None
        return int(found.group(1))

    def end(self) -> None:
        """Send it a SIGTERM, and wait until it is no more."""
        pid = self.pid
        os.kill(pid, signal.SIGTERM)
        wait_for_exit(pid)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that is yet to be started."""
    daemon = Daemon(tmp_path)
    yield daemon
    if daemon.pidfile.exists():
        daemon.end()
    assert bugs(daemon.logfile.read_text()) == []


def test_a_daemon_serves_and_writes_its_pidfile_and_its_log(daemon: Daemon) -> None:
    assert daemon.start() == (0, "")
    with Client(daemon.port, userId="ann", name="Ann") as ann:
        assert ann.receive() == notice("in", "ann", 1)
    assert "joined as 'ann' in 'lobby'" in daemon.logfile.read_text()
    assert Path(f"/proc/{daemon.pid}/cwd").resolve() == daemon.directory
    assert os.getsid(daemon.pid) != os.getsid(0)


def test_its_files_obey_the_umask(daemon: Daemon) -> None:
    daemon.start("--umask=027")
    assert daemon.pidfile.stat().st_mode & 0o777 == 0o640


def test_a_second_start_with_the_same_pidfile_is_refused(daemon: Daemon) -> None:
    daemon.start()
    pid = daemon.pid
    status, errors = daemon.start()
    assert status == 1
    assert f"Another twistd server is running, PID {pid}" in errors
    assert daemon.pid == pid


def test_sigterm_ends_it_and_its_pidfile(daemon: Daemon) -> None:
    daemon.start()
    with Client(daemon.port, userId="ann", name="Ann") as ann:
        ann.receive()
        daemon.end()
        assert ann.closed()[0] == 1001
    assert not daemon.pidfile.exists()
    assert daemon.logfile.read_text().rstrip().endswith("Server Shut Down.")


def test_a_port_that_is_taken_is_told_by_the_command_and_the_log(daemon: Daemon) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, errors = daemon.start(listen=f"tcp:{port}:interface=127.0.0.1")
    line = f"Couldn't listen on 127.0.0.1:{port}: [Errno 98] Address already in use."
    assert status == 1
    assert line in errors
    assert daemon.logfile.read_text().splitlines()[-1].endswith(f"[chatd.house#critical] {line}")
    with suppress(FileNotFoundError):  # it removes its pidfile right after it has told the command
        wait_for_exit(daemon.pid)
    assert not daemon.pidfile.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_it_becomes_the_user_and_group_it_is_told_to(tmp_path: Path) -> None:
    user = pwd.getpwnam("nobody")
    group = grp.getgrgid(user.pw_gid)
    # A directory that this user can reach: pytest's own are closed to others.
    directory = Path(tempfile.mkdtemp(prefix="chatd-"))
    daemon = Daemon(directory)
    try:
        os.chown(directory, user.pw_uid, user.pw_gid)
        assert daemon.start(f"--uid={user.pw_name}", f"--gid={group.gr_name}") == (0, "")
        status = Path(f"/proc/{daemon.pid}/status").read_text()
        assert re.findall(r"^[UG]id:\t(.*)$", status, re.MULTILINE) == [
            "\t".join([str(user.pw_uid)] * 4),
            "\t".join([str(user.pw_gid)] * 4),
        ]
        with Client(daemon.port, userId="ann", name="Ann") as ann:
            assert ann.receive() == notice("in", "ann", 1)
        daemon.end()
        assert not daemon.pidfile.exists()
        assert bugs(daemon.logfile.read_text()) == []
    finally:
        if daemon.pidfile.exists():
            daemon.end()
        shutil.rmtree(directory)
