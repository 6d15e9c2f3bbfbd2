# SPDX-License-Identifier: Apache-2.0
"""What the commands of bench/ share: their options, what they begin and end their results with, how they end."""

import argparse
import datetime
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import machine
from program import Failure, end_all

ROOT = Path(__file__).resolve().parent.parent
QUICK_ROUNDS = 3


def say(text):
    print(text, flush=True)


def parser(text, what, things):
    """Of a command that measures some or all of `things`, each of which is called `what`."""
    made = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("names", nargs="*", metavar=what.upper(), help=", ".join(thing.name for thing in things))
    made.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds each")
    made.add_argument("--build", type=Path, default=ROOT / "build", metavar="FOLDER", help="where wasinn was built")
    made.add_argument("--to", type=Path, metavar="FOLDER", help="where the results go")
    made.add_argument("--rounds", type=int, metavar="N", help="another number of rounds")
    made.add_argument("--turn", type=float, metavar="SECONDS", help="how long one program is timed before the next")
    made.add_argument("--work", type=Path, metavar="FOLDER", help="for what is made on the way")
    return made


def chosen(words, what, things):
    names = [name for word in words for name in word.replace(",", " ").split()]
    unknown = sorted(set(names) - {thing.name for thing in things})
    if unknown:
        raise Failure(f"there is no {what} {unknown[0]}; there are {', '.join(thing.name for thing in things)}")
    return [thing for thing in things if not names or thing.name in names]


def rounds_of(arguments):
    """What was asked for; None: as many as each thing has."""
    return arguments.rounds or (QUICK_ROUNDS if arguments.quick else None)


def begin(kit, rounds):
    """What is known before anything has been measured."""
    return {
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "commit": machine.commit(ROOT),
        "versions": kit.versions(),
        "load_at_start": machine.load_average(),
        "quick": rounds is not None,
    }


def end(results, started, what, entries):
    """And afterwards; each of the entries has its name under `what`."""
    results["seconds"] = round(time.monotonic() - started)
    results["load_at_end"] = machine.load_average()
    results["disturbed"] = [entry[what] for entry in entries if entry.get("others", 0) > machine.BUSY]
    return results


def tell(name, results, folder, published):
    say(f"{name}: {results['seconds']} s; results in {folder}{f', and in {published}' if published else ''}")
    if results["disturbed"]:
        say(f"{name}: others took more than {machine.BUSY:.0%} of the machine during {', '.join(results['disturbed'])}")


def run(name, main):
    """Ends the process as main has it, and no program of ours outlives it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        end_all()
        print(f"\n{name}: interrupted", file=sys.stderr)
        sys.exit(130)
    except (Failure, OSError, ValueError, subprocess.CalledProcessError, json.JSONDecodeError) as problem:
        end_all()
        sys.exit(f"{name}: {problem}")
