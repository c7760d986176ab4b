// Cores as Linux has them.
//
// Responsible for: which cores a thread may use, and binding it to one.
// Must not know: what is computed, who waits for whom.

#define _GNU_SOURCE

#include "threads.h"

#include <sched.h>
#include <unistd.h>

intptr_t tk_allowed_cores(void) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
    // More cores than a mask of this size holds.
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 1 ? online : 1;
}

int tk_pin_thread(intptr_t index) {
    cpu_set_t allowed, one;
    if (index < 0 || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return -1;
    for (int core = 0; core < CPU_SETSIZE; core++) {
        if (!CPU_ISSET(core, &allowed) || index-- > 0) continue;
        CPU_ZERO(&one);
        CPU_SET(core, &one);
        return sched_setaffinity(0, sizeof one, &one);
    }
    return -1;
}
