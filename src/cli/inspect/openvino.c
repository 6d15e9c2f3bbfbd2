/* OpenVINO's IR: the xml. What is read of it are tags and their attributes; OpenVINO writes no other kind of
 * information, and no document types or entities of their own, which are refused. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "xml.h"

/* The xml of the largest language models has some ten million bytes. */
enum { NAME = 4096, MAX_RESULTS = 65536, MOST_BYTES = 128 << 20 };

/* Where in the document a tag is: net/layers/layer is a layer of the model, and not of a body within a layer.
 */
enum { DEPTH_OF_LAYER = 3, DEPTH_OF_PORT = 5, DEPTH_OF_DIMENSION = 6, DEPTH_OF_EDGE = 3 };

enum kind { KIND_OTHER, KIND_PARAMETER, KIND_RESULT, KIND_CONSTANT };

/* A Result's name is that of the port that it is joined to, which older versions tell in the edges only. */
struct result {
    uint64_t layer, from_layer, from_port;
    size_t index; /* of the output */
    bool joined;
};

/* The tensor names of ports of layers; kept until the edges have come. */
struct named_port {
    uint64_t layer, port;
    char *name;
};

struct parser {
    struct wasinn__xml xml;
    struct wasinn__model_facts *facts;
    struct result *results;
    struct named_port *named;
    size_t result_count, named_count, named_capacity;
    enum kind kind; /* of the layer that is open */
    uint64_t layer;
    bool in_top_layer, in_edges, sorted, has_open, in_input, in_constant;
    struct wasinn__model_port port; /* of the layer that is open */
    uint64_t weights_end;
};

/* ---- Types and shapes ---------------------------------------------------------------------------- */

static const struct {
    const char *data, *precision; /* as the attributes element_type and precision call it */
    wasinn_type type;
    bool weight; /* weights are numbers with a point, or few bits; others are shapes and indices */
} types[] = {
    {"f32", "FP32", WASINN_TYPE_F32, true},
    {"f16", "FP16", WASINN_TYPE_F16, true},
    {"bf16", "BF16", WASINN_TYPE_BF16, true},
    {"f64", "FP64", WASINN_TYPE_F64, true},
    {"i8", "I8", WASINN_TYPE_I8, true},
    {"u8", "U8", WASINN_TYPE_U8, true},
    {"i4", "I4", WASINN_TYPE_OTHER, true},
    {"u4", "U4", WASINN_TYPE_OTHER, true},
    {"u1", "BIN", WASINN_TYPE_OTHER, true},
    {"nf4", "NF4", WASINN_TYPE_OTHER, true},
    {"u2", "U2", WASINN_TYPE_OTHER, true},
    {"u3", "U3", WASINN_TYPE_OTHER, true},
    {"u6", "U6", WASINN_TYPE_OTHER, true},
    {"f4e2m1", "F4E2M1", WASINN_TYPE_OTHER, true},
    {"f8e4m3", "F8E4M3", WASINN_TYPE_U8, true},
    {"f8e5m2", "F8E5M2", WASINN_TYPE_U8, true},
    {"f8e8m0", "F8E8M0", WASINN_TYPE_U8, true},
    {"i16", "I16", WASINN_TYPE_I16, false},
    {"u16", "U16", WASINN_TYPE_U16, false},
    {"i32", "I32", WASINN_TYPE_I32, false},
    {"u32", "U32", WASINN_TYPE_U32, false},
    {"i64", "I64", WASINN_TYPE_I64, false},
    {"u64", "U64", WASINN_TYPE_U64, false},
    {"boolean", "BOOL", WASINN_TYPE_BOOL, false},
    {"string", "STRING", WASINN_TYPE_OTHER, false},
    {"dynamic", "UNSPECIFIED", WASINN_TYPE_OTHER, false},
};

enum { TYPES = sizeof types / sizeof *types };

static size_t find_type(const char *text) {
    size_t i = 0;
    while (i < TYPES && strcmp(text, types[i].data) != 0 && strcmp(text, types[i].precision) != 0)
        i++;
    return i;
}

static void set_type(struct wasinn__model_port *port, const char *text) {
    size_t i = find_type(text);
    port->type = i < TYPES ? types[i].type : WASINN_TYPE_OTHER;
    port->type_text = port->type != WASINN_TYPE_OTHER ? NULL : i < TYPES ? types[i].data : "unknown";
}

/* A number, "?", or bounds such as "1..10" and "2..", which stand in place of a name. */
static bool add_dimension(struct wasinn__model_port *port, const char *text, size_t length) {
    char copy[64], *end;
    while (length > 0 && *text == ' ')
        text++, length--;
    while (length > 0 && text[length - 1] == ' ')
        length--;
    if (length == 0 || length >= sizeof copy || port->rank >= WASINN_MAX_RANK)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (strcmp(copy, "?") == 0 || strcmp(copy, "-1") == 0)
        return wasinn__port_add_dim(port, -1, NULL);
    errno = 0;
    long long first = strtoll(copy, &end, 10);
    if (errno != 0 || first < 0 || (end == copy && strncmp(copy, "..", 2) != 0))
        return false;
    if (*end == '\0')
        return wasinn__port_add_dim(port, first, NULL);
    if (strncmp(end, "..", 2) != 0 || strspn(end + 2, "0123456789") != strlen(end + 2))
        return false;
    char *bounds = strdup(copy);
    return bounds && wasinn__port_add_dim(port, -1, bounds);
}

/* "1,3,?,2..": "..." is any rank, "" a scalar. */
static bool set_shape(struct wasinn__model_port *port, const char *text) {
    bool any = strcmp(text, "...") == 0;
    port->rank = any ? WASINN_DYNAMIC_RANK : 0;
    if (any || !*text)
        return true;
    for (;;) {
        size_t length = strcspn(text, ",");
        if (!add_dimension(port, text, length))
            return false;
        if (!text[length])
            return true;
        text += length + 1;
    }
}

/* Of names with commas between them, the first in the order of bytes: OpenVINO's choice where one has to do.
 * A comma within a name has a backslash before it. */
static void first_name(const char *names, char *first) {
    char one[NAME];
    first[0] = '\0';
    for (bool more = true; more; names++) {
        size_t length = 0;
        for (; *names && *names != ','; names++) {
            if (names[0] == '\\' && names[1] == ',')
                names++;
            if (length + 1 < sizeof one)
                one[length++] = *names;
        }
        one[length] = '\0';
        more = *names == ',';
        if (length > 0 && (!first[0] || strcmp(one, first) < 0))
            strcpy(first, one);
    }
}

/* ---- What the tags say --------------------------------------------------------------------------- */

static bool refuse(struct parser *parser, const char *what) {
    return wasinn__xml_refuse(&parser->xml, "%s", what);
}

static void name_port(struct wasinn__model_port *port, const char *name) {
    free(port->name);
    port->name = strdup(name);
}

static bool remember_name(struct parser *parser, uint64_t port, const char *name) {
    if (parser->named_count == parser->named_capacity) {
        size_t capacity = parser->named_capacity ? 2 * parser->named_capacity : 64;
        struct named_port *larger = realloc(parser->named, capacity * sizeof *larger);
        if (!larger)
            return refuse(parser, "no memory");
        parser->named = larger;
        parser->named_capacity = capacity;
    }
    char *copy = strdup(name);
    if (!copy)
        return refuse(parser, "no memory");
    parser->named[parser->named_count++] = (struct named_port){parser->layer, port, copy};
    return true;
}

static bool read_number(struct parser *parser, const char *name, uint64_t *number) {
    char text[32], *end;
    if (!wasinn__xml_attribute(&parser->xml, name, text, sizeof text) || text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0;
}

static bool begin_layer(struct parser *parser) {
    char type[64];
    struct wasinn__xml *xml = &parser->xml;
    if (!wasinn__xml_attribute(xml, "type", type, sizeof type) || !read_number(parser, "id", &parser->layer))
        return refuse(parser, "a layer without a type, or an id that is a number");
    parser->kind = strcmp(type, "Parameter") == 0 ? KIND_PARAMETER
                   : strcmp(type, "Result") == 0  ? KIND_RESULT
                   : strcmp(type, "Const") == 0   ? KIND_CONSTANT
                                                  : KIND_OTHER;
    parser->in_top_layer = true;
    wasinn__port_clear(&parser->port);
    set_type(&parser->port, "");
    char names[NAME], first[NAME];
    if (parser->kind == KIND_RESULT && wasinn__xml_attribute(xml, "output_names", names, sizeof names)) {
        first_name(names, first);
        name_port(&parser->port, first);
    }
    return true;
}

static bool end_layer(struct parser *parser) {
    parser->in_top_layer = false;
    if (parser->kind != KIND_PARAMETER && parser->kind != KIND_RESULT)
        return true;
    wasinn_direction side = parser->kind == KIND_PARAMETER ? WASINN_INPUT : WASINN_OUTPUT;
    if (parser->kind == KIND_RESULT) {
        if (parser->result_count == MAX_RESULTS)
            return refuse(parser, "more outputs than any model has");
        struct result *larger =
            realloc(parser->results, (parser->result_count + 1) * sizeof *parser->results);
        if (!larger)
            return refuse(parser, "no memory");
        parser->results = larger;
        parser->results[parser->result_count++] =
            (struct result){.layer = parser->layer, .index = parser->facts->port_counts[WASINN_OUTPUT]};
    }
    if (parser->kind == KIND_PARAMETER && parser->port.rank == WASINN_DYNAMIC_RANK)
        parser->has_open = true;
    return wasinn__facts_add_port(parser->facts, side, &parser->port) || refuse(parser, "too many ports");
}

/* Of a constant, whose dimensions are all known; false: it is none. */
static bool count_elements(const char *shape, uint64_t *elements) {
    *elements = 1;
    for (const char *at = shape; *at;) {
        char *end;
        errno = 0;
        unsigned long long size = strtoull(at, &end, 10);
        if (end == at || errno != 0 || strchr(at, '-') == at ||
            __builtin_mul_overflow(*elements, size, elements))
            return false;
        at = end + strspn(end, " ,");
        if (*end && at == end)
            return false;
    }
    return true;
}

/* The weights: also those of bodies within layers. */
static bool add_constant(struct parser *parser) {
    char type[32], shape[1024];
    struct wasinn__xml *xml = &parser->xml;
    uint64_t offset, size = 0, elements;
    if (!read_number(parser, "offset", &offset))
        return true;
    if (read_number(parser, "size", &size) && offset + size < offset)
        return refuse(parser, "weights beyond 64 bits");
    if (offset + size > parser->weights_end)
        parser->weights_end = offset + size;
    if (!wasinn__xml_attribute(xml, "element_type", type, sizeof type) ||
        !wasinn__xml_attribute(xml, "shape", shape, sizeof shape))
        return true;
    if (!count_elements(shape, &elements))
        return refuse(parser, "a constant whose shape is none");
    size_t known = find_type(type);
    if ((known == TYPES || types[known].weight) &&
        __builtin_add_overflow(parser->facts->parameters, elements, &parser->facts->parameters))
        return refuse(parser, "more weights than 64 bits can count");
    return true;
}

static bool read_data(struct parser *parser) {
    char text[1024];
    if (parser->kind != KIND_PARAMETER || parser->xml.depth != DEPTH_OF_LAYER + 1)
        return true;
    if (wasinn__xml_attribute(&parser->xml, "element_type", text, sizeof text))
        set_type(&parser->port, text);
    if (wasinn__xml_attribute(&parser->xml, "shape", text, sizeof text) && !set_shape(&parser->port, text))
        return refuse(parser, "a parameter whose shape is none, or has more than 16 dimensions");
    return true;
}

static bool read_port(struct parser *parser) {
    char names[NAME], first[NAME], text[64];
    struct wasinn__xml *xml = &parser->xml;
    bool is_output = !parser->in_input;
    if (is_output && wasinn__xml_attribute(xml, "names", names, sizeof names)) {
        first_name(names, first);
        if (parser->kind == KIND_PARAMETER)
            name_port(&parser->port, first);
        uint64_t port = wasinn__xml_attribute(xml, "id", text, sizeof text) ? strtoull(text, NULL, 10) : 0;
        return remember_name(parser, port, first);
    }
    if (parser->kind == KIND_RESULT && !is_output &&
        wasinn__xml_attribute(xml, "precision", text, sizeof text))
        set_type(&parser->port, text);
    return true;
}

static bool read_dimension(struct parser *parser) {
    char text[64];
    wasinn__xml_text(&parser->xml, text, sizeof text);
    parser->has_open = parser->has_open || text[strspn(text, " \t\r\n")] == '-';
    if (parser->kind != KIND_RESULT || !parser->in_input)
        return true;
    return add_dimension(&parser->port, text, strlen(text)) ||
           refuse(parser, "a dimension that is none, or one more than 16");
}

static int compare(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

static int compare_results(const void *a, const void *b) {
    return compare(((const struct result *)a)->layer, ((const struct result *)b)->layer);
}

static int compare_named(const void *a, const void *b) {
    const struct named_port *one = a, *other = b;
    int order = compare(one->layer, other->layer);
    return order ? order : compare(one->port, other->port);
}

static bool read_edge(struct parser *parser) {
    static const char *const wanted[] = {"from-layer", "from-port", "to-layer"};
    uint64_t numbers[3];
    for (int i = 0; i < 3; i++) {
        if (!read_number(parser, wanted[i], &numbers[i]))
            return refuse(parser, "an edge whose ends are no numbers");
    }
    if (!parser->sorted && parser->result_count > 1)
        qsort(parser->results, parser->result_count, sizeof *parser->results, compare_results);
    parser->sorted = true;
    struct result *found = parser->result_count == 0
                               ? NULL
                               : bsearch(&(struct result){.layer = numbers[2]}, parser->results,
                                         parser->result_count, sizeof *parser->results, compare_results);
    if (found) {
        found->from_layer = numbers[0];
        found->from_port = numbers[1];
        found->joined = true;
    }
    return true;
}

static bool read_net(struct parser *parser) {
    char text[NAME];
    struct wasinn__model_facts *facts = parser->facts;
    if (!wasinn__xml_is(&parser->xml, "net"))
        return refuse(parser, "expected the tag <net> of an OpenVINO model");
    if (wasinn__xml_attribute(&parser->xml, "name", text, sizeof text))
        facts->name = strdup(text);
    if (!wasinn__xml_attribute(&parser->xml, "version", text, sizeof text))
        return refuse(parser, "<net> has no version");
    snprintf(facts->format_text, sizeof facts->format_text, "OpenVINO IR %.16s", text);
    facts->format = facts->format_text;
    return true;
}

static void read_producer(struct parser *parser) {
    char name[64], value[256];
    struct wasinn__xml *xml = &parser->xml;
    bool named = wasinn__xml_is(xml, "info") && wasinn__xml_attribute(xml, "name", name, sizeof name) &&
                 strcmp(name, "OpenVINO Runtime") == 0;
    if (!parser->facts->producer && (named || wasinn__xml_is(xml, "Runtime_version")) &&
        wasinn__xml_attribute(xml, "value", value, sizeof value) &&
        asprintf(&parser->facts->producer, "OpenVINO %s", value) < 0)
        parser->facts->producer = NULL;
}

static bool open_tag(struct parser *parser) {
    struct wasinn__xml *xml = &parser->xml;
    char type[64];
    if (xml->depth == 1)
        return read_net(parser);
    if (xml->depth == 2)
        parser->in_edges = wasinn__xml_is(xml, "edges");
    if (wasinn__xml_is(xml, "layer")) {
        parser->in_constant =
            wasinn__xml_attribute(xml, "type", type, sizeof type) && strcmp(type, "Const") == 0;
        return xml->depth == DEPTH_OF_LAYER ? begin_layer(parser) : true;
    }
    if (wasinn__xml_is(xml, "data") && parser->in_constant)
        return add_constant(parser);
    if (parser->in_edges && xml->depth == DEPTH_OF_EDGE && wasinn__xml_is(xml, "edge"))
        return read_edge(parser);
    if (!parser->in_top_layer) {
        read_producer(parser);
        return true;
    }
    if (wasinn__xml_is(xml, "data"))
        return read_data(parser);
    if (xml->depth == DEPTH_OF_PORT - 1)
        parser->in_input = wasinn__xml_is(xml, "input");
    if (xml->depth == DEPTH_OF_PORT && wasinn__xml_is(xml, "port"))
        return read_port(parser);
    if (xml->depth == DEPTH_OF_DIMENSION && wasinn__xml_is(xml, "dim"))
        return read_dimension(parser);
    return true;
}

/* ---- The whole ----------------------------------------------------------------------------------- */

/* Outputs without a name of their own have that of the port they are joined to. One whose shape has no
 * dimensions is a scalar, or of any rank: the xml does not tell which. Where every dimension of the model is
 * known it is a scalar; elsewhere its rank is left open. */
static void settle_results(struct parser *parser) {
    struct wasinn__model_port *outputs = parser->facts->ports[WASINN_OUTPUT];
    if (parser->named_count > 1)
        qsort(parser->named, parser->named_count, sizeof *parser->named, compare_named);
    for (size_t i = 0; i < parser->result_count; i++) {
        const struct result *result = &parser->results[i];
        struct wasinn__model_port *output = &outputs[result->index];
        struct named_port wanted = {result->from_layer, result->from_port, NULL}, *found = NULL;
        if (parser->has_open && output->rank == 0)
            output->rank = WASINN_DYNAMIC_RANK;
        if (result->joined && !output->name[0] && parser->named_count > 0)
            found = bsearch(&wanted, parser->named, parser->named_count, sizeof wanted, compare_named);
        if (found)
            name_port(output, found->name);
    }
}

static bool parse(struct parser *parser) {
    enum wasinn__xml_event event;
    while ((event = wasinn__xml_next(&parser->xml)) != WASINN__XML_END) {
        if (event == WASINN__XML_FAILED)
            return false;
        if (event == WASINN__XML_OPEN && !open_tag(parser))
            return false;
        if (event == WASINN__XML_CLOSE && parser->xml.depth + 1 == DEPTH_OF_LAYER && parser->in_top_layer &&
            !end_layer(parser))
            return false;
    }
    settle_results(parser);
    return true;
}

bool wasinn__read_openvino(struct wasinn__reader *reader, struct wasinn__model_facts *facts,
                           uint64_t *weights_end, char *problem) {
    struct parser parser = {.facts = facts};
    *facts = (struct wasinn__model_facts){0};
    problem[0] = '\0';
    if (!wasinn__xml_begin(&parser.xml, reader, problem))
        return false;
    if (wasinn__reader_size(reader) > MOST_BYTES)
        return wasinn__xml_refuse(&parser.xml, "an xml of %llu bytes; at most %d are read",
                                  (unsigned long long)wasinn__reader_size(reader), MOST_BYTES);
    facts->encoding = WASINN_ENCODING_OPENVINO;
    facts->parameters_known = true;
    bool read = parse(&parser);
    *weights_end = parser.weights_end;
    wasinn__port_clear(&parser.port);
    free(parser.results);
    for (size_t i = 0; i < parser.named_count; i++)
        free(parser.named[i].name);
    free(parser.named);
    if (!read)
        wasinn__model_facts_free(facts);
    return read;
}
