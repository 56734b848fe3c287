/* Usage: limit PORT [coalesce]
 *
 * Without coalesce: one send() for each delivery, as soon as the message is read. With: all that a
 * room has to say in one turn of the epoll loop is joined, and each member gets it with one send(). */
#define _GNU_SOURCE
#include "limit.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURN 1024          /* events of one turn */
#define READ_SIZE 65536
#define FRAME_MAX 70000
#define SLOTS 16384        /* of the table of rooms */

struct bytes { uint8_t *data; size_t length, capacity; };

struct room {
    struct room *chain;
    char *name;
    struct client **members;
    size_t count, capacity;
    struct bytes turn;     /* coalesce: what it says in this turn */
    struct room *dirty;
};

struct client {
    int fd;
    bool doomed;
    struct identity *who;  /* NULL until upgraded */
    struct room *room;
    size_t place;
    struct bytes rest, backlog;
    struct client *graveyard;
};

static int poller;
static bool coalesce;
static struct room *table[SLOTS], *dirty_rooms;
static struct client *graves;

static void append(struct bytes *b, const uint8_t *data, size_t length)
{
    if (b->length + length > b->capacity) {
        b->capacity = b->length + length + b->capacity / 2;
        b->data = realloc(b->data, b->capacity);
        if (!b->data)
            abort();
    }
    memcpy(b->data + b->length, data, length);
    b->length += length;
}

static void watch(struct client *c, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(poller, operation, c->fd, &event);
}

/* Dead from now on; freed at the end of the turn, as its event may still be in the batch. */
static void drop(struct client *c)
{
    if (c->doomed)
        return;
    c->doomed = true;
    c->graveyard = graves;
    graves = c;
    if (c->room) {
        struct client *last = c->room->members[--c->room->count];
        c->room->members[c->place] = last;
        last->place = c->place;
    }
}

static void bury(void)
{
    while (graves) {
        struct client *c = graves;
        graves = c->graveyard;
        close(c->fd);
        free(c->who);
        free(c->rest.data);
        free(c->backlog.data);
        free(c);
    }
}

static void send_bytes(struct client *c, const uint8_t *data, size_t length)
{
    ssize_t taken = 0;
    if (c->doomed)
        return;
    if (c->backlog.length == 0)
        taken = send(c->fd, data, length, MSG_NOSIGNAL);
    if (taken < 0 && errno != EAGAIN) {
        drop(c);
        return;
    }
    if (taken < 0)
        taken = 0;
    if ((size_t)taken == length)
        return;
    if (c->backlog.length == 0)
        watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    append(&c->backlog, data + taken, length - (size_t)taken);
}

static void writable(struct client *c)
{
    ssize_t taken = send(c->fd, c->backlog.data, c->backlog.length, MSG_NOSIGNAL);
    if (taken < 0) {
        if (errno != EAGAIN)
            drop(c);
        return;
    }
    c->backlog.length -= (size_t)taken;
    memmove(c->backlog.data, c->backlog.data + taken, c->backlog.length);
    if (c->backlog.length == 0)
        watch(c, EPOLLIN, EPOLL_CTL_MOD);
}

static void broadcast(struct room *room, const uint8_t *data, size_t length)
{
    if (!coalesce) {
        for (size_t i = room->count; i-- > 0;) /* downwards: drop() moves the last one */
            send_bytes(room->members[i], data, length);
        return;
    }
    if (room->turn.length == 0) {
        room->dirty = dirty_rooms;
        dirty_rooms = room;
    }
    append(&room->turn, data, length);
}

static void flush_rooms(void)
{
    while (dirty_rooms) {
        struct room *room = dirty_rooms;
        dirty_rooms = room->dirty;
        for (size_t i = room->count; i-- > 0;)
            send_bytes(room->members[i], room->turn.data, room->turn.length);
        room->turn.length = 0;
    }
}

static struct room *room_named(const char *name)
{
    uint32_t hash = 2166136261u;
    for (const char *c = name; *c; c++)
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    struct room **slot = &table[hash % SLOTS], *room;
    for (room = *slot; room; room = room->chain)
        if (strcmp(room->name, name) == 0)
            return room;
    room = calloc(1, sizeof *room);
    room->name = strdup(name);
    room->chain = *slot;
    return *slot = room;
}

static void join(struct client *c)
{
    struct room *room = room_named(c->who->room);
    if (room->count == room->capacity) {
        room->capacity = room->capacity ? room->capacity * 2 : 4;
        room->members = realloc(room->members, room->capacity * sizeof *room->members);
    }
    c->room = room;
    c->place = room->count;
    room->members[room->count++] = c;
    char text[1200];
    uint8_t frame[1300];
    int length = snprintf(text, sizeof text, "{\"messageType\":\"notice\",\"action\":\"in\",\"nickName\":\"%s\","
                          "\"userId\":\"%s\",\"count\":%zu}", c->who->name, c->who->user, room->count);
    size_t header = frame_header(frame, 1, (size_t)length);
    memcpy(frame + header, text, (size_t)length);
    send_bytes(c, frame, header + (size_t)length);
}

static long upgrade(struct client *c, uint8_t *data, size_t length)
{
    char response[256];
    struct identity who;
    long used = handshake((char *)data, length, response, sizeof response, &who);
    if (used > 0) {
        c->who = malloc(sizeof who);
        *c->who = who;
        send_bytes(c, (uint8_t *)response, strlen(response));
        join(c);
    }
    return used;
}

static long message(struct client *c, uint8_t *data, size_t length)
{
    static uint8_t frame[FRAME_MAX];
    int opcode;
    uint8_t *payload;
    size_t payload_length, total;
    long used = unmask(data, length, &opcode, &payload, &payload_length);
    if (used <= 0)
        return used;
    if (opcode == 8) {
        size_t header = frame_header(frame, 8, payload_length);
        memcpy(frame + header, payload, payload_length);
        send_bytes(c, frame, header + payload_length);
        return -1;
    }
    if (opcode == 1 && (total = stamp(c->who, payload, payload_length, frame, sizeof frame)) > 0)
        broadcast(c->room, frame, total);
    return used;
}

static void readable(struct client *c)
{
    static uint8_t scratch[READ_SIZE + FRAME_MAX];
    size_t have = c->rest.length, at = 0;
    if (have > FRAME_MAX) {
        drop(c);
        return;
    }
    ssize_t n = recv(c->fd, scratch + have, READ_SIZE, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        drop(c);
        return;
    }
    if (have > 0)
        memcpy(scratch, c->rest.data, have);
    have += (size_t)n;
    while (at < have && !c->doomed) {
        long used = c->who ? message(c, scratch + at, have - at) : upgrade(c, scratch + at, have - at);
        if (used < 0)
            drop(c);
        if (used <= 0)
            break;
        at += (size_t)used;
    }
    c->rest.length = 0;
    if (at < have)
        append(&c->rest, scratch + at, have - at);
}

static void accept_all(int listener)
{
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct client *c = calloc(1, sizeof *c);
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(c, EPOLLIN, EPOLL_CTL_ADD);
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[TURN];
    coalesce = argc > 2 && strcmp(argv[2], "coalesce") == 0;
    int listener = listen_on(argc > 1 ? atoi(argv[1]) : 9326);
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event incoming = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &incoming);
    for (;;) {
        int n = epoll_wait(poller, events, TURN, -1);
        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;
            if (!c) {
                accept_all(listener);
                continue;
            }
            if (events[i].events & EPOLLOUT && !c->doomed && c->backlog.length > 0)
                writable(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !c->doomed)
                readable(c);
        }
        flush_rooms();
        bury();
    }
}
