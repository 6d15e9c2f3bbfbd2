"""MediaPipe's networks for TensorFlow Lite that find a face, its outline and its eyes, on photographs."""

import pathlib
import tempfile
import unittest

from suite import DEPS, OPTIONS, SESSIONS, Case, model, note, note_run, numpy, run, wasinn

FOLDER = DEPS / "faces"
PHOTOGRAPHS = DEPS / "photographs"
MAN = PHOTOGRAPHS / "camera.png"
FINDER = model("tensorflowlite", FOLDER / "face_detection_full_range.tflite")
LANDMARKS = model("tensorflowlite", FOLDER / "face_landmark.tflite")
IRIS = model("tensorflowlite", FOLDER / "iris_landmark.tflite")
BOXES, SCORES = "reshaped_regressor_face_4", "reshaped_classifier_face_4"
# The input, and the outputs with their shapes.
PORTS = {
    FINDER.paths[0]: ("input", {BOXES: (1, 2304, 16), SCORES: (1, 2304, 1)}),
    LANDMARKS.paths[0]: ("input_1", {"conv2d_20": (1, 1, 1, 1404), "conv2d_30": (1, 1, 1, 1)}),
    IRIS.paths[0]: ("input_1", {"output_eyes_contours_and_brows": (1, 213), "output_iris": (1, 15)}),
}
# Of scikit-image's pictures. Some cups look like one.
IS_FACE = {"camera.png": True, "chelsea.png": False, "rocket.jpg": False, "horse.png": False}
GRID = 48  # cells in each direction that FINDER looks at
SAME = 1e-6  # of the largest value


def pixels(photograph, size, low=-1):
    """A square of the photograph as f32 from `low` to 1."""
    mean, scale = ("127.5", "127.5") if low else ("0", "255")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "tensor.f32"
        result = wasinn("tensor", photograph, path, "--shape", f"1x{size}x{size}x3", "--layout", "nhwc", "--order",
                        "rgb", "--mean", mean, "--scale", scale, "--fit", "crop")
        if result.code != 0:
            raise AssertionError(result.err)
        return numpy.fromfile(path, "<f4").reshape(1, size, size, 3)


@unittest.skipUnless(FOLDER.exists() and MAN.exists(), "python3 scripts/deps.py faces photographs")
class Faces(Case):
    def check(self, one, values, ways=("bytes", "name", "autodetect")):
        """As OpenVINO's Python says. Returns all outputs."""
        self.need("openvino")
        entry, outputs = PORTS[one.paths[0]]
        wanted = SESSIONS["openvino"](one)({entry: values})
        for how in ways:
            with self.subTest(how):
                found = run(one, [("in", entry, values)], outputs, how, "openvino", OPTIONS["openvino"]).outputs
                for name in outputs:
                    scale = max(1.0, float(numpy.abs(wanted[name]).max()))
                    largest = self.assert_close(found[name], wanted[name], SAME * scale, (how, name))
                    note(f"MediaPipe, {one.paths[0].name}", data="photographs", openvino=largest)
        return found

    def time(self, one, values):
        entry, outputs = PORTS[one.paths[0]]
        answer = run(one, [("in", entry, values)], outputs, "name", "openvino", OPTIONS["openvino"], 20)
        note_run(f"MediaPipe, {one.paths[0].name}", "openvino", answer)

    def test_found(self):
        """The man behind the camera has a face, and it is where his head is; a cat, a rocket and a horse have none."""
        for name, is_face in IS_FACE.items():
            with self.subTest(name):
                values = pixels(PHOTOGRAPHS / name, 192)
                scores = self.check(FINDER, values)[SCORES].ravel().astype("f8")
                best, chance = int(scores.argmax()), 1 / (1 + numpy.exp(-scores.max()))
                x, y = (best % GRID + 0.5) / GRID, (best // GRID + 0.5) / GRID
                self.say(f"{name}: a face with {100 * chance:.0f} %" + (f" at {x:.2f}, {y:.2f}" if is_face else ""))
                self.assertEqual(chance > 0.5, is_face)
                if is_face:
                    self.assertLess(abs(x - 0.45) + abs(y - 0.28), 0.15)
        self.time(FINDER, values)

    def test_landmarks(self):
        values = pixels(MAN, 192, 0)
        found = self.check(LANDMARKS, values)
        self.assertGreater(float(found["conv2d_20"].std()), 1)
        self.time(LANDMARKS, values)

    def test_iris(self):
        values = pixels(MAN, 64, 0)
        found = self.check(IRIS, values)
        self.assertGreater(float(found["output_iris"].std()), 1)
        self.time(IRIS, values)


if __name__ == "__main__":
    unittest.main()
