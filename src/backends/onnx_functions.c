#include "backends/onnx_functions.h"

#include <stdlib.h>
#include <string.h>

#include "backends/protobuf.h"

/* As deep as protobuf's own readers go, and as ONNX Runtime lets functions call each other. */
#define DEEPEST 100

/* Field numbers of onnx.proto. */
enum { MODEL_GRAPH = 7, MODEL_FUNCTION = 25 };
enum { GRAPH_NODE = 1 };
enum { NODE_OPERATION = 4, NODE_ATTRIBUTE = 5, NODE_DOMAIN = 7, NODE_OVERLOAD = 8 };
enum { ATTRIBUTE_GRAPH = 6, ATTRIBUTE_GRAPHS = 11 };
enum { FUNCTION_NAME = 1, FUNCTION_NODE = 7, FUNCTION_DOMAIN = 10, FUNCTION_OVERLOAD = 13 };

/* What a function is called by. */
typedef struct identity {
    wasinn__proto domain, name, overload;
} identity;

typedef struct function {
    identity identity;
    wasinn__proto body;
    uint64_t nodes; /* with the calls replaced, as far as known; `most` + 1 for more than that */
} function;

typedef struct library {
    function *functions; /* sorted by identity */
    size_t count;
    uint64_t most;
    bool malformed;
} library;

static int compare_texts(wasinn__proto a, wasinn__proto b) {
    size_t a_size = (size_t)(a.end - a.at), b_size = (size_t)(b.end - b.at);
    int order = memcmp(a_size ? a.at : (const uint8_t *)"", b_size ? b.at : (const uint8_t *)"",
                       a_size < b_size ? a_size : b_size);
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

static int compare(const void *left, const void *right) {
    const identity *a = &((const function *)left)->identity, *b = &((const function *)right)->identity;
    int order = compare_texts(a->name, b->name);
    if (order == 0)
        order = compare_texts(a->domain, b->domain);
    return order ? order : compare_texts(a->overload, b->overload);
}

/* The default domain has two names. */
static wasinn__proto domain_of(wasinn__proto text) {
    static const char other_name[] = "ai.onnx";
    size_t size = sizeof other_name - 1;
    if ((size_t)(text.end - text.at) == size && memcmp(text.at, other_name, size) == 0)
        text.end = text.at;
    return text;
}

static function *find(const library *library, const identity *identity) {
    const function key = {.identity = *identity};
    if (library->count == 0)
        return NULL;
    return bsearch(&key, library->functions, library->count, sizeof key, compare);
}

/* ---- Counting -------------------------------------------------------------------------------------- */

static uint64_t add(const library *library, uint64_t a, uint64_t b) {
    return a + b > library->most ? library->most + 1 : a + b;
}

static uint64_t nodes_of_graph(library *library, wasinn__proto graph, int depth, bool own);

/* How many nodes one stands for; `own`: itself is one, as it is within a function. */
static uint64_t nodes_of(library *library, wasinn__proto node, int depth, bool own) {
    wasinn__proto_field field, inner;
    identity called = {0};
    uint64_t count = own;
    while (wasinn__proto_next(&node, &field, &library->malformed)) {
        if (!field.nested)
            continue;
        if (field.number == NODE_OPERATION)
            called.name = field.body;
        else if (field.number == NODE_DOMAIN)
            called.domain = domain_of(field.body);
        else if (field.number == NODE_OVERLOAD)
            called.overload = field.body;
        else if (field.number == NODE_ATTRIBUTE)
            while (wasinn__proto_next(&field.body, &inner, &library->malformed))
                if (inner.nested && (inner.number == ATTRIBUTE_GRAPH || inner.number == ATTRIBUTE_GRAPHS))
                    count = add(library, count, nodes_of_graph(library, inner.body, depth + 1, own));
    }
    const function *function = find(library, &called);
    return function ? add(library, count, function->nodes) : count;
}

static uint64_t nodes_of_graph(library *library, wasinn__proto graph, int depth, bool own) {
    wasinn__proto_field field;
    uint64_t count = 0;
    if (depth > DEEPEST / 3) { /* three messages each */
        library->malformed = true;
        return 0;
    }
    while (count <= library->most && wasinn__proto_next(&graph, &field, &library->malformed))
        if (field.number == GRAPH_NODE && field.nested)
            count = add(library, count, nodes_of(library, field.body, depth, own));
    return count;
}

static uint64_t nodes_of_function(library *library, wasinn__proto body) {
    wasinn__proto_field field;
    uint64_t count = 0;
    while (count <= library->most && wasinn__proto_next(&body, &field, &library->malformed))
        if (field.number == FUNCTION_NODE && field.nested)
            count = add(library, count, nodes_of(library, field.body, 0, true));
    return count;
}

/* Each round knows calls that are one deeper, until nothing changes any more. */
static bool count_all(library *library) {
    bool changed = true;
    for (int round = 0; changed && round <= DEEPEST && !library->malformed; round++) {
        changed = false;
        for (size_t i = 0; i < library->count; i++) {
            function *function = &library->functions[i];
            uint64_t nodes = nodes_of_function(library, function->body);
            changed = changed || nodes != function->nodes;
            function->nodes = nodes;
        }
    }
    return !changed;
}

/* ---- Reading --------------------------------------------------------------------------------------- */

static void read_function(library *library, wasinn__proto body) {
    function *added = &library->functions[library->count++];
    wasinn__proto_field field;
    *added = (function){.body = body};
    while (wasinn__proto_next(&body, &field, &library->malformed)) {
        if (!field.nested)
            continue;
        if (field.number == FUNCTION_NAME)
            added->identity.name = field.body;
        else if (field.number == FUNCTION_DOMAIN)
            added->identity.domain = domain_of(field.body);
        else if (field.number == FUNCTION_OVERLOAD)
            added->identity.overload = field.body;
    }
}

/* False: two functions have one identity, of which a runtime might take either. */
static bool sort(library *library) {
    if (library->count > 0)
        qsort(library->functions, library->count, sizeof *library->functions, compare);
    for (size_t i = 1; i < library->count; i++)
        if (compare(&library->functions[i - 1], &library->functions[i]) == 0)
            return false;
    return true;
}

static size_t count_functions(wasinn__proto model, bool *malformed) {
    wasinn__proto_field field;
    size_t count = 0;
    while (wasinn__proto_next(&model, &field, malformed))
        count += field.number == MODEL_FUNCTION && field.nested;
    return count;
}

wasinn_status wasinn__onnx_check_functions(const wasinn_blob *model, uint64_t most, wasinn_message *message) {
    wasinn__proto all = wasinn__proto_of(model->data, model->size), rest = all;
    wasinn__proto_field field;
    library library = {.most = most};
    uint64_t nodes = 0;
    size_t count = count_functions(all, &library.malformed);
    if (count == 0 && !library.malformed)
        return WASINN_OK;
    library.functions = calloc(count + 1, sizeof *library.functions);
    if (!library.functions)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for the %zu functions of the model",
                             count);
    while (wasinn__proto_next(&rest, &field, &library.malformed))
        if (field.number == MODEL_FUNCTION && field.nested)
            read_function(&library, field.body);
    bool distinct = sort(&library), settled = distinct && count_all(&library);
    while (wasinn__proto_next(&all, &field, &library.malformed))
        if (field.number == MODEL_GRAPH && field.nested)
            nodes = add(&library, nodes, nodes_of_graph(&library, field.body, 0, false));
    free(library.functions);
    if (library.malformed)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR,
                             "this is no ONNX model: it is no protobuf, or nested too deep");
    if (!distinct)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "the model has two functions of one name");
    if (nodes > most)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR,
                             "the model's functions stand for more than %llu nodes, the limit",
                             (unsigned long long)most);
    if (!settled)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR,
                             "the model's functions call each other more than %d deep", DEEPEST);
    return WASINN_OK;
}
