"""Spotify's Basic Pitch, which hears the notes in music, as it was published for TensorFlow (SavedModel), TensorFlow
Lite and ONNX: two windows of notes made here, in one batch.

The files have the same weights, but name their outputs in their own ways, and each was converted by another tool.
"""

import unittest

from suite import DEPS, OPTIONS, SESSIONS, Case, lacks, model, note, note_run, numpy, openvino_session, run

FOLDER = DEPS / "pitch"
HERTZ, WINDOW, FRAMES, LOWEST = 22050, 43844, 172, 21  # of sound; of the model: samples in, frames out, its first key
MELODY = (69, 72, 76, 64)  # one after the other; as MIDI numbers keys
CHORD = {60, 64, 67}

SAVED = model("tensorflow", FOLDER / "saved_model")
LITE = model("tensorflowlite", FOLDER / "nmp.tflite")
ONNX = model("onnx", FOLDER / "nmp.onnx")
# For each file: the input's name, and those of the outputs.
NAMES = {
    "tensorflow": ("input_2", {"note": "note", "onset": "onset", "contour": "contour"}),
    **{
        encoding: (
            "serving_default_input_2:0",
            {name: f"StatefulPartitionedCall:{i}" for i, name in enumerate(("contour", "note", "onset"))},
        )
        for encoding in ("tensorflowlite", "onnx")
    },
}
KEYS = {"note": 88, "onset": 88, "contour": 264}
ROWS = {
    "tensorflow": "Basic Pitch, SavedModel",
    "tensorflowlite": "Basic Pitch, TensorFlow Lite",
    "onnx": "Basic Pitch, ONNX",
}
# The network takes the logarithm of a spectrum that is empty in most places, where the last bit counts: the largest
# difference seen between the runtimes is 1.9e-4, in a probability.
AGREE = 1e-3


def tone(key, count):
    """A plucked string, more or less."""
    times = numpy.arange(count) / HERTZ
    hertz = 440 * 2 ** ((key - 69) / 12)
    wave = sum(numpy.sin(2 * numpy.pi * hertz * i * times) / i**1.5 for i in range(1, 6))
    return wave * numpy.exp(-2 * times) * numpy.minimum(1, times * 200)


def sound():
    """f32 [2,43844,1]: the melody, the chord."""
    each = WINDOW // len(MELODY)
    melody = numpy.concatenate([tone(key, each) for key in MELODY])
    chord = sum(tone(key, WINDOW) for key in CHORD)
    windows = numpy.stack([melody[:WINDOW], chord])
    return (0.5 * windows / numpy.abs(windows).max(1, keepdims=True)).astype("<f4")[:, :, None]


def named(one, outputs):
    """By what they are, as the names differ from file to file."""
    return {what: outputs[name] for what, name in NAMES[one.encoding][1].items()}


@unittest.skipUnless(FOLDER.exists(), "python3 scripts/deps.py pitch")
class BasicPitch(Case):
    def infer(self, one, how, backend, windows, steps=1, options=None):
        entry, names = NAMES[one.encoding]
        shapes = {name: (len(windows), FRAMES, KEYS[what]) for what, name in names.items()}
        options = OPTIONS[backend] if options is None else options
        answer = run(one, [("in", entry, windows)], shapes, how, backend, options, steps)
        return named(one, answer.outputs), answer

    def check(self, one, backend, ways):
        self.need(backend)
        windows, row = sound(), ROWS[one.encoding]
        wanted = named(one, SESSIONS[backend](one)({NAMES[one.encoding][0]: windows}))
        for how in ways:
            with self.subTest(how):
                found, _ = self.infer(one, how, backend, windows)
                largest = self.assert_close(found, wanted, 1e-6, how)
                note(row, data="2 windows of sound", **{backend: largest})
        self.check_notes(row, backend, found)
        _, answer = self.infer(one, "name", backend, windows, 20)
        note_run(row, backend, answer)
        return found

    def check_notes(self, row, backend, found):
        each = FRAMES // len(MELODY)
        heard = [
            LOWEST + int(found["note"][0, i * each + 10 : (i + 1) * each - 10].mean(0).argmax())
            for i in range(len(MELODY))
        ]
        chord = {LOWEST + int(key) for key in numpy.argsort(-found["note"][1, 20:100].mean(0))[:3]}
        said = [" ".join(map(str, keys)) for keys in (heard, sorted(chord))]
        self.say(f"{row}, {backend}: keys {said[0]}, then {said[1]} at once")
        self.assertEqual(tuple(heard), MELODY)
        self.assertEqual(chord, CHORD)

    def test_saved_model(self):
        found = self.check(SAVED, "openvino", ["name"])
        plain, _ = self.infer(SAVED, "name", "openvino", sound(), options={})
        note(ROWS["tensorflow"], default=self.difference(plain, found))

    def test_lite(self):
        self.check(LITE, "openvino", ["bytes", "name", "autodetect"])

    def test_onnx(self):
        found = {backend: self.check(ONNX, backend, ["bytes", "name", "autodetect"])
                 for backend in ("openvino", "onnxruntime") if not lacks(backend)}
        self.need("openvino", "onnxruntime")
        note(ROWS["onnx"], both=self.assert_close(found["openvino"], found["onnxruntime"], AGREE, "the runtimes"))

    def test_files_agree(self):
        """One network: what the SavedModel says, the other two say."""
        self.need("openvino")
        windows = sound()
        wanted, _ = self.infer(SAVED, "name", "openvino", windows)
        for one, backend in ((LITE, "openvino"), (ONNX, "openvino"), (ONNX, "onnxruntime")):
            with self.subTest(one.encoding, backend=backend):
                self.need(backend)
                found, _ = self.infer(one, "name", backend, windows)
                largest = self.assert_close(found, wanted, AGREE, "SavedModel")
                self.say(f"{ROWS[one.encoding]}, {backend}: differs from the SavedModel by {largest:.1e} at most")


if __name__ == "__main__":
    unittest.main()
