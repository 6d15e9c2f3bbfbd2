"""What the tests of the cache share: the file of an entry, the library's own functions, other users and file systems.

WASINN_LIBRARIES is the folder of libwasinn.so.
"""

import ctypes
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

from command import GUESTS, LONGEST, WASINN

NOBODY = 65533  # a user of whom nothing runs here

# The end of an entry: the sizes of content, key, kind and label, a digest of all but the content, and a mark.
TAIL = struct.Struct("<QQII16s8s")
SLICE, DIGEST = 8 << 20, 16  # the content's digests are of slices


def parts(data):
    """Content, kind, key and label of an entry."""
    content, key, kind, label, *_ = TAIL.unpack(data[-TAIL.size:])
    found, at = [], 0
    for size in (content, kind, key, label):
        found.append(data[at:at + size])
        at += size
    assert at + DIGEST * max(1, -(-content // SLICE)) + TAIL.size == len(data)
    return found


# ---- The library, which Python cannot load with a sanitizer in it


class Blob(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_size_t)]


def library():
    return ctypes.CDLL(str(pathlib.Path(os.environ["WASINN_LIBRARIES"]) / "libwasinn.so"))


def opened(functions, folder, most_bytes=0):
    cache = ctypes.c_void_p()
    status = functions.wasinn_cache_open(os.fsencode(folder), ctypes.c_uint64(most_bytes), ctypes.byref(cache))
    assert status == 0, f"{folder}: {status}"
    return cache


def keep(folder, kind, key, label, content):
    """Makes an entry that is right by itself, whatever is in it."""
    functions = library()
    cache = opened(functions, folder)
    functions.wasinn_cache_keep(cache, kind, key, ctypes.c_size_t(len(key)), label,
                                ctypes.byref(Blob(content, len(content))))
    functions.wasinn_cache_free(cache)


# ---- Other users, other file systems


class Elsewhere:
    """For a Case."""

    def as_nobody(self, *arguments):
        """Runs by a user whom the modes of files bind."""
        def become():
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)

        return subprocess.run([WASINN, "run", *map(str, arguments)], preexec_fn=become, capture_output=True, text=True,
                              timeout=LONGEST, cwd="/", check=False)

    def folder_of_nobody(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="wasinn-nobody-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        if os.getuid() == 0:
            if not all(os.stat(part).st_mode & 1 for part in [pathlib.Path(WASINN).parent, *pathlib.Path(WASINN).parents]):
                self.skipTest("this checkout cannot be read by another user")
            os.chown(folder, NOBODY, NOBODY)
        return folder

    def mounted(self, script, *arguments):
        """By a shell in a mount namespace of its own, for which $1 is the temporary folder; what follows it runs there."""
        command = ["unshare", "-m", "--propagation", "private"] + ([] if os.getuid() == 0 else ["-r"])
        if not shutil.which("unshare") or subprocess.run(
                [*command, "mount", "-t", "tmpfs", "none", self.temporary], capture_output=True, check=False).returncode:
            self.skipTest("nothing can be mounted here")
        return subprocess.run([*command, "sh", "-ec", script, "sh", self.temporary, WASINN, GUESTS, *arguments],
                              capture_output=True, text=True, timeout=LONGEST, check=False)
