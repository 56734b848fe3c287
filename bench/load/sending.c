/* What is sent: {"messageType":"text","messageContent":"@bench@<sender><sequence><time>xxx..."}, with ids also a
 * clientMessageId of sender and sequence. */
#include "load.h"

#include <stdlib.h>
#include <string.h>

#define HEAD "{\"messageType\":\"text\",\"messageContent\":\"" MARKER
#define TAIL "\"}"
#define ID_LENGTH 12
#define ID_TAIL "\",\"clientMessageId\":\"000000000000\"}"
#define HEADER_MAX 14
#define MASK 0x5a

bool sending;
uint32_t *sent;

static uint8_t *frame, *batch;
static size_t header_length, frame_length, batch_limit;

/* The frame as it is sent but for the three numbers. One mask for all, as random ones would cost the
 * generator and not the server; it is not zero, so the server has to unmask. */
void sending_init(void)
{
    size_t size = (size_t)opt.size, at = 0;
    const char *tail = opt.ids ? ID_TAIL : TAIL;
    batch_limit = 64;
    frame = malloc(HEADER_MAX + size);
    batch = malloc((HEADER_MAX + size) * batch_limit);
    sent = calloc((size_t)opt.senders + 1, sizeof *sent);
    if (!frame || !batch || !sent)
        fail("out of memory");
    if (size < strlen(HEAD) + strlen(tail) + STAMP_LENGTH || size < 126 || size > 65535)
        fail("size must be from 126 to 65535");
    frame[at++] = 0x81;
    frame[at++] = 0x80 | 126;
    frame[at++] = (uint8_t)(size >> 8);
    frame[at++] = (uint8_t)size;
    memset(frame + at, MASK, 4);
    header_length = at + 4;
    frame_length = header_length + size;
    uint8_t *text = frame + header_length;
    memset(text, 'x', size);
    memcpy(text, HEAD, strlen(HEAD));
    memcpy(text + size - strlen(tail), tail, strlen(tail));
    for (size_t i = 0; i < size; i++)
        text[i] ^= MASK;
}

static uint8_t *put_hex(uint8_t *at, uint64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value >>= 4)
        at[i] = (uint8_t)"0123456789abcdef"[value & 15] ^ MASK;
    return at + digits;
}

/* Several messages go out in one send(), as one sender's would when they are ready at once. */
void send_messages(struct connection *c, int count)
{
    while (count > 0) {
        size_t n = (size_t)count < batch_limit ? (size_t)count : batch_limit;
        uint64_t now = now_ns();
        for (size_t i = 0; i < n; i++) {
            uint8_t *at = batch + i * frame_length, *id = at + frame_length - strlen(TAIL) - ID_LENGTH;
            memcpy(at, frame, frame_length);
            if (opt.ids)
                put_hex(put_hex(id, (uint64_t)c->sender, 4), sent[c->sender], 8);
            at = put_hex(at + header_length + strlen(HEAD), (uint64_t)c->sender, 4);
            at = put_hex(at, sent[c->sender]++, 8);
            put_hex(at, now, 16);
        }
        counters.messages += n;
        totals.outstanding += (int64_t)n * (opt.members - (connections[connection_count - 1].stalled ? 1 : 0));
        connection_send(c, batch, n * frame_length);
        count -= (int)n;
    }
}

void send_control(struct connection *c, int opcode, const uint8_t *payload, size_t length)
{
    uint8_t data[6 + 125] = {(uint8_t)(0x80 | opcode), (uint8_t)(0x80 | length), MASK, MASK, MASK, MASK};
    for (size_t i = 0; i < length && i < 125; i++)
        data[6 + i] = payload[i] ^ MASK;
    connection_send(c, data, 6 + length);
}
