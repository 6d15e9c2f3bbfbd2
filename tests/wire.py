# SPDX-License-Identifier: Apache-2.0
"""Writes the wire formats of model files, for tests: protocol buffers, TensorFlow's messages in them, and FlatBuffers."""

import collections
import struct


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


# ---- FlatBuffers ---------------------------------------------------------------------------------------


class Table(dict):
    """Fields by number: a pair of a struct format and a number, or what Flat writes. The same table may be in several
    places, if one vector has them all."""

    __hash__ = object.__hash__


class Numbers:
    """A vector of numbers."""

    def __init__(self, kind, values):
        self.content = struct.pack(f"<I{len(values)}{kind}", len(values), *values)


def flatbuffer(root, identifier):
    """The root and all that it leads to: tables, lists of tables, Numbers, texts and bytes."""
    out = bytearray(struct.pack("<I4s", 0, identifier))
    links = collections.deque([(root, [0])])
    waiting = {id(root): links[0][1]}

    def link(place, target):
        if id(target) not in waiting:
            waiting[id(target)] = []
            links.append((target, waiting[id(target)]))
        waiting[id(target)].append(place)

    while links:
        one, places = links.popleft()
        out.extend(bytes(-len(out) % 8))
        if isinstance(one, Table):
            count = max(one, default=-1) + 1
            fields = b"".join(struct.pack("<H", 8 * (i + 1) if i in one else 0) for i in range(count))
            start = len(out)
            out.extend(struct.pack("<HH", 4 + 2 * count, 8 * (count + 1)) + fields)
            out.extend(bytes(-len(out) % 8))
        at = len(out)
        for place in places:
            struct.pack_into("<I", out, place, at - place)
        if isinstance(one, Table):
            out.extend(struct.pack("<ii", at - start, 0) + bytes(8 * count))
            for i, value in one.items():
                if isinstance(value, tuple):
                    struct.pack_into("<" + value[0], out, at + 8 * (i + 1), value[1])
                else:
                    link(at + 8 * (i + 1), value)
        elif isinstance(one, list):
            out.extend(struct.pack("<I", len(one)) + bytes(4 * len(one)))
            for i, value in enumerate(one):
                link(at + 4 + 4 * i, value)
        elif isinstance(one, Numbers):
            out.extend(one.content)
        else:
            content = one.encode() if isinstance(one, str) else one
            out.extend(struct.pack("<I", len(content)) + content + b"\0")
    return bytes(out)


def lite_model(tensors, buffers, inputs=(), outputs=(), operators=(), codes=(), graphs=1, version=3):
    """A TensorFlow Lite model whose graphs, if there are several, all are one table."""
    graph = Table({0: list(tensors), 1: Numbers("i", inputs), 2: Numbers("i", outputs), 3: list(operators), 4: "main"})
    return flatbuffer(Table({0: ("I", version), 1: list(codes), 2: [graph] * graphs, 3: "made by a test",
                             4: list(buffers)}), b"TFL3")


def lite_tensor(name, kind, dims, buffer=0, signature=None):
    fields = {0: Numbers("i", dims), 1: ("B", kind), 2: ("I", buffer), 3: name, 8: ("B", 1)}
    if signature is not None:
        fields[7] = Numbers("i", signature)
    return Table(fields)
