/* One client: connecting, upgrading, reading, writing. */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

#define READ_SIZE (256 * 1024)
#define STALLED_BUFFER 4096

/* The key and the answer to it of the example in RFC 6455, so that no SHA-1 is needed here. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

struct connection *connections;
int connection_count;

static uint8_t scratch[READ_SIZE];
static int opening_limit;
static bool close_joined;

void connections_allocate(int count)
{
    int slots = (opt.senders + opt.rooms - 1) / opt.rooms;
    connections = calloc((size_t)count, sizeof *connections);
    uint32_t *next = calloc((size_t)count * (size_t)(slots > 0 ? slots : 1), sizeof *next);
    if (!connections || !next)
        fail("out of memory");
    connection_count = count;
    for (int i = 0; i < count; i++) {
        struct connection *c = &connections[i];
        c->fd = -1;
        c->number = i;
        c->room = i % opt.rooms;
        int sender = i - opt.mute * opt.rooms;
        c->sender = sender >= 0 && sender < opt.senders ? sender : -1;
        c->next = next + (size_t)i * (size_t)slots;
    }
}

/* The port of the node that a connection goes to. */
static int port_of(const struct connection *c)
{
    size_t member = (size_t)(c->number / opt.rooms), given = strlen(opt.places);
    if (strcmp(opt.places, "rooms") == 0)
        return opt.ports[c->room % opt.port_count];
    if (strcmp(opt.places, "random") != 0)
        return opt.ports[opt.places[member < given ? member : given - 1] - '0'];
    uint32_t mixed = ((uint32_t)c->number + 1) * 2654435761u; /* the same in every run */
    mixed = (mixed ^ mixed >> 15) * 2246822519u;
    return opt.ports[(mixed ^ mixed >> 13) % (uint32_t)opt.port_count];
}

static void request(struct connection *c)
{
    char text[1024];
    int length = snprintf(text, sizeof text,
        "GET /?name=name%05d&senderType=GROUP&userId=user%05d&roomName=room%05d"
        "&icon=https%%3A%%2F%%2Fexample.org%%2Favatars%%2F%05d.png HTTP/1.1\r\n"
        "Host: 127.0.0.1:%d\r\nUser-Agent: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n\r\n",
        c->number, c->number, c->room, c->number, port_of(c));
    c->state = UPGRADING;
    loop_watch(c, EPOLLIN, false);
    connection_send(c, (uint8_t *)text, (size_t)length);
}

static void prepare_socket(struct connection *c)
{
    int on = 1, tiny = STALLED_BUFFER;
    struct sockaddr_in source = {.sin_family = AF_INET};
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(c->number % opt.sources));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (c->stalled)
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof tiny);
    if (bind(c->fd, (struct sockaddr *)&source, sizeof source) < 0)
        fail("bind: %s", strerror(errno));
}

static void connection_open(struct connection *c)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port_of(c))};
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        fail("socket: %s", strerror(errno));
    prepare_socket(c);
    c->state = CONNECTING;
    totals.opened++;
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS)
        fail("connect: %s", strerror(errno));
    loop_watch(c, EPOLLOUT, true);
}

/* Opens more, as long as fewer than the limit are between connect() and joined (or closed). */
static void open_more(void)
{
    while (totals.opened < connection_count) {
        int done = close_joined ? totals.closed : totals.joined;
        if (totals.opened - done >= opening_limit)
            return;
        connection_open(&connections[totals.opened]);
    }
}

static bool all_joined(void)
{
    return totals.joined == connection_count;
}

static bool all_closed(void)
{
    return totals.closed == connection_count;
}

void connections_open(int concurrency, bool close_when_joined)
{
    opening_limit = concurrency;
    close_joined = close_when_joined;
    open_more();
    if (!loop_until(close_joined ? all_closed : all_joined, opt.limit))
        fail("only %d of %d connections joined", totals.joined, connection_count);
}

void connection_joined(struct connection *c)
{
    static const uint8_t normal[2] = {1000 >> 8, 1000 & 0xff};
    totals.joined++;
    c->state = READY;
    if (close_joined) {
        c->state = CLOSING;
        c->close_sent = true;
        send_control(c, 0x8, normal, sizeof normal);
    }
    open_more();
}

/* The TCP connection is over. That is only right after a Close, or for the stalled member. */
void connection_gone(struct connection *c)
{
    if (c->state == CLOSED)
        return;
    if (!c->close_sent && !c->stalled)
        fail("connection %d was closed by the server, code %d", c->number, c->close_code);
    close(c->fd);
    c->fd = -1;
    free(c->rest);
    free(c->out);
    c->rest = c->out = NULL;
    c->rest_length = c->out_length = 0;
    c->state = CLOSED;
    totals.closed++;
    open_more();
}

/* The length of the 101 response, or 0 while it is incomplete. */
static size_t upgrade(struct connection *c, const uint8_t *data, size_t length)
{
    const uint8_t *end = memmem(data, length, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end + 4 - data);
    if (head < 12 || memcmp(data, "HTTP/1.1 101", 12) != 0 || !memmem(data, head, ACCEPT, strlen(ACCEPT)))
        fail("no upgrade: %.*s", (int)(head < 300 ? head : 300), (const char *)data);
    c->state = JOINING;
    if (!opt.join_frame)
        connection_joined(c);
    return head;
}

static void keep_rest(struct connection *c, const uint8_t *data, size_t length)
{
    if (length > c->rest_length) {
        c->rest = realloc(c->rest, length);
        if (!c->rest)
            fail("out of memory");
    }
    c->rest_length = length;
    if (length > 0)
        memcpy(c->rest, data, length);
}

static void readable(struct connection *c)
{
    size_t have = c->rest_length, used = 0;
    ssize_t n = recv(c->fd, scratch + have, sizeof scratch - have, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        connection_gone(c);
        return;
    }
    if (have > 0)
        memcpy(scratch, c->rest, have);
    have += (size_t)n;
    last_read = now_ns();
    counters.reads++;
    counters.bytes += (uint64_t)n;
    if (c->state == UPGRADING)
        used = upgrade(c, scratch, have);
    if (c->state != UPGRADING)
        used += frames_parse(c, scratch + used, have - used, last_read);
    if (c->state == CLOSED)
        return;
    if (have - used == sizeof scratch)
        fail("a frame of more than %zu bytes", sizeof scratch);
    keep_rest(c, scratch + used, have - used);
    if (c->to_send > 0) {
        int count = c->to_send;
        c->to_send = 0;
        send_messages(c, count);
    }
}

/* Sends, or keeps what the kernel does not take until it does. */
void connection_send(struct connection *c, const uint8_t *data, size_t length)
{
    ssize_t taken = 0;
    if (c->out_length == 0)
        taken = send(c->fd, data, length, MSG_NOSIGNAL);
    if (taken < 0)
        taken = 0; /* EAGAIN; another error shows again on reading */
    if ((size_t)taken == length)
        return;
    size_t left = length - (size_t)taken;
    c->out = realloc(c->out, c->out_length + left);
    if (!c->out)
        fail("out of memory");
    memcpy(c->out + c->out_length, data + taken, left);
    c->out_length += left;
    loop_watch(c, EPOLLIN | EPOLLOUT, false);
}

static void writable(struct connection *c)
{
    ssize_t taken = send(c->fd, c->out, c->out_length, MSG_NOSIGNAL);
    if (taken < 0)
        return;
    c->out_length -= (size_t)taken;
    memmove(c->out, c->out + taken, c->out_length);
    if (c->out_length == 0)
        loop_watch(c, EPOLLIN, false);
}

void connection_event(struct connection *c, uint32_t events)
{
    if (c->state == CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error)
            fail("connect: %s", strerror(error));
        request(c);
        return;
    }
    if ((events & EPOLLOUT) && c->out_length > 0)
        writable(c);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && c->fd >= 0)
        readable(c);
}
