# Finds yyjson: Debian's libyyjson-dev, or the source that scripts/deps.py fetched.
#
# Yyjson_ROOT     a folder with yyjson.h, and either yyjson.c beside it or the library in lib/
#
# Sets Yyjson_FOUND and Yyjson_INCLUDE_DIR, and defines the target Yyjson::Yyjson.

set(_yyjson_root "${Yyjson_ROOT}")
if(NOT _yyjson_root)
  set(_yyjson_root "$ENV{Yyjson_ROOT}")
endif()
set(_yyjson_only "")
if(_yyjson_root)
  get_filename_component(_yyjson_root "${_yyjson_root}" ABSOLUTE)
  set(_yyjson_only PATHS "${_yyjson_root}" NO_DEFAULT_PATH)
  string(FIND "${Yyjson_INCLUDE_DIR}/" "${_yyjson_root}/" _yyjson_at)
  if(NOT _yyjson_at EQUAL 0)
    unset(Yyjson_INCLUDE_DIR CACHE)
    unset(Yyjson_SOURCE CACHE)
  endif()
endif()

find_path(Yyjson_INCLUDE_DIR yyjson.h PATH_SUFFIXES include ${_yyjson_only})
find_file(Yyjson_SOURCE yyjson.c PATHS "${Yyjson_INCLUDE_DIR}" NO_DEFAULT_PATH)
if(NOT Yyjson_SOURCE)
  find_library(Yyjson_LIBRARY yyjson PATH_SUFFIXES lib ${_yyjson_only})
endif()
mark_as_advanced(Yyjson_INCLUDE_DIR Yyjson_SOURCE Yyjson_LIBRARY)

set(_yyjson_code "${Yyjson_SOURCE}")
if(NOT _yyjson_code)
  set(_yyjson_code "${Yyjson_LIBRARY}")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Yyjson REQUIRED_VARS _yyjson_code Yyjson_INCLUDE_DIR)

if(Yyjson_FOUND AND NOT TARGET Yyjson::Yyjson)
  if(Yyjson_SOURCE)
    add_library(wasinn_yyjson STATIC "${Yyjson_SOURCE}")
    target_include_directories(wasinn_yyjson SYSTEM PUBLIC "${Yyjson_INCLUDE_DIR}")
    add_library(Yyjson::Yyjson ALIAS wasinn_yyjson)
  else()
    add_library(Yyjson::Yyjson UNKNOWN IMPORTED)
    set_target_properties(Yyjson::Yyjson PROPERTIES IMPORTED_LOCATION "${Yyjson_LIBRARY}"
                                                    INTERFACE_INCLUDE_DIRECTORIES "${Yyjson_INCLUDE_DIR}")
  endif()
endif()
