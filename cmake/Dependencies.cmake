# Finds what wasinn is built with: what the user names, else what the system has, else what scripts/deps.py fetches.
#
# Afterwards there are the targets Wasmtime::Wasmtime, OpenVINO::headers, StbResize::StbResize, Yyjson::Yyjson, XxHash::XxHash,
# JPEG::JPEG and PNG::PNG,
# and the variables OpenVINOHeaders_LIBRARY_DIR and OnnxRuntime_LIBRARY_DIR, the folders of those libraries (or empty).

option(WASINN_FETCH "Fetch what the system has not got into deps/" ON)
option(WASINN_BUNDLED_IMAGES "Take libjpeg and libpng from deps/ even if the system has them" OFF)

get_filename_component(WASINN_CHECKOUT "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(WASINN_DEPS "${WASINN_CHECKOUT}/deps")
# By its name and not by find_package(Python3), so that it is the one that `make` and scripts/ run with.
find_program(WASINN_PYTHON NAMES python3 python DOC "Python 3.9 or newer, for the scripts")
mark_as_advanced(WASINN_PYTHON)

list(PREPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
set(WASINN_WASMTIME_VERSION 48)

# Is a package found, other than in deps/? There it can be of an older pin, which scripts/deps.py sees to.
macro(wasinn_look_for package path_variable part)
  set(_wasinn_inside FALSE)
  string(FIND "${${path_variable}}" "${WASINN_DEPS}/" _wasinn_at)
  if(_wasinn_at EQUAL 0)
    set(_wasinn_inside TRUE)
  else()
    find_package(${package} ${ARGN} QUIET)
  endif()
  if(_wasinn_inside OR NOT ${package}_FOUND)
    list(APPEND _wasinn_missing ${package})
    list(APPEND _wasinn_parts ${part})
  endif()
endmacro()

# What is left to do when nothing found a package.
function(wasinn_give_up package how)
  if(WASINN_FETCH)
    set(fetch "see above why it could not be fetched")
  else()
    set(fetch "or set WASINN_FETCH=ON to have it fetched")
  endif()
  message(FATAL_ERROR "${package} was not found: ${how}; ${fetch}")
endfunction()

# An imported target for one of the libraries of the part `images`.
macro(wasinn_bundled_library target library)
  if(EXISTS "${WASINN_DEPS}/images/lib/${library}" AND NOT TARGET ${target})
    add_library(${target} STATIC IMPORTED)
    set_target_properties(${target} PROPERTIES IMPORTED_LOCATION "${WASINN_DEPS}/images/lib/${library}"
                                               IMPORTED_LINK_INTERFACE_LANGUAGES C)
  endif()
endmacro()

set(_wasinn_missing "")
set(_wasinn_parts "")

# A folder that the user names is taken, or is an error; it is never replaced by something else silently.
if(Wasmtime_ROOT OR DEFINED ENV{Wasmtime_ROOT})
  find_package(Wasmtime ${WASINN_WASMTIME_VERSION} REQUIRED)
else()
  wasinn_look_for(Wasmtime Wasmtime_LIBRARY wasmtime ${WASINN_WASMTIME_VERSION})
endif()

if(OpenVINO_DIR
   OR OpenVINO_ROOT
   OR DEFINED ENV{OpenVINO_DIR}
   OR DEFINED ENV{OpenVINO_ROOT}
   OR DEFINED ENV{INTEL_OPENVINO_DIR})
  find_package(OpenVINOHeaders REQUIRED)
else()
  wasinn_look_for(OpenVINOHeaders OpenVINOHeaders_INCLUDE_DIR openvino)
endif()

if(StbResize_ROOT OR DEFINED ENV{StbResize_ROOT})
  find_package(StbResize REQUIRED)
else()
  wasinn_look_for(StbResize StbResize_INCLUDE_DIR stb)
endif()

if(Yyjson_ROOT OR DEFINED ENV{Yyjson_ROOT})
  find_package(Yyjson REQUIRED)
else()
  wasinn_look_for(Yyjson Yyjson_INCLUDE_DIR yyjson)
endif()

if(XxHash_ROOT OR DEFINED ENV{XxHash_ROOT})
  find_package(XxHash REQUIRED)
else()
  wasinn_look_for(XxHash XxHash_INCLUDE_DIR xxhash)
endif()

if(WASINN_BUNDLED_IMAGES)
  list(APPEND _wasinn_missing JPEG PNG)
  list(APPEND _wasinn_parts images)
else()
  wasinn_look_for(JPEG JPEG_LIBRARY images)
  wasinn_look_for(PNG PNG_LIBRARY images)
endif()

if("onnxruntime" IN_LIST WASINN_BACKENDS)
  if(ONNXRUNTIME_ROOT OR DEFINED ENV{ONNXRUNTIME_ROOT})
    find_package(OnnxRuntime REQUIRED)
  else()
    wasinn_look_for(OnnxRuntime OnnxRuntime_LIBRARY onnxruntime)
  endif()
endif()

if(_wasinn_parts AND WASINN_FETCH)
  list(REMOVE_DUPLICATES _wasinn_parts)
  if(NOT WASINN_PYTHON)
    message(FATAL_ERROR "Python 3 was not found, which fetches ${_wasinn_parts}: install it, or set WASINN_PYTHON")
  endif()
  execute_process(
    COMMAND "${WASINN_PYTHON}" scripts/deps.py --quiet ${_wasinn_parts} WORKING_DIRECTORY "${WASINN_CHECKOUT}")
endif()

if("Wasmtime" IN_LIST _wasinn_missing)
  set(Wasmtime_ROOT "${WASINN_DEPS}/wasmtime")
  find_package(Wasmtime ${WASINN_WASMTIME_VERSION} QUIET)
  unset(Wasmtime_ROOT)
  if(NOT Wasmtime_FOUND)
    wasinn_give_up("Wasmtime ${WASINN_WASMTIME_VERSION} or newer"
                   "set Wasmtime_ROOT to a folder with its include/wasmtime.h and lib/libwasmtime.so")
  endif()
endif()

if("OpenVINOHeaders" IN_LIST _wasinn_missing)
  set(OpenVINO_ROOT "${WASINN_DEPS}/python/openvino")
  find_package(OpenVINOHeaders QUIET)
  unset(OpenVINO_ROOT)
  if(NOT OpenVINOHeaders_FOUND)
    wasinn_give_up("OpenVINO's C header openvino/c/openvino.h" "set OpenVINO_DIR or OpenVINO_ROOT to an OpenVINO")
  endif()
endif()

if("StbResize" IN_LIST _wasinn_missing)
  set(StbResize_ROOT "${WASINN_DEPS}/stb")
  find_package(StbResize QUIET)
  unset(StbResize_ROOT)
  if(NOT StbResize_FOUND)
    wasinn_give_up("stb_image_resize.h" "install it (Debian: libstb-dev), or set StbResize_ROOT to its folder")
  endif()
endif()

if("Yyjson" IN_LIST _wasinn_missing)
  set(Yyjson_ROOT "${WASINN_DEPS}/yyjson")
  find_package(Yyjson QUIET)
  unset(Yyjson_ROOT)
  if(NOT Yyjson_FOUND)
    wasinn_give_up("yyjson" "install it (Debian: libyyjson-dev), or set Yyjson_ROOT to its folder")
  endif()
endif()

if("XxHash" IN_LIST _wasinn_missing)
  set(XxHash_ROOT "${WASINN_DEPS}/xxhash")
  find_package(XxHash QUIET)
  unset(XxHash_ROOT)
  if(NOT XxHash_FOUND)
    wasinn_give_up("xxhash.h" "install it (Debian: libxxhash-dev), or set XxHash_ROOT to its folder")
  endif()
endif()

if("JPEG" IN_LIST _wasinn_missing)
  wasinn_bundled_library(JPEG::JPEG libjpeg.a)
  if(NOT TARGET JPEG::JPEG)
    wasinn_give_up("libjpeg" "install it (Debian: libjpeg62-turbo-dev), or set JPEG_ROOT to its folder")
  endif()
  set_target_properties(JPEG::JPEG PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${WASINN_DEPS}/images/include/jpeg")
endif()

if("PNG" IN_LIST _wasinn_missing)
  wasinn_bundled_library(PNG::PNG libpng.a)
  if(NOT TARGET PNG::PNG)
    wasinn_give_up("libpng" "install it (Debian: libpng-dev), or set PNG_ROOT to its folder")
  endif()
  set_target_properties(
    PNG::PNG PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${WASINN_DEPS}/images/include/png"
                        INTERFACE_LINK_LIBRARIES "${WASINN_DEPS}/images/lib/libz.a;m")
endif()

# It is not needed for building, so its absence is no error.
if("OnnxRuntime" IN_LIST _wasinn_missing)
  set(ONNXRUNTIME_ROOT "${WASINN_DEPS}/onnxruntime")
  find_package(OnnxRuntime QUIET)
  unset(ONNXRUNTIME_ROOT)
endif()

# ---- Where a backend looks for its runtime last, besides where it was installed. What was fetched is found by a link
# beside what was built, so that the installed files name no folder of this checkout.

include(GNUInstallDirs)
file(RELATIVE_PATH WASINN_BACKENDS_FROM_BIN "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}/wasinn/backends")

# For those who make packages: folders that are settled when the backends are built.
set(WASINN_OPENVINO_DEFAULT "" CACHE STRING "Folder in which OpenVINO is looked for last")
set(WASINN_ONNXRUNTIME_DEFAULT "" CACHE STRING "Folder in which ONNX Runtime is looked for last")

# wasinn_place_runtime(NAME VARIABLE FOLDER): of the runtime that was found in a folder, sets WASINN_VARIABLE_FETCHED,
# WASINN_VARIABLE_FROM_BIN and WASINN_VARIABLE_FOLDER, where the backend looks for it.
macro(wasinn_place_runtime name variable folder)
  file(RELATIVE_PATH WASINN_${variable}_FROM_BIN "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}/wasinn/${name}")
  string(FIND "${folder}/" "${WASINN_DEPS}/" _wasinn_at)
  set(WASINN_${variable}_FETCHED FALSE)
  set(_wasinn_folder "${folder}")
  if(_wasinn_at EQUAL 0)
    set(WASINN_${variable}_FETCHED TRUE)
    set(_wasinn_folder "")
    set(_wasinn_link "${folder}")
    # The checkout may be moved with what was built in it.
    string(FIND "${CMAKE_BINARY_DIR}/" "${WASINN_CHECKOUT}/" _wasinn_at)
    if(_wasinn_at EQUAL 0)
      file(RELATIVE_PATH _wasinn_link "${CMAKE_BINARY_DIR}" "${_wasinn_link}")
    endif()
    file(CREATE_LINK "${_wasinn_link}" "${CMAKE_BINARY_DIR}/wasinn-${name}" SYMBOLIC)
  else()
    file(REMOVE "${CMAKE_BINARY_DIR}/wasinn-${name}")
  endif()
  set(WASINN_${variable}_FOLDER "${WASINN_${variable}_DEFAULT}")
  if(NOT WASINN_${variable}_FOLDER)
    set(WASINN_${variable}_FOLDER "${_wasinn_folder}")
  endif()
endmacro()

wasinn_place_runtime(openvino OPENVINO "${OpenVINOHeaders_LIBRARY_DIR}")
wasinn_place_runtime(onnxruntime ONNXRUNTIME "${OnnxRuntime_LIBRARY_DIR}")

# One line for each, on the first configuration and whenever something changes.
set(_wasinn_summary "Wasmtime ${Wasmtime_VERSION}: ${Wasmtime_LIBRARY}"
                    "OpenVINO ${OpenVINOHeaders_VERSION}: ${OpenVINOHeaders_INCLUDE_DIR}"
                    "stb_image_resize: ${StbResize_INCLUDE_DIR}"
                    "yyjson: ${Yyjson_INCLUDE_DIR}"
                    "xxhash: ${XxHash_INCLUDE_DIR}")
if(OnnxRuntime_FOUND)
  list(APPEND _wasinn_summary "ONNX Runtime ${OnnxRuntime_VERSION}: ${OnnxRuntime_LIBRARY}")
elseif("onnxruntime" IN_LIST WASINN_BACKENDS)
  list(APPEND _wasinn_summary
       "ONNX Runtime was not found: its backend is built, and looks for one when it is needed (ONNXRUNTIME_ROOT names one)")
endif()
foreach(_wasinn_library JPEG PNG)
  get_target_property(_wasinn_location ${_wasinn_library}::${_wasinn_library} IMPORTED_LOCATION)
  if(NOT _wasinn_location)
    get_target_property(_wasinn_location ${_wasinn_library}::${_wasinn_library} IMPORTED_LOCATION_RELEASE)
  endif()
  list(APPEND _wasinn_summary "${_wasinn_library}: ${_wasinn_location}")
endforeach()
if(NOT "${_wasinn_summary}" STREQUAL "${WASINN_SUMMARY}")
  foreach(_wasinn_line IN LISTS _wasinn_summary)
    message(STATUS "${_wasinn_line}")
  endforeach()
  set(WASINN_SUMMARY "${_wasinn_summary}" CACHE INTERNAL "")
endif()
