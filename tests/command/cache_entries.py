"""What the tests of the cache share: the file of an entry, and the library's own functions for the folder.

WASINN_LIBRARIES is the folder of libwasinn.so.
"""

import ctypes
import os
import pathlib
import struct

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
