"""Pictures, videos, voice messages and events in the group room: sent by the page, shown and played."""

import base64
import io
import math
import struct
import wave
import zlib
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.pages import Pages
from tests.browser.talking import Talker
from tests.processes.servers import Server

Open = Callable[..., Page]

# A video of a moving square, made by the browser itself.
RECORD = """async () => {
  const canvas = document.createElement("canvas");
  canvas.width = 64;
  canvas.height = 36;
  const drawing = canvas.getContext("2d");
  const recorder = new MediaRecorder(canvas.captureStream(30), { mimeType: "video/webm" });
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const stopped = new Promise((done) => (recorder.onstop = done));
  recorder.start();
  for (let frame = 0; frame < 20; frame += 1) {
    drawing.fillStyle = frame % 2 ? "teal" : "white";
    drawing.fillRect(frame, 0, 20, 36);
    await new Promise(requestAnimationFrame);
  }
  recorder.stop();
  await stopped;
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""


def sound(seconds: float) -> bytes:
    """A tone, as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as tone:
        tone.setnchannels(1)
        tone.setsampwidth(2)
        tone.setframerate(8000)
        for number in range(int(8000 * seconds)):
            tone.writeframes(struct.pack("<h", int(3000 * math.sin(number / 8))))
    return file.getvalue()


def picture(width: int, height: int) -> bytes:
    """A picture of one colour, as a PNG file."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    rows = (b"\0" + b"\x2e\x7d\x6f" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def attach(talker: Talker, kind: str, **fields: str) -> None:
    """Send something by the menu beside the field."""
    talker.page.get_by_role("button", name="Attach").click()
    talker.page.get_by_role("menuitem", name=kind).click()
    talker.fill("Send", **fields)


def test_a_picture_is_shown_small_and_large(open: Open, pages: Pages, room: str) -> None:
    media = {"cat.png": picture(800, 600), "cat-s.png": picture(80, 60)}
    ann, bob = (Talker(open, name, room, media=media) for name in ("Ann", "Bob"))
    base = f"{pages.web}media/"
    attach(ann, "Picture", file=f"{base}cat.png", previewUrl=f"{base}cat-s.png", messageContent="our cat")
    button = bob.page.get_by_role("button", name="Show the picture large")
    expect(button.locator("img")).to_have_js_property("naturalWidth", 80)
    expect(bob.messages).to_contain_text(["our cat"])
    button.click()
    dialog = bob.page.get_by_role("dialog")
    expect(dialog.locator("img")).to_have_js_property("naturalWidth", 800)
    expect(dialog.get_by_role("link", name="Open the original")).to_have_attribute("href", f"{base}cat.png")
    bob.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()


def test_a_voice_message_is_played(open: Open, pages: Pages, room: str) -> None:
    ann, bob = (Talker(open, name, room, media={"hi.wav": sound(0.6)}) for name in ("Ann", "Bob"))
    attach(ann, "Voice message", file=f"{pages.web}media/hi.wav", duration="7.5")
    player = bob.page.get_by_role("group", name="Voice message")
    expect(player.locator(".voice-length")).to_have_text("0:08")  # as its sender says
    player.get_by_role("button", name="Play the voice message").click()
    expect(player.locator(".voice-length")).to_have_text("0:01")  # as it is: it was played to its end
    expect(player.get_by_role("button", name="Play the voice message")).to_be_visible()
    expect(player.get_by_role("progressbar")).to_have_attribute("value", "0")


def test_a_video_is_played(open: Open, pages: Pages, room: str) -> None:
    ann, bob = Talker(open, "Ann", room), Talker(open, "Bob", room)
    video = base64.b64decode(ann.page.evaluate(RECORD))
    for talker in (ann, bob):
        pages.provide(talker.page.context, "square.webm", video)
    attach(ann, "Video", file=f"{pages.web}media/square.webm", duration="75")
    player = bob.page.locator(".log video")
    expect(bob.page.locator(".video-length")).to_have_text("1:15")
    player.evaluate("(video) => video.play()")
    expect(player).to_have_js_property("ended", True)
    expect(player).to_have_js_property("videoWidth", 64)


def test_a_custom_event_is_a_card(open: Open, room: str) -> None:
    ann, bob = Talker(open, "Ann", room), Talker(open, "Bob", room)
    content = '{"order": 7, "total": "19.90"}'
    attach(
        ann,
        "Custom event",
        eventType="order.paid",
        eventDescription="Order 7 was paid",
        customContent=content,
    )
    card = bob.page.get_by_role("group", name="Event")
    expect(card.locator(".event-kind")).to_have_text("order.paid")
    expect(card.locator(".event-description")).to_have_text("Order 7 was paid")
    expect(card.locator("dt")).to_have_text(["order", "total"])
    expect(card.locator("dd")).to_have_text(["7", "19.90"])


def test_what_cannot_be_shown_says_so_and_leads_to_the_file(server: Server, pages: Pages, room: str) -> None:
    ann = Talker(pages.open, "Ann", room, expected="Failed to load resource", media={"bad.wav": b"no sound"})
    bob = server.join("bob", room)
    for kind in ("picture", "voice"):
        bob.send({"messageType": kind, "accessoryContent": {"file": f"{pages.web}media/{'bad.wav'}"}})
    ann.page.get_by_role("button", name="Play the voice message").click()
    links = ann.page.get_by_role("link", name="Open the original")
    expect(links).to_have_count(2)
    expect(ann.page.locator(".media-missing")).to_contain_text(["It cannot be shown here."] * 2)


def test_an_address_that_is_none_is_not_sent(open: Open, room: str) -> None:
    ann = Talker(open, "Ann", room)
    attach(ann, "Picture", file="javascript:alert(1)")
    dialog = ann.page.get_by_role("dialog")
    expect(dialog).to_be_visible()  # the browser says what is wrong
    assert not dialog.locator("[name=file]").evaluate("(input) => input.validity.valid")
    ann.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(ann.field).to_be_focused()
    expect(ann.messages).to_have_count(0)
