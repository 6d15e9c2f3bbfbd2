/* What `wasinn inspect` prints: for people, and as JSON. */
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "cli/cli.h"
#include "subject.h"

/* Text from files is cut at this many bytes, and escaped. */
enum { SHOWN = 512 };

static const char *escaped(const char *text, char out[SHOWN]) {
    return wasinn_escape(text ? text : "", text ? strlen(text) : 0, out, SHOWN);
}

/* ---- For people ---------------------------------------------------------------------------------- */

static void print_size(uint64_t bytes, FILE *out) {
    char text[32];
    fprintf(out, "  size       %s", wasinn__size_text(bytes, text));
    if (bytes >= 1000)
        fprintf(out, " (%llu bytes)", (unsigned long long)bytes);
}

static void print_shape(const struct wasinn__model_port *port, FILE *out) {
    char text[SHOWN];
    bool is_named = port->type == WASINN_TYPE_OTHER && port->type_text;
    fprintf(out, "%s [", is_named ? escaped(port->type_text, text) : wasinn_type_name(port->type));
    if (port->rank == WASINN_DYNAMIC_RANK)
        fputs("...", out);
    for (uint32_t i = 0; port->rank != WASINN_DYNAMIC_RANK && i < port->rank; i++) {
        fputs(i > 0 ? "," : "", out);
        if (port->dims[i] >= 0)
            fprintf(out, "%lld", (long long)port->dims[i]);
        else
            fputs(port->dim_names[i] ? escaped(port->dim_names[i], text) : "?", out);
    }
    fputs("]", out);
}

static void print_ports(const struct wasinn__model_facts *model, wasinn_direction side, FILE *out) {
    char text[SHOWN];
    size_t count = model->port_counts[side];
    int width = 0;
    for (size_t i = 0; i < count; i++) {
        int length = (int)strlen(escaped(model->ports[side][i].name, text));
        width = length > width && length <= 40 ? length : width;
    }
    for (size_t i = 0; i < count; i++) {
        const struct wasinn__model_port *port = &model->ports[side][i];
        uint64_t bytes;
        fprintf(out, "  %-9s %3zu  %-*s  ", side == WASINN_INPUT ? "input" : "output", i, width,
                port->name[0] ? escaped(port->name, text) : "-");
        print_shape(port, out);
        if (wasinn__port_size(port, &bytes))
            fprintf(out, "  %llu bytes", (unsigned long long)bytes);
        fputs("\n", out);
    }
}

static void print_verdict(const struct wasinn__verdict *verdict, FILE *out) {
    char text[sizeof verdict->reason];
    if (!verdict->served) {
        fprintf(out, "  served     no: %s\n",
                wasinn_escape(verdict->reason, strlen(verdict->reason), text, sizeof text));
        return;
    }
    fputs("  served     yes", out);
    for (size_t i = 0; i < verdict->backend_count; i++)
        fprintf(out, "%s%s", i ? ", or by " : ", by ", escaped(verdict->backends[i], text));
    fputs("\n", out);
}

static void print_model(const struct wasinn__subject *subject, FILE *out) {
    const struct wasinn__model_facts *model = &subject->model;
    char text[SHOWN];
    fprintf(out, "  encoding   %s, %s\n", wasinn_encoding_name(model->encoding),
            escaped(model->format, text));
    if (model->name && model->name[0])
        fprintf(out, "  name       %s\n", escaped(model->name, text));
    if (model->producer && model->producer[0])
        fprintf(out, "  made by    %s\n", escaped(model->producer, text));
    print_size(subject->bytes, out);
    if (subject->weights_bytes > 0)
        fprintf(out, ", of which %llu are the weights beside it", (unsigned long long)subject->weights_bytes);
    fputs("\n", out);
    if (model->parameters_known)
        fprintf(out, "  parameters %llu%s\n", (unsigned long long)model->parameters,
                model->external_data ? ", in other files" : "");
    print_ports(model, WASINN_INPUT, out);
    print_ports(model, WASINN_OUTPUT, out);
    if (model->note)
        fprintf(out, "  note       %s\n", escaped(model->note, text));
}

static void print_import(const struct wasinn__guest_import *import,
                         const struct wasinn__import_verdict *verdict, FILE *out) {
    char text[SHOWN];
    fprintf(out, "    %-28s", import->name[0] ? escaped(import->name, text) : import->kind);
    fprintf(out, " %-10s", import->function ? import->function : import->kind);
    fprintf(out, " %s%s\n", verdict->served ? "served" : "not served: ", verdict->reason);
}

/* Those of one module, from `first` to before `end`, that belong to one ABI, or to none. */
static void print_abi(const struct wasinn__subject *subject, size_t first, size_t end, const char *abi,
                      FILE *out) {
    const struct wasinn__guest_import *imports = subject->guest.imports;
    char text[SHOWN];
    size_t count = 0, served = 0;
    for (size_t i = first; i < end; i++)
        if (subject->imports[i].abi == abi) {
            count++;
            served += subject->imports[i].served;
        }
    fprintf(out, "  imports    %s: ", escaped(imports[first].module, text));
    if (abi)
        fprintf(out, "%s\n", abi);
    else
        fprintf(out, "%zu, of which %zu served by WASI\n", count, served);
    for (size_t i = first; i < end; i++)
        if (subject->imports[i].abi == abi && (abi || !subject->imports[i].served))
            print_import(&imports[i], &subject->imports[i], out);
}

static void print_imports(const struct wasinn__subject *subject, FILE *out) {
    enum { MOST = 8 }; /* ABIs within a module */
    const struct wasinn__guest_facts *guest = &subject->guest;
    for (size_t first = 0, end; first < guest->import_count; first = end) {
        const char *seen[MOST];
        size_t count = 0;
        for (end = first; end < guest->import_count &&
                          strcmp(guest->imports[end].module, guest->imports[first].module) == 0;
             end++) {
            size_t known = 0;
            while (known < count && seen[known] != subject->imports[end].abi)
                known++;
            if (known == count && count < MOST)
                seen[count++] = subject->imports[end].abi;
        }
        for (size_t i = 0; i < count; i++)
            print_abi(subject, first, end, seen[i], out);
    }
}

static void print_guest(const struct wasinn__subject *subject, FILE *out) {
    const struct wasinn__guest_facts *guest = &subject->guest;
    fprintf(out, "  guest      WebAssembly %s%s\n", guest->component ? "component" : "module",
            guest->has_start ? ", a command (it exports _start)" : "");
    print_size(subject->bytes, out);
    fputs("\n", out);
    if (!guest->component)
        fprintf(out, "  memory     %s%s%s\n", guest->exports_memory ? "exported" : "not exported",
                guest->memory_64 ? ", of 64 bits" : "",
                guest->memory_shared ? ", shared between threads" : "");
    print_imports(subject, out);
}

bool wasinn__print_subject(const struct wasinn__subject *subject, FILE *out) {
    char text[SHOWN];
    fprintf(out, "%s\n", escaped(subject->shown, text));
    if (subject->is_guest)
        print_guest(subject, out);
    else
        print_model(subject, out);
    print_verdict(&subject->verdict, out);
    return fflush(out) == 0 && !ferror(out);
}

/* ---- As JSON ------------------------------------------------------------------------------------- */

/* Text as it is where that is UTF-8, and escaped where it is not: JSON has no other bytes. */
static void put_text(yyjson_mut_doc *json, yyjson_mut_val *object, const char *key, const char *text) {
    char shown[4096];
    if (!text)
        yyjson_mut_obj_add_null(json, object, key);
    else
        yyjson_mut_obj_add_strcpy(json, object, key, wasinn_escape(text, strlen(text), shown, sizeof shown));
}

static void put_verdict(yyjson_mut_doc *json, yyjson_mut_val *object, const struct wasinn__verdict *verdict) {
    yyjson_mut_obj_add_bool(json, object, "served", verdict->served);
    put_text(json, object, "reason", verdict->served ? NULL : verdict->reason);
}

static yyjson_mut_val *port_of(yyjson_mut_doc *json, const struct wasinn__model_port *port, size_t index) {
    yyjson_mut_val *object = yyjson_mut_obj(json), *shape = yyjson_mut_arr(json);
    uint64_t bytes;
    yyjson_mut_obj_add_uint(json, object, "index", index);
    put_text(json, object, "name", port->name);
    put_text(json, object, "type",
             port->type == WASINN_TYPE_OTHER && port->type_text ? port->type_text
                                                                : wasinn_type_name(port->type));
    for (uint32_t i = 0; port->rank != WASINN_DYNAMIC_RANK && i < port->rank; i++) {
        char shown[256];
        const char *name = port->dim_names[i];
        if (port->dims[i] >= 0)
            yyjson_mut_arr_add_int(json, shape, port->dims[i]);
        else if (name)
            yyjson_mut_arr_add_strcpy(json, shape, wasinn_escape(name, strlen(name), shown, sizeof shown));
        else
            yyjson_mut_arr_add_null(json, shape);
    }
    yyjson_mut_obj_add_val(json, object, "shape",
                           port->rank == WASINN_DYNAMIC_RANK ? yyjson_mut_null(json) : shape);
    if (wasinn__port_size(port, &bytes))
        yyjson_mut_obj_add_uint(json, object, "bytes", bytes);
    else
        yyjson_mut_obj_add_null(json, object, "bytes");
    return object;
}

static void put_model(yyjson_mut_doc *json, yyjson_mut_val *root, const struct wasinn__subject *subject) {
    static const char *const sides[] = {"inputs", "outputs"};
    const struct wasinn__model_facts *model = &subject->model;
    put_text(json, root, "encoding", wasinn_encoding_name(model->encoding));
    put_text(json, root, "format", model->format);
    put_text(json, root, "name", model->name);
    put_text(json, root, "producer", model->producer);
    if (model->parameters_known)
        yyjson_mut_obj_add_uint(json, root, "parameters", model->parameters);
    else
        yyjson_mut_obj_add_null(json, root, "parameters");
    yyjson_mut_obj_add_bool(json, root, "external_data", model->external_data);
    for (int side = 0; side < 2; side++) {
        yyjson_mut_val *ports = yyjson_mut_arr(json);
        for (size_t i = 0; i < model->port_counts[side]; i++)
            yyjson_mut_arr_append(ports, port_of(json, &model->ports[side][i], i));
        yyjson_mut_obj_add_val(json, root, sides[side], ports);
    }
    put_text(json, root, "note", model->note);
    yyjson_mut_val *backends = yyjson_mut_arr(json);
    for (size_t i = 0; i < subject->verdict.backend_count; i++) {
        char shown[2 * sizeof *subject->verdict.backends];
        yyjson_mut_arr_add_strcpy(json, backends,
                                  wasinn_escape(subject->verdict.backends[i],
                                                strlen(subject->verdict.backends[i]), shown, sizeof shown));
    }
    put_text(json, root, "backend", subject->verdict.backend[0] ? subject->verdict.backend : NULL);
    yyjson_mut_obj_add_val(json, root, "backends", backends);
}

static void put_guest(yyjson_mut_doc *json, yyjson_mut_val *root, const struct wasinn__subject *subject) {
    const struct wasinn__guest_facts *guest = &subject->guest;
    yyjson_mut_val *imports = yyjson_mut_arr(json);
    yyjson_mut_obj_add_bool(json, root, "command", guest->has_start);
    yyjson_mut_obj_add_bool(json, root, "exports_memory", guest->exports_memory);
    yyjson_mut_obj_add_bool(json, root, "memory_64", guest->memory_64);
    yyjson_mut_obj_add_bool(json, root, "memory_shared", guest->memory_shared);
    for (size_t i = 0; i < guest->import_count; i++) {
        const struct wasinn__guest_import *import = &guest->imports[i];
        const struct wasinn__import_verdict *verdict = &subject->imports[i];
        yyjson_mut_val *object = yyjson_mut_obj(json);
        put_text(json, object, "module", import->module);
        put_text(json, object, "name", import->name);
        put_text(json, object, "kind", import->kind);
        put_text(json, object, "signature", import->function);
        put_text(json, object, "abi", verdict->abi);
        yyjson_mut_obj_add_bool(json, object, "served", verdict->served);
        put_text(json, object, "reason", verdict->served ? NULL : verdict->reason);
        yyjson_mut_arr_append(imports, object);
    }
    yyjson_mut_obj_add_val(json, root, "imports", imports);
}

bool wasinn__print_subject_json(const struct wasinn__subject *subject, FILE *out) {
    yyjson_mut_doc *json = wasinn__checked(yyjson_mut_doc_new(NULL));
    yyjson_mut_val *root = yyjson_mut_obj(json);
    yyjson_mut_doc_set_root(json, root);
    put_text(json, root, "path", subject->shown);
    put_text(json, root, "kind",
             !subject->is_guest         ? "model"
             : subject->guest.component ? "component"
                                        : "module");
    yyjson_mut_obj_add_uint(json, root, "bytes", subject->bytes);
    if (subject->is_guest)
        put_guest(json, root, subject);
    else
        put_model(json, root, subject);
    put_verdict(json, root, &subject->verdict);
    bool written = yyjson_mut_write_fp(out, json, YYJSON_WRITE_PRETTY_TWO_SPACES, NULL, NULL);
    yyjson_mut_doc_free(json);
    return written && fputs("\n", out) >= 0 && fflush(out) == 0;
}
