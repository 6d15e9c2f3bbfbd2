"""docs/reference.md has every option, exit code, errno, limit with its default, variable and setting that there is.

    documentation_test.py WASINN LIBWASINN
"""

import ctypes
import re
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
WASINN, LIBRARY = sys.argv[1:3]


def section(title, level=2):
    """What stands under a heading, up to the next of its level or above."""
    mark = "#" * level
    found = re.search(rf"(?ms)^{mark} {re.escape(title)}.*?\n(.*?)(?=^#{{1,{level}}} |\Z)", PAGE)
    assert found, f"no heading '{title}'"
    return found.group(1)


def rows(text):
    """The cells of each row of the tables, without the heads."""
    lines = [line.strip().strip("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split(" | ")] for line in lines if not set(line) <= set("-|")]


def output(*words):
    return subprocess.run([WASINN, *words], capture_output=True, text=True, check=True).stdout


class Reference(unittest.TestCase):
    def test_options(self):
        commands = re.findall(r"(?m)^  wasinn ([a-z]+) ", output("--help"))
        self.assertGreaterEqual(set(commands), {"run", "inspect", "tensor", "top", "backends"})
        for command in commands:
            told = set(re.findall(r"(?m)^  (?:-h, )?(--[a-z-]+)", output(command, "--help"))) - {"--help"}
            written = set(re.findall(r"`(--[a-z-]+)", "\n".join(row[0] for row in rows(section(f"wasinn {command}", 3)))))
            self.assertEqual(written, told, command)
            self.assertGreater(len(told), 0)

    def test_exit_codes(self):
        header = (ROOT / "src" / "cli" / "cli.h").read_text()
        codes = set(re.findall(r"WASINN__EXIT_\w+ = (\d+)", header))
        self.assertEqual(len(codes), 6)
        self.assertLessEqual(codes, {row[0] for row in rows(section("Exit codes"))})

    def test_errnos(self):
        """As the table of the ABI has them."""
        source = (ROOT / "src" / "abi" / "call.c").read_text()
        table = re.search(r"(?s)errno_of\(.*?\n}", source).group()
        number, cells = None, rows(section("Errnos"))
        found = {}
        for row in cells:
            number = row[0].split()[0] if row[0] else number
            if row[1]:
                found[row[1].strip("`")] = number
        expected, pending = {}, []
        for name, result in re.findall(r"case WASINN_(\w+):|return (\d+);", table):
            if name:
                pending.append(name.lower())
            else:
                expected.update(dict.fromkeys(pending, result))
                pending = []
        self.assertEqual(len(expected), 12)
        self.assertEqual({name: number for name, number in found.items() if name in expected}, expected)

    def test_limits(self):
        library = ctypes.CDLL(LIBRARY)
        names = re.findall(r"uint64_t (\w+);", re.search(
            r"(?s)typedef struct wasinn_limits \{.*?\} wasinn_limits;",
            (ROOT / "include" / "wasinn" / "wasinn.h").read_text()).group())
        values = (ctypes.c_uint64 * (len(names) + 1))()
        library.wasinn_limits_default(values, ctypes.c_size_t(ctypes.sizeof(values)))
        written = {row[0]: int(row[2].split()[0]) for row in rows(section("Limits"))[1:] if row[0] in names}
        self.assertEqual(written, dict(zip(names, list(values)[1:])))

    def test_variables(self):
        read = set()
        for path in [*ROOT.glob("src/**/*.c")]:
            read |= set(re.findall(r'getenv\("(\w+)"\)', path.read_text()))
        read |= set(re.findall(r'environ(?:\.get\(|\[)"(WASINN_GUEST_CC)"', (ROOT / "tests/command/build_guests.py").read_text()))
        self.assertGreaterEqual(len(read), 3)
        written = set(re.findall(r"`([A-Z_]+)`", "\n".join(row[0] for row in rows(section("Environment variables")))))
        self.assertLessEqual(read, written)

    def test_settings(self):
        known = set()
        for path in [ROOT / "CMakeLists.txt", *ROOT.glob("cmake/*.cmake")]:
            text = path.read_text()
            known |= set(re.findall(r"(?m)^option\((WASINN_\w+)", text))
            known |= set(re.findall(r"(?m)^set\((WASINN_\w+) .* CACHE STRING", text))
            known |= {f"WASINN_{name}_DEFAULT" for name in re.findall(r"(?m)^wasinn_place_runtime\(\w+ (\w+)", text)}
        self.assertGreater(len(known), 5)
        written = set(re.findall(r"`(WASINN_\w+)`", section("Settings of the build")))
        self.assertEqual(written, known)

    def test_json_keys(self):
        sources = "".join((ROOT / "src/cli" / name).read_text() for name in (
            "inspect/print.c", "backends.c", "stats_print.c", "bench/json.c", "cache.c"))
        keys = set(re.findall(r'"([a-z_0-9]+)"', "\n".join(
            re.findall(r"(?:put_text|add_text|yyjson_mut_obj_add_\w+)\([^;]*;", sources))))
        keys -= {"model", "component", "module"}
        self.assertGreater(len(keys), 15)
        text = section("JSON")
        for key in keys:
            self.assertIn(f"`{key}`", text)


if __name__ == "__main__":
    del sys.argv[1:3]
    unittest.main()
