/* Finding and refusing OpenVINO's library: openvino_library_test GOOD OLD NEW INCOMPLETE
 *
 * GOOD is the folder of the real one; OLD and NEW say that they are other versions; INCOMPLETE lacks
 * functions. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/openvino/library.h"
#include "check.h"

#if defined __aarch64__
#define MACHINE "aarch64"
#else
#define MACHINE "intel64"
#endif

static wasinn__openvino library;
static char text[1024];

static wasinn_status open_library(const char *preferred) {
    wasinn_message message = {text, sizeof text};
    text[0] = '\0';
    return wasinn__openvino_open(preferred, &library, &message);
}

static void opens(const char *preferred) {
    if (CHECK_EQ(open_library(preferred), WASINN_OK)) {
        CHECK_TEXT(library.version, "202");
        CHECK_TEXT(library.path, "libopenvino_c.so");
        wasinn__openvino_close(&library);
    } else {
        fprintf(stderr, "  %s\n", text);
    }
}

static void refuses(const char *preferred, const char *part) {
    CHECK_EQ(open_library(preferred), WASINN_INVALID_ENCODING);
    CHECK_TEXT(text, part);
    CHECK(library.handle == NULL);
}

int main(int argc, char **argv) {
    if (argc != 5)
        return 2;
    const char *good = argv[1];
    check_case = "preferred";
    unsetenv("WASINN_OPENVINO");
    unsetenv("INTEL_OPENVINO_DIR");
    char path[4096];
    opens(good);
    snprintf(path, sizeof path, "%s", library.path);
    opens(path);
    refuses(argv[2], "is version 2025.3.0-1; wanted 2025.4 or newer, up to 2026");
    refuses(argv[3], "is version 2027.0.0-1");
    refuses(argv[4], "is not OpenVINO 2025.4 or newer: no ov_");
    refuses("/nowhere/at/all", "/nowhere/at/all");
    refuses("/", "there is no libopenvino_c.so in '/'");
    refuses("/dev/null", "/dev/null");

    check_case = "environment";
    setenv("WASINN_OPENVINO", argv[2], 1);
    refuses(NULL, "2025.3.0");
    opens(good);
    setenv("WASINN_OPENVINO", good, 1);
    opens(NULL);
    refuses(argv[2], "2025.3.0");

    /* An installation of OpenVINO comes before what the build was made with; one that is broken does not hide
     * it. */
    check_case = "installation";
    unsetenv("WASINN_OPENVINO");
    setenv("INTEL_OPENVINO_DIR", "library_test_openvino", 1);
    opens(NULL);
    (void)!system("rm -rf library_test_openvino && mkdir -p library_test_openvino/runtime/lib/" MACHINE);
    CHECK(symlink(argv[2], "library_test_openvino/runtime/lib/" MACHINE "/libopenvino_c.so") == 0);
    refuses(NULL, "2025.3.0");
    (void)!system("rm -rf library_test_openvino");

    /* Beside this program is the OpenVINO of the build; tests/install_test.py looks for others. */
    check_case = "search";
    unsetenv("INTEL_OPENVINO_DIR");
    opens(NULL);
    return check_result();
}
