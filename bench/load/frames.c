/* What arrives: frames, and in them the deliveries, each checked for its place in the order. */
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <string.h>

bool paced_latency;

static uint64_t hex(const uint8_t *digits, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++) {
        unsigned d = digits[i];
        value = value << 4 | (d <= '9' ? d - '0' : d - 'a' + 10);
    }
    return value;
}

/* Every member checks every sender: the numbers come one after the other, none twice. */
static void delivered(struct connection *c, const uint8_t *stamp, uint64_t now)
{
    int sender = (int)hex(stamp, 4);
    uint32_t sequence = (uint32_t)hex(stamp + 4, 8);
    if (c->stalled) {
        totals.stalled_frames++;
        return;
    }
    if (sender >= opt.senders || sender % opt.rooms != c->room) {
        totals.misdelivered++;
        return;
    }
    uint32_t *next = &c->next[sender / opt.rooms];
    if (sequence > *next)
        totals.gaps++;
    if (sequence < *next)
        totals.duplicates++;
    *next = sequence + 1;
    counters.deliveries++;
    totals.outstanding--;
    if (paced_latency || c->sender == sender)
        latency_record(now - hex(stamp + 12, 16));
    if (c->sender == sender && sending && !paced_latency)
        c->to_send++;
}

/* Not one of the messages: a notice about somebody's coming or going, or a mistake. */
static void other_text(const uint8_t *text, size_t length)
{
    if (memmem(text, length, "\"notice\"", 8)) {
        totals.notices++;
        return;
    }
    if (totals.unknown++ == 0)
        fprintf(stderr, "unexpected frame: %.*s\n", (int)(length < 300 ? length : 300), (const char *)text);
}

static void on_text(struct connection *c, const uint8_t *text, size_t length, uint64_t now)
{
    if (c->state == JOINING) {
        if (memmem(text, length, "\"error\"", 7))
            fail("refused: %.*s", (int)(length < 300 ? length : 300), (const char *)text);
        totals.notices++;
        connection_joined(c);
        return;
    }
    if (c->marker + STAMP_LENGTH > length || memcmp(text + c->marker, MARKER, MARKER_LENGTH) != 0) {
        const uint8_t *found = memmem(text, length, MARKER, MARKER_LENGTH);
        if (!found || found + STAMP_LENGTH > text + length) {
            other_text(text, length);
            return;
        }
        c->marker = (size_t)(found - text);
    }
    delivered(c, text + c->marker + MARKER_LENGTH, now);
}

static void on_close(struct connection *c, const uint8_t *payload, size_t length)
{
    c->close_code = length >= 2 ? payload[0] << 8 | payload[1] : 1005;
    if (!c->close_sent && c->stalled) {
        c->close_sent = true;
        send_control(c, 0x8, payload, length >= 2 ? 2 : 0);
    }
    connection_gone(c);
}

static void on_frame(struct connection *c, int first, const uint8_t *payload, size_t length, uint64_t now)
{
    switch (first) {
    case 0x81:
        on_text(c, payload, length, now);
        break;
    case 0x88:
        on_close(c, payload, length);
        break;
    case 0x89:
        send_control(c, 0xA, payload, length);
        break;
    case 0x8A:
        break;
    default:
        fail("a frame that starts with 0x%02x", first);
    }
}

/* Takes the whole frames off the start of `data`; how many bytes they were. */
size_t frames_parse(struct connection *c, uint8_t *data, size_t length, uint64_t now)
{
    size_t at = 0;
    while (length - at >= 2 && c->state != CLOSED) {
        uint64_t payload = data[at + 1];
        size_t header = payload == 126 ? 4 : payload == 127 ? 10 : 2;
        if (payload & 0x80)
            fail("a masked frame from the server");
        if (length - at < header)
            break;
        if (header > 2) {
            payload = 0;
            for (size_t i = 2; i < header; i++)
                payload = payload << 8 | data[at + i];
        }
        if (length - at - header < payload)
            break;
        on_frame(c, data[at], data + at + header, payload, now);
        at += header + payload;
    }
    return at;
}
