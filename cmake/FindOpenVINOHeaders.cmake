# Finds the headers of OpenVINO's C API, and the folder of its libraries, which are opened only when a program runs.
#
# OpenVINO_DIR    the folder of OpenVINOConfig.cmake, in an installation, an archive or a Python package
# OpenVINO_ROOT   the folder that OpenVINO was installed or unpacked to, or that its Python package is in
# Nothing else is looked at when one of these is given, as a variable or in the environment; then comes
# INTEL_OPENVINO_DIR, which OpenVINO's own setupvars.sh sets, and then the system.
#
# Sets OpenVINOHeaders_FOUND, OpenVINOHeaders_VERSION where it can be told, OpenVINOHeaders_INCLUDE_DIR and
# OpenVINOHeaders_LIBRARY_DIR (the folder of libopenvino_c.so*, or empty), and defines the target OpenVINO::headers.

set(_openvino_header openvino/c/openvino.h)

# Each way of naming an OpenVINO, and where its root can be from there.
set(_openvino_roots "")
set(_openvino_named "")
foreach(_openvino_value "${OpenVINO_DIR}" "$ENV{OpenVINO_DIR}")
  if(_openvino_value AND NOT _openvino_named)
    get_filename_component(_openvino_value "${_openvino_value}" ABSOLUTE)
    set(_openvino_named "${_openvino_value}")
    set(_openvino_roots "${_openvino_value}/.." "${_openvino_value}/../../.." "${_openvino_value}/../../../.."
                        "${_openvino_value}" "${_openvino_value}/runtime")
  endif()
endforeach()
foreach(_openvino_value "${OpenVINO_ROOT}" "$ENV{OpenVINO_ROOT}" "$ENV{INTEL_OPENVINO_DIR}")
  if(_openvino_value AND NOT _openvino_named)
    get_filename_component(_openvino_value "${_openvino_value}" ABSOLUTE)
    set(_openvino_named "${_openvino_value}")
    set(_openvino_roots "${_openvino_value}" "${_openvino_value}/runtime" "${_openvino_value}/openvino")
  endif()
endforeach()

if(_openvino_named)
  unset(OpenVINOHeaders_INCLUDE_DIR CACHE)
  set(OpenVINOHeaders_INCLUDE_DIR "OpenVINOHeaders_INCLUDE_DIR-NOTFOUND")
  foreach(_openvino_root IN LISTS _openvino_roots)
    if(NOT OpenVINOHeaders_INCLUDE_DIR AND EXISTS "${_openvino_root}/include/${_openvino_header}")
      get_filename_component(OpenVINOHeaders_INCLUDE_DIR "${_openvino_root}/include" ABSOLUTE)
    endif()
  endforeach()
else()
  find_path(OpenVINOHeaders_INCLUDE_DIR ${_openvino_header})
  mark_as_advanced(OpenVINOHeaders_INCLUDE_DIR)
endif()

set(OpenVINOHeaders_LIBRARY_DIR "")
unset(OpenVINOHeaders_VERSION)
if(OpenVINOHeaders_INCLUDE_DIR)
  set(_openvino_prefix "${OpenVINOHeaders_INCLUDE_DIR}/..")
  set(_openvino_machine intel64)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    set(_openvino_machine aarch64)
  endif()
  foreach(_openvino_folder libs lib/${_openvino_machine} lib/${CMAKE_LIBRARY_ARCHITECTURE} lib64 lib)
    file(GLOB _openvino_libraries "${_openvino_prefix}/${_openvino_folder}/libopenvino_c.so*")
    if(_openvino_libraries AND NOT OpenVINOHeaders_LIBRARY_DIR)
      get_filename_component(OpenVINOHeaders_LIBRARY_DIR "${_openvino_prefix}/${_openvino_folder}" ABSOLUTE)
    endif()
  endforeach()
  set(_openvino_numbers "")
  if(EXISTS "${OpenVINOHeaders_INCLUDE_DIR}/openvino/core/version.hpp")
    file(STRINGS "${OpenVINOHeaders_INCLUDE_DIR}/openvino/core/version.hpp" _openvino_lines
         REGEX "^#define OPENVINO_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
    foreach(_openvino_line IN LISTS _openvino_lines)
      string(REGEX MATCH "[0-9]+$" _openvino_number "${_openvino_line}")
      list(APPEND _openvino_numbers "${_openvino_number}")
    endforeach()
  endif()
  if(_openvino_numbers)
    list(JOIN _openvino_numbers "." OpenVINOHeaders_VERSION)
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  OpenVINOHeaders
  REQUIRED_VARS OpenVINOHeaders_INCLUDE_DIR
  VERSION_VAR OpenVINOHeaders_VERSION)

if(OpenVINOHeaders_FOUND AND NOT TARGET OpenVINO::headers)
  add_library(OpenVINO::headers INTERFACE IMPORTED)
  set_target_properties(OpenVINO::headers PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${OpenVINOHeaders_INCLUDE_DIR}")
endif()
