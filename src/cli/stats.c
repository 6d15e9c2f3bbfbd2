#include "stats.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "cli.h"
#include "machine.h"
#include "profile.h"
#include "stats_facts.h"

/* How many phases happen once, and where the lanes begin that are no guest's. */
enum { ONCE = WASINN__PHASE_END + 1, OWN_LANES = 1000000 };

/* Of the compute that a thread is in. */
typedef struct layers {
    wasinn__laid laid;
    struct layers *next;
} layers;

/* What a thread is in the profile. It stays where it is while its guest runs. */
typedef struct lane {
    uint64_t owner; /* the stats that the numbers are of */
    int guest, host;
    uint64_t begin; /* of the guest that is running */
    struct layers *layers;
    struct lane *next, **link;
} lane;

static _Thread_local lane here;

struct wasinn__stats {
    uint64_t identity, main_began;
    wasinn__stats_form form;
    wasinn__profile *profile; /* NULL: none */
    atomic_bool finished;
    atomic_int threads; /* of the process's own that have a lane */
    struct {
        _Atomic(const char *) name; /* set once the tally is there */
        wasinn__tally *tally;
    } calls[WASINN__STATS_CALLS];
    wasinn__tally *tallies[WASINN__PHASES]; /* of what each guest does */
    pthread_mutex_t lock;                   /* of all that follows */
    uint64_t phases[ONCE];
    const char *module;
    uint64_t first_guest, last_guest;
    lane *running;
    wasinn__opened *runtimes, *models;
    layers *layers;
};

static uint64_t began, began_processor;

static bool is_once(wasinn__phase phase) {
    return phase <= WASINN__PHASE_END;
}

void wasinn__stats_clock(void) {
    began = wasinn__clock();
    began_processor = wasinn__clock_of(CLOCK_PROCESS_CPUTIME_ID);
}

/* ---- Lanes -------------------------------------------------------------------------------------- */

static lane *lane_here(const wasinn__stats *stats) {
    if (here.owner != stats->identity)
        here = (lane){.owner = stats->identity, .guest = -1, .host = -1};
    return &here;
}

/* The number of this thread's lane, for what a guest does or for what the host does. */
static int lane_of(wasinn__stats *stats, bool guests) {
    lane *lane = lane_here(stats);
    char name[32];
    if (guests && lane->guest >= 0)
        return lane->guest;
    if (lane->host < 0) {
        int number = atomic_fetch_add(&stats->threads, 1) + 1;
        lane->host = OWN_LANES + number;
        snprintf(name, sizeof name, "process, thread %d", number);
        wasinn__profile_lane(stats->profile, lane->host, name);
    }
    return lane->host;
}

void wasinn__stats_guest(wasinn__stats *stats, unsigned number) {
    char name[32];
    if (!stats || lane_here(stats)->guest == (int)number)
        return;
    lane_here(stats)->guest = (int)number;
    snprintf(name, sizeof name, "guest %u", number);
    if (stats->profile)
        wasinn__profile_lane(stats->profile, (int)number, name);
}

/* ---- What happens ------------------------------------------------------------------------------- */

static wasinn__tally *tally_of(wasinn__stats *stats, const char *name) {
    for (size_t i = 0; i < WASINN__STATS_CALLS; i++) {
        const char *known = atomic_load_explicit(&stats->calls[i].name, memory_order_acquire);
        if (!known) {
            pthread_mutex_lock(&stats->lock);
            known = atomic_load_explicit(&stats->calls[i].name, memory_order_relaxed);
            if (!known) {
                stats->calls[i].tally = wasinn__checked(wasinn__tally_new());
                known = wasinn__checked(strdup(name));
                atomic_store_explicit(&stats->calls[i].name, known, memory_order_release);
            }
            pthread_mutex_unlock(&stats->lock);
        }
        if (strcmp(known, name) == 0)
            return stats->calls[i].tally;
    }
    return NULL;
}

static void count_opened(wasinn__stats *stats, wasinn__opened **list, const wasinn_event *event) {
    uint64_t took = event->end_ns - event->begin_ns;
    pthread_mutex_lock(&stats->lock);
    while (*list && (strcmp((*list)->name, event->name) != 0 || strcmp((*list)->detail, event->detail) != 0))
        list = &(*list)->next;
    if (!*list) {
        *list = wasinn__checked(calloc(1, sizeof **list));
        (*list)->name = wasinn__checked(strdup(event->name));
        (*list)->detail = wasinn__checked(strdup(event->detail));
    }
    wasinn__opened *opened = *list;
    opened->count++;
    opened->total += took;
    opened->most = took > opened->most ? took : opened->most;
    opened->bytes = event->bytes;
    pthread_mutex_unlock(&stats->lock);
}

static void keep_layer(wasinn__stats *stats, const wasinn_event *event) {
    lane *lane = lane_here(stats);
    if (!lane->layers) {
        lane->layers = wasinn__checked(calloc(1, sizeof *lane->layers));
        pthread_mutex_lock(&stats->lock);
        lane->layers->next = stats->layers;
        stats->layers = lane->layers;
        pthread_mutex_unlock(&stats->lock);
    }
    wasinn__profile_layer(&lane->layers->laid, event->name, event->detail, event->begin_ns,
                          event->end_ns - event->begin_ns);
}

static void put_event(wasinn__stats *stats, const wasinn_event *event) {
    wasinn__span span = {.lane = lane_of(stats, event->guest != NULL),
                         .begin = event->begin_ns,
                         .end = event->end_ns,
                         .name = event->name,
                         .text = event->detail,
                         .has_bytes = event->kind == WASINN_EVENT_CALL || event->kind == WASINN_EVENT_MODEL,
                         .bytes = event->bytes};
    char name[2048];
    switch (event->kind) {
    case WASINN_EVENT_RUNTIME:
    case WASINN_EVENT_MODEL:
        span.category = event->kind == WASINN_EVENT_MODEL ? "model" : "runtime";
        span.key = event->kind == WASINN_EVENT_MODEL ? "how" : "version";
        span.framing = true;
        snprintf(name, sizeof name, "%s %s", span.category, event->name[0] ? event->name : "from bytes");
        span.name = name;
        break;
    case WASINN_EVENT_CALL:
        span.category = "call";
        span.status = wasinn_status_name(event->status);
        if (here.layers)
            wasinn__profile_layers(stats->profile, &here.layers->laid, span.lane, event->end_ns);
        break;
    case WASINN_EVENT_LAYER:
        keep_layer(stats, event);
        return;
    }
    wasinn__profile_span(stats->profile, &span);
}

static void observe(void *data, const wasinn_event *event) {
    wasinn__stats *stats = data;
    wasinn__tally *tally;
    if (atomic_load_explicit(&stats->finished, memory_order_relaxed))
        return;
    if (event->kind == WASINN_EVENT_CALL && (tally = tally_of(stats, event->name)))
        wasinn__tally_add(tally, event->end_ns - event->begin_ns, event->status != WASINN_OK, event->bytes);
    else if (event->kind == WASINN_EVENT_RUNTIME)
        count_opened(stats, &stats->runtimes, event);
    else if (event->kind == WASINN_EVENT_MODEL)
        count_opened(stats, &stats->models, event);
    if (stats->profile)
        put_event(stats, event);
}

int wasinn__stats_open(wasinn__stats **stats, wasinn__stats_form form, const char *profile,
                       wasinn_host *host) {
    static atomic_uint_fast64_t identities;
    *stats = NULL;
    if (form == WASINN__STATS_NONE && !profile)
        return WASINN__EXIT_OK;
    wasinn__stats *made = wasinn__checked(calloc(1, sizeof *made));
    made->identity = atomic_fetch_add(&identities, 1) + 1;
    made->main_began = began;
    made->form = form;
    made->module = "";
    pthread_mutex_init(&made->lock, NULL);
    lane_here(made)->host = 0;
    made->tallies[WASINN__PHASE_INSTANTIATE] = wasinn__checked(wasinn__tally_new());
    made->tallies[WASINN__PHASE_GUEST] = wasinn__checked(wasinn__tally_new());
    if (profile) {
        made->profile = wasinn__checked(calloc(1, sizeof *made->profile));
        int code = wasinn__profile_open(made->profile, profile, began - began_processor);
        if (code != WASINN__EXIT_OK) {
            free(made->profile);
            made->profile = NULL;
            wasinn__stats_free(made);
            return code;
        }
        wasinn__profile_span(made->profile,
                             &(wasinn__span){.name = "before main",
                                             .category = "process",
                                             .framing = true,
                                             .begin = began - began_processor,
                                             .end = began,
                                             .key = "measured",
                                             .text = "the process's own processor time until main"});
        wasinn_host_set_profiling(host, true);
    }
    wasinn_host_set_observer(host, observe, made);
    *stats = made;
    return WASINN__EXIT_OK;
}

/* ---- Phases ------------------------------------------------------------------------------------- */

uint64_t wasinn__stats_begin(wasinn__stats *stats, wasinn__phase phase) {
    if (!stats)
        return 0;
    uint64_t begin = phase == WASINN__PHASE_PREPARE ? stats->main_began : wasinn__clock();
    if (is_once(phase))
        return begin;
    lane *lane = lane_here(stats);
    pthread_mutex_lock(&stats->lock);
    if (stats->first_guest == 0)
        stats->first_guest = begin;
    if (phase == WASINN__PHASE_GUEST) {
        lane->begin = begin;
        lane->link = &stats->running;
        if ((lane->next = stats->running))
            lane->next->link = &lane->next;
        stats->running = lane;
    }
    pthread_mutex_unlock(&stats->lock);
    return begin;
}

static void put_phase(wasinn__stats *stats, wasinn__phase phase, int lane, uint64_t begin, uint64_t end,
                      const char *detail) {
    static const char *const names[] = {"prepare", "engine", "module", "link", "end", "instantiate", "guest"};
    wasinn__profile_span(stats->profile, &(wasinn__span){.name = names[phase],
                                                         .category = is_once(phase) ? "process" : "guest",
                                                         .lane = lane,
                                                         .framing = true,
                                                         .begin = begin,
                                                         .end = end,
                                                         .key = "how",
                                                         .text = detail});
}

void wasinn__stats_end(wasinn__stats *stats, wasinn__phase phase, uint64_t begin, const char *detail) {
    if (!stats || atomic_load(&stats->finished))
        return;
    lane *lane = lane_here(stats);
    uint64_t end = wasinn__clock();
    if (!is_once(phase))
        wasinn__tally_add(stats->tallies[phase], end - begin, false, 0);
    pthread_mutex_lock(&stats->lock);
    if (is_once(phase))
        stats->phases[phase] += end - begin;
    else if (end > stats->last_guest)
        stats->last_guest = end;
    if (phase == WASINN__PHASE_MODULE)
        stats->module = detail;
    if (phase == WASINN__PHASE_GUEST && lane->link) {
        if ((*lane->link = lane->next))
            lane->next->link = lane->link;
        lane->link = NULL;
    }
    pthread_mutex_unlock(&stats->lock);
    if (stats->profile)
        put_phase(stats, phase, lane_of(stats, !is_once(phase)), begin, end, detail);
}

/* ---- The end ------------------------------------------------------------------------------------ */

/* A line such as "VmHWM:  1234 kB" of /proc/self/status, in bytes; 0: there is none. */
/* getrusage also has the peak of the program that was there before exec: VmHWM comes first. */
static uint64_t peak_memory(void) {
    struct rusage usage;
    uint64_t bytes = wasinn__memory_status("VmHWM:");
    if (bytes == 0 && getrusage(RUSAGE_SELF, &usage) == 0)
        bytes = (uint64_t)usage.ru_maxrss * 1024;
    return bytes;
}

static void collect_calls(const wasinn__stats *stats, wasinn__facts *facts) {
    for (size_t i = 0; i < WASINN__STATS_CALLS; i++) {
        const char *name = atomic_load_explicit(&stats->calls[i].name, memory_order_acquire);
        if (!name)
            break;
        const wasinn__tally *tally = stats->calls[i].tally;
        bool out = strcmp(name, "get_output") == 0 || strcmp(name, "last_error") == 0;
        uint64_t *copied = out                          ? &facts->copied_out
                           : strcmp(name, "infer") == 0 ? &facts->copied_both
                                                        : &facts->copied_in;
        *copied += tally->bytes;
        facts->calls_time += tally->total;
        facts->calls[facts->call_count].name = name;
        facts->calls[facts->call_count++].tally = tally;
    }
}

static uint64_t less(uint64_t from, uint64_t part) {
    return from > part ? from - part : 0;
}

/* Locked. */
static void collect(const wasinn__stats *stats, wasinn__facts *facts) {
    uint64_t end = wasinn__clock(), last = stats->last_guest, known = began_processor;
    for (size_t i = 0; i < ONCE; i++)
        known += facts->phases[i] = stats->phases[i];
    for (const lane *lane = stats->running; lane; lane = lane->next) {
        facts->running++;
        facts->running_time += less(end, lane->begin);
        last = end;
    }
    facts->guests_wall = stats->first_guest ? less(last, stats->first_guest) : 0;
    facts->before_main = began_processor;
    facts->together = end - began + began_processor;
    facts->other = less(facts->together, known + facts->guests_wall);
    facts->module = stats->module;
    facts->instantiations = stats->tallies[WASINN__PHASE_INSTANTIATE];
    facts->guests = stats->tallies[WASINN__PHASE_GUEST];
    facts->runtimes = stats->runtimes;
    facts->models = stats->models;
    collect_calls(stats, facts);
    facts->own_time = less(facts->guests->total + facts->running_time, facts->calls_time);
    facts->peak_memory = peak_memory();
    facts->anonymous_memory = wasinn__memory_status("RssAnon:");
    facts->profiled = stats->profile != NULL;
}

int wasinn__stats_finish(wasinn__stats *stats, int code) {
    if (!stats || atomic_exchange(&stats->finished, true))
        return code;
    wasinn__facts facts = {0};
    pthread_mutex_lock(&stats->lock);
    if (stats->profile) {
        for (const lane *lane = stats->running; lane; lane = lane->next)
            put_phase(stats, WASINN__PHASE_GUEST, lane->guest, lane->begin, wasinn__clock(), "running");
        if (wasinn__profile_close(stats->profile) != WASINN__EXIT_OK && code == WASINN__EXIT_OK)
            code = WASINN__EXIT_FAILED;
    }
    collect(stats, &facts);
    facts.exit_code = code;
    if (stats->form == WASINN__STATS_TEXT)
        wasinn__print_stats(stderr, &facts);
    else if (stats->form == WASINN__STATS_JSON)
        wasinn__print_stats_json(stderr, &facts);
    pthread_mutex_unlock(&stats->lock);
    return code;
}

static void free_opened(wasinn__opened *list) {
    while (list) {
        wasinn__opened *next = list->next;
        free(list->name);
        free(list->detail);
        free(list);
        list = next;
    }
}

void wasinn__stats_free(wasinn__stats *stats) {
    if (!stats)
        return;
    for (size_t i = 0; i < WASINN__STATS_CALLS; i++) {
        free((char *)atomic_load(&stats->calls[i].name));
        free(stats->calls[i].tally);
    }
    for (size_t i = 0; i < WASINN__PHASES; i++)
        free(stats->tallies[i]);
    while (stats->layers) {
        layers *next = stats->layers->next;
        free(stats->layers->laid.data);
        free(stats->layers);
        stats->layers = next;
    }
    free_opened(stats->runtimes);
    free_opened(stats->models);
    free(stats->profile);
    pthread_mutex_destroy(&stats->lock);
    free(stats);
}
