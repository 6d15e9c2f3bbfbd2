/* What a WebAssembly file says of itself: which functions it wants from its host, and what a host can start.
 */
#ifndef WASINN_CLI_INSPECT_GUEST_H
#define WASINN_CLI_INSPECT_GUEST_H

#include "reader.h"

/* The longest name that is kept, a longer one is cut; more imports than Wasmtime takes are refused, and so
 * are more bytes of names than any guest has. */
enum { WASINN__GUEST_NAME = 1024, WASINN__GUEST_IMPORTS = 100000, WASINN__GUEST_NAMES = 8 << 20 };

struct wasinn__guest_import {
    char *module;     /* of a component, the interface: "wasi:nn/graph@0.2.0-rc-2024-10-28" */
    char *name;       /* "" where a component imports something other than an interface */
    char *function;   /* "(iiiii)i": i i32, I i64, f f32, F f64, v v128, r a reference; NULL: not a core
                         function */
    const char *kind; /* "function", "memory", ... */
};

struct wasinn__guest_facts {
    bool component;
    bool has_start;      /* exports _start, a function of no parameters and results: a WASI command */
    bool exports_memory; /* under the name "memory", which wasi-nn needs */
    bool memory_64, memory_shared;
    struct wasinn__guest_import *imports; /* by module, then by name */
    size_t import_count;
    size_t held; /* bytes of the imports' names */
};

/* Whether the file begins as WebAssembly's binary format does. */
bool wasinn__is_wasm(struct wasinn__reader *reader);

/* False: `problem`, of WASINN__FILE_PROBLEM bytes, says what is wrong, and where. Free the facts in any case.
 */
bool wasinn__read_guest(struct wasinn__reader *reader, struct wasinn__guest_facts *facts, char *problem);
void wasinn__guest_facts_free(struct wasinn__guest_facts *facts);

/* Copies an import; what is NULL stays so. False: no memory, or too many. */
bool wasinn__guest_add_import(struct wasinn__guest_facts *facts, const struct wasinn__guest_import *import);

#endif
