#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "run_options.h"

static const char help[] =
    "wasinn run [options] GUEST.wasm [args]   run a WASI guest that may use wasi-nn\n"
    "\n"
    "  --dir HOST[::GUEST]     let the guest read folder HOST, which it sees as GUEST (default: the same "
    "name)\n"
    "  --dir-rw HOST[::GUEST]  the same, and let it write there\n"
    "  --mapdir GUEST::HOST    the older spelling of --dir HOST::GUEST\n"
    "  --env NAME=VALUE        set a variable; --env NAME passes on the one of this environment\n"
    "  --nn-graph ENC::DIR     register the model in DIR, of encoding ENC, under its folder's name\n"
    "  --model NAME=PATH       register the OpenVINO model at PATH, an .xml or its folder, as NAME\n"
    "  --named-only            the guest may use only those, no models of its own\n"
    "  --limit NAME=NUMBER     what the guest may hold: graphs, executions, model_bytes, tensor_bytes, "
    "total_bytes;\n"
    "                          and how long a call may take: load_ms, compute_ms; or NAME=unlimited\n"
    "  --timeout SECONDS       end the guest after that time\n"
    "  --quiet                 do not explain failed wasi-nn calls on stderr\n"
    "  -h, --help              this text\n"
    "\n"
    "Everything after GUEST.wasm is passed to the guest. Examples:\n"
    "\n"
    "  wasinn run --mapdir fixture::model classify.wasm\n"
    "      the guest finds the files of the folder `model` under fixture/\n"
    "  wasinn run --nn-graph openvino::models/lenet --dir pictures guest.wasm pictures/7.f32\n"
    "      the guest loads the model by the name lenet and reads pictures/7.f32\n"
    "  WASINN_OPENVINO=/opt/openvino/lib wasinn run --model net=net.xml guest.wasm\n"
    "      with the OpenVINO of that folder\n"
    "\n"
    "Exit codes: the guest's own; 2 wrong usage; 124 --timeout passed; 125 the guest could not be started;\n"
    "134 the guest trapped.\n";

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

static int add_model(wasinn_host *host, const char *name, const char *path, wasinn_encoding encoding) {
    if (wasinn_host_add_model(host, name, path, encoding, WASINN_TARGET_CPU) == WASINN_OK)
        return WASINN__EXIT_OK;
    return wasinn__fail(WASINN__EXIT_NOT_STARTED, "%s", wasinn_host_last_error());
}

static int add_named_model(wasinn_host *host, char *text) {
    char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1])
        return wasinn__fail(WASINN__EXIT_USAGE, "--model '%s': wanted NAME=PATH", text);
    *equals = '\0';
    return add_model(host, text, equals + 1, WASINN_ENCODING_OPENVINO);
}

/* The model is named as its folder is here, which may be a link; "." and "/" have no name of their own. */
static int add_folder_model(wasinn_host *host, char *path, wasinn_encoding encoding) {
    struct stat information;
    for (size_t length = strlen(path); length > 1 && path[length - 1] == '/'; length--)
        path[length - 1] = '\0';
    if (stat(path, &information) != 0)
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "--nn-graph: folder '%s': %s", path, strerror(errno));
    if (!S_ISDIR(information.st_mode))
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "--nn-graph: '%s' is not a folder", path);
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (name[0] && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
        return add_model(host, name, path, encoding);
    char *real = wasinn__checked(realpath(path, NULL));
    int code = add_model(host, strcmp(real, "/") == 0 ? real : strrchr(real, '/') + 1, real, encoding);
    free(real);
    return code;
}

static int add_graph_folder(wasinn_host *host, const char *text) {
    char *encoding_name, *path;
    wasinn_encoding encoding;
    int code;
    if (!strstr(text, "::"))
        return wasinn__fail(WASINN__EXIT_USAGE, "--nn-graph '%s': wanted ENCODING::DIR", text);
    split(text, &encoding_name, &path);
    if (!wasinn_encoding_parse(encoding_name, &encoding) || encoding == WASINN_ENCODING_AUTODETECT)
        code =
            wasinn__fail(WASINN__EXIT_USAGE, "--nn-graph '%s': '%s' is not an encoding", text, encoding_name);
    else
        code = add_folder_model(host, path, encoding);
    free(encoding_name);
    free(path);
    return code;
}

enum { DIR_OPTION = 256, DIR_RW, MAPDIR, ENV, NN_GRAPH, MODEL, NAMED_ONLY, LIMIT, TIMEOUT, QUIET, HELP };

static const struct option known[] = {
    {"dir", required_argument, NULL, DIR_OPTION},
    {"dir-rw", required_argument, NULL, DIR_RW},
    {"mapdir", required_argument, NULL, MAPDIR},
    {"env", required_argument, NULL, ENV},
    {"nn-graph", required_argument, NULL, NN_GRAPH},
    {"model", required_argument, NULL, MODEL},
    {"named-only", no_argument, NULL, NAMED_ONLY},
    {"limit", required_argument, NULL, LIMIT},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"quiet", no_argument, NULL, QUIET},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

/* `given` is the argument that the option was read from. */
static int apply(wasinn__run_options *options, wasinn_host *host, int option, char *value,
                 const char *given) {
    switch (option) {
    case DIR_OPTION:
        return add_folder(options, value, false, false);
    case DIR_RW:
        return add_folder(options, value, false, true);
    case MAPDIR:
        return add_folder(options, value, true, false);
    case ENV:
        return add_variable(options, value);
    case NN_GRAPH:
        return add_graph_folder(host, value);
    case MODEL:
        return add_named_model(host, value);
    case NAMED_ONLY:
        options->limits.model_bytes = 0;
        return WASINN__EXIT_OK;
    case LIMIT:
        return set_limit(&options->limits, value);
    case TIMEOUT:
        return set_timeout(options, value);
    case QUIET:
        options->quiet = true;
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
        if ((code = apply(options, host, option, optarg, given)) != WASINN__EXIT_OK)
            return code;
    }
    if (optind >= argc)
        return wasinn__fail(WASINN__EXIT_USAGE, "no guest was named: try wasinn run --help");
    options->guest = argv[optind];
    for (int i = optind; i < argc; i++)
        options->arguments[options->argument_count++] = argv[i];
    const char *slash = strrchr(options->guest, '/');
    options->arguments[0] = slash ? slash + 1 : options->guest;
    return WASINN__EXIT_OK;
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
}
