/* The load generator: a bounded, epoll-driven crowd of WebSocket clients on loopback.
 *
 * main.c        options, the report
 * modes.c       what the crowd does: closed, paced, idle, handshakes, stalled
 * loop.c        epoll, time limits, the barrier with the runner
 * connection.c  one client's TCP connection, upgrade and reading
 * frames.c      what arrives: WebSocket frames, deliveries, their order
 * sending.c     what is sent: masked text frames with number and time in them
 * stats.c       counters and the latency histogram
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In every message: MARKER, 4 hex digits sender, 8 sequence number, 16 send time in ns. */
#define MARKER "@bench@"
#define MARKER_LENGTH 7
#define STAMP_LENGTH (MARKER_LENGTH + 4 + 8 + 16)

#define PORTS_MAX 16

enum state { UNUSED, CONNECTING, UPGRADING, JOINING, READY, CLOSING, CLOSED };

struct options {
    const char *mode;
    int ports[PORTS_MAX], port_count; /* of the nodes; most servers have one */
    const char *places;   /* the node of each connection: "random", "rooms", or digits for a room's members */
    int rooms, members;   /* rooms x members connections */
    int senders;          /* the first connections but for the mute; connection i is in room i % rooms */
    int mute;             /* so many members of each room come first and say nothing */
    int inflight;         /* closed: messages of one sender on their way */
    double rate;          /* paced: messages per second, of all senders together */
    int size;             /* bytes of a message's JSON */
    double warm, seconds; /* unmeasured, then measured time */
    int count;            /* handshakes: how many are measured, after a quarter of it to warm up */
    int concurrency;      /* connections being opened at the same time */
    int sources;          /* source addresses 127.0.0.2 ... */
    int limit;            /* seconds after which the process ends whatever happens */
    bool join_frame;      /* joined with the first frame, not with the 101 */
    bool ids;             /* messages have a clientMessageId */
    bool sync;            /* stop at barriers until the runner says go */
};

struct connection {
    int fd;
    enum state state;
    int number, room;
    int sender;            /* number among the senders, or -1 */
    bool stalled;          /* the member that stops reading */
    bool close_sent;
    int close_code;        /* of the server's Close frame; 0: none came */
    uint8_t *rest;         /* start of a frame whose end has not come */
    size_t rest_length;
    uint8_t *out;          /* what the kernel did not take */
    size_t out_length;
    size_t marker;         /* where the marker stood in the last message: the same for most */
    uint32_t *next;        /* the sequence number expected of each sender in the room */
    int to_send;           /* closed: own copies that came, each answered by one message */
};

struct counters {
    uint64_t deliveries, messages, reads, bytes;
};

struct totals {
    uint64_t notices, gaps, duplicates, misdelivered, unknown, stalled_frames;
    int64_t outstanding;   /* deliveries that the receivers still wait for */
    int opened, joined, closed;
};

extern struct options opt;
extern struct connection *connections;
extern int connection_count;
extern struct counters counters;
extern struct totals totals;
extern bool paced_latency;  /* record every delivery's latency, not only the sender's own copy */
extern uint64_t last_read;  /* ns */

/* main.c */
_Noreturn void fail(const char *format, ...);

/* loop.c */
extern uint64_t tick_interval;  /* ns */
uint64_t now_ns(void);
void loop_init(void);
void loop_watch(struct connection *c, uint32_t events, bool add);
void loop_unwatch(struct connection *c);
bool loop_until(bool (*done)(void), double limit);
void loop_for(double seconds);
void loop_quiet(double seconds, double limit);
void loop_ticks(double per_second, void (*tick)(void));
void barrier(const char *name);

/* connection.c */
void connections_allocate(int count);
void connections_open(int concurrency, bool close_when_joined);
void connection_event(struct connection *c, uint32_t events);
void connection_joined(struct connection *c);
void connection_gone(struct connection *c);
void connection_send(struct connection *c, const uint8_t *data, size_t length);

/* frames.c */
size_t frames_parse(struct connection *c, uint8_t *data, size_t length, uint64_t now);

/* sending.c */
extern bool sending;
extern uint32_t *sent;
void sending_init(void);
void send_messages(struct connection *c, int count);
void send_control(struct connection *c, int opcode, const uint8_t *payload, size_t length);

/* stats.c */
void latency_reset(void);
void latency_record(uint64_t ns);
double latency_us(double quantile);
double own_cpu(void);

/* modes.c */
struct report {
    double seconds, cpu, late_max_us;
    struct counters window;
    bool drained;
    int joined;            /* in the window; idle: before it */
    const char *stalled_end;
    int stalled_code;
};
void mode_run(struct report *report);

#endif
