# SPDX-License-Identifier: Apache-2.0
"""What docs/performance.md has of the measured curves: pictures, tables and sentences with figures, between marks."""

from pathlib import Path

import report
from curve_measures import CROWD
from curve_plot import Chart, Line, Panel
from paired import CONFIDENCE, compare, coverage, median
from report import amount, digits

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
NOTHING = "No figures have been taken yet: `make bench-curves` takes them.\n"

NAMES = {
    "tensor": {
        "native": "native", "ours": "wasinn, three calls", "native-bound": "native, memory bound",
        "ours-infer": "wasinn, zero-copy call",
    },
    "model": {
        "native": "native, imported blob", "native-file": "native, file compiled", "native-bytes": "native, bytes",
        "ours-cold": "wasinn by name, cold cache", "ours": "wasinn by name, warm cache",
        "ours-bytes": "wasinn, bytes of the guest",
    },
    "guests": {
        "ours-latency": "wasinn, hint latency", "native-latency": "native, hint latency",
        "ours-throughput": "wasinn, hint throughput", "native-throughput": "native, hint throughput",
    },
    "threads": {
        "one": "1 guest", "crowd": f"{CROWD} guests, one stream",
        "crowd-streams": f"{CROWD} guests, a stream for each thread",
    },
}


# Figures


def series(point, arm, metric):
    return [value for value in point["arms"].get(arm, {}).get(metric, []) if value is not None]


def typical(point, arm, metric):
    return median(series(point, arm, metric))


def good(curve):
    """The points that have figures."""
    return [point for point in curve["points"] if "error" not in point]


def spread_of(values):
    found = compare(values, None, "value")
    return found["median"], found["low"], found["high"]


def spread_name(curve, short=False):
    """What an interval of so many rounds is."""
    enough = coverage(curve["rounds"], 0) >= CONFIDENCE
    name = "95 %" if enough else "lowest, highest"
    return name if short else f"{name} interval of the median" if enough else f"{name} round"


def ratio_of(point, arm, other, metric="time"):
    return compare(point["arms"][arm][metric], point["arms"][other][metric], "ratio")


def ratio_in_words(found):
    return f"{found['median']:.3g} [{found['low']:.3g}, {found['high']:.3g}]"


def line_of(point):
    """For the terminal."""
    if "error" in point:
        return f"error: {point['error']}"
    found = []
    for arm, metrics in point["arms"].items():
        for metric in ("time", "start", "again", "rate", "p99"):
            if metric in metrics:
                unit = "1/s" if metric == "rate" else "ns"
                name = arm if metric in ("time", "start", "rate") else metric
                found.append(f"{name} {amount(typical(point, arm, metric), unit)}")
    return ", ".join(found)


# Pictures


def nanoseconds(value):
    for unit, name in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if value >= unit:
            return f"{value / unit:g} {name}"
    return f"{value:g} ns"


def lines(curve, arms, metric, scale=1.0, dashed=False, suffix=""):
    names = NAMES[curve["curve"]]
    found = []
    for arm in arms:
        points = [
            (point["x"], *(value * scale for value in spread_of(series(point, arm, metric))))
            for point in good(curve) if series(point, arm, metric)
        ]
        colour = list(names).index(arm)
        if points:
            found.append(Line(names[arm] + suffix, colour, points, dashed))
    return found


def ratio_lines(curve, pairs):
    names, found = NAMES[curve["curve"]], []
    for arm, other in pairs:
        points = []
        for point in good(curve):
            if series(point, arm, "time") and series(point, other, "time"):
                ratio = ratio_of(point, arm, other)
                points.append((point["x"], ratio["median"], ratio["low"], ratio["high"]))
        if points:
            found.append(Line(names[arm], list(names).index(arm), points))
    return found


def panel(curve, title, across, drawn, show, **how):
    ticks = [(point["x"], point["label"]) for point in good(curve)]
    return Panel(title, across, ticks, drawn, show, **how)


def client_panels(curve, across):
    arms = list(NAMES[curve["curve"]])
    own = [arm for arm in arms if not arm.startswith("native")]
    latency = lines(curve, own, "p50") + lines(curve, own, "p99", dashed=True, suffix=", p99")
    return [
        panel(curve, "inferences a second", across, lines(curve, arms, "rate"), "{:g}".format, logarithmic=False),
        panel(curve, "latency: median, and p99 (dashed)", across, latency, nanoseconds),
        panel(curve, "memory of the process, MB", across, lines(curve, arms, "proportional", 1e-6), "{:g}".format,
              logarithmic=False),
    ]


def panels(curve):
    name, arms = curve["curve"], list(NAMES[curve["curve"]])
    if name == "tensor":
        across = "bytes of the input, and of the output"
        pairs = [(arm, "native") for arm in arms if arm != "native"]
        return [
            panel(curve, "time of one inference", across, lines(curve, arms, "time"), nanoseconds),
            panel(curve, "the ratio to native, in paired rounds", across, ratio_lines(curve, pairs), "{:g}".format,
                  one=True),
        ]
    if name == "model":
        across = "bytes of the weights"
        again = lines(curve, ["ours-bytes"], "again", dashed=True, suffix=", the same again")
        started = [arm for arm in arms if arm != "native-bytes"]
        return [
            panel(curve, "from the start of the process to the first output", across,
                  lines(curve, started, "start"), nanoseconds),
            panel(curve, "the call load with bytes, and with the same again", across,
                  lines(curve, ["native-bytes", "ours-bytes"], "load") + again, nanoseconds),
        ]
    return client_panels(curve, "guests at once" if name == "guests" else "threads of the runtime")


def chart(curve):
    title = f"{curve['title'][0].upper()}{curve['title'][1:]}; bars: {spread_name(curve)}"
    drawn = [one for one in panels(curve) if one.lines] if good(curve) else []
    return Chart(title, drawn)


# Tables


def time_of(point, arm, metric="time"):
    return amount(typical(point, arm, metric), "ns") if series(point, arm, metric) else ""


def tensor_table(curve):
    rows, spread = [], f" [{spread_name(curve, short=True)}]"
    for point in good(curve):
        ratios = [
            ratio_in_words(ratio_of(point, arm, "native")) if series(point, arm, "time") else ""
            for arm in ("ours", "ours-infer")
        ]
        times = [time_of(point, arm) for arm in ("native", "ours", "ours-infer")]
        rows.append([point["label"], *times, *ratios])
    return report.table(
        ["in, and out", "native", "three calls", "zero-copy", f"three calls by native{spread}",
         f"zero-copy by native{spread}"], rows)


def model_table(curve):
    rows = []
    for point in good(curve):
        starts = [time_of(point, arm, "start") for arm in ("native", "ours", "ours-cold", "ours-bytes")]
        rows.append([point["label"], *starts, *(time_of(point, "ours-bytes", name) for name in ("load", "again"))])
    return report.table(
        ["weights", "native, imported blob", "by name, warm", "by name, cold", "from bytes", "the call load, bytes",
         "the same again"], rows)


def client_cells(point, arm):
    rate = spread_of(series(point, arm, "rate"))
    shown = f"{digits(rate[0])} [{digits(rate[1])}, {digits(rate[2])}]"
    return [shown, *(time_of(point, arm, name) for name in ("p50", "p99")),
            amount(typical(point, arm, "proportional"), "B")]


def guests_table(curve):
    rows, spread = [], f" [{spread_name(curve, short=True)}]"
    for point in good(curve):
        for hint in ("latency", "throughput"):
            native = ratio_of(point, f"ours-{hint}", f"native-{hint}", "rate")
            rows.append([point["label"], hint, *client_cells(point, f"ours-{hint}"), ratio_in_words(native)])
    head = ["guests", "hint", f"inferences a second{spread}", "median", "p99", "memory", f"rate by native's{spread}"]
    return report.table(head, rows)


def threads_table(curve):
    rows, spread = [], f" [{spread_name(curve, short=True)}]"
    for point in good(curve):
        for arm, guests, streams in (("one", 1, "1"), ("crowd", CROWD, "1"), ("crowd-streams", CROWD, point["label"])):
            # One thread has one stream, so that the two crowds are the same.
            if arm == "crowd-streams" and point["x"] == 1:
                continue
            rows.append([point["label"], streams, str(guests), *client_cells(point, arm)])
    head = ["threads", "streams", "guests", f"inferences a second{spread}", "median", "p99", "memory"]
    return report.table(head, rows)


# Sentences. Each says what was measured, whatever that is.


def tensor_words(curve):
    least, most = good(curve)[0], good(curve)[-1]
    said = [
        f"At {least['label']} three calls take {time_of(least, 'ours')}, native {time_of(least, 'native')}. The runtime's"
        f" own `infer`, timed by itself, takes {time_of(least, 'native', 'compute')}.",
        f"At {most['label']} the three calls take {time_of(most, 'ours')}: {time_of(most, 'ours', 'input')} to set the"
        f" input, {time_of(most, 'ours', 'compute')} to compute, {time_of(most, 'ours', 'output')} to get the output.",
    ]
    if series(most, "ours-infer", "time"):
        speed = 2 * most["x"] / typical(most, "ours-infer", "time")
        said.append(
            f"The zero-copy call takes {time_of(most, 'ours-infer')} there: the model reads and writes"
            f" {digits(speed)} GB a second."
        )
    return said


def model_words(curve):
    least, most = good(curve)[0], good(curve)[-1]
    said = [
        f"With {least['label']} of weights the first output is there after {time_of(least, 'ours', 'start')} from a"
        f" warm cache, {time_of(least, 'ours-cold', 'start')} from a cold one, natively"
        f" {time_of(least, 'native', 'start')} from an imported blob: that is the floor."
    ]
    if most is not least:
        more = (most["x"] - least["x"]) / 1e8
        slopes = [
            amount((typical(most, arm, "start") - typical(least, arm, "start")) / more, "ns")
            for arm in ("ours", "ours-cold", "ours-bytes")
        ]
        said.append(
            f"Up to {most['label']}, each 100 MB of weights add {slopes[0]} with a warm cache, {slopes[1]} with a cold"
            f" one, {slopes[2]} from bytes, with reading them."
        )
    again = median([b / a for a, b in zip(series(most, "ours-bytes", "load"), series(most, "ours-bytes", "again"))])
    said.append(f"The same {most['label']} again take {digits(again)} of the first `load`.")
    return said


def guests_words(curve):
    points = good(curve)
    best = max(points, key=lambda point: typical(point, "ours-throughput", "rate"))
    alone, most = points[0], points[-1]
    rates = typical(best, "ours-throughput", "rate"), typical(alone, "ours-latency", "rate")
    said = [
        f"One guest with hint latency makes {digits(rates[1])} inferences a second; with hint throughput the most is"
        f" {digits(rates[0])}, {digits(rates[0] / rates[1])} times that, with {best['label']} guests."
    ]
    if most is not alone:
        each = typical(most, "ours-throughput", "rate") / most["x"]
        held = [typical(point, "ours-throughput", "proportional") for point in (alone, most)]
        added = (held[1] - held[0]) / (most["x"] - alone["x"])
        said.append(
            f"With {most['label']} guests each gets {digits(each)} a second, so its turn comes every"
            f" {amount(1e9 / each, 'ns')}; the median latency is {time_of(most, 'ours-throughput', 'p50')}, p99"
            f" {time_of(most, 'ours-throughput', 'p99')}."
        )
        said.append(
            f"A further guest takes {amount(added, 'B')}, of which"
            f" {amount(typical(most, 'ours-throughput', 'linear'), 'B')} are its own linear memory."
        )
    return said


def threads_words(curve):
    least, most = good(curve)[0], good(curve)[-1]

    def gain(arm):
        return digits(typical(most, arm, "rate") / typical(least, arm, "rate"))

    if most is least:
        return [f"One thread makes {digits(typical(least, 'one', 'rate'))} inferences a second."]
    crowd = typical(most, "crowd-streams", "rate") / typical(most, "crowd", "rate")
    return [
        f"{most['label']} threads give one guest {gain('one')} times the rate of one thread, and {CROWD} guests with a"
        f" stream for each thread {gain('crowd-streams')} times.",
        f"On {most['label']} threads, {CROWD} guests on {most['label']} streams make {digits(crowd)} times the"
        f" inferences that they make on one stream; an inference of its own takes {time_of(most, 'one', 'p50')} on all"
        f" threads, {time_of(least, 'one', 'p50')} on one.",
    ]


TABLES = {
    "tensor": (tensor_table, tensor_words), "model": (model_table, model_words),
    "guests": (guests_table, guests_words), "threads": (threads_table, threads_words),
}


# The page


def curve_part(curve):
    name = curve["curve"]
    errors = "".join(f"* {one['label']}: {one['error']}\n" for one in curve["points"] if "error" in one)
    if not good(curve):
        return errors
    table, words = TABLES[name]
    return (
        f"![{curve['title'][0].upper()}{curve['title'][1:]}](../bench/results/curves-{name}.svg)\n\n"
        f"{table(curve)}\n{wrapped(' '.join(words(curve)))}\n{errors}"
    )


def wrapped(text):
    """In lines of at most 120, as the page's own."""
    out, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > 120:
            out.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*out, line])


def parts(results):
    """What stands between the marks, by their names."""
    found = dict.fromkeys(("machine", *NAMES), NOTHING)
    if results:
        found["machine"] = wrapped(" ".join(report.setting(results))) + "\n"
        found.update({one["curve"]: curve_part(one) for one in results["curves"]})
    return found


def with_parts(text, results):
    """The page with its parts made anew."""
    for name, part in parts(results).items():
        begin, end = f"<!-- curves: begin {name} -->\n", f"<!-- curves: end {name} -->\n"
        before, _, rest = text.partition(begin)
        _, mark, after = rest.partition(end)
        if not mark:
            raise ValueError(f"{PAGE.name} has no part between {begin.strip()} and {end.strip()}")
        text = f"{before}{begin}{part}{end}{after}"
    return text
