"""A host in another language: Python's binding of Wasmtime brings the engine, libwasinn-wasmtime the inference.

Nothing is compiled for it: the glue's table of functions is filled with those of the library that the binding
has loaded."""

import ctypes
import os
import sys
import threading
import unittest

sys.path.insert(0, os.environ.get("WASINN_PYTHON", ""))
try:
    import wasmtime
    from wasmtime import _ffi as binding

    MISSING = None
except ImportError as problem:
    MISSING = f"the Python package wasmtime is not there: {problem}"

LIBRARIES = os.environ.get("WASINN_LIBRARIES", ".")
FIXTURES = os.environ.get("WASINN_FIXTURES", "tests/fixtures")

GUEST = """
(module
 (import "wasi_ephemeral_nn" "load_by_name" (func $load (param i32 i32 i32) (result i32)))
 (import "wasi_ephemeral_nn" "init_execution_context" (func $init (param i32 i32) (result i32)))
 (import "wasi_ephemeral_nn" "set_input" (func $set (param i32 i32 i32) (result i32)))
 (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
 (import "wasi_ephemeral_nn" "get_output" (func $get (param i32 i32 i32 i32 i32) (result i32)))
 (memory (export "memory") 1)
 (data (i32.const 16) "scalar")
 (data (i32.const 48) "\\00\\00\\00\\00\\00\\00\\00\\00\\01\\00\\00\\00\\60\\00\\00\\00\\04\\00\\00\\00")
 (func (export "double") (param f32) (result f32)
  (f32.store (i32.const 96) (local.get 0))
  (if (call $load (i32.const 16) (i32.const 6) (i32.const 0)) (then unreachable))
  (if (call $init (i32.load (i32.const 0)) (i32.const 4)) (then unreachable))
  (if (call $set (i32.load (i32.const 4)) (i32.const 0) (i32.const 48)) (then unreachable))
  (if (call $compute (i32.load (i32.const 4))) (then unreachable))
  (if (call $get (i32.load (i32.const 4)) (i32.const 0) (i32.const 128) (i32.const 4) (i32.const 8))
   (then unreachable))
  (f32.load (i32.const 128)))
 (func (export "bad_name") (param i32) (result i32) (call $load (local.get 0) (i32.const 3) (i32.const 0))))
"""


@unittest.skipIf(MISSING, MISSING)
class PythonHost(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.core = ctypes.CDLL(os.path.join(LIBRARIES, "libwasinn.so"), mode=ctypes.RTLD_GLOBAL)
        cls.library = ctypes.CDLL(os.path.join(LIBRARIES, "libwasinn-wasmtime.so"))
        cls.core.wasinn_host_last_error.restype = ctypes.c_char_p
        cls.core.wasinn_guest_last_error.restype = ctypes.c_char_p
        cls.core.wasinn_guest_last_error.argtypes = [ctypes.c_void_p]
        cls.library.wasinn_wasmtime_api_names.restype = ctypes.POINTER(ctypes.c_char_p)

    def check(self, status):
        self.assertEqual(status, 0, self.core.wasinn_host_last_error())

    def table(self):
        names = self.library.wasinn_wasmtime_api_names()
        count = next(i for i in range(1000) if names[i] is None)
        addresses = [ctypes.cast(getattr(binding.dll, names[i].decode()), ctypes.c_void_p).value for i in range(count)]
        size = (count + 1) * ctypes.sizeof(ctypes.c_size_t)
        return (ctypes.c_size_t * (count + 1))(size, *addresses)

    def setUp(self):
        self.host, self.glue = ctypes.c_void_p(), ctypes.c_void_p()
        self.check(self.core.wasinn_host_new(ctypes.byref(self.host)))
        path = os.path.join(FIXTURES, "scalar.xml").encode()
        self.check(self.core.wasinn_host_add_model(self.host, b"scalar", path, 0, 0))
        self.check(self.library.wasinn_wasmtime_new(self.host, self.table(), ctypes.byref(self.glue)))
        self.engine = wasmtime.Engine()
        self.linker = wasmtime.Linker(self.engine)
        self.check(self.library.wasinn_wasmtime_define(self.glue, self.linker.ptr()))
        self.module = wasmtime.Module(self.engine, GUEST)

    def tearDown(self):
        self.library.wasinn_wasmtime_free(self.glue)
        self.core.wasinn_host_free(self.host)

    def instance(self):
        store = wasmtime.Store(self.engine)
        return store, self.linker.instantiate(store, self.module).exports(store)

    def test_inference(self):
        store, exports = self.instance()
        for value in (1.5, -4.0, 21.0):
            self.assertEqual(exports["double"](store, value), 2 * value)

    def test_errors(self):
        store, exports = self.instance()
        self.assertEqual(exports["bad_name"](store, 16), 8)
        guest = ctypes.c_void_p()
        self.check(self.library.wasinn_wasmtime_guest(self.glue, store._context(), ctypes.byref(guest)))
        self.assertEqual(self.core.wasinn_guest_last_error(guest), b"no model is registered as 'sca'")
        with self.assertRaisesRegex(wasmtime.WasmtimeError, "outside the guest's memory"):
            exports["bad_name"](store, -1)

    def test_threads(self):
        results = []

        def work(value):
            for _ in range(20):
                store, exports = self.instance()
                results.append(exports["double"](store, value) == 2 * value)

        threads = [threading.Thread(target=work, args=(float(i),)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [True] * 80)


if __name__ == "__main__":
    unittest.main()
