"""Models for the tests of the cache, and runs that use them.

A model is a path and the commands by which session.wasm has it compute something that its weights decide.
"""

import array
import collections
import json
import os
import random
import subprocess
import time

from command import F32, FIXTURES, LONGEST, OF_FOLDERS, SANITIZED, WASINN, floats, guest, input_of, variables

Model = collections.namedtuple("Model", "path commands")
Told = collections.namedtuple("Told", "out how said code")

AB = [input_of(0, F32, "2x2", floats(1, 2, 3, 4)), input_of(1, F32, "2x2", floats(10, 20, 30, 40))]
PAIR = [input_of(0, F32, "2", floats(1.5, -2)), input_of(1, F32, "2", floats(3, 0.25))]
SCALAR = [input_of(0, F32, "-", floats(21))]
PICTURE = ["input c 0 1 1x64x64x3 @circle.f32"]
SETTLED = 3  # seconds after which a file is no longer one that has just been written


def asking(path, inputs, outputs=1):
    return Model(path, [*inputs, "compute c", *(f"output c {i} 65536" for i in range(outputs))])


ADD = asking(FIXTURES / "add.xml", AB)
SHAPES = asking(FIXTURES / "shapes.xml", PICTURE)
SMALL = {
    "add": ADD,
    "shapes": SHAPES,
    "digits": asking(FIXTURES / "digits.xml", PAIR, 2),
    "scalar": asking(FIXTURES / "scalar.xml", SCALAR),
    "dynamic": asking(FIXTURES / "dynamic.xml", [input_of(0, F32, "2x3", floats(1, 2, 3, 4, 5, 6))]),
    "none": asking(FIXTURES / "no_inputs.xml", []),
    "two": asking(FIXTURES / "two_outputs.xml", [input_of(0, F32, "4", floats(1, 2, 3, 4))], 2),
    "add-lite": asking(FIXTURES / "tensorflowlite" / "add.tflite", AB),
    "digits-lite": asking(FIXTURES / "tensorflowlite" / "digits.tflite", PAIR, 2),
    "shapes-lite": asking(FIXTURES / "models" / "shapes.tflite", PICTURE),
    "add-graph": asking(FIXTURES / "tensorflow" / "add.pb", AB),
}


# ---- Made here


def layer(number, kind, data, ports):
    return (f'<layer id="{number}" name="n{number}" type="{kind}" version="opset1">{data}'
            + "".join(f'<{side}><port id="{port}" precision="FP32">{"".join(f"<dim>{d}</dim>" for d in dims)}</port></{side}>'
                      for side, port, dims in ports) + "</layer>")


def write_ir(folder, kind, attributes, wide, constant, result, weights):
    """y = x (kind) constant, where the constant is the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    shape = ",".join(map(str, constant))
    layers = [
        layer(0, "Parameter", f'<data shape="{",".join(map(str, wide))}" element_type="f32"/>', [("output", 0, wide)]),
        layer(1, "Const", f'<data element_type="f32" shape="{shape}" offset="0" size="{len(weights)}"/>',
              [("output", 0, constant)]),
        layer(2, kind, attributes, [("input", 0, wide), ("input", 1, constant), ("output", 2, result)])
        .replace("</input><input>", ""),
        layer(3, "Result", "", [("input", 0, result)]),
    ]
    edges = "".join(f'<edge from-layer="{a}" from-port="{b}" to-layer="{c}" to-port="{d}"/>'
                    for a, b, c, d in ((0, 0, 2, 0), (1, 0, 2, 1), (2, 2, 3, 0)))
    (folder / "model.xml").write_text(f'<?xml version="1.0"?>\n<net name="made" version="11"><layers>{"".join(layers)}'
                                      f"</layers><edges>{edges}</edges></net>\n", encoding="utf-8")
    (folder / "model.bin").write_bytes(weights)
    return folder / "model.xml"


def small(folder, kind="Maximum", values=(4, 3, 2, 1)):
    """Of two models of different kinds, Maximum and Minimum, the files have the same sizes."""
    path = write_ir(folder, kind, '<data auto_broadcast="numpy"/>', [4], [4], [4], array.array("f", values).tobytes())
    return asking(path, [input_of(0, F32, "4", floats(1, 2, 3, 4))])


def large(folder):
    """Whose 38 MB are checked while they are being imported. The weights are of different signs and sizes below 2^-6."""
    rows, columns = 1024, 9216
    chance, weights = random.Random(7), bytearray(4 * rows * columns)
    for place in range(3):
        weights[place::4] = chance.randbytes(rows * columns)
    weights[3::4] = chance.randbytes(rows * columns).translate(bytes(0x3C if i % 2 else 0xBC for i in range(256)))
    path = write_ir(folder, "MatMul", '<data transpose_a="false" transpose_b="false"/>', [1, rows], [rows, columns],
                    [1, columns], bytes(weights))
    (folder / "x.f32").write_bytes(array.array("f", [i % 13 - 6 for i in range(rows)]).tobytes())
    return asking(path, [f"input c 0 1 1x{rows} @{folder / 'x.f32'}"])


def settle(*paths):
    """Waits until a model of these files is kept."""
    newest = max(max(status.st_mtime, status.st_ctime) for status in map(os.stat, paths))
    time.sleep(max(0.0, int(newest) + SETTLED + 0.02 - time.time()))


# ---- Run


def words(models, *options):
    """The arguments of a run that uses models, which a dictionary names, one after the other."""
    commands = [command for name, model in models.items()
                for command in (f"name {name}", "context g", *model.commands)]
    folders = {str(model.path.parent) for model in models.values()}
    shown = [f"--dir={folder}" for folder in folders]
    named = [f"--model={name}={model.path}" for name, model in models.items()]
    return ["run", "--stats=json", f"--dir={FIXTURES}::.", *shown, *named, *map(os.fspath, options), guest("session"), *commands]


def told(code, out, err):
    """What came of it: `how` each model was had, by its name, and what was said besides."""
    said = (OF_FOLDERS.sub(b"", err) if SANITIZED else err).decode("utf-8", "replace").splitlines()
    how = {}
    if said and said[-1].startswith("{"):
        for model in json.loads(said.pop())["models"]:
            if model["how"] != "shared":
                how.setdefault(model["name"], []).append(model["how"])
    return Told(out.decode("utf-8", "replace"), {name: " ".join(all) for name, all in how.items()}, said, code)


def start(arguments, **more):
    return subprocess.Popen([WASINN, *map(os.fspath, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=variables({}), **more)


def ended(process):
    out, err = process.communicate(timeout=LONGEST)
    return told(process.returncode, out, err)


def use(models, *options, **more):
    return ended(start(words(models, *options), **more))
