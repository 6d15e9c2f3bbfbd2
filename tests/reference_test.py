"""The reference for the public headers: Doxygen finds everything documented, and says so where it is not."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "index.html": ["wasinn/engine.h"],
    "wasinn_8h.html": ["wasinn_load_by_name", "not_found: there is none"],
    "backend_8h.html": ["wasinn_host_add_backend"],
    "engine_8h.html": ["wasinn_import_at"],
    "wasmtime_8h.html": ["wasinn_wasmtime_define"],
    "wasi__nn_8h.html": ["wasi_nn_get_output"],
    "structwasinn__limits.html": ["compute_ms", 'class="fragment"'],
}


def reference(folder, root):
    command = [sys.executable, ROOT / "scripts" / "make_reference.py", folder, root]
    return subprocess.run(command, capture_output=True, text=True)


def main():
    if not shutil.which("doxygen"):
        print("skipped: no doxygen, which makes the reference (Debian: doxygen)")
        return 77
    with tempfile.TemporaryDirectory() as name:
        folder, copy = Path(name) / "docs", Path(name) / "copy"
        result = reference(folder, ROOT)
        assert result.returncode == 0, result.stdout + result.stderr
        for page, words in PAGES.items():
            text = (folder / page).read_text()
            for word in words:
                assert word in text, f"{page}: no {word}"
        for part in ("docs", "scripts", "include", "guest"):
            shutil.copytree(ROOT / part, copy / part)
        header = copy / "include" / "wasinn" / "wasinn.h"
        first = "typedef enum wasinn_direction"
        header.write_text(header.read_text().replace(first, f"int undocumented;\nint other(void);\n{first}"))
        result = reference(folder, copy)
        assert result.returncode != 0 and "other" in result.stderr, result.stdout + result.stderr
    return 0


if __name__ == "__main__":
    sys.exit(main())
