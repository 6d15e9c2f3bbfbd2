/* ONNX: a ModelProto. Field numbers are those of onnx.proto. */
#include "onnx.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    NEWEST_IR = 99, /* of a number that is taken for an IR version; they are at 13 */
    MOST_DOMAINS = 8
};

static bool no_memory(struct wasinn__onnx *onnx, uint64_t offset) {
    return wasinn__proto_fail(&onnx->proto, offset, "no memory");
}

/* ---- Recognition --------------------------------------------------------------------------------- */

static bool is_model_field(uint32_t key) {
    switch (key) {
    case WASINN__VARINT(1):
    case WASINN__BYTES(2):
    case WASINN__BYTES(3):
    case WASINN__BYTES(4):
    case WASINN__VARINT(5):
    case WASINN__BYTES(6):
    case WASINN__BYTES(7):
    case WASINN__BYTES(8):
    case WASINN__BYTES(14):
    case WASINN__BYTES(20):
    case WASINN__BYTES(25):
    case WASINN__BYTES(26):
        return true;
    }
    return false;
}

static bool is_graph_field(uint32_t key) {
    switch (key) {
    case WASINN__BYTES(1):
    case WASINN__BYTES(2):
    case WASINN__BYTES(5):
    case WASINN__BYTES(10):
    case WASINN__BYTES(11):
    case WASINN__BYTES(12):
    case WASINN__BYTES(13):
    case WASINN__BYTES(14):
    case WASINN__BYTES(15):
    case WASINN__BYTES(16):
        return true;
    }
    return false;
}

/* There is no magic number: a file is a model, whole or damaged, when it has an IR version and the beginning
 * of a graph, among fields that are a model's. */
static bool is_onnx(struct wasinn__reader *reader) {
    char ignored[WASINN__FILE_PROBLEM] = "";
    struct wasinn__proto proto;
    struct wasinn__span span = {0, wasinn__reader_size(reader)};
    struct wasinn__field field;
    bool version = false, graph = false;
    wasinn__proto_init(&proto, reader, ignored);
    proto.fields = 4096;
    for (bool more = true; more && !(version && graph);) {
        more = wasinn__proto_next(&proto, &span, &field);
        if ((!more && !proto.failed) || !is_model_field(field.key))
            return false;
        if (field.key == WASINN__VARINT(1)) {
            if (!more || field.value < 1 || field.value > NEWEST_IR)
                return false;
            version = true;
        } else if (field.key == WASINN__BYTES(7)) {
            struct wasinn__proto inner = proto;
            struct wasinn__span content = field.span;
            inner.failed = false;
            wasinn__proto_next(&inner, &content, &field);
            graph = is_graph_field(field.key);
            if (!graph)
                return false;
        }
    }
    return version && graph;
}

/* ---- The model ----------------------------------------------------------------------------------- */

static bool read_opset(struct wasinn__onnx *onnx, struct wasinn__span span) {
    struct wasinn__field field;
    uint64_t offset = span.at;
    int64_t version = 0;
    char *domain = NULL;
    while (wasinn__proto_next(&onnx->proto, &span, &field)) {
        if (field.key == WASINN__BYTES(1))
            wasinn__proto_text(&onnx->proto, &field, "the name of a set of operators", &domain);
        else if (field.key == WASINN__VARINT(2))
            version = (int64_t)field.value;
    }
    onnx->has_opset = true;
    bool done = !onnx->proto.failed;
    if (!domain || !domain[0] || strcmp(domain, "ai.onnx") == 0)
        onnx->opset = version;
    else if (done && onnx->domains++ < MOST_DOMAINS)
        done = wasinn__facts_note(&onnx->facts, "may need the operators of %.64s %lld", domain,
                                  (long long)version) ||
               no_memory(onnx, offset);
    free(domain);
    return done;
}

static bool read_model(struct wasinn__onnx *onnx, struct wasinn__span span) {
    struct wasinn__field field;
    char **producer = &onnx->facts.producer;
    while (wasinn__proto_next(&onnx->proto, &span, &field)) {
        switch (field.key) {
        case WASINN__VARINT(1):
            onnx->ir = (int64_t)field.value;
            break;
        case WASINN__BYTES(2):
            wasinn__proto_text(&onnx->proto, &field, "the producer's name", producer);
            break;
        case WASINN__BYTES(3):
            wasinn__proto_text(&onnx->proto, &field, "the producer's version", &onnx->producer_version);
            break;
        case WASINN__BYTES(7):
            if (onnx->has_graph)
                return wasinn__proto_fail(&onnx->proto, field.offset, "a second graph");
            onnx->has_graph = true;
            onnx->graph = field.span;
            break;
        case WASINN__BYTES(8):
            read_opset(onnx, field.span);
            break;
        }
    }
    if (onnx->proto.failed)
        return false;
    if (onnx->ir >= 3 && !onnx->has_opset)
        return wasinn__proto_fail(&onnx->proto, 0, "no opset_import, which a model of IR %lld must have",
                                  (long long)onnx->ir);
    return wasinn__onnx_graph(onnx);
}

/* "pytorch" and "2.1" become "pytorch 2.1"; nothing stays NULL. */
static bool join_producer(struct wasinn__onnx *onnx) {
    char *name = onnx->facts.producer, *version = onnx->producer_version, *both;
    if (!version || !version[0] || !name || !name[0]) {
        if (name && !name[0]) {
            free(name);
            onnx->facts.producer = NULL;
        }
        return true;
    }
    if (asprintf(&both, "%s %s", name, version) < 0)
        return no_memory(onnx, 0);
    free(name);
    onnx->facts.producer = both;
    return true;
}

static bool conclude(struct wasinn__onnx *onnx) {
    struct wasinn__model_facts *facts = &onnx->facts;
    facts->encoding = WASINN_ENCODING_ONNX;
    facts->parameters_known = !onnx->too_deep;
    if (onnx->opset >= 0)
        snprintf(facts->format_text, sizeof facts->format_text, "ONNX (IR %lld, opset %lld)",
                 (long long)onnx->ir, (long long)onnx->opset);
    else
        snprintf(facts->format_text, sizeof facts->format_text, "ONNX (IR %lld)", (long long)onnx->ir);
    if (facts->external_data &&
        !wasinn__facts_note(facts, "weights are in %.256s%s", onnx->location ? onnx->location : "other files",
                            onnx->more_locations ? " and other files" : ""))
        return no_memory(onnx, 0);
    return join_producer(onnx);
}

bool wasinn__read_onnx(struct wasinn__reader *reader, struct wasinn__model_facts *facts, char *problem) {
    struct wasinn__onnx onnx = {.opset = -1};
    problem[0] = '\0';
    if (!is_onnx(reader))
        return false;
    wasinn__proto_init(&onnx.proto, reader, problem);
    bool done = read_model(&onnx, (struct wasinn__span){0, wasinn__reader_size(reader)}) && conclude(&onnx);
    free(onnx.producer_version);
    free(onnx.location);
    free(onnx.inputs);
    if (!done) {
        wasinn__model_facts_free(&onnx.facts);
        return false;
    }
    *facts = onnx.facts;
    facts->format = facts->format_text;
    return true;
}
