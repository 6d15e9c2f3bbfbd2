# Finds xxhash.h: Debian's libxxhash-dev, or what scripts/deps.py fetched.
#
# XxHash_ROOT  a folder with xxhash.h in it
#
# Sets XxHash_FOUND and XxHash_INCLUDE_DIR, and defines the target XxHash::XxHash.

set(_xxhash_root "${XxHash_ROOT}")
if(NOT _xxhash_root)
  set(_xxhash_root "$ENV{XxHash_ROOT}")
endif()
set(_xxhash_only "")
if(_xxhash_root)
  get_filename_component(_xxhash_root "${_xxhash_root}" ABSOLUTE)
  set(_xxhash_only PATHS "${_xxhash_root}" NO_DEFAULT_PATH)
  string(FIND "${XxHash_INCLUDE_DIR}/" "${_xxhash_root}/" _xxhash_at)
  if(NOT _xxhash_at EQUAL 0)
    unset(XxHash_INCLUDE_DIR CACHE)
  endif()
endif()

find_path(XxHash_INCLUDE_DIR xxhash.h PATH_SUFFIXES include ${_xxhash_only})
mark_as_advanced(XxHash_INCLUDE_DIR)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(XxHash REQUIRED_VARS XxHash_INCLUDE_DIR)

if(XxHash_FOUND AND NOT TARGET XxHash::XxHash)
  add_library(XxHash::XxHash INTERFACE IMPORTED)
  set_target_properties(XxHash::XxHash PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${XxHash_INCLUDE_DIR}")
endif()
