/* A WebSocket room server in C that does the same work as the others and nothing else: the limit.
 *
 * limit.c      sockets, rooms, delivery
 * handshake.c  the upgrade and the connect URL
 * message.c    frames in, stamped messages out
 * listen.c     the listening socket
 */
#ifndef LIMIT_H
#define LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIELD 512 /* bytes of one connect parameter, JSON-escaped */

struct identity {
    char name[FIELD], user[FIELD], room[FIELD], icon[FIELD];
};

/* handshake.c. The length of the request taken, 0: incomplete, -1: refused. */
long handshake(const char *request, size_t length, char *response, size_t size, struct identity *who);

/* message.c. The bytes of one masked client frame, 0: incomplete, -1: not acceptable. */
long unmask(uint8_t *data, size_t length, int *opcode, uint8_t **payload, size_t *payload_length);
/* The frame for everybody in `out`; its length, or 0 when the message is not valid. */
size_t stamp(const struct identity *who, const uint8_t *json, size_t length, uint8_t *out, size_t size);
size_t frame_header(uint8_t *out, int opcode, size_t length);

/* listen.c. A listening socket on loopback; the process ends when there cannot be one. */
int listen_on(int port);

#endif
