/* wasinn inspect: what a model or guest is, without running it. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "inspect/subject.h"

static const char help[] =
    "usage: wasinn inspect PATH [--json] [--backends FOLDERS]\n"
    "\n"
    "Tells what a model or guest is, without loading or running it.\n"
    "\n"
    "PATH is a file, a folder with one model in it, or - for stdin. Of a model it shows the encoding, the\n"
    "inputs and outputs (number, name, type, shape, bytes), how many parameters it has, its size, and\n"
    "which backends here serve it, if any. Of a guest it shows which functions of wasi-nn it imports, of "
    "which ABI,\n"
    "whether this build serves them, and what else it would miss in `wasinn run`.\n"
    "\n"
    "  wasinn inspect models/mobilenet\n"
    "  wasinn inspect model.onnx --json\n"
    "  wasinn inspect guest.wasm\n"
    "\n"
    "options:\n"
    "  --json               the same for programs; what is not known, or open, is null\n"
    "  --backends FOLDERS   folders with more backends, with colons between them\n"
    "  -h, --help           shows this\n"
    "\n"
    "Models: OpenVINO's IR (the .xml; its weights are looked for beside it), ONNX, TensorFlow (SavedModel,\n"
    "frozen graph), TensorFlow Lite, PyTorch, GGUF. Guests: modules and components. An open dimension is\n"
    "shown as ?, or as the name or bounds that the model gives it; [...] is of any rank.\n"
    "Only what is needed is read of a file, so size hardly matters, and nothing in it is run or unpacked.\n"
    "\n"
    "Exit codes: 0; 1 it could not be read, or is none of these; 2 wrong usage.\n";

static int inspect(const char *path, const char *folders, bool json) {
    struct wasinn__subject subject = {.backend_folders = folders};
    bool printed = true;
    int code = wasinn__subject_read(&subject, path);
    if (code == WASINN__EXIT_OK)
        printed =
            json ? wasinn__print_subject_json(&subject, stdout) : wasinn__print_subject(&subject, stdout);
    if (!printed)
        code = wasinn__fail(WASINN__EXIT_FAILED, "stdout: %s", strerror(errno));
    wasinn__subject_free(&subject);
    return code;
}

int wasinn__inspect_command(int argc, char **argv) {
    char *folders = NULL;
    bool json = false, helped = false;
    int code = wasinn__parse_listing("inspect", help, argc, argv, &folders, &json, &helped);
    if (code == WASINN__EXIT_OK && !helped && argc - optind != 1)
        code = wasinn__fail_usage("inspect", "expected one PATH, got %s", argc == optind ? "none" : "more");
    if (code == WASINN__EXIT_OK && !helped)
        code = inspect(argv[optind], folders, json);
    free(folders);
    return code;
}
