# Where wasinn was tried: one line says what this is, and on another machine the build stops, unless it is to go on.
# Tried is what built without a warning, passed the tests and ran a model, by the compiler that CMake calls so.

set(tried_x86_64_GNU "tried")
set(tried_x86_64_Clang "tried")
# Cross-compiled; the tests in C, and a model, under qemu.
set(tried_aarch64_GNU "tried in emulation only")

option(WASINN_UNTRIED "Build on a machine on which wasinn was not tried" OFF)

if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
  message(FATAL_ERROR "wasinn runs on Linux only, and this is ${CMAKE_SYSTEM_NAME}")
endif()
if(CMAKE_C_BYTE_ORDER STREQUAL "BIG_ENDIAN")
  message(FATAL_ERROR "wasinn copies tensors as they are: the machine must be little-endian, as WebAssembly is")
endif()
if(NOT CMAKE_SIZEOF_VOID_P EQUAL 8)
  message(FATAL_ERROR "wasinn needs a 64-bit machine: a guest's memory may have 4 GiB")
endif()

set(platform "Linux ${CMAKE_SYSTEM_PROCESSOR} with ${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}")
set(tried "${tried_${CMAKE_SYSTEM_PROCESSOR}_${CMAKE_C_COMPILER_ID}}")
if(NOT tried AND NOT WASINN_UNTRIED)
  if(NOT tried_${CMAKE_SYSTEM_PROCESSOR}_GNU)
    message(FATAL_ERROR "wasinn was not tried on ${CMAKE_SYSTEM_PROCESSOR}: set WASINN_UNTRIED=ON to build regardless")
  endif()
  set(tried "not tried with this compiler")
elseif(NOT tried)
  set(tried "not tried")
endif()
set(platform "${platform}: ${tried}")
if(NOT platform STREQUAL "${WASINN_PLATFORM}")
  message(STATUS "${platform}")
  set(WASINN_PLATFORM "${platform}" CACHE INTERNAL "")
endif()
