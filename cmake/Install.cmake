# What `make install` puts where. The installed files name no place: a prefix may be moved as a whole.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(WASINN_PRIVATE_DIR "${CMAKE_INSTALL_LIBDIR}/wasinn")
set(WASINN_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/wasinn")

set_target_properties(wasinn PROPERTIES INSTALL_RPATH "$ORIGIN/../${WASINN_PRIVATE_DIR}"
                                        INSTALL_RPATH_USE_LINK_PATH ON)
set_target_properties(wasinn_wasmtime_shared PROPERTIES INSTALL_RPATH "$ORIGIN")
install(TARGETS wasinn wasinn_shared wasinn_static wasinn_wasmtime_shared wasinn_wasmtime_static
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")

# The system's Wasmtime stays where it is; a fetched one is for the command alone, out of other programs' way.
string(FIND "${Wasmtime_LIBRARY}" "${WASINN_DEPS}/" fetched)
if(fetched EQUAL 0)
  set_target_properties(wasinn PROPERTIES INSTALL_RPATH_USE_LINK_PATH OFF)
  install(FILES "${Wasmtime_LIBRARY}" DESTINATION "${WASINN_PRIVATE_DIR}")
endif()

install(DIRECTORY include/wasinn DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES guest/wasi_nn.h DESTINATION "${CMAKE_INSTALL_DATADIR}/wasinn/guest")
install(DIRECTORY examples/ DESTINATION "${CMAKE_INSTALL_DATADIR}/wasinn/examples" FILES_MATCHING PATTERN "*.c")
install(FILES LICENSE README.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")

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
