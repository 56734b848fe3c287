"""``python -m chatd tail``: a real process and a real server."""

import json
import re
import signal

import pytest

from tests.cli.command import run
from tests.processes.servers import Server


def tail(command, server, *more, **options):
    return command("tail", "lobby", "--url", f"127.0.0.1:{server.port}", *more, **options)


def test_it_prints_what_is_said_and_is_visible_as_what_it_is(server, command):
    bob = server.join("bob")
    it = tail(command, server)
    joined = bob.receive()
    assert re.fullmatch(r"tail-.+-\d+", joined["userId"]) and joined["count"] == 2
    it.wait_for(f"chatd: listens as {joined['userId']}, and is visible in the room as such")
    bob.say("hello")
    it.wait_for(r"^\d\d:\d\d:\d\d Bob \(bob\): hello$")


def test_it_does_not_hear_customers(server, command):
    it = tail(command, server, "--user", "tail")
    it.wait_for(r"\(tail\)")
    server.customer("carl", "lobby").say("private")
    server.join("bob").say("public")
    it.wait_for("public")
    assert "private" not in it.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(server, command, number):
    bob = server.join("bob")
    it = tail(command, server, "--user", "tail")
    assert bob.receive()["action"] == "in"
    it.wait_for(r"\(tail\)")
    it.process.send_signal(number)
    assert it.wait() == 0
    assert bob.receive()["action"] == "out"
    assert "Traceback" not in it.text


def test_json_prints_the_frames_as_they_come(server, command):
    it = tail(command, server, "--json", "--user", "tail")
    it.wait_for('"userId":"tail"')
    bob = server.join("bob")
    bob.send({"messageType": "picture", "accessoryContent": {"file": "x", "n": [1, None]}})
    heard = bob.receive()
    it.wait_for('"messageType":"picture"')
    frames = [json.loads(line) for line in it.text.split("\n") if line.startswith("{")]
    assert heard in frames
    assert "\x1b" not in it.text


def test_json_stays_one_line_a_frame_whatever_others_send(server, command):
    it = tail(command, server, "--json", "--user", "tail")
    it.wait_for('"userId":"tail"')
    bob = server.join("bob")
    bob.send('{"messageType":"event","accessoryContent":{\n"eventType":\r\n"\x9b\u2028"\t}}')
    bob.say("after")
    it.wait_for("after")
    (line,) = (line for line in it.text.split("\n") if '"event"' in line)
    assert json.loads(line)["accessoryContent"] == {"eventType": "\x9b\u2028"}
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028]", it.text)


def test_since_tells_what_was_said_before(server, command):
    bob = server.join("bob")
    bob.say("one"), bob.say("two")
    first = bob.receive()["messageId"]
    everything = tail(command, server, "--since", "", "--user", "all")
    everything.wait_for(": one"), everything.wait_for(": two")
    later = tail(command, server, "--since", first, "--user", "later")
    later.wait_for(": two")
    assert ": one" not in later.text


def test_it_comes_back_and_tells_what_it_missed(start, command, stack, tmp_path):
    first = start()
    it = tail(command, first, "--user", "tail")
    it.wait_for(r"\(tail\)")
    first.join("bob").say("before")
    it.wait_for(": before")
    first.hang_up()
    first.signal(signal.SIGKILL)
    it.wait_for("connecting again")
    second = stack.enter_context(Server(tmp_path, listen=f"tcp:{first.port}:interface=127.0.0.1"))
    second.join("bob").say("meanwhile")
    it.wait_for(": meanwhile")
    assert len(re.findall(": before", it.text)) == len(re.findall(": meanwhile", it.text)) == 1


def test_a_server_that_is_not_there_is_one_line_after_who_it_would_be():
    done = run("tail", "lobby", "--url", "127.0.0.1:1")
    assert done.returncode == 1
    assert done.stderr.splitlines()[1:] == ["chatd: ws://127.0.0.1:1: nobody listens there"]
