/* A log-linear histogram: 128 steps per power of two, so a quantile is off by less than 1 %. */
#include "load.h"

#include <string.h>
#include <sys/resource.h>

#define STEPS 128
#define STEP_BITS 7
#define BUCKETS (STEPS * (64 - STEP_BITS + 1))

struct counters counters;
struct totals totals;

static uint64_t buckets[BUCKETS];
static uint64_t recorded, slowest;

void latency_reset(void)
{
    memset(buckets, 0, sizeof buckets);
    recorded = slowest = 0;
}

static unsigned bucket_of(uint64_t ns)
{
    if (ns < STEPS)
        return (unsigned)ns;
    unsigned shift = 63 - STEP_BITS - (unsigned)__builtin_clzll(ns);
    return (shift + 1) * STEPS + (unsigned)((ns >> shift) - STEPS);
}

static uint64_t value_of(unsigned bucket)
{
    if (bucket < STEPS)
        return bucket;
    unsigned shift = bucket / STEPS - 1;
    return (uint64_t)(bucket % STEPS + STEPS) << shift;
}

void latency_record(uint64_t ns)
{
    buckets[bucket_of(ns)]++;
    recorded++;
    if (ns > slowest)
        slowest = ns;
}

double latency_us(double quantile)
{
    if (quantile >= 1.0)
        return (double)slowest / 1e3;
    uint64_t wanted = (uint64_t)(quantile * (double)recorded), seen = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += buckets[i];
        if (seen > wanted)
            return (double)value_of(i) / 1e3;
    }
    return 0;
}

/* Seconds of CPU this process used: near the window's length, the generator was the limit. */
double own_cpu(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
         + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}
