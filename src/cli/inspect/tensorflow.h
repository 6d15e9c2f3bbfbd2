/* What the readers of TensorFlow's two kinds of files share. */
#ifndef WASINN_CLI_INSPECT_TENSORFLOW_H
#define WASINN_CLI_INSPECT_TENSORFLOW_H

#include "protobuf.h"

enum {
    WASINN__TENSORFLOW_OP = 64,  /* bytes of an operation's name */
    WASINN__TENSORFLOW_BOOL = 10 /* a DataType */
};

struct wasinn__tensorflow {
    struct wasinn__proto proto;
    struct wasinn__model_facts facts;
    bool open_weights; /* some have a size that the file does not tell */
};

/* Reads a shape (TensorShapeProto) and a type (DataType) into a port. */
bool wasinn__tensorflow_shape(struct wasinn__tensorflow *file, struct wasinn__span span,
                              struct wasinn__model_port *port);
void wasinn__tensorflow_type(uint64_t type, struct wasinn__model_port *port);

/* A node's (NodeDef) operation; "" if it is longer. */
bool wasinn__tensorflow_op(struct wasinn__tensorflow *file, struct wasinn__span node,
                           char op[WASINN__TENSORFLOW_OP]);
/* Finds a field of the value (AttrValue) of a node's attribute: 6 is a type, 7 a shape, 8 a tensor. False:
 * there is none, or failed. */
bool wasinn__tensorflow_value(struct wasinn__tensorflow *file, struct wasinn__span node, const char *name,
                              uint32_t key, struct wasinn__field *found);

/* Counts the weights of a graph (GraphDef) and of its functions. */
bool wasinn__tensorflow_weights(struct wasinn__tensorflow *file, struct wasinn__span graph);

/* The ports of a graph without signature: inputs are its placeholders, outputs what no node takes. */
bool wasinn__tensorflow_ports(struct wasinn__tensorflow *file, struct wasinn__span graph);

/* A graph's nodes, to be found by name. */
struct wasinn__tensorflow_node {
    uint64_t hash; /* of its name */
    struct wasinn__span span;
    bool taken; /* by another node's input */
};

struct wasinn__tensorflow_nodes {
    struct wasinn__tensorflow_node *list;
    size_t count;
};

/* A tensor: an output of a node. */
struct wasinn__tensorflow_tensor {
    uint64_t hash; /* of the node's name */
    uint64_t output;
};

bool wasinn__tensorflow_nodes(struct wasinn__tensorflow *file, struct wasinn__span graph,
                              struct wasinn__tensorflow_nodes *nodes);
/* Reads a tensor's name: "conv:1", "conv" for its output 0, "^conv" for a node that only has to run before.
 */
bool wasinn__tensorflow_tensor(struct wasinn__tensorflow *file, const struct wasinn__field *field,
                               struct wasinn__tensorflow_tensor *tensor);
/* The node that has the tensor, or NULL. */
struct wasinn__tensorflow_node *wasinn__tensorflow_find(const struct wasinn__tensorflow_nodes *nodes,
                                                        uint64_t hash);

#endif
