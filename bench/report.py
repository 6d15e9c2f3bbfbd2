#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what was measured as JSON, as tables and as a plot, and the README's part of it.

    python3 bench/report.py            write latest.md, latest.svg and the README's part anew from latest.json
    python3 bench/report.py --check    say what of that is not as latest.json has it
"""

import json
import re
import sys
from pathlib import Path

import plot
from paired import apart, median
from rows import METRICS, NAMES

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
README = ROOT / "README.md"
BEGIN, END = "<!-- bench: begin -->\n", "<!-- bench: end -->\n"
NOTHING = "No figures have been taken yet: `make bench` takes them.\n"


# Figures in words


def digits(value, count=3):
    """That many significant ones, without an exponent."""
    if value == 0:
        return "0"
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    places = max(count - whole, 0)
    while abs(value) < 10 ** (count - places - 1) and places < 6 and abs(value) < 1:
        places += 1
    return f"{value:.{places}f}"


def amount(value, unit):
    if unit == "ns":
        size = abs(value)
        scale, name = (1e3, "µs") if size < 1e6 else (1e6, "ms") if size < 1e9 else (1e9, "s")
        return f"{digits(value / scale)} {name}"
    if unit == "B":
        return f"{digits(value / 1e6)} MB"
    return f"{digits(value)}{'/s' if unit == '1/s' else ''}"


def unit_of(comparison):
    return METRICS[comparison["of"][1]][1]


def shown(comparison, value):
    return f"{value:.3g}" if comparison["how"] == "ratio" else amount(value, unit_of(comparison))


def with_interval(comparison):
    low, high = (shown(comparison, comparison[side]) for side in ("low", "high"))
    return f"{shown(comparison, comparison['median'])} [{low}, {high}]"


def goal_of(comparison):
    if "goal" not in comparison:
        return ""
    ((side, number),) = comparison["goal"].items()
    return f"at {side} {shown(comparison, number)}"


def outcome(comparison):
    if "verdict" in comparison:
        return comparison["verdict"]
    if comparison["how"] == "ratio" and not apart(comparison, 1):
        return "not told apart"
    return ""


def typical(entry, place):
    """The median of an arm's own figures."""
    values = [value for value in entry["arms"].get(place[0], {}).get(place[1], []) if value is not None]
    return amount(median(values), METRICS[place[1]][1]) if values else ""


def lines_of(entry):
    """For the terminal."""
    lines = []
    for one in entry["comparisons"]:
        of = f"{typical(entry, one['of'])}, " if one["how"] != "value" else ""
        goal = f"; {goal_of(one)}: {outcome(one)}" if "goal" in one else f"; {outcome(one)}" if outcome(one) else ""
        lines.append(f"{one['text']}: {of}{with_interval(one)}{goal}")
    return lines + entry["notes"]


def notes_of(entry):
    return [*entry["notes"], *([f"error: {entry['error']}"] if "error" in entry else [])]


# Tables


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def comparisons(results):
    rows = []
    for entry in results["rows"]:
        title = entry["title"]
        for one in entry["comparisons"]:
            other = typical(entry, one["against"]) if one["against"] else ""
            own = typical(entry, one["of"]) if one["how"] != "value" else ""
            rows.append([title, one["text"], own, other, with_interval(one), goal_of(one), outcome(one)])
            title = ""
        for note in notes_of(entry):
            rows.append([title, note, "", "", "", "", ""])
            title = ""
    return table(["case", "compared", "wasinn", "other", "ratio, or as said [95 %]", "goal", "outcome"], rows)


def spreads(results):
    rows = []
    for entry in results["rows"]:
        title = entry["title"]
        for arm, metrics in entry["arms"].items():
            for metric, values in metrics.items():
                values = [value for value in values if value is not None]
                if not values:
                    continue
                what, unit = METRICS[metric]
                spread = [amount(value, unit) for value in (median(values), min(values), max(values))]
                rows.append([title, NAMES[arm], what, *spread, str(len(values))])
                title = ""
    return table(["case", "arm", "figure", "median of rounds", "lowest", "highest", "rounds"], rows)


def setting(results):
    """Where, when and with what, in sentences."""
    here, versions = results["machine"], results["versions"]
    names = {"wasinn": "wasinn", "Wasmtime": "Wasmtime", "openvino": "OpenVINO", "onnxruntime": "ONNX Runtime"}
    used = [f"{names[key]} {versions[key].split('-')[0]}" for key in names if key in versions]
    peer = f"; the peer {versions['peer']}" if "peer" in versions else "; no peer" if "rows" in results else ""
    said = [
        f"{results['when'][:10]}, {here['cpu']}, {here['cores']} cores, {here['memory'] / 2**30:.0f} GiB,"
        f" Linux {here['kernel']}, {' '.join(here['flags']) or 'no flags of note'}.",
        f"{', '.join(used)}{peer}.",
    ]
    for hint, settings in results.get("settings", {}).items():
        precision, streams, threads = (
            settings.get(name, "?") for name in ("INFERENCE_PRECISION_HINT", "NUM_STREAMS", "INFERENCE_NUM_THREADS")
        )
        said.append(f"With hint {hint} OpenVINO computed in {precision}; streams: {streams}, threads: {threads}.")
    before, after = results["load_at_start"][0], results["load_at_end"][0]
    said.append(f"Load average {before} before and {after} after; {results['seconds']} s in all.")
    if results["disturbed"]:
        said.append(f"**Others were at work during {', '.join(results['disturbed'])}: these figures are disturbed.**")
    if results["quick"]:
        said.append("**A quick run: too few rounds to tell anything for sure.**")
    return said


def those(results, *outcomes):
    return "; ".join(
        f"{entry['title']} ({one['text']})"
        for entry in results["rows"]
        for one in entry["comparisons"]
        if outcome(one) in outcomes
    )


def unclear(results):
    """What the table shows to be missed, and what it does not show."""
    missed = those(results, "not met")
    found = those(results, "cannot be told", "not told apart", "too few rounds to tell")
    said = [f"Goals that were not met: {missed}."] if missed else []
    if found:
        said.append(f"What could not be told, as the interval has both answers: {found}.")
    return "\n\n".join(said) + "\n" if said else ""


def markdown(results):
    said = "\n".join(f"* {sentence}" for sentence in setting(results))
    return (
        f"# Measured\n\n{said}\n\nWhat these tables mean, and how the figures were taken: [README.md](../README.md)."
        "\n\n"
        f"{comparisons(results)}\n{unclear(results)}\n![The ratios, with their intervals](latest.svg)\n\n"
        f"## Spread of each arm\n\n{spreads(results)}"
    )


def readme_part(results):
    if results is None:
        return NOTHING
    said = " ".join(setting(results))
    return (
        f"{said}\n\n{comparisons(results)}\n{unclear(results)}\n"
        "![The ratios, with their intervals](bench/results/latest.svg)\n"
    )


# Files


def as_json(results):
    """With the figures of the rounds on one line."""
    text = json.dumps(results, indent=1)
    return re.sub(r"\[[^][{}]*\]", lambda found: " ".join(found[0].split()), text) + "\n"


def write_files(files, folder):
    """Each is there whole, or as it was."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        half = folder / f".{name}.half"
        half.write_text(text, encoding="utf-8")
        half.rename(folder / name)


def write(results, folder):
    files = {"latest.json": as_json(results), "latest.md": markdown(results), "latest.svg": plot.draw(results)}
    write_files(files, folder)


def newest(folder=RESULTS):
    path = folder / "latest.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def with_part(text, results):
    """The README with its part made anew."""
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{README.name} has no part between {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}{readme_part(results)}{END}{after}"


def update_readme():
    text = README.read_text(encoding="utf-8")
    README.write_text(with_part(text, newest()), encoding="utf-8")


def differences():
    """What is not as latest.json has it."""
    results = newest()
    text = README.read_text(encoding="utf-8")
    found = [] if with_part(text, results) == text else ["README.md"]
    if results:
        for name, wanted in (("latest.md", markdown(results)), ("latest.svg", plot.draw(results))):
            path = RESULTS / name
            if not path.exists() or path.read_text(encoding="utf-8") != wanted:
                found.append(f"bench/results/{name}")
    return found


def main():
    if sys.argv[1:] == ["--check"]:
        found = differences()
        if found:
            differing = ", ".join(found)
            sys.exit(f"report: not as bench/results/latest.json has it: {differing}; run python3 bench/report.py")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        if newest():
            write(newest(), RESULTS)
        update_readme()


if __name__ == "__main__":
    main()
