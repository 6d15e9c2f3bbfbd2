# What `make install` puts where. The installed files name no place: a prefix may be moved as a whole.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(WASINN_PRIVATE_DIR "${CMAKE_INSTALL_LIBDIR}/wasinn")
set(WASINN_LICENCE_DIR "${CMAKE_INSTALL_DOCDIR}/licences")
set(WASINN_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/wasinn")

set_target_properties(wasinn PROPERTIES INSTALL_RPATH "$ORIGIN/../${WASINN_PRIVATE_DIR}"
                                        INSTALL_RPATH_USE_LINK_PATH ON)
# A run path that is changed when it is installed ends in a colon until then, which the loader takes for the current
# folder: what can do so has the same one all the time. The command's is twice the same, to be longer than the one that
# takes its place.
set_target_properties(wasinn_wasmtime_shared PROPERTIES INSTALL_RPATH "$ORIGIN" BUILD_WITH_INSTALL_RPATH ON)
install(TARGETS wasinn wasinn_shared wasinn_static wasinn_wasmtime_shared wasinn_wasmtime_static
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
foreach(backend IN LISTS WASINN_BACKENDS)
  install(TARGETS wasinn_plugin_${backend} LIBRARY DESTINATION "${WASINN_PRIVATE_DIR}/backends")
endforeach()

# The system's Wasmtime stays where it is; a fetched one is for the command alone, out of other programs' way.
string(FIND "${Wasmtime_LIBRARY}" "${WASINN_DEPS}/" fetched)
if(fetched EQUAL 0)
  set_target_properties(wasinn PROPERTIES INSTALL_RPATH_USE_LINK_PATH OFF)
  install(FILES "${Wasmtime_LIBRARY}" DESTINATION "${WASINN_PRIVATE_DIR}")
endif()
# Some linkers add run paths of their own, which CMake leaves as they are (zig's does so); this needs CMake 3.21.
if(fetched EQUAL 0 AND NOT CMAKE_VERSION VERSION_LESS 3.21)
  set_target_properties(wasinn PROPERTIES BUILD_WITH_INSTALL_RPATH ON
                                          INSTALL_RPATH
                                          "$ORIGIN/../deps/wasmtime/lib;$ORIGIN/../deps/../deps/../deps/wasmtime/lib")
  install(CODE "file(RPATH_SET FILE \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/wasinn\"
                NEW_RPATH [[$ORIGIN/../${WASINN_PRIVATE_DIR}]])")
endif()
if(EXISTS "${WASINN_DEPS}/wasmtime/LICENSE" AND fetched EQUAL 0)
  install(FILES "${WASINN_DEPS}/wasmtime/LICENSE" DESTINATION "${WASINN_LICENCE_DIR}" RENAME wasmtime.txt)
endif()

# So with OpenVINO: its libraries find each other and their plugins in one folder. The GPU's plugin reads cache.json.
if(WASINN_OPENVINO_FETCHED)
  file(GLOB libraries "${OpenVINOHeaders_LIBRARY_DIR}/lib*.so*" "${OpenVINOHeaders_LIBRARY_DIR}/cache.json")
  install(FILES ${libraries} DESTINATION "${WASINN_PRIVATE_DIR}/openvino")
  file(GLOB licences "${WASINN_DEPS}/python/openvino-*.dist-info/licenses/*"
       "${WASINN_DEPS}/python/openvino-*.dist-info/licenses/licensing/*")
  foreach(licence IN LISTS licences)
    if(NOT IS_DIRECTORY "${licence}")
      install(FILES "${licence}" DESTINATION "${WASINN_LICENCE_DIR}/openvino")
    endif()
  endforeach()
endif()

if(WASINN_ONNXRUNTIME_FETCHED)
  get_filename_component(library "${OnnxRuntime_LIBRARY}" REALPATH)
  install(FILES "${library}" DESTINATION "${WASINN_PRIVATE_DIR}/onnxruntime")
  install(FILES "${WASINN_DEPS}/onnxruntime/LICENSE" "${WASINN_DEPS}/onnxruntime/ThirdPartyNotices.txt"
          DESTINATION "${WASINN_LICENCE_DIR}/onnxruntime")
endif()

# What is compiled into the command: stb has its licence at its header's end, the pictures' libraries have theirs in deps/
# when they are from there.
file(READ "${StbResize_INCLUDE_DIR}/stb_image_resize.h" header)
string(FIND "${header}" "This software is available under 2 licenses" at REVERSE)
if(NOT at EQUAL -1)
  string(SUBSTRING "${header}" ${at} -1 header)
  string(REGEX REPLACE "-+[ \r\n]*[*]/[ \r\n]*$" "" header "${header}")
  file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/licences/stb_image_resize.txt" "${header}")
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/licences/stb_image_resize.txt" DESTINATION "${WASINN_LICENCE_DIR}")
endif()
if(TARGET wasinn_yyjson AND EXISTS "${Yyjson_INCLUDE_DIR}/LICENSE")
  install(FILES "${Yyjson_INCLUDE_DIR}/LICENSE" DESTINATION "${WASINN_LICENCE_DIR}" RENAME yyjson.txt)
endif()
if(EXISTS "${XxHash_INCLUDE_DIR}/LICENSE")
  install(FILES "${XxHash_INCLUDE_DIR}/LICENSE" DESTINATION "${WASINN_LICENCE_DIR}" RENAME xxhash.txt)
endif()
foreach(library JPEG PNG)
  get_target_property(location ${library}::${library} IMPORTED_LOCATION)
  string(FIND "${location}" "${WASINN_DEPS}/" fetched)
  if(fetched EQUAL 0)
    set(names_JPEG libjpeg libjpeg-turbo)
    set(names_PNG libpng zlib)
    foreach(name IN LISTS names_${library})
      file(GLOB licence "${WASINN_DEPS}/images/licences/${name}.*")
      install(FILES ${licence} DESTINATION "${WASINN_LICENCE_DIR}")
    endforeach()
  endif()
endforeach()

set(WASINN_ZSH_DIR "${CMAKE_INSTALL_DATADIR}/zsh/site-functions" CACHE STRING "Folder of zsh's completions")
mark_as_advanced(WASINN_ZSH_DIR)
install(DIRECTORY docs/man/ DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" FILES_MATCHING PATTERN "*.1")
install(FILES docs/completions/wasinn.bash DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions"
        RENAME wasinn)
install(FILES docs/completions/_wasinn DESTINATION "${WASINN_ZSH_DIR}")
install(FILES docs/completions/wasinn.fish DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d")

install(DIRECTORY include/wasinn DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES guest/wasi_nn.h DESTINATION "${CMAKE_INSTALL_DATADIR}/wasinn/guest")
file(GLOB examples examples/*.c)
install(FILES ${examples} DESTINATION "${CMAKE_INSTALL_DATADIR}/wasinn/examples")
foreach(language rust assemblyscript)
  install(DIRECTORY "examples/classify-${language}" DESTINATION "${CMAKE_INSTALL_DATADIR}/wasinn/examples"
          PATTERN target EXCLUDE PATTERN build EXCLUDE PATTERN node_modules EXCLUDE PATTERN Cargo.lock EXCLUDE)
endforeach()
install(FILES LICENSE README.md ARCHITECTURE.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
file(GLOB pages docs/*.md docs/*.svg)
install(FILES ${pages} DESTINATION "${CMAKE_INSTALL_DOCDIR}/docs")

file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" WASINN_PKGCONFIG_UP "${up}")
file(RELATIVE_PATH up "/${WASINN_PACKAGE_DIR}" "/")
string(REGEX REPLACE "/$" "" WASINN_PACKAGE_UP "${up}")
foreach(name wasinn wasinn-wasmtime)
  configure_file("${CMAKE_CURRENT_LIST_DIR}/${name}.pc.in" "${name}.pc" @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()
configure_file("${CMAKE_CURRENT_LIST_DIR}/wasinnConfig.cmake.in" wasinnConfig.cmake @ONLY)
write_basic_package_version_file(wasinnConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/wasinnConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/wasinnConfigVersion.cmake"
        DESTINATION "${WASINN_PACKAGE_DIR}")
