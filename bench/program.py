# SPDX-License-Identifier: Apache-2.0
"""A program that is measured: started, asked command by command, and looked at from outside."""

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path


class Failure(Exception):
    """A program that did not do what it was asked, in one line."""


# Everything that was started and not waited for, so that nothing is left behind however a run ends.
_running = set()


def end_all():
    for program in list(_running):
        program.kill()


class Program:
    """One process, or several that are started together, which answer in lines of JSON."""

    def __init__(self, arm, command, environment=None, timeout=120):
        self.arm, self.command, self.timeout = arm, [os.fspath(word) for word in command], timeout
        # A file, so that no amount of it makes the program wait.
        self.errors = tempfile.TemporaryFile()
        self.started = time.monotonic_ns()
        try:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        except OSError as problem:
            self.errors.close()
            raise Failure(f"{arm}: {command[0]}: {problem.strerror}") from None
        _running.add(self)
        # A program that hangs must not hang the run.
        self.late = False
        self.watchdog = threading.Timer(timeout, self._end_late)
        self.watchdog.daemon = True
        self.watchdog.start()

    def answer(self):
        """The next line of JSON."""
        line = self.process.stdout.readline()
        self.answered = time.monotonic_ns()
        if not line:
            raise self.failure()
        try:
            return json.loads(line)
        except ValueError:
            self.kill()
            raise Failure(f"{self.arm}: answered {line[:100]!r}, which is not JSON") from None

    def ask(self, command):
        try:
            self.process.stdin.write(f"{command}\n".encode())
            self.process.stdin.flush()
        except OSError:
            raise self.failure() from None
        return self.answer()

    def finish(self):
        """Let it do all its commands, whatever it answers."""
        self.process.stdout.read()
        return self.end()

    def end(self):
        """Let it end by itself; what it wrote to its error output."""
        try:
            self.process.stdin.close()
        except OSError:
            pass
        rest = self.process.stdout.read()
        code, errors = self.process.wait(), self._error_output()
        self._forget()
        if code != 0 or rest:
            raise Failure(f"{self.arm}: {self._reason(code, errors) if code else f'said more: {rest[:100]!r}'}")
        return errors

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (OSError, ProcessLookupError):
            pass

    def _end_late(self):
        self.late = True
        self.kill()

    def failure(self):
        """It ended too early: why."""
        code = self.process.wait()
        reason = f"was not done after {self.timeout:g} s" if self.late else self._reason(code, self._error_output())
        self._forget()
        return Failure(f"{self.arm}: {reason}")

    def _error_output(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def _forget(self):
        self.watchdog.cancel()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            try:
                stream.close()
            except OSError:
                pass
        _running.discard(self)

    def _reason(self, code, errors):
        lines = [line.strip() for line in errors.splitlines() if line.strip()]
        ended = f"ended with {code}" if code >= 0 else f"was ended by signal {-code}"
        return f"{ended}: {lines[0]}" if lines else ended

    def mapped(self):
        """The files that it has mapped."""
        lines = Path(f"/proc/{self.process.pid}/maps").read_text(errors="replace").splitlines()
        return {line.split(None, 5)[5] for line in lines if line.count("/")}

    # Memory, in bytes. A program that waits for its next command keeps still.

    def memory(self):
        """What is in memory now: all of it, and what is not a file's."""
        fields = _fields(f"/proc/{self.process.pid}/smaps_rollup")
        return {"resident": fields["Rss"], "anonymous": fields["Anonymous"], "proportional": fields["Pss"]}

    def peak(self):
        return _fields(f"/proc/{self.process.pid}/status")["VmHWM"]

    def forget_peak(self):
        """From here on the peak counts anew; False where the system does not let us."""
        try:
            Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        except OSError:
            return False
        return True


def _fields(path):
    fields = {}
    for line in Path(path).read_text().splitlines():
        words = line.replace(":", " ").split()
        if len(words) == 3 and words[2] == "kB":
            fields[words[0]] = int(words[1]) * 1024
    return fields
