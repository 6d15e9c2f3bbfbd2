#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "run_options.h"

/* Each guest reserves 4 GiB of the 128 TiB that a process can address, and some of its 65530 mappings. */
enum { MOST_INSTANCES = 4096, MOST_REPEATS = 1000000000 };

static const char help[] =
    "wasinn run [options] GUEST.wasm [args]   run a WASI guest that may use wasi-nn\n"
    "\n"
    "  --dir HOST[::GUEST]     let the guest read folder HOST, which it sees as GUEST (default: the same "
    "name)\n"
    "  --dir-rw HOST[::GUEST]  the same, and let it write there\n"
    "  --mapdir GUEST::HOST    the older spelling of --dir HOST::GUEST\n"
    "  --env NAME=VALUE        set a variable; --env NAME passes on the one of this environment\n"
    "  --model NAME=PATH[,KEY=VALUE]...  register the model at PATH, a file or folder, as NAME. Keys:\n"
    "                          encoding (default: autodetect), target (cpu, gpu, npu, auto), backend, and "
    "the\n"
    "                          backend's options; a comma in a path is written ,,\n"
    "  --models FILE.json      register the models that a file lists, with paths as seen from its folder\n"
    "  --nn-graph ENC::DIR     register the model in DIR, of encoding ENC, under its folder's name\n"
    "  --backend ENC=NAME      let backend NAME load models of encoding ENC\n"
    "  --option NAME:KEY=VALUE  an option for every model that backend NAME loads\n"
    "  --backends DIR[:DIR]... look for backends in these folders first\n"
    "  --abi WORD              what the guest's numbers of types and encodings mean: witx, wit, old, or "
    "auto, "
    "the\n"
    "                          meaning that fits (default)\n"
    "  --named-only            the guest may use only those, no models of its own\n"
    "  --limit NAME=NUMBER     what the guest may hold: graphs, executions, model_bytes, tensor_bytes, "
    "total_bytes;\n"
    "                          and how long a call may take: load_ms, compute_ms; or NAME=unlimited\n"
    "  --timeout SECONDS       end the guest after that time\n"
    "  --instances N           run N guests at once, 1 to 4096, each with a thread and rights of its own\n"
    "  --repeat M              and on each thread M guests, one after the other\n"
    "  --cache DIR             keep compiled modules and models in DIR, which no guest may write to "
    "(default:\n"
    "                          $WASINN_CACHE, else $XDG_CACHE_HOME/wasinn, else ~/.cache/wasinn)\n"
    "  --no-cache              keep none; WASINN_CACHE=off is the same\n"
    "  --quiet                 do not explain failed wasi-nn calls on stderr\n"
    "  --stats[=json]          tell on stderr, at the end, where the time went; json: for programs, on one "
    "line\n"
    "  --profile FILE          write what happened when, each layer of the models too, for a trace viewer "
    "such as\n"
    "                          Perfetto; measuring layers makes the models slower\n"
    "  -h, --help              this text\n"
    "\n"
    "Everything after GUEST.wasm is passed to the guest. Examples:\n"
    "\n"
    "  wasinn run --mapdir fixture::model classify.wasm\n"
    "      the guest finds the files of the folder `model` under fixture/\n"
    "  wasinn run --nn-graph openvino::models/lenet --dir pictures guest.wasm pictures/7.f32\n"
    "      the guest loads the model by the name lenet and reads pictures/7.f32\n"
    "  wasinn run --model net=net.onnx,backend=openvino,target=auto guest.wasm\n"
    "      the guest loads the model by the name net\n"
    "  wasinn run --models models.json guest.wasm\n"
    "      with {\"models\": [{\"name\": \"net\", \"path\": \"net.onnx\", \"options\": {\"threads\": 4}}]}\n"
    "  wasinn run --instances 8 --repeat 100 --model net=net.xml guest.wasm\n"
    "      eight guests at once in one process, of which each thread runs a hundred\n"
    "  wasinn run --model net=net.onnx --stats guest.wasm\n"
    "      and then where the time went\n"
    "  WASINN_OPENVINO=/opt/openvino/lib wasinn run --model net=net.xml guest.wasm\n"
    "      with the OpenVINO of that folder\n"
    "\n"
    "Exit codes: the guest's own; 1 it succeeded, but the profile was cut short; 2 wrong usage;\n"
    "124 --timeout passed; 125 the guest could not be started; 134 the guest trapped.\n";

/* "A::B" to A and B; without "::" both are the whole text. */
static void split(const char *text, char **first, char **second) {
    const char *colons = strstr(text, "::");
    *first = wasinn__checked(colons ? strndup(text, (size_t)(colons - text)) : strdup(text));
    *second = wasinn__checked(strdup(colons ? colons + 2 : text));
}

static int add_folder(wasinn__run_options *options, const char *text, bool guest_first, bool writable) {
    wasinn__folder *added = &options->folders[options->folder_count++];
    if (guest_first && !strstr(text, "::"))
        return wasinn__fail(WASINN__EXIT_USAGE, "--mapdir '%s': wanted GUEST::HOST", text);
    split(text, guest_first ? &added->guest : &added->host, guest_first ? &added->host : &added->guest);
    added->writable = writable;
    for (size_t i = 0; i + 1 < options->folder_count; i++)
        if (strcmp(options->folders[i].guest, added->guest) == 0)
            return wasinn__fail(WASINN__EXIT_USAGE, "two folders for the guest's '%s': '%s' and '%s'",
                                added->guest, options->folders[i].host, added->host);
    if (!added->guest[0] || !added->host[0])
        return wasinn__fail(WASINN__EXIT_USAGE, "folder '%s': one side of :: is empty", text);
    return WASINN__EXIT_OK;
}

static int add_variable(wasinn__run_options *options, char *text) {
    char *equals = strchr(text, '=');
    const char *value = equals ? equals + 1 : getenv(text);
    if (equals == text || !text[0])
        return wasinn__fail(WASINN__EXIT_USAGE, "--env '%s': wanted NAME=VALUE or NAME", text);
    if (!value)
        return WASINN__EXIT_OK;
    if (equals)
        *equals = '\0';
    options->names[options->variable_count] = text;
    options->values[options->variable_count++] = value;
    return WASINN__EXIT_OK;
}

static int set_timeout(wasinn__run_options *options, const char *text) {
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end || !(seconds >= 0.001 && seconds <= 1e9))
        return wasinn__fail(WASINN__EXIT_USAGE, "--timeout '%s': wanted a number of seconds, 0.001 to 1e9",
                            text);
    options->timeout_ms = (uint64_t)(seconds * 1000);
    return WASINN__EXIT_OK;
}

static int set_count(unsigned *count, const char *option, const char *text, unsigned most) {
    char *end = NULL;
    errno = 0;
    unsigned long long number = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    if (number < 1 || number > most || *end || errno)
        return wasinn__fail(WASINN__EXIT_USAGE, "%s '%s': wanted a number from 1 to %u", option, text, most);
    *count = (unsigned)number;
    return WASINN__EXIT_OK;
}

static int check_cache(const wasinn__run_options *options) {
    if (options->cache && options->no_cache)
        return wasinn__fail(WASINN__EXIT_USAGE, "--cache '%s' and --no-cache cannot both be", options->cache);
    return WASINN__EXIT_OK;
}

static int set_limit(wasinn_limits *limits, const char *text) {
    const struct {
        const char *name;
        uint64_t *limit;
    } known[] = {
        {"graphs", &limits->graphs},           {"executions", &limits->executions},
        {"model_bytes", &limits->model_bytes}, {"tensor_bytes", &limits->tensor_bytes},
        {"total_bytes", &limits->total_bytes}, {"load_ms", &limits->load_ms},
        {"compute_ms", &limits->compute_ms},
    };
    size_t length = strcspn(text, "=");
    const char *value = text[length] ? text + length + 1 : "";
    char *end = NULL;
    errno = 0;
    uint64_t number = value[0] >= '0' && value[0] <= '9' ? strtoull(value, &end, 10) : 0;
    if (strcmp(value, "unlimited") == 0)
        number = WASINN_UNLIMITED;
    else if (!end || *end || errno)
        return wasinn__fail(WASINN__EXIT_USAGE, "--limit '%s': wanted NAME=NUMBER or NAME=unlimited", text);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strlen(known[i].name) == length && memcmp(known[i].name, text, length) == 0) {
            *known[i].limit = number;
            return WASINN__EXIT_OK;
        }
    }
    return wasinn__fail(WASINN__EXIT_USAGE, "--limit '%s': there is no such limit: see wasinn run --help",
                        text);
}

enum {
    DIR_OPTION = 256,
    DIR_RW,
    MAPDIR,
    ENV,
    NAMED_ONLY,
    LIMIT,
    TIMEOUT,
    INSTANCES,
    REPEAT,
    CACHE,
    NO_CACHE,
    QUIET,
    STATS,
    PROFILE,
    HELP,
    SAID
};

static const struct option known[] = {
    {"dir", required_argument, NULL, DIR_OPTION},
    {"dir-rw", required_argument, NULL, DIR_RW},
    {"mapdir", required_argument, NULL, MAPDIR},
    {"env", required_argument, NULL, ENV},
    {"nn-graph", required_argument, NULL, SAID + WASINN__GRAPH},
    {"model", required_argument, NULL, SAID + WASINN__MODEL},
    {"models", required_argument, NULL, SAID + WASINN__LIST},
    {"backend", required_argument, NULL, SAID + WASINN__PREFER},
    {"option", required_argument, NULL, SAID + WASINN__OPTION},
    {"backends", required_argument, NULL, SAID + WASINN__BACKENDS},
    {"abi", required_argument, NULL, SAID + WASINN__NUMBERING},
    {"named-only", no_argument, NULL, NAMED_ONLY},
    {"limit", required_argument, NULL, LIMIT},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"instances", required_argument, NULL, INSTANCES},
    {"repeat", required_argument, NULL, REPEAT},
    {"cache", required_argument, NULL, CACHE},
    {"no-cache", no_argument, NULL, NO_CACHE},
    {"quiet", no_argument, NULL, QUIET},
    {"stats", optional_argument, NULL, STATS},
    {"profile", required_argument, NULL, PROFILE},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static int set_stats(wasinn__run_options *options, const char *form) {
    if (form && strcmp(form, "json") != 0)
        return wasinn__fail(WASINN__EXIT_USAGE, "--stats '%s': wanted --stats or --stats=json", form);
    options->stats = form ? WASINN__STATS_JSON : WASINN__STATS_TEXT;
    return WASINN__EXIT_OK;
}

/* `given` is the argument that the option was read from. */
static int take(wasinn__run_options *options, int option, char *value, const char *given) {
    if (option >= SAID)
        return wasinn__models_add(&options->models, (wasinn__said)(option - SAID), value);
    switch (option) {
    case DIR_OPTION:
        return add_folder(options, value, false, false);
    case DIR_RW:
        return add_folder(options, value, false, true);
    case MAPDIR:
        return add_folder(options, value, true, false);
    case ENV:
        return add_variable(options, value);
    case NAMED_ONLY:
        options->limits.model_bytes = 0;
        return WASINN__EXIT_OK;
    case LIMIT:
        return set_limit(&options->limits, value);
    case TIMEOUT:
        return set_timeout(options, value);
    case INSTANCES:
        return set_count(&options->instances, "--instances", value, MOST_INSTANCES);
    case REPEAT:
        return set_count(&options->repeat, "--repeat", value, MOST_REPEATS);
    case CACHE:
        options->cache = value;
        return check_cache(options);
    case NO_CACHE:
        options->no_cache = true;
        return check_cache(options);
    case QUIET:
        options->quiet = true;
        return WASINN__EXIT_OK;
    case STATS:
        return set_stats(options, value);
    case PROFILE:
        options->profile = value;
        return WASINN__EXIT_OK;
    case ':':
        return wasinn__fail(WASINN__EXIT_USAGE, "%s wants a value: try wasinn run --help", given);
    default:
        return wasinn__fail(WASINN__EXIT_USAGE, "unknown option '%s': try wasinn run --help", given);
    }
}

int wasinn__parse_run(wasinn__run_options *options, wasinn_host *host, int argc, char **argv, bool *helped) {
    int option, code;
    options->folders = wasinn__checked(calloc((size_t)argc, sizeof *options->folders));
    options->names = wasinn__checked(calloc((size_t)argc, sizeof *options->names));
    options->values = wasinn__checked(calloc((size_t)argc, sizeof *options->values));
    options->arguments = wasinn__checked(calloc((size_t)argc, sizeof *options->arguments));
    options->models.list = wasinn__checked(calloc((size_t)argc, sizeof *options->models.list));
    options->instances = options->repeat = 1;
    wasinn_limits_default(&options->limits, sizeof options->limits);
    optind = 1;
    opterr = 0;
    for (;;) {
        const char *given = argv[optind];
        if ((option = getopt_long(argc, argv, "+:h", known, NULL)) == -1)
            break;
        if (option == HELP || option == 'h') {
            *helped = true;
            return wasinn__print_help(help);
        }
        if ((code = take(options, option, optarg, given)) != WASINN__EXIT_OK)
            return code;
    }
    if (optind >= argc)
        return wasinn__fail(WASINN__EXIT_USAGE, "no guest was named: try wasinn run --help");
    options->guest = argv[optind];
    for (int i = optind; i < argc; i++)
        options->arguments[options->argument_count++] = argv[i];
    const char *slash = strrchr(options->guest, '/');
    options->arguments[0] = slash ? slash + 1 : options->guest;
    return wasinn__models_apply(&options->models, host, &options->named);
}

void wasinn__free_run(wasinn__run_options *options) {
    for (size_t i = 0; i < options->folder_count; i++) {
        free(options->folders[i].host);
        free(options->folders[i].guest);
    }
    free(options->folders);
    free(options->names);
    free(options->values);
    free(options->arguments);
    wasinn__models_free(&options->models);
    free(options->named.first);
}
