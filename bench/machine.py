# SPDX-License-Identifier: Apache-2.0
"""Where figures were taken, and who else was at work there."""

import os
import platform
import subprocess
import time
from pathlib import Path

# What OpenVINO chooses its precision and its kernels by.
FLAGS = (
    *("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "avx512_vnni", "amx_tile", "amx_bf16", "amx_int8"),
    *("asimdhp", "sve", "bf16"),
)
# The part of all cores that others may take before a run is called disturbed.
BUSY = 0.05


def _cpu():
    fields = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    numbers = (("family", "cpu family"), ("model", "model"))
    family = " ".join(f"{name} {fields[key]}" for name, key in numbers if key in fields)
    model = fields.get("model name") or fields.get("CPU part") or platform.machine()
    return f"{model} ({family})" if family else model, [flag for flag in FLAGS if flag in flags]


def _memory():
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemTotal"))


def describe():
    model, flags = _cpu()
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "flags": flags,
        "memory": _memory(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
    }


def load_average():
    return [round(value, 2) for value in os.getloadavg()]


def commit(root):
    """The checkout's commit, with a + when files differ from it; None where there is no git."""
    def git(*words):
        return subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", ":!bench/results", ":!README.md")
        return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


class Others:
    """How much of the machine others took: what all cores did, without what this run's processes did."""

    def __init__(self):
        self.start = self._now()

    @staticmethod
    def _now():
        fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
        idle = fields[3] + fields[4]
        own = os.times()
        ticks = os.sysconf("SC_CLK_TCK")
        # Guests' time (the two last fields) is in the first ones already.
        busy = (sum(fields[:8]) - idle) / ticks
        return time.monotonic(), busy, own.user + own.system + own.children_user + own.children_system

    def share(self):
        """Of all cores' time since the start; only processes that were waited for count as ours."""
        (start, busy, own), (now, busy_now, own_now) = self.start, self._now()
        cores = os.cpu_count() or 1
        return max(0.0, ((busy_now - busy) - (own_now - own)) / max((now - start) * cores, 1e-9))
