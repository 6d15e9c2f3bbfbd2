/* Finding and refusing ONNX Runtime's library: onnxruntime_library_test GOOD OLD OTHER
 *
 * GOOD is the folder of the real one; OLD says that it is older; OTHER is another library. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/onnxruntime/library.h"
#include "check.h"

static wasinn__ort_library library;
static char text[1024];

static wasinn_status open_library(const char *preferred) {
    wasinn_message message = {text, sizeof text};
    text[0] = '\0';
    return wasinn__ort_open(preferred, &library, &message);
}

static void opens(const char *preferred, const char *where) {
    if (CHECK_EQ(open_library(preferred), WASINN_OK)) {
        CHECK_TEXT(library.version, "1.");
        CHECK_TEXT(library.path, where);
        wasinn__ort_close(&library);
    } else {
        fprintf(stderr, "  %s\n", text);
    }
}

static void refuses(const char *preferred, const char *part) {
    CHECK_EQ(open_library(preferred), WASINN_INVALID_ENCODING);
    CHECK_TEXT(text, part);
    CHECK_TEXT(text, "install ONNX Runtime 1.18 or newer (Python package onnxruntime");
    CHECK(library.handle == NULL);
}

/* Of several versions in a folder the highest is taken, by number and not by letter. */
static void test_versions(const char *good, const char *old) {
    char real[4096];
    check_case = "versions";
    CHECK_EQ(open_library(good), WASINN_OK);
    CHECK(realpath(library.path, real) != NULL);
    wasinn__ort_close(&library);
    CHECK_EQ(system("rm -rf library_test_onnxruntime && mkdir library_test_onnxruntime"), 0);
    CHECK_EQ(symlink(old, "library_test_onnxruntime/libonnxruntime.so.1.9.0"), 0);
    CHECK_EQ(symlink(real, "library_test_onnxruntime/libonnxruntime.so.1.32.0"), 0);
    CHECK_EQ(symlink(old, "library_test_onnxruntime/libonnxruntime.so.backup"), 0);
    CHECK_EQ(symlink(old, "library_test_onnxruntime/libonnxruntime_providers_shared.so"), 0);
    opens("library_test_onnxruntime", "library_test_onnxruntime/libonnxruntime.so.1.32.0");
    CHECK_EQ(symlink(old, "library_test_onnxruntime/libonnxruntime.so"), 0);
    refuses("library_test_onnxruntime", "is version 1.17.3");
    CHECK_EQ(system("rm -rf library_test_onnxruntime"), 0);
}

int main(int argc, char **argv) {
    if (argc != 4)
        return 2;
    const char *good = argv[1];
    char path[4096];
    check_case = "preferred";
    unsetenv("WASINN_ONNXRUNTIME");
    opens(good, "libonnxruntime.so");
    snprintf(path, sizeof path, "%s", library.path);
    opens(path, path);
    refuses(argv[2], "is version 1.17.3; wanted 1.18 or newer, which has version 18 of its C API");
    refuses(argv[3], "is not ONNX Runtime: no OrtGetApiBase");
    refuses("/nowhere/at/all", "/nowhere/at/all");
    refuses("/", "there is no libonnxruntime.so in '/'");

    check_case = "environment";
    setenv("WASINN_ONNXRUNTIME", argv[2], 1);
    refuses(NULL, "1.17.3");
    opens(good, "libonnxruntime.so");
    setenv("WASINN_ONNXRUNTIME", good, 1);
    opens(NULL, "libonnxruntime.so");

    test_versions(good, argv[2]);

    /* Beside this program is the one of the build, unless the system has one. */
    check_case = "search";
    unsetenv("WASINN_ONNXRUNTIME");
    opens(NULL, "libonnxruntime.so");
    return check_result();
}
