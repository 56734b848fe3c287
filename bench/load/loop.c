/* One epoll loop; every wait in it ends at a time limit. */
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH 128

uint64_t last_read;
uint64_t tick_interval;

static int poller, timer = -1;
static void (*on_tick)(void);

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void loop_init(void)
{
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0)
        fail("epoll_create1: %s", strerror(errno));
}

void loop_watch(struct connection *c, uint32_t events, bool add)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &event) < 0)
        fail("epoll_ctl: %s", strerror(errno));
}

void loop_unwatch(struct connection *c)
{
    epoll_ctl(poller, EPOLL_CTL_DEL, c->fd, NULL);
}

static void tick_expired(void)
{
    uint64_t expirations;
    if (read(timer, &expirations, sizeof expirations) != sizeof expirations)
        return;
    /* Ticks that came late are made up for: the rate is the promised one. */
    for (; expirations > 0 && on_tick; expirations--)
        on_tick();
}

static void loop_once(int timeout_ms)
{
    struct epoll_event events[BATCH];
    int n = epoll_wait(poller, events, BATCH, timeout_ms);
    if (n < 0 && errno != EINTR)
        fail("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr == NULL)
            tick_expired();
        else
            connection_event(events[i].data.ptr, events[i].events);
    }
}

static int milliseconds_until(uint64_t deadline)
{
    uint64_t now = now_ns();
    return now >= deadline ? 0 : (int)((deadline - now + 999999) / 1000000);
}

/* True when `done` came true within `limit` seconds. */
bool loop_until(bool (*done)(void), double limit)
{
    uint64_t deadline = now_ns() + (uint64_t)(limit * 1e9);
    while (!done()) {
        if (now_ns() >= deadline)
            return false;
        loop_once(milliseconds_until(deadline));
    }
    return true;
}

void loop_for(double seconds)
{
    uint64_t deadline = now_ns() + (uint64_t)(seconds * 1e9);
    while (now_ns() < deadline)
        loop_once(milliseconds_until(deadline));
}

/* Until nothing has been read for `seconds`: the notices of the joining are over. */
void loop_quiet(double seconds, double limit)
{
    uint64_t quiet = (uint64_t)(seconds * 1e9), deadline = now_ns() + (uint64_t)(limit * 1e9);
    last_read = now_ns();
    while (now_ns() < last_read + quiet && now_ns() < deadline)
        loop_once(milliseconds_until(last_read + quiet));
}

/* Calls `tick` so many times per second from now on; 0: no more. */
void loop_ticks(double per_second, void (*tick)(void))
{
    on_tick = per_second > 0 ? tick : NULL;
    if (timer < 0) {
        timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
        if (timer < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event) < 0)
            fail("timerfd: %s", strerror(errno));
    }
    tick_interval = per_second > 0 ? (uint64_t)(1e9 / per_second) : 0;
    struct timespec every = {(time_t)(tick_interval / 1000000000u), (long)(tick_interval % 1000000000u)};
    struct itimerspec spec = {.it_interval = every, .it_value = every};
    if (timerfd_settime(timer, 0, &spec, NULL) < 0)
        fail("timerfd_settime: %s", strerror(errno));
}

/* Names the moment on standard output and waits for a line: meanwhile the runner reads the
 * server's CPU time and memory, so that these belong to exactly the measured window. */
void barrier(const char *name)
{
    if (!opt.sync)
        return;
    printf("%s\n", name);
    fflush(stdout);
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char line[16];
    if (poll(&input, 1, 30000) != 1 || read(STDIN_FILENO, line, sizeof line) <= 0)
        fail("no answer at barrier %s", name);
}
