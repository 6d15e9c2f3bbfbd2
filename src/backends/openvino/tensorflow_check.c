#include "backends/openvino/tensorflow_check.h"

#include <stdlib.h>
#include <string.h>

#include "backends/protobuf.h"

enum {
    MOST_FUNCTIONS = 1 << 16,
    MOST_DEPTH = 64, /* of functions that call functions */
    MOST_RETURNS = 1 << 20
};

typedef struct function {
    wasinn__proto name, signature, content;
    size_t inputs;
    uint8_t depth; /* of the calls below it, 0: not known yet, UINT8_MAX: being looked at */
} function;

typedef struct graph {
    function *functions; /* sorted by name */
    size_t count;
    wasinn__proto *hollow; /* names of constants without elements, sorted */
    size_t hollow_count;
    wasinn_message *message;
} graph;

static wasinn_status refuse(const graph *graph, wasinn__proto name, const char *what) {
    size_t size = (size_t)(name.end - name.at);
    return wasinn_refuse(graph->message, WASINN_RUNTIME_ERROR, "the TensorFlow graph is damaged: '%.*s' %s",
                         (int)(size < 200 ? size : 200), (const char *)name.at, what);
}

/* False at the end, and where there is no whole field. */
static bool next(wasinn__proto *span, wasinn__proto_field *field) {
    bool malformed = false;
    return wasinn__proto_next(span, field, &malformed);
}

static bool has_bytes(const wasinn__proto_field *field, uint32_t number) {
    return field->nested && field->number == number;
}

static bool equals(wasinn__proto one, wasinn__proto other) {
    size_t size = (size_t)(one.end - one.at);
    return size == (size_t)(other.end - other.at) && (size == 0 || memcmp(one.at, other.at, size) == 0);
}

/* Of fields that come more than once the last counts. False: there is none. */
static bool last_field(wasinn__proto span, uint32_t number, bool nested, wasinn__proto_field *found) {
    wasinn__proto_field field;
    bool seen = false;
    while (span.at < span.end && next(&span, &field))
        if (field.number == number && field.nested == nested) {
            *found = field;
            seen = true;
        }
    return seen;
}

static wasinn__proto last_bytes(wasinn__proto span, uint32_t number) {
    wasinn__proto_field field;
    return last_field(span, number, true, &field) ? field.body : (wasinn__proto){span.at, span.at};
}

/* A message that comes twice would be merged of both. */
static size_t count_of(wasinn__proto span, uint32_t number) {
    wasinn__proto_field field;
    size_t count = 0;
    while (span.at < span.end && next(&span, &field))
        count += has_bytes(&field, number);
    return count;
}

static bool is(wasinn__proto text, const char *word) {
    return equals(text, (wasinn__proto){(const uint8_t *)word, (const uint8_t *)word + strlen(word)});
}

/* ---- Functions ---------------------------------------------------------------------------------- */

static int compare(const wasinn__proto *one, const wasinn__proto *other) {
    size_t first = (size_t)(one->end - one->at), second = (size_t)(other->end - other->at);
    size_t shorter = first < second ? first : second;
    int order = shorter ? memcmp(one->at, other->at, shorter) : 0;
    return order ? order : (first > second) - (first < second);
}

static int compare_functions(const void *one, const void *other) {
    return compare(&((const function *)one)->name, &((const function *)other)->name);
}

static int compare_names(const void *one, const void *other) {
    return compare(one, other);
}

static function *find(const graph *graph, wasinn__proto name) {
    function wanted = {.name = name};
    return graph->count ? bsearch(&wanted, graph->functions, graph->count, sizeof wanted, compare_functions)
                        : NULL;
}

/* The names of what a function returns, sorted; to be freed. */
static wasinn_status list_returns(graph *graph, const function *function, wasinn__proto **names,
                                  size_t *count) {
    wasinn__proto rest = function->content;
    wasinn__proto_field entry;
    size_t most = count_of(function->content, 4);
    if (most > MOST_RETURNS)
        return refuse(graph, function->name, "is a function that returns too much");
    wasinn__proto *list = malloc((most + 1) * sizeof *list);
    if (!list)
        return wasinn_refuse(graph->message, WASINN_TOO_LARGE, "OpenVINO: no memory");
    *names = list;
    *count = 0;
    while (rest.at < rest.end && next(&rest, &entry))
        if (has_bytes(&entry, 4))
            list[(*count)++] = last_bytes(entry.body, 1);
    qsort(list, *count, sizeof *list, compare_names);
    return WASINN_OK;
}

/* Each output of the signature is a key of the map of what is returned. */
static wasinn_status check_returns(graph *graph, const function *function) {
    wasinn__proto signature = function->signature, *names = NULL;
    wasinn__proto_field field;
    size_t count = 0;
    wasinn_status status = list_returns(graph, function, &names, &count);
    if (status != WASINN_OK)
        return status;
    while (status == WASINN_OK && signature.at < signature.end && next(&signature, &field)) {
        wasinn__proto name = has_bytes(&field, 3) ? last_bytes(field.body, 1) : signature;
        if (has_bytes(&field, 3) && !bsearch(&name, names, count, sizeof name, compare_names))
            status = refuse(graph, function->name, "is a function that does not say what it returns");
    }
    free(names);
    return status;
}

static wasinn_status measure(graph *graph, function *function, int depth);

/* The functions that a node's attribute (AttrValue) names. */
static wasinn_status follow(graph *graph, wasinn__proto value, int depth, uint8_t *below) {
    wasinn__proto_field field, inner;
    wasinn_status status = WASINN_OK;
    while (status == WASINN_OK && value.at < value.end && next(&value, &field)) {
        bool list = has_bytes(&field, 1);
        if (!list && !has_bytes(&field, 10))
            continue;
        for (wasinn__proto rest = field.body; status == WASINN_OK && rest.at < rest.end;) {
            wasinn__proto call = rest;
            if (!list)
                rest.at = rest.end;
            else if (!next(&rest, &inner) || !has_bytes(&inner, 9))
                continue;
            else
                call = inner.body;
            function *called = find(graph, last_bytes(call, 1));
            if (!called)
                continue;
            status = measure(graph, called, depth + 1);
            if (status == WASINN_OK && called->depth > *below)
                *below = called->depth;
        }
    }
    return status;
}

/* How deep calls go below a function, each of which is looked at once. */
static wasinn_status measure(graph *graph, function *function, int depth) {
    wasinn__proto rest = function->content;
    wasinn__proto_field node, attribute;
    wasinn_status status = WASINN_OK;
    uint8_t below = 0;
    if (function->depth == UINT8_MAX || depth > MOST_DEPTH)
        return refuse(graph, function->name, "is a function that calls itself, or others too deep");
    if (function->depth > 0)
        return WASINN_OK;
    function->depth = UINT8_MAX;
    while (status == WASINN_OK && rest.at < rest.end && next(&rest, &node)) {
        if (!has_bytes(&node, 3))
            continue;
        for (wasinn__proto left = node.body; status == WASINN_OK && left.at < left.end;)
            if (next(&left, &attribute) && has_bytes(&attribute, 5))
                status = count_of(attribute.body, 2) > 1
                             ? refuse(graph, last_bytes(attribute.body, 1), "is an attribute with two values")
                             : follow(graph, last_bytes(attribute.body, 2), depth, &below);
    }
    function->depth = (uint8_t)(below + 1);
    return status == WASINN_OK && below >= MOST_DEPTH
               ? refuse(graph, function->name, "is a function that calls others too deep")
               : status;
}

static wasinn_status add_function(graph *graph, wasinn__proto content) {
    if (graph->count == MOST_FUNCTIONS)
        return refuse(graph, content, "is one function too many");
    if ((graph->count & (graph->count - 1)) == 0) {
        size_t capacity = graph->count ? 2 * graph->count : 1;
        function *larger = realloc(graph->functions, capacity * sizeof *larger);
        if (!larger)
            return wasinn_refuse(graph->message, WASINN_TOO_LARGE, "OpenVINO: no memory");
        graph->functions = larger;
    }
    wasinn__proto signature = last_bytes(content, 1);
    if (count_of(content, 1) != 1)
        return refuse(graph, last_bytes(signature, 1), "is a function with two signatures");
    graph->functions[graph->count++] = (function){.name = last_bytes(signature, 1),
                                                  .signature = signature,
                                                  .content = content,
                                                  .inputs = count_of(signature, 2)};
    return WASINN_OK;
}

static wasinn_status check_functions(graph *graph, wasinn__proto all) {
    wasinn__proto_field library, field;
    wasinn_status status = WASINN_OK;
    while (status == WASINN_OK && all.at < all.end && next(&all, &library))
        if (has_bytes(&library, 2))
            while (status == WASINN_OK && library.body.at < library.body.end && next(&library.body, &field))
                if (has_bytes(&field, 1))
                    status = add_function(graph, field.body);
    if (graph->count > 0)
        qsort(graph->functions, graph->count, sizeof *graph->functions, compare_functions);
    for (size_t i = 1; i < graph->count && status == WASINN_OK; i++)
        if (compare(&graph->functions[i - 1].name, &graph->functions[i].name) == 0)
            status = refuse(graph, graph->functions[i].name, "is the name of two functions");
    for (size_t i = 0; i < graph->count && status == WASINN_OK; i++) {
        status = check_returns(graph, &graph->functions[i]);
        if (status == WASINN_OK)
            status = measure(graph, &graph->functions[i], 0);
    }
    return status;
}

/* ---- Filters ------------------------------------------------------------------------------------ */

/* Whether a node is a constant (a TensorProto in its attribute "value") with a dimension of 0. */
static bool is_hollow(wasinn__proto node) {
    wasinn__proto_field attribute, dimension;
    if (!is(last_bytes(node, 2), "Const"))
        return false;
    while (node.at < node.end && next(&node, &attribute)) {
        if (!has_bytes(&attribute, 5) || !is(last_bytes(attribute.body, 1), "value"))
            continue;
        wasinn__proto shape = last_bytes(last_bytes(last_bytes(attribute.body, 2), 8), 2);
        while (shape.at < shape.end && next(&shape, &dimension)) {
            wasinn__proto_field size = {0};
            if (has_bytes(&dimension, 2) && (!last_field(dimension.body, 1, false, &size) || size.value == 0))
                return true;
        }
    }
    return false;
}

static wasinn_status add_hollow(graph *graph, wasinn__proto name) {
    if ((graph->hollow_count & (graph->hollow_count - 1)) == 0) {
        size_t capacity = graph->hollow_count ? 2 * graph->hollow_count : 1;
        wasinn__proto *larger = realloc(graph->hollow, capacity * sizeof *larger);
        if (!larger)
            return wasinn_refuse(graph->message, WASINN_TOO_LARGE, "OpenVINO: no memory");
        graph->hollow = larger;
    }
    graph->hollow[graph->hollow_count++] = name;
    return WASINN_OK;
}

/* The second input: "weights", or "weights:0". */
static wasinn__proto filter_of(wasinn__proto node) {
    wasinn__proto_field input;
    int count = 0;
    while (node.at < node.end && next(&node, &input))
        if (has_bytes(&input, 3) && count++ == 1) {
            size_t size = (size_t)(input.body.end - input.body.at);
            if (size > 2 && memcmp(input.body.end - 2, ":0", 2) == 0)
                input.body.end -= 2;
            return input.body;
        }
    return (wasinn__proto){node.end, node.end};
}

/* ---- Calls -------------------------------------------------------------------------------------- */

/* A call passes as many values as its function takes. An input that begins with ^ is no value. */
static wasinn_status check_call(graph *graph, wasinn__proto node) {
    wasinn__proto operation = last_bytes(node, 2), rest = node;
    wasinn__proto_field field;
    size_t inputs = 0;
    if (!is(operation, "PartitionedCall") && !is(operation, "StatefulPartitionedCall"))
        return WASINN_OK;
    while (rest.at < rest.end && next(&rest, &field))
        inputs += has_bytes(&field, 3) && (field.body.at == field.body.end || field.body.at[0] != '^');
    for (rest = node; rest.at < rest.end;) {
        if (!next(&rest, &field) || !has_bytes(&field, 5) || !is(last_bytes(field.body, 1), "f"))
            continue;
        function *called = find(graph, last_bytes(last_bytes(last_bytes(field.body, 2), 10), 1));
        if (called && called->inputs != inputs)
            return refuse(graph, last_bytes(node, 1), "calls a function with too many or too few values");
    }
    return WASINN_OK;
}

typedef wasinn_status (*visit)(graph *graph, wasinn__proto node);

static wasinn_status collect(graph *graph, wasinn__proto node) {
    return is_hollow(node) ? add_hollow(graph, last_bytes(node, 1)) : WASINN_OK;
}

static wasinn_status check_filter(graph *graph, wasinn__proto node) {
    wasinn__proto operation = last_bytes(node, 2), filter;
    if (!is(operation, "Conv2D") && !is(operation, "Conv3D") && !is(operation, "DepthwiseConv2dNative"))
        return WASINN_OK;
    filter = filter_of(node);
    return bsearch(&filter, graph->hollow, graph->hollow_count, sizeof filter, compare_names)
               ? refuse(graph, last_bytes(node, 1), "is a convolution whose filter is empty")
               : WASINN_OK;
}

/* The nodes of the graph and of its functions. */
static wasinn_status visit_nodes(graph *graph, wasinn__proto all, visit visit) {
    wasinn__proto_field field;
    wasinn_status status = WASINN_OK;
    while (status == WASINN_OK && all.at < all.end && next(&all, &field))
        if (has_bytes(&field, 1))
            status = visit(graph, field.body);
    for (size_t i = 0; i < graph->count; i++)
        for (wasinn__proto rest = graph->functions[i].content; status == WASINN_OK && rest.at < rest.end;)
            if (next(&rest, &field) && has_bytes(&field, 3))
                status = visit(graph, field.body);
    return status;
}

static wasinn_status check_graph(wasinn__proto all, wasinn_message *message) {
    graph graph = {.message = message};
    wasinn_status status = check_functions(&graph, all);
    if (status == WASINN_OK)
        status = visit_nodes(&graph, all, check_call);
    if (status == WASINN_OK)
        status = visit_nodes(&graph, all, collect);
    if (status == WASINN_OK && graph.hollow_count > 0) {
        qsort(graph.hollow, graph.hollow_count, sizeof *graph.hollow, compare_names);
        status = visit_nodes(&graph, all, check_filter);
    }
    free(graph.functions);
    free(graph.hollow);
    return status;
}

wasinn_status wasinn__tensorflow_check(const wasinn_blob *graph, wasinn_message *message) {
    return check_graph(wasinn__proto_of(graph->data, graph->size), message);
}

wasinn_status wasinn__tensorflow_check_saved(const wasinn_blob *model, wasinn_message *message) {
    wasinn__proto all = wasinn__proto_of(model->data, model->size);
    wasinn__proto_field meta, graph;
    wasinn_status status = WASINN_OK;
    while (status == WASINN_OK && all.at < all.end) {
        if (!next(&all, &meta))
            return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "the saved_model.pb is not whole");
        while (status == WASINN_OK && has_bytes(&meta, 2) && meta.body.at < meta.body.end) {
            if (!next(&meta.body, &graph))
                return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "the saved_model.pb is damaged");
            if (has_bytes(&graph, 2))
                status = check_graph(graph.body, message);
        }
    }
    return status;
}
