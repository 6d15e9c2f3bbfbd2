"""Silero's network that tells speech from silence, on half a minute of a conversation, chunk by chunk.

It is recurrent: the state that a chunk leaves goes into the next, so that whatever is computed a little wrong, or put
into the wrong place, carries on to the end. The state goes from the output back to the input within the guest. The
package has the same network in several files:

    silero_vad.onnx               f32 samples of a batch of any size, the state, and the sample rate, a scalar of i64
    silero_vad_op18_ifless.onnx   the same without branches, which OpenVINO reads too
    silero_vad_openvino_16k.onnx  for one stream of 16 kHz, so without the rate
    silero_vad_16k_sequence.onnx  takes any number of chunks in one compute
"""

import unittest
import wave

from suite import DEPS, OPTIONS, SESSIONS, Case, lacks, model, note, note_run, numpy, run

FOLDER = DEPS / "silero"
SPEECH = DEPS / "speech"
STANDARD, BRANCHLESS, FIXED = (
    model("onnx", FOLDER / f"silero_vad{name}.onnx") for name in ("", "_op18_ifless", "_openvino_16k")
)
SEQUENCE = model("onnx", FOLDER / "silero_vad_16k_sequence.onnx")
AGREE = 1e-4
SAME = 1e-6


def samples():
    with wave.open(str(SPEECH / "sample.wav")) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16000, 1, 2)
        return numpy.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype("<f4") / 32768


def chunks(sound, size=512, streams=1):
    """[steps,streams,context + size]: each chunk with the end of the one before. A stream is a part of the sound."""
    context, steps = size // 8, len(sound) // size // streams
    parts = sound[: steps * size * streams].reshape(streams, steps * size)
    padded = numpy.concatenate([numpy.zeros((streams, context), "<f4"), parts], 1)
    return numpy.stack([padded[:, i * size : (i + 1) * size + context] for i in range(steps)])


def spoken(count):
    """For each chunk of 512 samples, whether somebody speaks, as the people who made the recording say."""
    times = (numpy.arange(count) + 0.5) * 512 / 16000
    speaks = numpy.zeros(count, bool)
    for line in (SPEECH / "sample.rttm").read_text().splitlines():
        begin, length = (float(word) for word in line.split()[3:5])
        speaks |= (times >= begin) & (times < begin + length)
    return speaks


def rate(hertz):
    return numpy.array(hertz, "<i8")


def in_guest(one, backend, given, how="bytes", hertz=16000):
    """Probabilities of all steps, and the last state: [steps,streams,1], [2,streams,128]."""
    steps, streams = given.shape[:2]
    ports = [("next", "input", given), ("back", "state", numpy.zeros((2, streams, 128), "<f4"), "stateN")]
    if one is not FIXED:
        ports.append(("in", "sr", rate(hertz)))
    outputs = {"output": (streams, 1), "stateN": (2, streams, 128)}
    answer = run(one, ports, outputs, how, backend, OPTIONS[backend], steps)
    return answer.outputs["output"], answer.outputs["stateN"][-1], answer


def in_python(one, backend, given, hertz=16000):
    session, found = SESSIONS[backend](one), []
    state = numpy.zeros((2, given.shape[1], 128), "<f4")
    for chunk in given:
        inputs = {"input": chunk, "state": state}
        if one is not FIXED:
            inputs["sr"] = rate(hertz)
        results = session(inputs)
        state = results["stateN"]
        found.append(results["output"])
    return numpy.stack(found), state


@unittest.skipUnless(FOLDER.exists() and SPEECH.exists(), "python3 scripts/deps.py silero speech")
class Silero(Case):
    @classmethod
    def setUpClass(cls):
        cls.given = chunks(samples())
        # What the standard file says in ONNX Runtime's Python.
        cls.wanted = None if lacks("onnxruntime") else in_python(STANDARD, "onnxruntime", cls.given)[0]

    def check(self, one, backend):
        """The whole conversation, by bytes and by name: as the runtime's Python, as the standard file, as people."""
        self.need(backend)
        row = f"Silero VAD, {one.paths[0].name}"
        python, state = in_python(one, backend, self.given)
        for how in ("bytes", "name", "autodetect"):
            found, last, answer = in_guest(one, backend, self.given, how)
            with self.subTest(how):
                largest = self.assert_close(found, python, SAME, "probabilities")
                self.assert_close(last, state, 1e-5, "state")
                note(row, data=f"{len(found)} chunks, one after the other", **{backend: largest})
                note_run(row, backend, answer)
        if self.wanted is not None:
            largest = self.assert_close(found, self.wanted, AGREE, "ONNX Runtime's Python")
            if backend == "openvino":
                note(row, both=largest)
        said = (found[:, 0, 0] > 0.5) == spoken(len(found))
        self.say(f"{one.paths[0].name}, {backend}: {len(found)} chunks, {100 * said.mean():.1f} % as people say")
        self.assertGreater(len(found), 900)
        self.assertGreater(said.mean(), 0.95)

    def test_standard_onnxruntime(self):
        self.check(STANDARD, "onnxruntime")

    def test_branchless_onnxruntime(self):
        self.check(BRANCHLESS, "onnxruntime")

    def test_fixed_onnxruntime(self):
        self.check(FIXED, "onnxruntime")

    def test_branchless_openvino(self):
        self.check(BRANCHLESS, "openvino")

    def test_fixed_openvino(self):
        self.check(FIXED, "openvino")

    def test_standard_openvino(self):
        """OpenVINO cannot read the branches. That is said, in its words."""
        self.need("openvino")
        for how in ("bytes", "name"):
            with self.subTest(how):
                line = self.assert_refused(STANDARD, how, "openvino", "Conv")
        self.say(f"{STANDARD.paths[0].name}, openvino: refused: {line.partition('Conv-16')[2][:200]}...")

    def test_streams(self):
        """Four parts of the conversation as a batch: each as it is alone."""
        given = chunks(samples(), streams=4)
        for one, backend in ((STANDARD, "onnxruntime"), (BRANCHLESS, "onnxruntime"), (BRANCHLESS, "openvino")):
            with self.subTest(one.paths[0].name, backend=backend):
                self.need(backend)
                found, _, _ = in_guest(one, backend, given)
                self.assertEqual(found.shape, (len(given), 4, 1))
                for stream in range(4):
                    alone, _ = in_python(one, backend, given[:, stream : stream + 1])
                    self.assert_close(found[:, stream : stream + 1], alone, 1e-5, f"stream {stream}")

    def test_rate(self):
        """At 8 kHz: other weights, chosen by the input of i64."""
        given = chunks(samples().reshape(-1, 2).mean(1), size=256)
        speaks = spoken(len(given))
        for one, backend in ((STANDARD, "onnxruntime"), (BRANCHLESS, "onnxruntime"), (BRANCHLESS, "openvino")):
            with self.subTest(one.paths[0].name, backend=backend):
                self.need(backend)
                found, _, _ = in_guest(one, backend, given, hertz=8000)
                python, _ = in_python(one, backend, given, hertz=8000)
                self.assert_close(found, python, SAME, "probabilities")
                self.assertGreater(((found[:, 0, 0] > 0.5) == speaks).mean(), 0.9)

    def test_sequence(self):
        """All chunks in one compute, as many as there are."""
        zeros = numpy.zeros((1, 1, 128), "<f4")
        row = f"Silero VAD, {SEQUENCE.paths[0].name}"
        for count in (len(self.given), 100):
            given = numpy.ascontiguousarray(self.given[:count, 0])
            for backend in ("onnxruntime", "openvino"):
                with self.subTest(backend=backend, count=count):
                    self.need(backend)
                    inputs = {"input": given, "h": zeros, "c": zeros}
                    outputs = {"speech_probs": (count,), "hn": (1, 1, 128), "cn": (1, 1, 128)}
                    ports = [("in", name, values) for name, values in inputs.items()]
                    answer = run(SEQUENCE, ports, outputs, "name", backend, OPTIONS[backend])
                    python = SESSIONS[backend](SEQUENCE)(inputs)
                    largest = self.assert_close(answer.outputs, python, 1e-5, backend)
                    note(row, data=f"{len(self.given)} chunks in one compute", **{backend: largest})
                    note_run(row, backend, answer)
                    if self.wanted is not None:
                        found = answer.outputs["speech_probs"]
                        largest = self.assert_close(found, self.wanted[:count, 0, 0], AGREE, "step by step")
                        if backend == "openvino":
                            note(row, both=largest)


if __name__ == "__main__":
    unittest.main()
