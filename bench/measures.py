# SPDX-License-Identifier: Apache-2.0
"""The ways to measure. Each measures one round: every arm once, in an order that changes from round to round; and
returns {arm: {metric: figure}}, times in nanoseconds, memory in bytes. Outputs of the arms are the same bit for bit, or
it is an error."""

import time

from paired import median, percentile
from program import Failure

# How often the turns go around in a round.
TURNS = 3
# Workers of a runtime wait busily for a moment after their last task.
SETTLE = 0.02


class Outputs:
    """Holds the arms to one output."""

    def __init__(self):
        self.digest = self.arm = None

    def see(self, arm, answer):
        digest = answer["digest"]
        if self.digest is None:
            self.digest, self.arm = digest, arm
        if digest != self.digest:
            raise Failure(f"outputs differ: {self.arm} has {self.digest}, {arm} has {digest}")


def rotated(arms, turn):
    """Another one first each time, and in every second round the other way around."""
    start = turn % len(arms)
    order = [*arms[start:], *arms[:start]]
    return order if turn // len(arms) % 2 == 0 else order[::-1]


class Measure:
    def __init__(self, kit, model):
        self.kit, self.model, self.outputs = kit, model, Outputs()

    def prepare(self, arms):
        """Once, before the first round."""


class Loop(Measure):
    """One inference after the other, in programs that stay: inputs in, compute, outputs out. The programs are started
    anew in each round, and take turns of some tenths of a second."""

    phases = False
    # How long a program is timed before the next one has its turn.
    turn_seconds = 0.15

    def prepare(self, arms):
        """How many inferences make a turn."""
        program = self.kit.start(arms[0], self.model)
        program.ask("load")
        program.ask("run 3 3 1")
        first = program.ask("run 0 5 1")
        nanoseconds = max(first["p50"], 1000)
        program.end()
        # Clocks of guests are not free: many inferences of a tiny model are one sample.
        self.calls = max(1, round(1e6 / nanoseconds)) if nanoseconds < 1e5 else 1
        self.samples = max(5, round(self.turn_seconds * 1e9 / (nanoseconds * self.calls)))
        self.warm = max(2, self.samples * self.calls // 10)

    def round(self, arms, turn):
        programs = {arm: self.kit.start(arm, self.model) for arm in rotated(arms, turn)}
        for arm, program in programs.items():
            program.ask("load")
            if turn == 0:
                self.kit.check_runtime(arm, program)
        times = {arm: [] for arm in arms}
        for once in range(TURNS):
            for arm in rotated(arms, turn + once):
                time.sleep(SETTLE)
                answer = programs[arm].ask(f"run {self.warm} {self.samples} {self.calls}")
                self.outputs.see(arm, answer)
                times[arm].append(answer["p50"] / answer["calls"])
        figures = {arm: {"time": median(times[arm])} for arm in arms}
        for arm, program in programs.items():
            if self.phases and arm != "ours-infer":
                answer = program.ask(f"phases {self.warm} {min(self.samples * self.calls, 10000)}")
                figures[arm].update({name: answer[name] for name in ("input", "compute", "output")})
            program.end()
        return figures


class Breakdown(Loop):
    """The same, and what each of the three calls takes."""

    phases = True


class Load(Measure):
    """A model loaded from bytes that the program holds, twice, with the memory that this takes."""

    def round(self, arms, turn):
        return {arm: self._one(arm) for arm in rotated(arms, turn)}

    def _one(self, arm):
        program = self.kit.start(arm, self.model, by_bytes=True)
        program.ask("read")
        figures = {}
        for name, prefix in (("time", ""), ("again", "again_")):
            before = program.memory()
            counted = program.forget_peak()
            figures[name] = program.ask("load")["load"]
            after = program.memory()
            figures[f"{prefix}anonymous"] = after["anonymous"] - before["anonymous"]
            if counted:
                figures[f"{prefix}peak"] = program.peak() - before["resident"]
            self.outputs.see(arm, program.ask("run 0 1 1"))
        program.end()
        return figures


class LoadElsewhere(Load):
    """A guest loads the same bytes while another guest of the process holds what it loaded of them."""

    def _one(self, arm):
        if arm != "ours":
            return super()._one(arm)
        folder = self.kit.empty_cache("turns")
        commands = ["read", "take turns", "load", "run 0 1 1", "pass turns", "hold turns/passed-1"]
        program = self.kit.ours(
            self.model, "--instances", "2", "--dir-rw", f"{folder}::turns", by_bytes=True, commands=commands
        )
        answers = []
        while len(answers) < 8:
            answers.append(program.answer())
        loads = [answer["load"] for answer in answers if "load" in answer]
        for answer in answers:
            if "digest" in answer:
                self.outputs.see(arm, answer)
        program.end()
        return {"time": loads[0], "again": loads[1]}


def settle(model):
    """Hosts do not keep what they compiled of files that have just been written."""
    written = max(path.stat().st_ctime for path in (model.file, *model.parts) if path.exists())
    time.sleep(max(0, written + 3 - time.time()))


class Start(Measure):
    """From the start of a process to the first output of a model that the host knows by name. Caches are those of the
    hosts; the system's own, of files, is warm in all."""

    COMMANDS = ("load", "run 0 1 1")

    def prepare(self, arms):
        settle(self.model)
        self.blob = self.kit.folder / f"{self.model.name}.blob"
        if "native" in arms:
            self.kit.native(self.model, "--export", self.blob, commands=["load"]).finish()
        for cache in ("ours", "peer"):
            self.kit.empty_cache(cache)
        # What they keep for the next time is there after some, as it may be written in passing.
        for arm in arms:
            for _ in range(3 if arm in ("ours", "peer") else 1):
                self._one(arm)

    def round(self, arms, turn):
        return {arm: {"time": self._one(arm)} for arm in rotated(arms, turn)}

    def _start(self, arm):
        how = {"commands": self.COMMANDS, "label": arm}
        if arm == "native":
            return self.kit.native(self.model, blob=self.blob, **how)
        host = self.kit.ours if arm.startswith("ours") else self.kit.peer
        if arm.endswith("-cold"):
            self.kit.empty_cache(arm)
        return host(self.model, cache=arm, **how)

    def _one(self, arm):
        program = self._start(arm)
        program.answer()
        self.outputs.see(arm, program.answer())
        taken = program.answered - program.started
        program.end()
        return taken


class Guests(Measure):
    """Guests that all infer at once for some seconds. Ours: one process, a thread and a store each. The peer: a process
    each. Native: one process, a thread and a request each, by the same hint."""

    # Inferences of each guest before the one that its digest is of.
    warm = 3

    def __init__(self, kit, model, count, seconds, fewer=None):
        """`fewer`: another number of guests, for the memory of each further one."""
        super().__init__(kit, model)
        self.count, self.seconds, self.fewer = count, seconds, fewer

    def round(self, arms, turn):
        figures = {arm: self._one(arm, self.count, self.seconds) for arm in rotated(arms, turn)}
        if self.fewer and "ours" in arms:
            small = self._one("ours", self.fewer, 0.1)
            each = (figures["ours"]["anonymous"] - small["anonymous"]) / (self.count - self.fewer)
            # One copy of inputs and outputs; that in the guest's memory is part of that.
            figures["ours"]["each"] = each - figures["ours"]["linear"] - self.model.input_bytes() - self.model.output
        return figures

    def _start(self, arm, count, commands):
        if arm == "native":
            hint = "latency" if count == 1 else "throughput"
            return [self.kit.native(self.model, "--threads", str(count), "--hint", hint, commands=commands)]
        if arm == "ours":
            options = ["--instances", str(count)] if count > 1 else []
            return [self.kit.ours(self.model, *options, commands=commands)]
        return [self.kit.peer(self.model, commands=commands) for _ in range(count)]

    def _one(self, arm, count, seconds):
        """`go` and `done` are files that all wait for; they are in the folder of the data, which guests see."""
        go, done = (self.model.data / name for name in ("go", "done"))
        go.unlink(missing_ok=True)
        done.unlink(missing_ok=True)
        seen = self.model.data if arm.startswith("native") else "data"
        commands = ["load", f"run {self.warm} 1 1", "ready", f"go {seen}/go", f"hold {seen}/done"]
        programs = self._start(arm, count, commands)
        each = count // len(programs)
        ready = [self._answers(program, 3 * each) for program in programs]
        start = time.time_ns() + 100_000_000
        half = go.with_suffix(".half")
        half.write_text(f"{start} {start + round(seconds * 1e9)}\n")
        half.rename(go)
        windows = [answer for program in programs for answer in self._answers(program, each)]
        memory = [program.memory() for program in programs]
        done.write_text("")
        for program in programs:
            program.end()
        for answer in [*windows, *(answer for answers in ready for answer in answers)]:
            if "digest" in answer:
                self.outputs.see(arm, answer)
        linear = max(answer.get("memory", 0) for answers in ready for answer in answers)
        sums = {name: sum(one[name] for one in memory) for name in ("proportional", "anonymous")}
        return {**_together(windows, start), **sums, "linear": linear}

    @staticmethod
    def _answers(program, count):
        return [program.answer() for _ in range(count)]


def _together(windows, start):
    """What all guests together did: all inferences, over the time until the last was done."""
    count = sum(window["samples"] for window in windows)
    latencies = []
    for window in windows:
        shown = window["microseconds"]
        # Where a guest could not show all, each stands for some.
        latencies += [1000 * one for one in shown for _ in range(max(1, round(window["samples"] / len(shown))))]
    p50, p99 = median(latencies), percentile(latencies, 0.99)
    rate = count / (max(window["last"] for window in windows) - start) * 1e9
    return {"rate": rate, "p50": p50, "p99": p99, "tail": p99 / p50}

