/* What the crowd does. Each mode fills in the report; the counters of the window are its difference. */
#include "load.h"

#include <string.h>
#include <sys/epoll.h>

#define QUIET 0.15          /* seconds without a byte: everybody has joined and heard of it */
#define DRAIN_LIMIT 20.0    /* seconds for the last messages to arrive */
#define LATE_GRACE 5.0      /* seconds in which a stalled member reads what is left, perhaps a Close */

static struct counters before;
static double started, cpu_before;
static double late_max;

static void window_begin(void)
{
    barrier("begin");
    before = counters;
    latency_reset();
    cpu_before = own_cpu();
    started = (double)now_ns() / 1e9;
    late_max = 0;
}

static void window_end(struct report *report)
{
    report->seconds = (double)now_ns() / 1e9 - started;
    report->cpu = own_cpu() - cpu_before;
    report->late_max_us = late_max;
    report->window.deliveries = counters.deliveries - before.deliveries;
    report->window.messages = counters.messages - before.messages;
    report->window.reads = counters.reads - before.reads;
    report->window.bytes = counters.bytes - before.bytes;
    barrier("end");
}

static bool nothing_outstanding(void)
{
    return totals.outstanding <= 0;
}

static void join_all(void)
{
    connections_allocate(opt.rooms * opt.members);
    connections[connection_count - 1].stalled = strcmp(opt.mode, "stalled") == 0;
    connections_open(opt.concurrency, false);
    loop_quiet(QUIET, opt.limit);
}

static void drain(struct report *report)
{
    sending = false;
    report->drained = loop_until(nothing_outstanding, DRAIN_LIMIT);
    loop_quiet(QUIET, 1.0); /* anything more would be a duplicate */
}

static void closed(struct report *report)
{
    join_all();
    barrier("joined");
    sending = true;
    for (int i = 0; i < connection_count; i++)
        if (connections[i].sender >= 0)
            send_messages(&connections[i], opt.inflight);
    loop_for(opt.warm);
    window_begin();
    loop_for(opt.seconds);
    window_end(report);
    drain(report);
}

/* The senders take turns. The timer does not wait for deliveries, so a slow server shows as latency. */
static void paced_tick(void)
{
    static int turn;
    static uint64_t last;
    uint64_t now = now_ns();
    double gap = last ? ((double)now - (double)last - (double)tick_interval) / 1e3 : 0;
    if (gap > late_max)
        late_max = gap;
    last = now;
    send_messages(&connections[turn + opt.mute * opt.rooms], 1);
    turn = (turn + 1) % opt.senders;
}

static void paced(struct report *report)
{
    join_all();
    barrier("joined");
    paced_latency = true;
    loop_ticks(opt.rate, paced_tick);
    loop_for(opt.warm);
    window_begin();
    loop_for(opt.seconds);
    window_end(report);
    loop_ticks(0, NULL);
    drain(report);
}

/* The last member stops reading before the first message and reads on when all is over. */
static void stalled(struct report *report)
{
    join_all();
    struct connection *c = &connections[connection_count - 1];
    loop_unwatch(c);
    paced_latency = true;
    loop_ticks(opt.rate, paced_tick);
    window_begin();
    loop_for(opt.seconds);
    window_end(report);
    loop_ticks(0, NULL);
    drain(report);
    loop_watch(c, EPOLLIN, true);
    loop_quiet(0.5, LATE_GRACE);
    report->stalled_code = c->close_code;
    report->stalled_end = c->state != CLOSED ? "open" : c->close_code ? "close frame" : "dropped";
}

static void idle(struct report *report)
{
    barrier("empty");
    join_all();
    window_begin();
    window_end(report);
    report->joined = totals.joined;
    report->drained = true;
}

static void handshakes(struct report *report)
{
    int warm = opt.count / 4 + 1, all = warm + opt.count;
    opt.rooms = all; /* everybody alone: no notices to others */
    connections_allocate(all);
    connection_count = warm;
    connections_open(opt.concurrency, true);
    window_begin();
    connection_count = all;
    connections_open(opt.concurrency, true);
    window_end(report);
    report->joined = all - warm;
    report->drained = true;
}

void mode_run(struct report *report)
{
    static const struct { const char *name; void (*run)(struct report *); } modes[] = {
        {"closed", closed}, {"paced", paced}, {"stalled", stalled}, {"idle", idle},
        {"handshakes", handshakes},
    };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(opt.mode, modes[i].name) == 0) {
            modes[i].run(report);
            return;
        }
    }
    fail("unknown mode %s", opt.mode);
}
