/* What `wasinn bench --json` prints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "bench.h"
#include "cli/cli.h"

struct wasinn__bench_json {
    yyjson_mut_doc *doc;
    yyjson_mut_val *root, *set_ups, *figures; /* the last two: arrays; figures: of the last set-up */
};

static void add_text(yyjson_mut_doc *json, yyjson_mut_val *object, const char *key, const char *text) {
    char escaped[4096];
    if (text)
        yyjson_mut_obj_add_strcpy(json, object, key,
                                  wasinn_escape(text, strlen(text), escaped, sizeof escaped));
    else
        yyjson_mut_obj_add_null(json, object, key);
}

wasinn__bench_json *wasinn__bench_json_new(const wasinn__bench_options *options) {
    wasinn__bench_json *made = wasinn__checked(calloc(1, sizeof *made));
    yyjson_mut_doc *json = made->doc = wasinn__checked(yyjson_mut_doc_new(NULL));
    made->root = yyjson_mut_obj(json);
    made->set_ups = yyjson_mut_arr(json);
    yyjson_mut_doc_set_root(json, made->root);
    add_text(json, made->root, "model", options->models.list[options->models.count - 1].config.path);
    yyjson_mut_obj_add_real(json, made->root, "seconds", options->seconds);
    yyjson_mut_obj_add_val(json, made->root, "set_ups", made->set_ups);
    return made;
}

/* ---- The model ---------------------------------------------------------------------------------- */

static yyjson_mut_val *port_of(yyjson_mut_doc *json, const char *name, const wasinn_tensor *tensor) {
    yyjson_mut_val *object = yyjson_mut_obj(json), *shape = yyjson_mut_arr(json);
    for (uint32_t i = 0; i < tensor->rank; i++)
        yyjson_mut_arr_add_sint(json, shape, tensor->dims[i]);
    add_text(json, object, "name", name);
    yyjson_mut_obj_add_str(json, object, "type", wasinn_type_name(tensor->type));
    yyjson_mut_obj_add_val(json, object, "shape", shape);
    yyjson_mut_obj_add_uint(json, object, "bytes", tensor->size);
    return object;
}

static void add_ports(yyjson_mut_doc *json, yyjson_mut_val *object, const wasinn__bench_report *report) {
    const wasinn__bench_model *model = report->model;
    yyjson_mut_val *inputs = yyjson_mut_arr(json), *outputs = yyjson_mut_arr(json);
    for (uint32_t i = 0; i < model->counts[WASINN_INPUT]; i++) {
        const wasinn__bench_input *input = &report->inputs[i];
        yyjson_mut_val *one = port_of(json, model->ports[WASINN_INPUT][i].name, &input->tensor);
        add_text(json, one, "file", input->file);
        yyjson_mut_obj_add_bool(json, one, "assumed", input->assumed);
        yyjson_mut_arr_append(inputs, one);
    }
    for (uint32_t i = 0; i < model->counts[WASINN_OUTPUT]; i++)
        yyjson_mut_arr_append(outputs,
                              port_of(json, model->ports[WASINN_OUTPUT][i].name, &report->outputs[i]));
    yyjson_mut_obj_add_val(json, object, "inputs", inputs);
    yyjson_mut_obj_add_val(json, object, "outputs", outputs);
}

void wasinn__bench_json_model(wasinn__bench_json *whole, const wasinn__bench_report *report) {
    const wasinn__bench_model *model = report->model;
    yyjson_mut_doc *json = whole->doc;
    yyjson_mut_val *object = yyjson_mut_obj(json), *options = yyjson_mut_obj(json),
                   *load = yyjson_mut_obj(json);
    add_text(json, object, "backend", model->table->name);
    add_text(json, object, "version", model->version);
    yyjson_mut_obj_add_str(json, object, "encoding", wasinn_encoding_name(model->encoding));
    yyjson_mut_obj_add_str(json, object, "target", wasinn_target_name(model->target));
    for (size_t i = 0; i < model->table->option_key_count; i++) {
        const char *key = model->table->option_keys[i], *value = wasinn__bench_option(model, key);
        yyjson_mut_obj_add(options, yyjson_mut_strcpy(json, key),
                           value ? yyjson_mut_strcpy(json, value) : yyjson_mut_null(json));
    }
    yyjson_mut_obj_add_val(json, object, "options", options);
    yyjson_mut_obj_add_real(json, load, "seconds", model->seconds);
    yyjson_mut_obj_add_bool(json, load, "cached", model->from_cache);
    yyjson_mut_obj_add_sint(json, load, "memory_bytes", model->added);
    yyjson_mut_obj_add_sint(json, load, "mapped_bytes", model->mapped);
    yyjson_mut_obj_add_val(json, object, "load", load);
    add_ports(json, object, report);
    whole->figures = yyjson_mut_arr(json);
    yyjson_mut_obj_add_val(json, object, "figures", whole->figures);
    yyjson_mut_arr_append(whole->set_ups, object);
}

/* ---- Figures ------------------------------------------------------------------------------------ */

static yyjson_mut_val *figure_of(yyjson_mut_doc *json, const wasinn__bench_block *block,
                                 wasinn__bench_arm arm) {
    const wasinn__bench_figure *figure = &block->figures[arm];
    const wasinn__histogram *times = &figure->times;
    yyjson_mut_val *object = yyjson_mut_obj(json);
    yyjson_mut_obj_add_str(json, object, "arm", wasinn__bench_arm_name(arm));
    yyjson_mut_obj_add_uint(json, object, "inferences", times->count);
    yyjson_mut_obj_add_uint(json, object, "min_ns", times->least);
    yyjson_mut_obj_add_real(json, object, "p50_ns", wasinn__histogram_quantile(times, 0.5));
    yyjson_mut_obj_add_real(json, object, "p90_ns", wasinn__histogram_quantile(times, 0.9));
    yyjson_mut_obj_add_real(json, object, "p99_ns", wasinn__histogram_quantile(times, 0.99));
    yyjson_mut_obj_add_uint(json, object, "max_ns", times->most);
    yyjson_mut_obj_add_real(json, object, "per_second", (double)times->count / figure->seconds);
    yyjson_mut_obj_add_bool(json, object, "equal", block->equal[arm]);
    return object;
}

static yyjson_mut_val *interval_of(yyjson_mut_doc *json, const wasinn__interval *interval) {
    yyjson_mut_val *object = yyjson_mut_obj(json);
    yyjson_mut_obj_add_real(json, object, "ratio", interval->middle);
    yyjson_mut_obj_add_real(json, object, "low", interval->low);
    yyjson_mut_obj_add_real(json, object, "high", interval->high);
    yyjson_mut_obj_add_bool(json, object, "apart", interval->low > 1 || interval->high < 1);
    return object;
}

void wasinn__bench_json_block(wasinn__bench_json *whole, const wasinn__bench_block *block) {
    yyjson_mut_doc *json = whole->doc;
    yyjson_mut_val *object = yyjson_mut_obj(json), *arms = yyjson_mut_arr(json),
                   *ratios = yyjson_mut_arr(json);
    yyjson_mut_obj_add_uint(json, object, "instances", block->instances);
    yyjson_mut_obj_add_uint(json, object, "rounds", block->rounds);
    yyjson_mut_obj_add_real(json, object, "round_seconds", block->round_seconds);
    for (wasinn__bench_arm arm = 0; arm < WASINN__ARMS; arm++)
        if (block->figures[arm].there)
            yyjson_mut_arr_append(arms, figure_of(json, block, arm));
    for (size_t i = 0; i < WASINN__BENCH_PAIRS; i++) {
        wasinn__bench_pair pair;
        if (!wasinn__bench_compare(block, i, &pair))
            continue;
        yyjson_mut_val *ratio = yyjson_mut_obj(json);
        yyjson_mut_obj_add_str(json, ratio, "arm", wasinn__bench_arm_name(pair.one));
        yyjson_mut_obj_add_str(json, ratio, "against", wasinn__bench_arm_name(pair.other));
        yyjson_mut_obj_add_val(json, ratio, "time", interval_of(json, &pair.time));
        yyjson_mut_obj_add_val(json, ratio, "rate", interval_of(json, &pair.rate));
        yyjson_mut_arr_append(ratios, ratio);
    }
    yyjson_mut_obj_add_val(json, object, "arms", arms);
    yyjson_mut_obj_add_val(json, object, "ratios", ratios);
    yyjson_mut_arr_append(whole->figures, object);
}

void wasinn__bench_json_end(wasinn__bench_json *json, bool print) {
    if (print) {
        char *text = wasinn__checked(
            yyjson_mut_write(json->doc, YYJSON_WRITE_PRETTY_TWO_SPACES | YYJSON_WRITE_ESCAPE_UNICODE, NULL));
        puts(text);
        free(text);
    }
    yyjson_mut_doc_free(json->doc);
    free(json);
}
