"""The small network of tests/fixtures as the SavedModel that TensorFlow wrote: five drawings, five classes."""

import unittest

from suite import FIXTURES, OPTIONS, SESSIONS, Case, model, note, note_run, numpy, run

CLASSES = ("circle", "square", "triangle", "cross", "ring")
SAVED = model("tensorflow", FIXTURES / "models" / "shapes_sm")


class Shapes(Case):
    def test_saved_model(self):
        self.need("openvino")
        session = SESSIONS["openvino"](SAVED)
        (port,) = set(session({0: numpy.zeros((1, 64, 64, 3), "f4")}))
        for i, label in enumerate(CLASSES):
            with self.subTest(label):
                drawing = numpy.fromfile(FIXTURES / f"{label}.f32", "<f4").reshape(1, 64, 64, 3)
                answer = run(SAVED, [("in", "0", drawing)], {"0": (1, 5)}, "name", "openvino", OPTIONS["openvino"])
                found = answer.outputs["0"]
                largest = self.assert_close(found, session({0: drawing})[port], 1e-6, label)
                note("shapes, SavedModel", data="5 drawings", openvino=largest)
                note_run("shapes, SavedModel", "openvino", answer)
                self.assertEqual(int(found.argmax()), i)
        self.say("shapes, SavedModel: " + " ".join(CLASSES))


if __name__ == "__main__":
    unittest.main()
