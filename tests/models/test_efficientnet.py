"""EfficientNet-Lite0 with its real weights, as IR and as ONNX, on photographs: both files and both runtimes agree."""

import itertools
import pathlib
import tempfile
import unittest

from suite import (
    DEPS, MODELS, OPTIONS, SESSIONS, Case, lacks, model, note, note_run, numpy, openvino_session, run, wasinn,
)

FOLDER = MODELS / "efficientnet-lite0"
IR = model("openvino", FOLDER / "model.xml", FOLDER / "model.bin")
ONNX = model("onnx", FOLDER / "model.onnx")
ROWS = {"openvino": "EfficientNet-Lite0, IR", "onnx": "EfficientNet-Lite0, ONNX"}
# Of the photographs that are of something which is among the classes.
EXPECTED = {"coffee.png": {"espresso"}, "chelsea.png": {"tiger cat", "Egyptian cat"}}
AGREE = 1e-4


def tensor_of(photograph):
    """As `wasinn tensor` makes it."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "tensor.f32"
        result = wasinn("tensor", photograph, path, "--shape", "1x3x224x224", "--order", "rgb", "--mean", "127",
                        "--scale", "128")
        if result.code != 0:
            raise AssertionError(result.err)
        return numpy.fromfile(path, "<f4").reshape(1, 3, 224, 224)


@unittest.skipUnless((FOLDER / "model.onnx").exists(), f"no model in {FOLDER}: python3 scripts/make_model.py")
class EfficientNet(Case):
    @classmethod
    def setUpClass(cls):
        cls.photographs = sorted(p for p in (DEPS / "photographs").iterdir() if p.suffix in (".png", ".jpg"))
        cls.labels = (FOLDER / "labels.txt").read_text(encoding="utf-8").splitlines()
        arms = [(IR, "openvino"), (ONNX, "openvino"), (ONNX, "onnxruntime")]
        cls.arms = [arm for arm in arms if not lacks(arm[1])]

    def infer(self, arm, tensor, how="bytes", options=None, steps=1):
        one, backend = arm
        options = OPTIONS[backend] if options is None else options
        return run(one, [("in", "images", tensor)], {"probs": (1, 1000)}, how, backend, options, steps)

    def test_photographs(self):
        """Every probability: as the runtime's Python says it, and the same from all arms."""
        self.need_any("openvino", "onnxruntime")
        self.assertGreaterEqual(len(self.photographs), 8)
        sessions = [SESSIONS[backend](one) for one, backend in self.arms]
        for photograph in self.photographs:
            with self.subTest(photograph.name):
                tensor = tensor_of(photograph)
                found = []
                for session, (one, backend) in zip(sessions, self.arms):
                    found.append(self.infer((one, backend), tensor).outputs["probs"])
                    wanted = session({"images": tensor})["probs"]
                    self.assertAlmostEqual(float(wanted.sum()), 1, places=4)
                    largest = self.assert_close(found[-1], wanted, 1e-6, (one.encoding, backend))
                    note(ROWS[one.encoding], data=f"{len(self.photographs)} photographs", **{backend: largest})
                self.check_agreement(found)
                self.check_label(photograph, found)
        self.need("openvino", "onnxruntime")

    def check_agreement(self, found):
        for a, b in itertools.combinations(range(len(found)), 2):
            largest = self.assert_close(found[a], found[b], AGREE, (self.arms[a][1], self.arms[b][1]))
            if self.arms[b][1] == "onnxruntime":
                note(ROWS[self.arms[a][0].encoding], both=largest)

    def check_label(self, photograph, found):
        best = {self.labels[int(values.argmax())] for values in found}
        self.assertEqual(len(best), 1, best)
        self.say(f"{photograph.name}: {', '.join(best)}, {100 * float(found[0].max()):.1f} %")
        if photograph.name in EXPECTED:
            self.assertLessEqual(best, EXPECTED[photograph.name])

    def test_ways(self):
        """By name, and by bytes of which the host finds out what they are: bit for bit as by bytes."""
        tensor = tensor_of(DEPS / "photographs" / "coffee.png")
        for arm in self.arms:
            wanted = self.infer(arm, tensor).outputs["probs"].tobytes()
            for how in ("name", "autodetect"):
                with self.subTest(encoding=arm[0].encoding, backend=arm[1], how=how):
                    self.assertEqual(self.infer(arm, tensor, how).outputs["probs"].tobytes(), wanted)

    def test_default_precision(self):
        """OpenVINO's own choice, which is bf16 on a CPU that has it: as its Python says, however far from f32."""
        self.need("openvino")
        session = openvino_session(IR, {})
        for photograph in self.photographs:
            tensor = tensor_of(photograph)
            found = self.infer((IR, "openvino"), tensor, options={}).outputs["probs"]
            self.assert_close(found, session({"images": tensor})["probs"], 1e-6, photograph.name)
            exact = self.infer((IR, "openvino"), tensor).outputs["probs"]
            note(ROWS["openvino"], default=self.difference(found, exact))

    def test_again_and_again(self):
        """Fifty times, the same each time; how long that takes is for the table."""
        tensor = tensor_of(DEPS / "photographs" / "coffee.png")
        for one, backend in self.arms:
            answer = self.infer((one, backend), tensor, "name", steps=50)
            self.assertEqual(len({values.tobytes() for values in answer.outputs["probs"]}), 1)
            note_run(ROWS[one.encoding], backend, answer)


if __name__ == "__main__":
    unittest.main()
