/* The upgrade: SHA-1 and Base64 for the accept key, percent-decoding for the connect URL. */
#define _GNU_SOURCE
#include "limit.h"

#include <stdio.h>
#include <string.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

static uint32_t rotate(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static void sha1_block(uint32_t state[5], const uint8_t *block)
{
    uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16
             | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 80; i++)
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t f = i < 20 ? (b & c) | (~b & d) : i < 40 ? b ^ c ^ d
                   : i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
        uint32_t k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
        uint32_t next = rotate(a, 5) + f + e + k + w[i];
        e = d, d = c, c = rotate(b, 30), b = a, a = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

static void base64(const uint8_t *data, size_t length, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        uint32_t three = (uint32_t)data[i] << 16 | (i + 1 < length ? (uint32_t)data[i + 1] << 8 : 0)
                       | (i + 2 < length ? data[i + 2] : 0);
        *out++ = digits[three >> 18];
        *out++ = digits[three >> 12 & 63];
        *out++ = i + 1 < length ? digits[three >> 6 & 63] : '=';
        *out++ = i + 2 < length ? digits[three & 63] : '=';
    }
    *out = 0;
}

/* A key and the GUID are 60 bytes: with the padding always two blocks. */
static void accept_key(const char *key, char *out)
{
    uint8_t message[128] = {0}, digest[20];
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    memcpy(message, key, 24);
    memcpy(message + 24, GUID, 36);
    message[60] = 0x80;
    message[126] = 60 * 8 >> 8;
    message[127] = 60 * 8 & 0xff;
    sha1_block(state, message);
    sha1_block(state, message + 64);
    for (int i = 0; i < 20; i++)
        digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
    base64(digest, sizeof digest, out);
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* One value, decoded and JSON-escaped. Control characters and broken escapes are refused. */
static bool decode(const char *at, const char *end, char *out)
{
    char *last = out + FIELD - 3;
    for (; at < end; at++) {
        int c = *at == '+' ? ' ' : (uint8_t)*at;
        if (c == '%') {
            if (end - at < 3 || nibble(at[1]) < 0 || nibble(at[2]) < 0)
                return false;
            c = nibble(at[1]) << 4 | nibble(at[2]);
            at += 2;
        }
        if (c < ' ' || out >= last)
            return false;
        if (c == '"' || c == '\\')
            *out++ = '\\';
        *out++ = (char)c;
    }
    *out = 0;
    return true;
}

static bool parameter(struct identity *who, char *type, const char *at, const char *end)
{
    const char *value = memchr(at, '=', (size_t)(end - at));
    if (!value)
        return false;
    struct { const char *key; char *field; } known[] = {
        {"name", who->name}, {"userId", who->user}, {"roomName", who->room}, {"icon", who->icon},
        {"senderType", type},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].key) == (size_t)(value - at) && memcmp(known[i].key, at, (size_t)(value - at)) == 0)
            return decode(value + 1, end, known[i].field);
    return true;
}

static bool identify(const char *query, const char *end, struct identity *who)
{
    char type[FIELD] = "";
    memset(who, 0, sizeof *who);
    while (query < end) {
        const char *stop = memchr(query, '&', (size_t)(end - query));
        if (!stop)
            stop = end;
        if (!parameter(who, type, query, stop))
            return false;
        query = stop + 1;
    }
    return *who->name && *who->user && *who->room && strcmp(type, "GROUP") == 0;
}

long handshake(const char *request, size_t length, char *response, size_t size, struct identity *who)
{
    const char *end = memmem(request, length, "\r\n\r\n", 4);
    if (!end)
        return length > 8192 ? -1 : 0;
    const char *line = memmem(request, (size_t)(end - request), "\r\n", 2);
    const char *url_end = memmem(request, (size_t)((line ? line : end) - request), " HTTP/1.1", 9);
    const char *query = url_end ? memchr(request, '?', (size_t)(url_end - request)) : NULL;
    const char *key = memmem(request, (size_t)(end - request), "Sec-WebSocket-Key: ", 19);
    if (!query || !key || end - key < 19 + 24 || !identify(query + 1, url_end, who))
        return -1;
    char accept[32];
    accept_key(key + 19, accept);
    snprintf(response, size,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
    return end + 4 - request;
}
