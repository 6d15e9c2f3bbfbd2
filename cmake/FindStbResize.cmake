# Finds stb_image_resize.h: Debian's libstb-dev, or what scripts/deps.py fetched.
#
# StbResize_ROOT  a folder with stb_image_resize.h in it
#
# Sets StbResize_FOUND and StbResize_INCLUDE_DIR, and defines the target StbResize::StbResize.

set(_stb_root "${StbResize_ROOT}")
if(NOT _stb_root)
  set(_stb_root "$ENV{StbResize_ROOT}")
endif()
set(_stb_only "")
if(_stb_root)
  get_filename_component(_stb_root "${_stb_root}" ABSOLUTE)
  set(_stb_only PATHS "${_stb_root}" NO_DEFAULT_PATH)
  string(FIND "${StbResize_INCLUDE_DIR}/" "${_stb_root}/" _stb_at)
  if(NOT _stb_at EQUAL 0)
    unset(StbResize_INCLUDE_DIR CACHE)
  endif()
endif()

find_path(StbResize_INCLUDE_DIR stb_image_resize.h PATH_SUFFIXES stb include/stb ${_stb_only})
mark_as_advanced(StbResize_INCLUDE_DIR)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(StbResize REQUIRED_VARS StbResize_INCLUDE_DIR)

if(StbResize_FOUND AND NOT TARGET StbResize::StbResize)
  add_library(StbResize::StbResize INTERFACE IMPORTED)
  set_target_properties(StbResize::StbResize PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${StbResize_INCLUDE_DIR}")
endif()
