# Finds Wasmtime's C API: its release archive, an installation, or what scripts/deps.py fetched.
#
# Wasmtime_ROOT         a folder with include/wasmtime.h and lib/libwasmtime.so (or .a); nothing else is then looked at
# Wasmtime_INCLUDE_DIR  the folder of wasmtime.h      Wasmtime_LIBRARY  the library
#
# Sets Wasmtime_FOUND and Wasmtime_VERSION, and defines the target Wasmtime::Wasmtime.

set(_wasmtime_root "${Wasmtime_ROOT}")
if(NOT _wasmtime_root)
  set(_wasmtime_root "$ENV{Wasmtime_ROOT}")
endif()

set(_wasmtime_only "")
if(_wasmtime_root)
  get_filename_component(_wasmtime_root "${_wasmtime_root}" ABSOLUTE)
  set(_wasmtime_only PATHS "${_wasmtime_root}" NO_DEFAULT_PATH)
  # Found elsewhere in an earlier run: the folder that is named now counts.
  foreach(_wasmtime_variable Wasmtime_INCLUDE_DIR Wasmtime_LIBRARY)
    string(FIND "${${_wasmtime_variable}}" "${_wasmtime_root}/" _wasmtime_at)
    if(NOT _wasmtime_at EQUAL 0)
      unset(${_wasmtime_variable} CACHE)
    endif()
  endforeach()
endif()

find_path(Wasmtime_INCLUDE_DIR wasmtime.h PATH_SUFFIXES include ${_wasmtime_only})
find_library(Wasmtime_LIBRARY wasmtime PATH_SUFFIXES lib lib64 ${_wasmtime_only})
mark_as_advanced(Wasmtime_INCLUDE_DIR Wasmtime_LIBRARY)

unset(Wasmtime_VERSION)
if(Wasmtime_INCLUDE_DIR)
  file(STRINGS "${Wasmtime_INCLUDE_DIR}/wasmtime.h" _wasmtime_line REGEX "^#define WASMTIME_VERSION +\"")
  if(_wasmtime_line MATCHES "\"([0-9.]+)")
    set(Wasmtime_VERSION "${CMAKE_MATCH_1}")
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  Wasmtime
  REQUIRED_VARS Wasmtime_LIBRARY Wasmtime_INCLUDE_DIR
  VERSION_VAR Wasmtime_VERSION)

if(Wasmtime_FOUND AND NOT TARGET Wasmtime::Wasmtime)
  if(Wasmtime_LIBRARY MATCHES "[.]a$")
    find_package(Threads QUIET REQUIRED)
    add_library(Wasmtime::Wasmtime STATIC IMPORTED)
    target_link_libraries(Wasmtime::Wasmtime INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
  else()
    add_library(Wasmtime::Wasmtime SHARED IMPORTED)
    # Without a SONAME in the library its path at link time would be written into every program.
    set(_wasmtime_soname FALSE)
    if(CMAKE_READELF)
      execute_process(
        COMMAND "${CMAKE_READELF}" -d "${Wasmtime_LIBRARY}"
        OUTPUT_VARIABLE _wasmtime_dynamic
        ERROR_QUIET)
      if(_wasmtime_dynamic MATCHES "SONAME")
        set(_wasmtime_soname TRUE)
      endif()
    endif()
    if(NOT _wasmtime_soname)
      set_target_properties(Wasmtime::Wasmtime PROPERTIES IMPORTED_NO_SONAME TRUE)
    endif()
  endif()
  set_target_properties(
    Wasmtime::Wasmtime PROPERTIES IMPORTED_LOCATION "${Wasmtime_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES
                                                                           "${Wasmtime_INCLUDE_DIR}")
endif()
