/* What the two halves of the reader of ONNX share. */
#ifndef WASINN_CLI_INSPECT_ONNX_H
#define WASINN_CLI_INSPECT_ONNX_H

#include "protobuf.h"

struct wasinn__onnx_input;

struct wasinn__onnx {
    struct wasinn__proto proto;
    struct wasinn__model_facts facts;
    struct wasinn__span graph;
    int64_t ir, opset; /* -1: not told */
    bool has_graph, has_opset;
    char *producer_version;
    char *location; /* of the first weights in another file */
    bool more_locations;
    unsigned domains;
    bool too_deep;
    struct wasinn__onnx_input *inputs; /* by name */
};

/* Reads onnx->graph: its name, its ports, and the number of its weights. */
bool wasinn__onnx_graph(struct wasinn__onnx *onnx);

#endif
