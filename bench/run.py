#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures wasinn beside native programs and the Wasmtime command, on the same models, inputs, precision and threads.

    make bench                         everything, into bench/results; the README's table follows
    make bench ROWS="add large"        some rows, into build/bench/results
    make bench QUICK=1                 few rounds, likewise: too few to tell anything for sure
"""

import sys
import time
from pathlib import Path

import command
import machine
import models
import report
from arms import Kit
from command import ROOT, say
from measures import Loop
from paired import compare, verdict
from program import Failure, end_all
from rows import ROWS


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
    results = {**command.begin(kit, rounds), "rows": []}
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
    return command.end(results, started, "row", results["rows"])


def main():
    parser = command.parser(__doc__, "row", ROWS)
    parser.add_argument("--peer", type=Path, default=ROOT / "deps" / "peer" / "wasmtime", metavar="PROGRAM")
    arguments = parser.parse_args()
    if arguments.turn:
        Loop.turn_seconds = arguments.turn
    rows = command.chosen(arguments.names, "row", ROWS)
    whole = len(rows) == len(ROWS) and not (arguments.quick or arguments.rounds or arguments.turn or arguments.to)
    work = arguments.work or arguments.build / "bench"
    kit = Kit(arguments.build, work, arguments.peer)
    if kit.peer_missing:
        say(f"bench: {kit.peer_missing}; going on without")
    kit.build_guests()
    made = models.make(kit.folder / "models", {row.model for row in rows} | {"add"})
    results = take(rows, kit, made, command.rounds_of(arguments))
    failed = [row["row"] for row in results["rows"] if "error" in row]
    publish = whole and not failed
    folder = arguments.to or (report.RESULTS if publish else work / "results")
    report.write(results, folder)
    if publish:
        report.update_readme()
    command.tell("bench", results, folder, "README.md" if publish else None)
    return 1 if failed else 0


if __name__ == "__main__":
    command.run("bench", main)
