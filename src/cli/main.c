#include <stdio.h>
#include <string.h>

#include <wasmtime.h>

#include "cli.h"
#include "wasinn/wasinn.h"

static const char help[] =
    "wasinn - run WebAssembly guests that use machine learning (wasi-nn)\n"
    "\n"
    "  wasinn tensor IN OUT --shape SHAPE ...   turn a picture into a model's input, or a tensor into a "
    "picture\n"
    "  wasinn run [options] GUEST.wasm [args]   run a guest\n"
    "  wasinn inspect PATH                      tell what a model or guest is\n"
    "  wasinn top IN [options]                  show the best values of a model's output\n"
    "  wasinn backends                          list the ML runtimes, and the models that they load\n"
    "  wasinn bench MODEL [options]             measure how fast a model is, from a guest and natively\n"
    "  wasinn cache list|check|clear            look after the cache of compiled models\n"
    "  wasinn COMMAND --help                    options and examples of a command\n"
    "  wasinn --version                         versions of wasinn, Wasmtime and the ML runtimes\n"
    "\n"
    "A photograph, a folder with model.xml and model.bin of OpenVINO, and a guest that classifies:\n"
    "\n"
    "  wasinn tensor photo.jpg model/tensor.f32 --shape 1x3x224x224 --mean 127 --scale 128 --resize 256\n"
    "  wasinn run --mapdir fixture::model classify.wasm\n"
    "\n"
    "Exit codes: 0 success, 1 failure, 2 wrong usage; `wasinn run --help` has those of run.\n";

/* The library has no call that tells its version: the header that it came with does. */
static void print_versions(wasinn_host *host) {
    wasinn_backend_info info;
    printf("wasinn %s\n", wasinn_version());
    printf("Wasmtime %s\n", WASMTIME_VERSION);
    for (size_t i = 0; wasinn_host_backend_info(host, i, &info, sizeof info) == WASINN_OK; i++) {
        if (info.version)
            printf("%s %s (%s)\n", info.name, info.version, info.path);
        else
            printf("%s: not available: %s\n", info.name, info.problem);
    }
}

static int version_command(void) {
    wasinn_host *host;
    if (wasinn_host_new(&host) != WASINN_OK)
        return wasinn__fail(WASINN__EXIT_FAILED, "%s", wasinn_host_last_error());
    print_versions(host);
    wasinn_host_free(host);
    return wasinn__flush_stdout();
}

typedef int (*command)(int, char **);

static command command_of(const char *name) {
    static const struct {
        const char *name;
        command run;
    } known[] = {
        {"run", wasinn__run_command},           {"inspect", wasinn__inspect_command},
        {"tensor", wasinn__tensor_command},     {"top", wasinn__top_command},
        {"backends", wasinn__backends_command}, {"bench", wasinn__bench_command},
        {"cache", wasinn__cache_command},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i].name) == 0)
            return known[i].run;
    return NULL;
}

static bool is_one_of(const char *text, const char *one, const char *other, const char *third) {
    return strcmp(text, one) == 0 || strcmp(text, other) == 0 || strcmp(text, third) == 0;
}

int main(int argc, char **argv) {
    char help_option[] = "--help";
    const char *name = argc > 1 ? argv[1] : "";
    command chosen = command_of(name);
    if (chosen)
        return chosen(argc - 1, argv + 1);
    if (is_one_of(name, "--version", "-V", "version")) {
        if (argc > 2)
            return wasinn__fail(WASINN__EXIT_USAGE, "%s takes no argument: try wasinn --help", name);
        return version_command();
    }
    if (is_one_of(name, "--help", "-h", "help")) {
        if (argc == 2)
            return wasinn__print_help(help);
        name = argv[2];
        if ((chosen = command_of(name)))
            return chosen(2, (char *[]){argv[2], help_option, NULL});
    }
    if (!name[0]) {
        fputs(help, stderr);
        return WASINN__EXIT_USAGE;
    }
    return wasinn__fail(WASINN__EXIT_USAGE, "there is no command '%s': try wasinn --help", name);
}
