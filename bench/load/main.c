/* Usage: load mode=closed port=9326 members=100 seconds=3 ...   One JSON object comes out. */
#include "load.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct options opt = {
    .mode = "closed", .rooms = 1, .members = 10, .senders = 10, .inflight = 4, .rate = 100, .size = 200,
    .warm = 1, .seconds = 3, .count = 1000, .concurrency = 32, .sources = 1, .limit = 120,
    .join_frame = true, .places = "random",
};

_Noreturn void fail(const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (char *c = text; *c; c++) /* it becomes a JSON string */
        if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ')
            *c = '\'';
    printf("{\"failed\": \"%s\"}\n", text);
    fflush(stdout);
    _exit(1);
}

static void ports(const char *value)
{
    for (opt.port_count = 0; *value && opt.port_count < PORTS_MAX; value += *value == ',') {
        char *end;
        opt.ports[opt.port_count++] = (int)strtol(value, &end, 10);
        if (end == value)
            fail("ports are separated by commas");
        value = end;
    }
}

/* Whether somebody can be put there. */
static bool places_known(void)
{
    if (strcmp(opt.places, "random") == 0 || strcmp(opt.places, "rooms") == 0)
        return true;
    for (const char *c = opt.places; *c; c++)
        if (!isdigit((unsigned char)*c) || *c - '0' >= opt.port_count)
            return false;
    return *opt.places != 0;
}

static void option(char *argument)
{
    char *value = strchr(argument, '=');
    if (!value)
        fail("not key=value: %s", argument);
    *value++ = 0;
    struct { const char *key; int *at; } whole[] = {
        {"rooms", &opt.rooms}, {"members", &opt.members}, {"mute", &opt.mute},
        {"senders", &opt.senders},
        {"inflight", &opt.inflight}, {"size", &opt.size}, {"count", &opt.count},
        {"concurrency", &opt.concurrency}, {"sources", &opt.sources}, {"limit", &opt.limit},
    };
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        if (strcmp(argument, whole[i].key) == 0) {
            *whole[i].at = atoi(value);
            if (*whole[i].at <= 0)
                fail("%s must be positive", argument);
            return;
        }
    }
    if (strcmp(argument, "mode") == 0) opt.mode = value;
    else if (strcmp(argument, "port") == 0) ports(value);
    else if (strcmp(argument, "places") == 0) opt.places = value;
    else if (strcmp(argument, "ids") == 0) opt.ids = atoi(value) != 0;
    else if (strcmp(argument, "rate") == 0) opt.rate = atof(value);
    else if (strcmp(argument, "warm") == 0) opt.warm = atof(value);
    else if (strcmp(argument, "seconds") == 0) opt.seconds = atof(value);
    else if (strcmp(argument, "join") == 0) opt.join_frame = strcmp(value, "frame") == 0;
    else if (strcmp(argument, "sync") == 0) opt.sync = atoi(value) != 0;
    else fail("unknown option %s", argument);
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static bool complete(const struct report *r)
{
    return r->drained && totals.outstanding == 0
        && !(totals.gaps | totals.duplicates | totals.misdelivered | totals.unknown);
}

static void print_report(const struct report *r)
{
    const struct counters *w = &r->window;
    printf("{\"mode\": \"%s\", \"seconds\": %.6f, \"deliveries\": %llu, \"messages\": %llu, \"joined\": %d, ",
           opt.mode, r->seconds, (unsigned long long)w->deliveries, (unsigned long long)w->messages,
           r->joined);
    printf("\"frames_per_read\": %.3f, \"bytes_per_frame\": %.1f, ",
           w->reads ? (double)w->deliveries / (double)w->reads : 0.0,
           w->deliveries ? (double)w->bytes / (double)w->deliveries : 0.0);
    printf("\"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, ",
           latency_us(0.5), latency_us(0.99), latency_us(1.0));
    printf("\"load_cpu\": %.6f, \"late_max_us\": %.1f, \"notices\": %llu, ",
           r->cpu, r->late_max_us, (unsigned long long)totals.notices);
    printf("\"complete\": %s, \"outstanding\": %lld, \"gaps\": %llu, \"duplicates\": %llu, "
           "\"misdelivered\": %llu, \"unknown\": %llu",
           complete(r) ? "true" : "false", (long long)totals.outstanding,
           (unsigned long long)totals.gaps, (unsigned long long)totals.duplicates,
           (unsigned long long)totals.misdelivered, (unsigned long long)totals.unknown);
    if (r->stalled_end)
        printf(", \"stalled_end\": \"%s\", \"stalled_code\": %d, \"stalled_frames\": %llu",
               r->stalled_end, r->stalled_code, (unsigned long long)totals.stalled_frames);
    printf("}\n");
}

int main(int argc, char **argv)
{
    struct report report = {0};
    for (int i = 1; i < argc; i++)
        option(argv[i]);
    if (opt.port_count == 0)
        fail("port is missing");
    if (!places_known())
        fail("unknown places %s", opt.places);
    if (opt.senders > opt.rooms * (opt.members - opt.mute))
        opt.senders = opt.rooms * (opt.members - opt.mute);
    if (opt.senders <= 0)
        fail("nobody sends");
    if (strcmp(opt.mode, "stalled") == 0 && opt.senders >= opt.members)
        fail("the stalled member must not be a sender");
    alarm((unsigned)opt.limit); /* the end, whatever happens */
    raise_file_limit();
    loop_init();
    sending_init();
    mode_run(&report);
    print_report(&report);
    return complete(&report) ? 0 : 1;
}
