#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures wasinn beside native programs and the Wasmtime command, on the same models, inputs, precision and threads.

    make bench                         everything, into bench/results; the README's table follows
    make bench ROWS="add large"        some rows, into build/bench/results
    make bench QUICK=1                 few rounds, likewise: too few to tell anything for sure
"""

import argparse
import datetime
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import machine
import models
import report
from arms import Kit
from measures import Loop
from paired import compare, verdict
from program import Failure, end_all
from rows import ROWS

ROOT = Path(__file__).resolve().parent.parent
QUICK_ROUNDS = 3


def say(text):
    print(text, flush=True)


def compared(row, figures):
    """What the row's comparisons come to."""
    found = []
    for one in row.comparisons:
        def series(place):
            return place and [round_of.get(place[0], {}).get(place[1]) for round_of in figures]

        result = compare(series(one.of), series(one.against), one.how)
        if result is None:
            continue
        entry = {"text": one.text, "of": one.of, "against": one.against, "how": one.how, **result}
        if one.goal:
            entry["goal"] = {one.goal[0]: one.goal[1]}
            entry["verdict"] = verdict(result, one.goal)
        found.append(entry)
    return found


def measured(row, kit, model, rounds):
    """The row as it is written to the results."""
    missing = {arm: kit.missing(arm) for arm in row.arms}
    arms = [arm for arm in row.arms if missing[arm] is None]
    notes = sorted({text for text in missing.values() if text})
    entry = {"row": row.name, "title": row.title, "notes": notes, "arms": {}, "comparisons": []}
    absent = [need for need in row.needs if not getattr(kit, need)]
    if absent:
        entry["notes"].append(f"not in this build: {', '.join(absent).replace('has_', '--')}")
        return entry
    others = machine.Others()
    started = time.monotonic()
    try:
        measure = row.measure(kit, model)
        measure.prepare(arms)
        figures = [measure.round(arms, turn) for turn in range(rounds)]
    except Failure as problem:
        end_all()
        entry["error"] = str(problem)
        return entry
    for arm in arms:
        names = sorted({name for round_of in figures for name in round_of[arm]})
        entry["arms"][arm] = {name: [round_of[arm].get(name) for round_of in figures] for name in names}
    entry.update(rounds=rounds, seconds=round(time.monotonic() - started, 1), others=round(others.share(), 3))
    entry["comparisons"] = compared(row, figures)
    return entry


def precision(kit, model):
    """What a model was compiled for, in OpenVINO's own words."""
    said = {}
    for hint in ("latency", "throughput"):
        text = kit.native(model, "--hint", hint, "--tell", "yes", commands=["load"]).finish()
        said[hint] = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return said


def take(rows, kit, made, rounds=None):
    """All results; `rounds` instead of each row's own number of them."""
    results = {
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "commit": machine.commit(ROOT),
        "versions": kit.versions(),
        "load_at_start": machine.load_average(),
        "quick": rounds is not None,
        "rows": [],
    }
    if kit.missing("native") is None:
        results["settings"] = precision(kit, made["add"])
    started = time.monotonic()
    for number, row in enumerate(rows, 1):
        count = rounds or row.rounds
        say(f"[{number}/{len(rows)}] {row.title}: {count} rounds")
        entry = measured(row, kit, made[row.model], count)
        results["rows"].append(entry)
        for line in report.lines_of(entry):
            say(f"    {line}")
        if "error" in entry:
            print(f"bench: {row.name}: {entry['error']}", file=sys.stderr, flush=True)
    results["seconds"] = round(time.monotonic() - started)
    results["load_at_end"] = machine.load_average()
    disturbed = [row["row"] for row in results["rows"] if row.get("others", 0) > machine.BUSY]
    results["disturbed"] = disturbed
    return results


def chosen(words):
    names = [name for word in words for name in word.replace(",", " ").split()]
    unknown = sorted(set(names) - {row.name for row in ROWS})
    if unknown:
        raise Failure(f"there is no row {unknown[0]}; there are {', '.join(row.name for row in ROWS)}")
    return [row for row in ROWS if not names or row.name in names]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(row.name for row in ROWS))
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds each")
    parser.add_argument("--build", type=Path, default=ROOT / "build", metavar="FOLDER", help="where wasinn was built")
    parser.add_argument("--peer", type=Path, default=ROOT / "deps" / "peer" / "wasmtime", metavar="PROGRAM")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="where the results go")
    parser.add_argument("--rounds", type=int, metavar="N", help="another number of rounds")
    parser.add_argument("--turn", type=float, metavar="SECONDS", help="how long one program is timed before the next")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="for what is made on the way")
    arguments = parser.parse_args()
    if arguments.turn:
        Loop.turn_seconds = arguments.turn
    rows = chosen(arguments.rows)
    whole = len(rows) == len(ROWS) and not (arguments.quick or arguments.rounds or arguments.turn or arguments.to)
    work = arguments.work or arguments.build / "bench"
    kit = Kit(arguments.build, work, arguments.peer)
    if kit.peer_missing:
        say(f"bench: {kit.peer_missing}; going on without")
    kit.build_guests()
    made = models.make(kit.folder / "models", {row.model for row in rows} | {"add"})
    results = take(rows, kit, made, arguments.rounds or (QUICK_ROUNDS if arguments.quick else None))
    failed = [row["row"] for row in results["rows"] if "error" in row]
    publish = whole and not failed
    folder = arguments.to or (report.RESULTS if publish else work / "results")
    report.write(results, folder)
    if publish:
        report.update_readme()
    say(f"bench: {results['seconds']} s; results in {folder}{', and in README.md' if publish else ''}")
    if results["disturbed"]:
        say(f"bench: others took more than {machine.BUSY:.0%} of the machine during {', '.join(results['disturbed'])}")
    return 1 if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        end_all()
        print("\nbench: interrupted", file=sys.stderr)
        sys.exit(130)
    except (Failure, OSError, subprocess.CalledProcessError, json.JSONDecodeError) as problem:
        end_all()
        sys.exit(f"bench: {problem}")
