# SPDX-License-Identifier: Apache-2.0
"""Writes the wire formats of model files, for tests: protocol buffers, and TensorFlow's messages in them."""


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    """A field of a message: an int is a varint, bytes and str are length-delimited."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


# TensorFlow's DataType.
FLOAT, INT32, UINT8, STRING, INT64, BOOL, HALF, RESOURCE = 1, 3, 4, 7, 9, 10, 19, 20


def shape(dims):
    """TensorShapeProto; None: the rank is open."""
    if dims is None:
        return field(3, 1)
    return b"".join(field(2, field(1, size)) for size in dims)


def attribute(name, value):
    return field(5, field(1, name) + field(2, value))


def node(name, op, inputs=(), **attributes):
    """NodeDef. Attributes: an int is a DataType, a list or None a shape, bytes an AttrValue."""
    content = field(1, name) + field(2, op) + b"".join(field(3, one) for one in inputs)
    for key, value in attributes.items():
        if isinstance(value, int):
            value = field(6, value)
        elif not isinstance(value, bytes):
            value = field(7, shape(value))
        content += attribute(key, value)
    return content


def constant(name, dtype, dims, content):
    tensor = field(1, dtype) + field(2, shape(dims)) + field(4, content)
    return node(name, "Const", dtype=dtype, value=field(8, tensor))


def graph(nodes, functions=()):
    """GraphDef; functions are lists of nodes."""
    library = b"".join(field(1, field(1, field(1, "f")) + b"".join(field(3, one) for one in nodes)) for nodes in functions)
    out = b"".join(field(1, one) for one in nodes)
    return out + (field(2, library) if functions else b"") + field(4, field(1, 1000))


def tensor_info(name, dtype, dims):
    return field(1, name) + field(2, dtype) + field(3, shape(dims))


def signature(key, inputs, outputs):
    """An entry of a MetaGraphDef's signatures; the ports are (key, tensor_info)."""
    entry = lambda number, one: field(number, field(1, one[0]) + field(2, one[1]))
    content = b"".join(entry(1, one) for one in inputs) + b"".join(entry(2, one) for one in outputs)
    return field(5, field(1, key) + field(2, content + field(3, "tensorflow/serving/predict")))


def meta_graph(tags, graph_def, signatures):
    info = b"".join(field(4, tag) for tag in tags) + field(5, "2.21.0")
    return field(1, info) + field(2, graph_def) + b"".join(signatures)


def saved_model(*meta_graphs):
    return field(1, 1) + b"".join(field(2, one) for one in meta_graphs)
