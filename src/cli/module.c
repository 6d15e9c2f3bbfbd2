#include "module.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "os/library.h"
#include "os/processor.h"

#define KIND "module"

/* Which copy of Wasmtime this is: the header does not say which library was loaded, and that does not say its
 * version. */
static bool identify_engine(char *text, size_t capacity) {
    Dl_info library;
    char file[128];
    void *function;
    wasm_engine_t *(*known)(wasm_config_t *) = wasm_engine_new_with_config;
    memcpy(&function, &known, sizeof function);
    if (dladdr(function, &library) == 0 || !wasinn__library_file(library.dli_fname, file, sizeof file))
        return false;
    return (size_t)snprintf(text, capacity, "%s %s", WASMTIME_VERSION, file) < capacity;
}

/* All that the code depends on: a line, a 0, and the WebAssembly itself. NULL: it cannot be told. */
static char *make_key(const wasinn__compiler *compiler, const wasinn_blob *wasm, size_t *size) {
    char engine[256], processor[640];
    if (!compiler->cache || !identify_engine(engine, sizeof engine) ||
        !wasinn__processor(processor, sizeof processor))
        return NULL;
    size_t capacity = strlen(engine) + strlen(processor) + strlen(compiler->settings) + 16;
    char *key = wasinn__checked(malloc(capacity + wasm->size));
    size_t head = (size_t)snprintf(key, capacity, "%s; %s; %s", engine, compiler->settings, processor) + 1;
    memcpy(key + head, wasm->data, wasm->size);
    *size = head + wasm->size;
    return key;
}

/* False: there is none, or Wasmtime does not take it. */
static bool find(const wasinn__compiler *compiler, const char *key, size_t size, wasmtime_module_t **module) {
    wasinn_cache_entry *entry;
    wasinn_blob code;
    if (!wasinn_cache_find(compiler->cache, KIND, key, size, &entry, &code))
        return false;
    wasmtime_error_t *error = wasmtime_module_deserialize(compiler->engine, code.data, code.size, module);
    wasinn_cache_release(entry);
    if (!error)
        return true;
    wasmtime_error_delete(error);
    return false;
}

static void keep(const wasinn__compiler *compiler, const char *label, const char *key, size_t size,
                 const wasmtime_module_t *module) {
    wasm_byte_vec_t code;
    wasmtime_error_t *error = wasmtime_module_serialize(module, &code);
    if (error) {
        wasmtime_error_delete(error);
        return;
    }
    wasinn_cache_keep(compiler->cache, KIND, key, size, label, &(wasinn_blob){code.data, code.size});
    wasm_byte_vec_delete(&code);
}

wasmtime_error_t *wasinn__module_make(const wasinn__compiler *compiler, const char *label,
                                      const wasinn_blob *wasm, wasmtime_module_t **module, bool *cached) {
    size_t size = 0;
    char *key = make_key(compiler, wasm, &size);
    wasmtime_error_t *error = NULL;
    *cached = key && find(compiler, key, size, module);
    if (!*cached) {
        error = wasmtime_module_new(compiler->engine, wasm->data, wasm->size, module);
        if (key && !error)
            keep(compiler, label, key, size, *module);
    }
    free(key);
    return error;
}
