#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures how wasinn's costs grow: with the size of tensors and models, with guests, and with threads.

    make bench-curves                         all curves, into bench/results; docs/performance.md follows
    make bench-curves CURVES="tensor model"   some, into build/bench/results
    make bench-curves QUICK=1                 few rounds of all, likewise: too few to tell anything for sure
    python3 bench/curves.py --report          pictures and page anew, from bench/results/curves.json
    python3 bench/curves.py --check           say what of them is not as curves.json has it
"""

import json
import sys
import time

import command
import curve_page
import curve_plot
import machine
import models
import report
from arms import Kit
from command import say
from curve_measures import CURVES, Clients, Tensors
from program import Failure, end_all
from run import precision

JSON = "curves.json"


def measured(curve, kit, model, point, rounds):
    """A point as it is written to the results."""
    entry = {"x": point, "label": curve.label(point), "arms": {}}
    arms = [arm for arm in curve.arms if kit.missing(arm) is None]
    try:
        measure = curve.measure(kit, model, point)
        measure.prepare(arms)
        figures = [measure.round(arms, turn) for turn in range(rounds)]
    except Failure as problem:
        end_all()
        entry["error"] = str(problem)
        return entry
    for arm in arms:
        names = sorted({name for one in figures for name in one[arm]})
        entry["arms"][arm] = {name: [one[arm].get(name) for one in figures] for name in names}
    return entry


def taken(curve, kit, rounds, points):
    others, started = machine.Others(), time.monotonic()
    count = rounds or curve.rounds
    networks = models.make(kit.folder / "models", set(curve.networks))
    entries = []
    for point in curve.points[:points]:
        model = curve.model(kit.folder / "models", networks, point)
        entries.append(measured(curve, kit, model, point, count))
        say(f"    {entries[-1]['label']}: {curve_page.line_of(entries[-1])}")
        if "error" in entries[-1]:
            print(f"curves: {curve.name}: {entries[-1]['error']}", file=sys.stderr, flush=True)
    return {
        "curve": curve.name,
        "title": curve.title,
        "rounds": count,
        "seconds": round(time.monotonic() - started, 1),
        "others": round(others.share(), 3),
        "points": entries,
    }


def take(curves, kit, rounds=None, points=None):
    results = {
        **command.begin(kit, rounds),
        "settings": precision(kit, models.make(kit.folder / "models", {"add"})["add"]),
        "curves": [],
    }
    started = time.monotonic()
    for number, curve in enumerate(curves, 1):
        say(f"[{number}/{len(curves)}] {curve.title}: {rounds or curve.rounds} rounds")
        results["curves"].append(taken(curve, kit, rounds, points))
    return command.end(results, started, "curve", results["curves"])


# Files


def newest():
    path = report.RESULTS / JSON
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def pictures(results):
    return {f"curves-{one['curve']}.svg": curve_plot.draw(curve_page.chart(one)) for one in results["curves"]}


def write(results, folder):
    report.write_files({JSON: report.as_json(results), **pictures(results)}, folder)


def update_page():
    text = curve_page.PAGE.read_text(encoding="utf-8")
    curve_page.PAGE.write_text(curve_page.with_parts(text, newest()), encoding="utf-8")


def differences():
    """What is not as curves.json has it."""
    results = newest()
    text = curve_page.PAGE.read_text(encoding="utf-8")
    found = [] if curve_page.with_parts(text, results) == text else ["docs/performance.md"]
    for name, wanted in (pictures(results) if results else {}).items():
        path = report.RESULTS / name
        if not path.exists() or path.read_text(encoding="utf-8") != wanted:
            found.append(f"bench/results/{name}")
    return found


def from_results(arguments):
    """--report and --check, which measure nothing."""
    if arguments.report:
        if newest():
            write(newest(), report.RESULTS)
        update_page()
        return 0
    found = differences()
    if found:
        differing = ", ".join(found)
        raise Failure(f"not as bench/results/{JSON} has it: {differing}; run python3 bench/curves.py --report")
    return 0


def options():
    parser = command.parser(__doc__, "curve", CURVES)
    parser.add_argument("--report", action="store_true", help="measure nothing: pictures and page anew")
    parser.add_argument("--check", action="store_true", help="measure nothing: are pictures and page as they should be")
    parser.add_argument("--points", type=int, metavar="N", help="only the first N points of each curve")
    return parser.parse_args()


def main():
    arguments = options()
    if arguments.report or arguments.check:
        return from_results(arguments)
    if arguments.turn:
        Tensors.turn_seconds = Clients.window = arguments.turn
    curves = command.chosen(arguments.names, "curve", CURVES)
    fewer = arguments.quick or arguments.rounds or arguments.points or arguments.turn or arguments.to
    work = arguments.work or arguments.build / "bench"
    # The peer is not measured here.
    kit = Kit(arguments.build, work, work / "no peer")
    if kit.missing("native"):
        raise Failure(kit.missing("native"))
    kit.build_guests()
    results = take(curves, kit, command.rounds_of(arguments), arguments.points)
    failed = [one["curve"] for one in results["curves"] if any("error" in point for point in one["points"])]
    publish = len(curves) == len(CURVES) and not fewer and not failed
    folder = arguments.to or (report.RESULTS if publish else work / "results")
    write(results, folder)
    if publish:
        update_page()
    command.tell("curves", results, folder, "docs/performance.md" if publish else None)
    return 1 if failed else 0


if __name__ == "__main__":
    command.run("curves", main)
