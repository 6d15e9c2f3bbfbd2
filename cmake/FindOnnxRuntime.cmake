# Finds the library of ONNX Runtime, which is opened only when a program runs: nothing is compiled or linked with it.
#
# ONNXRUNTIME_ROOT   the folder that it was installed or unpacked to, or that has its Python package, as a variable or in
#                    the environment; nothing else is looked at when it is given, else pkg-config and the system are
#
# Sets OnnxRuntime_FOUND, OnnxRuntime_LIBRARY (libonnxruntime.so*), OnnxRuntime_LIBRARY_DIR, OnnxRuntime_VERSION where
# it can be told, and OnnxRuntime_INCLUDE_DIR, the folder of onnxruntime_c_api.h: only a test looks at that.

set(_onnxruntime_named "${ONNXRUNTIME_ROOT}")
if(NOT _onnxruntime_named)
  set(_onnxruntime_named "$ENV{ONNXRUNTIME_ROOT}")
endif()

set(_onnxruntime_headers include include/onnxruntime include/onnxruntime/core/session)
if(_onnxruntime_named)
  get_filename_component(_onnxruntime_named "${_onnxruntime_named}" ABSOLUTE)
  set(_onnxruntime_folders "")
  foreach(_onnxruntime_folder . lib lib64 "lib/${CMAKE_LIBRARY_ARCHITECTURE}" capi onnxruntime/capi)
    list(APPEND _onnxruntime_folders "${_onnxruntime_named}/${_onnxruntime_folder}")
  endforeach()
  unset(OnnxRuntime_LIBRARY CACHE)
  unset(OnnxRuntime_INCLUDE_DIR CACHE)
  find_path(OnnxRuntime_INCLUDE_DIR onnxruntime_c_api.h PATHS "${_onnxruntime_named}" NO_DEFAULT_PATH
            PATH_SUFFIXES ${_onnxruntime_headers})
else()
  find_package(PkgConfig QUIET)
  if(PkgConfig_FOUND)
    pkg_check_modules(_onnxruntime_pc QUIET libonnxruntime)
  endif()
  set(_onnxruntime_folders ${_onnxruntime_pc_LIBDIR} /usr/local/lib /usr/local/lib64
                           "/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}" /usr/lib64 /usr/lib)
  find_path(OnnxRuntime_INCLUDE_DIR onnxruntime_c_api.h HINTS ${_onnxruntime_pc_INCLUDE_DIRS}
            PATH_SUFFIXES onnxruntime onnxruntime/core/session)
endif()

# The newest of the first folder that has any: often there is no name without a version.
if(NOT OnnxRuntime_LIBRARY)
  set(OnnxRuntime_LIBRARY "OnnxRuntime_LIBRARY-NOTFOUND")
  foreach(_onnxruntime_folder IN LISTS _onnxruntime_folders)
    file(GLOB _onnxruntime_libraries "${_onnxruntime_folder}/libonnxruntime.so" "${_onnxruntime_folder}/libonnxruntime.so.[0-9]*")
    if(_onnxruntime_libraries AND NOT OnnxRuntime_LIBRARY)
      list(SORT _onnxruntime_libraries COMPARE NATURAL ORDER DESCENDING)
      list(GET _onnxruntime_libraries 0 OnnxRuntime_LIBRARY)
      get_filename_component(OnnxRuntime_LIBRARY "${OnnxRuntime_LIBRARY}" ABSOLUTE)
    endif()
  endforeach()
endif()

set(OnnxRuntime_LIBRARY_DIR "")
unset(OnnxRuntime_VERSION)
if(OnnxRuntime_LIBRARY)
  get_filename_component(OnnxRuntime_LIBRARY_DIR "${OnnxRuntime_LIBRARY}" DIRECTORY)
  get_filename_component(_onnxruntime_real "${OnnxRuntime_LIBRARY}" REALPATH)
  if(_onnxruntime_real MATCHES "[.]so[.]([0-9.]+)$")
    set(OnnxRuntime_VERSION "${CMAKE_MATCH_1}")
  endif()
endif()
mark_as_advanced(OnnxRuntime_INCLUDE_DIR)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  OnnxRuntime
  REQUIRED_VARS OnnxRuntime_LIBRARY
  VERSION_VAR OnnxRuntime_VERSION)
