"""The nine large networks that the onnx package tests ONNX backends with, each with the output that it publishes.

Their files are small because the weights are not in them: a node makes each from one number. In memory they are as
large as the real ones. As all weights of a network are alike, nearly all of these outputs are a thousand equal
probabilities, which a weight in the wrong place would not change. So each network is also made with random weights and
without its softmax, where every weight counts: its output is compared with that of the runtimes' Python, and from
runtime to runtime.
"""

import math
import pathlib
import tempfile
import unittest

from suite import DEPS, NO_NUMPY, OPTIONS, SESSIONS, Case, model, note, note_run, numpy, run

LIGHT = DEPS / "python" / "onnx" / "backend" / "test" / "data" / "light"
NAMES = sorted(path.stem.removeprefix("light_") for path in LIGHT.glob("light_*.onnx"))
AGREE = 1e-4  # of the largest value
SAME = 1e-6
try:
    import onnx
    from onnx.backend.test.case.model import collect_testcases
    from onnx.backend.test.runner import Runner

    # (relative, absolute), as the package wants them of a backend.
    TOLERANCES = {case.model_name: (case.rtol, case.atol) for case in collect_testcases() if case.kind == "real"}
    NO_ONNX = NO_NUMPY
except ImportError as problem:
    NO_ONNX = f"Python's onnx is missing: {problem}"


def ports(network):
    """The input that is not a weight, the only output."""
    weights = {weight.name for weight in network.graph.initializer}
    (entry,) = (one for one in network.graph.input if one.name not in weights)
    (output,) = network.graph.output
    return entry, output.name, tuple(dim.dim_value for dim in output.type.tensor_type.shape.dim)


def vary_weights(network):
    """Random weights, of a size at which values neither vanish nor explode from layer to layer."""
    random = numpy.random.default_rng(1)
    shapes = {one.name: onnx.numpy_helper.to_array(one) for one in network.graph.initializer}
    nodes = []
    for node in network.graph.node:
        if node.op_type == "ConstantOfShape":
            shape = [int(extent) for extent in shapes[node.input[0]]]
            values = random.standard_normal(shape, dtype="f4")
            if len(shape) > 1:
                values *= numpy.float32(math.sqrt(2 / math.prod(shape[1:])))
            else:
                values = 1 + values / 10
            network.graph.initializer.append(onnx.numpy_helper.from_array(values, node.output[0]))
        else:
            nodes.append(node)
    # Probabilities would be 0 and 1, most of them.
    if nodes[-1].op_type == "Softmax":
        network.graph.output[0].name = nodes.pop().input[0]
    del network.graph.node[:]
    network.graph.node.extend(nodes)
    network.ir_version = 8  # in which weights need not be inputs
    return network


@unittest.skipIf(NO_ONNX, NO_ONNX)
class Light(Case):
    def test_all_are_here(self):
        self.assertEqual(len(NAMES), 9)
        self.assertEqual(set(NAMES), set(TOLERANCES))

    def check(self, name):
        self.need_any("openvino", "onnxruntime")
        one = model("onnx", LIGHT / f"light_{name}.onnx")
        entry, output, shape = ports(onnx.load(one.paths[0]))
        values = Runner.generate_dummy_data(entry)
        published = onnx.TensorProto.FromString((LIGHT / f"light_{name}_output_0.pb").read_bytes())
        published = onnx.numpy_helper.to_array(published)
        relative, absolute = TOLERANCES[name]
        for backend in ("openvino", "onnxruntime"):
            with self.subTest(backend=backend):
                self.need(backend)
                answer = run(one, [("in", entry.name, values)], {output: shape}, "bytes", backend, OPTIONS[backend], 3)
                for found in answer.outputs[output]:
                    difference = numpy.abs(found - published)
                    self.assertTrue((difference <= absolute + relative * numpy.abs(published)).all(), difference.max())
                row = f"{name}, light"
                note(row, data="the published output", **{backend: float(difference.max())})
                note_run(row, backend, answer)
                self.say(f"{name}, {backend}: {difference.max():.1e} from what is published, {answer.peak:.0f} MB")

    def check_varied(self, name):
        self.need_any("openvino", "onnxruntime")
        with tempfile.TemporaryDirectory() as folder:
            one = model("onnx", pathlib.Path(folder) / f"{name}.onnx")
            network = vary_weights(onnx.load(LIGHT / f"light_{name}.onnx"))
            onnx.save(network, one.paths[0])
            entry, output, shape = ports(network)
            values = Runner.generate_dummy_data(entry)
            del network
            size = one.paths[0].stat().st_size
            row, outputs = f"{name}, random weights", {}
            for backend in ("openvino", "onnxruntime"):
                with self.subTest(backend=backend):
                    self.need(backend)
                    given = [("in", entry.name, values)]
                    answer = run(one, given, {output: shape}, "bytes", backend, OPTIONS[backend], 5)
                    found = answer.outputs[output]
                    self.assertEqual(len({each.tobytes() for each in found}), 1)
                    wanted = SESSIONS[backend](one)({entry.name: values})[output]
                    scale = float(numpy.abs(wanted).max())
                    self.assertGreater(float(wanted.std()), scale / 1000)
                    largest = self.assert_close(found[0] / scale, wanted / scale, SAME, backend)
                    outputs[backend] = found[0] / scale
                    note(row, data=f"{size / 1e6:.0f} MB of weights", **{backend: largest})
                    note_run(row, backend, answer)
            if len(outputs) == 2:
                largest = self.assert_close(outputs["openvino"], outputs["onnxruntime"], AGREE, "the runtimes")
                note(row, both=largest)
                self.say(f"{name}, random weights: {size / 1e6:.0f} MB, the runtimes differ by {largest:.1e}")


for name in NAMES:
    setattr(Light, f"test_{name}", lambda self, name=name: self.check(name))
    setattr(Light, f"test_{name}_varied", lambda self, name=name: self.check_varied(name))

if __name__ == "__main__":
    unittest.main()
