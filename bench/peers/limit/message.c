/* Frames in and stamped messages out. */
#define _GNU_SOURCE
#include "limit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define MAX_MESSAGE 65535

long unmask(uint8_t *data, size_t length, int *opcode, uint8_t **payload, size_t *payload_length)
{
    if (length < 6)
        return 0;
    size_t size = data[1] & 0x7f, header = 6;
    *opcode = data[0] & 0x0f;
    if (!(data[0] & 0x80) || data[0] & 0x70 || !(data[1] & 0x80) || size == 127)
        return -1; /* fragments and huge messages are not part of what is measured */
    if (size == 126) {
        size = (size_t)data[2] << 8 | data[3];
        header = 8;
    }
    if (length < header + size)
        return 0;
    const uint8_t *mask = data + header - 4;
    *payload = data + header;
    *payload_length = size;
    for (size_t i = 0; i < size; i++)
        data[header + i] ^= mask[i & 3];
    return (long)(header + size);
}

size_t frame_header(uint8_t *out, int opcode, size_t length)
{
    out[0] = (uint8_t)(0x80 | opcode);
    if (length < 126) {
        out[1] = (uint8_t)length;
        return 2;
    }
    out[1] = 126;
    out[2] = (uint8_t)(length >> 8);
    out[3] = (uint8_t)length;
    return 4;
}

/* The end of a JSON string that starts at `at` (after its quote), or NULL. */
static const char *string_end(const char *at, const char *end)
{
    for (; at < end; at++) {
        if (*at == '"')
            return at;
        if ((uint8_t)*at < ' ' || (*at == '\\' && ++at == end))
            return NULL;
    }
    return NULL;
}

/* A member of an object of strings; its raw JSON text. */
static bool member(const char *json, const char *end, const char *key, const char **value, size_t *length)
{
    size_t key_length = strlen(key);
    const char *at = json + 1;
    while (at < end && *at == '"') {
        const char *name = at + 1, *name_end = string_end(name, end);
        if (!name_end || end - name_end < 4 || name_end[1] != ':' || name_end[2] != '"')
            return false;
        const char *text = name_end + 3, *text_end = string_end(text, end);
        if (!text_end)
            return false;
        if ((size_t)(name_end - name) == key_length && memcmp(name, key, key_length) == 0) {
            *value = text;
            *length = (size_t)(text_end - text);
            return true;
        }
        at = text_end + 1;
        if (at < end && *at == ',')
            at++;
    }
    return false;
}

static const char *created(uint64_t *microseconds)
{
    static char text[40];
    static time_t second;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != second) {
        struct tm utc;
        second = now.tv_sec;
        gmtime_r(&second, &utc);
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    }
    snprintf(text + 19, sizeof text - 19, ".%03ldZ", now.tv_nsec / 1000000);
    *microseconds = (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
    return text;
}

size_t stamp(const struct identity *who, const uint8_t *json, size_t length, uint8_t *out, size_t size)
{
    static uint64_t last_id;
    const char *text = (const char *)json, *end = text + length, *type, *content;
    size_t type_length, content_length;
    if (length < 2 || *text != '{' || end[-1] != '}'
        || !member(text, end - 1, "messageType", &type, &type_length)
        || !member(text, end - 1, "messageContent", &content, &content_length)
        || type_length != 4 || memcmp(type, "text", 4) != 0 || content_length == 0)
        return 0;
    uint64_t id;
    const char *time = created(&id);
    last_id = id > last_id ? id : last_id + 1;
    char stamps[4 * FIELD + 300];
    int stamps_length = snprintf(stamps, sizeof stamps,
        "\",\"nickName\":\"%s\",\"createUser\":\"%s\",\"userIcon\":\"%s\",\"roomName\":\"%s\","
        "\"createTime\":\"%s\",\"messageId\":\"%014llx\"}",
        who->name, who->user, who->icon, who->room, time, (unsigned long long)last_id);
    static const char head[] = "{\"messageType\":\"text\",\"messageContent\":\"";
    size_t total = sizeof head - 1 + content_length + (size_t)stamps_length;
    if (total > MAX_MESSAGE || total + 4 > size)
        return 0;
    uint8_t *at = out + frame_header(out, 1, total);
    at = mempcpy(at, head, sizeof head - 1);
    at = mempcpy(at, content, content_length);
    at = mempcpy(at, stamps, (size_t)stamps_length);
    return (size_t)(at - out);
}
