"""Five thousand messages in the group room, and all who come and go: it stays smooth."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.talking import Talker
from tests.processes.servers import Server

MANY = 5000
LONG = 100  # ms that nothing may keep the page busy for
WAIT = 120_000  # ms

# Scrolls from the newest to the oldest, most of a window's height a frame, faster than anybody reads. Returns
# what a PerformanceObserver has seen: how long each task took that took 50 ms or more.
SCROLL = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const scroller = document.querySelector(".scroller");
  const tasks = [];
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) tasks.push(entry.duration);
  });
  observer.observe({ type: "longtask" });
  while (scroller.scrollTop > 0) {
    scroller.scrollTop -= 0.8 * scroller.clientHeight;
    await frame();
  }
  await frame();
  observer.disconnect();
  return tasks;
}"""


def busy(trace: bytes) -> list[float]:
    """What each task of the page has cost of its thread's time, in ms.

    On a machine where others are at work a task takes long because it has to wait, not by its own fault.
    """
    events = json.loads(trace)["traceEvents"]
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    found = [
        event["tdur"] / 1000
        for event in events
        if event["name"].endswith("RunTask") and "tdur" in event and (event["pid"], event["tid"]) in mains
    ]
    assert len(found) > 1000, "the trace does not hold what the page did"
    return found


@pytest.mark.timeout(400)
def test_five_thousand_messages_stay_smooth(
    open: Callable[..., Page], browser: Browser, server: Server, room: str
) -> None:
    ann, bob, carol = Talker(open, "Ann", room), server.join("bob", room), server.join("carol", room)
    for number in range(MANY):
        author = bob if number % 3 else carol
        author.say(text := f"message {number} " + "of some length " * (number % 9))
        while author.receive().get("messageContent") != text:  # so that the order is known
            pass
    expect(ann.messages).to_have_count(MANY, timeout=WAIT)
    assert [int(text.split()[1]) for text in ann.texts()] == list(range(MANY))
    expect(ann.messages.last).to_be_in_viewport()

    browser.start_tracing(page=ann.page, categories=["toplevel"])
    taken = ann.page.evaluate(SCROLL)
    cost = busy(browser.stop_tracing())
    # a task that took long, as the observer says, must have been kept waiting: it has not worked for so long
    assert max(cost) <= LONG, f"worked {sorted(cost)[-5:]}, took {sorted(taken)[-5:]} ms"
    expect(ann.messages.first).to_be_in_viewport()

    ann.page.get_by_role("button", name="Newest").click()
    ann.say("one more")
    expect(ann.messages).to_have_count(MANY + 1)
    expect(ann.messages.last).to_contain_text("one more")
    expect(ann.messages.last).to_be_in_viewport()


def test_a_page_that_is_open_for_weeks_does_not_keep_all_who_came_and_went(
    open: Callable[..., Page], room: str
) -> None:
    ann = Talker(open, "Ann", room)
    kept = ann.page.evaluate(COMING_AND_GOING)
    assert kept["said"] == ["one", "two"]
    assert 500 <= kept["happened"] < 700
    assert kept["last"] == "Guest 999 came in"
    assert kept["order"] == sorted(kept["order"])


def test_a_page_that_is_open_for_weeks_does_not_keep_all_that_was_said(
    open: Callable[..., Page], room: str
) -> None:
    """At its end it has the last thousands; who goes up finds the others."""
    ann = Talker(open, "Ann", room)
    kept = ann.page.evaluate(SAYING)
    assert 5000 <= kept["atTheEnd"] < 5200
    assert kept["last"] == "number 5999"
    assert kept["first"] == "number 0"  # where he has gone up
    assert kept["whole"] == 6000
    assert kept["awayFromTheEnd"] == 6200


def test_who_is_at_the_top_is_given_what_was_said_before_though_the_page_hears_late_that_he_is(
    open: Callable[..., Page], room: str
) -> None:
    ann = Talker(open, "Ann", room)
    assert ann.page.evaluate(SEEING) == [0, 1, 1]


SEEING = """async () => {
  let tell; // what a browser calls, with what was in sight in each frame
  window.IntersectionObserver = class extends IntersectionObserver {
    constructor(callback, options) {
      super(callback, options);
      tell = (...frames) => callback(frames.map((isIntersecting) => ({ isIntersecting })), this);
    }
    observe() {}
  };
  const { Transcript } = await import("/parts/transcript.js");
  const place = document.createElement("div");
  document.body.append(place);
  let asked = 0;
  new Transcript(place, { me: "ann", earlier: () => new Promise(() => { asked += 1; }) });
  const counts = [];
  for (const frames of [[true, false], [false, true], [true]]) {
    tell(...frames);
    counts.push(asked);
  }
  return counts;
}"""

SAYING = """async () => {
  const { Transcript } = await import("/parts/transcript.js");
  const place = document.createElement("div");
  place.style.cssText = "position: fixed; inset: 0; display: flex";
  document.body.append(place);
  const message = (number) => {
    const messageId = String(number).padStart(8, "0");
    return { messageType: "text", eventType: "ordinary", createUser: "bob", nickName: "Bob", messageId,
      messageContent: `number ${number}`, createTime: "2026-11-23T08:15:31.439Z" };
  };
  const earlier = async () => {
    const end = Number(transcript.oldest ?? 0);
    const first = Math.max(0, end - 200);
    transcript.prepend(Array.from({ length: end - first }, (_, at) => message(first + at)));
    return first > 0;
  };
  const transcript = new Transcript(place, { me: "ann", earlier });
  const texts = () => [...place.querySelectorAll(".said .text")].map((element) => element.textContent);
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  for (let number = 0; number < 6000; number += 1) {
    transcript.add(message(number));
    if (number % 500 === 0) await frame();
  }
  await frame();
  const atTheEnd = texts();
  const scroller = transcript.place.scroller;
  for (const end = performance.now() + 60_000; texts().length < 6000 && performance.now() < end; ) {
    scroller.scrollTop = 0;
    await frame();
  }
  const whole = texts();
  for (let number = 6000; number < 6200; number += 1) transcript.add(message(number));
  return { atTheEnd: atTheEnd.length, last: atTheEnd.at(-1), first: whole[0], whole: whole.length,
    awayFromTheEnd: texts().length };
}"""

COMING_AND_GOING = """async () => {
  const { Transcript } = await import("/parts/transcript.js");
  const place = document.createElement("div");
  document.body.append(place);
  const transcript = new Transcript(place, { me: "ann" });
  const bob = { messageType: "text", eventType: "ordinary", createUser: "bob", nickName: "Bob" };
  const come = (number) => {
    const nickName = `Guest ${number}`;
    const messageContent = `${nickName} 进来了，现在共有【2】人在线`;
    transcript.addNotice({ action: "in", nickName, count: 2, messageContent });
  };
  transcript.add({ ...bob, messageId: "1", messageContent: "one" });
  for (let number = 0; number < 1000; number += 1) come(number);
  transcript.add({ ...bob, messageId: "2", messageContent: "two" });
  const texts = (selector) => [...place.querySelectorAll(selector)].map((element) => element.textContent);
  const happened = texts(".happening");
  return {
    said: texts(".said .text"),
    happened: happened.length,
    last: happened.at(-1),
    order: happened.map((text) => Number(text.match(/\\d+/)[0])),
  };
}"""
