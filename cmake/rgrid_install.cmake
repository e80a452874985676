# What `cmake --install` puts where, so that find_package(rgrid) works. Two export files: the core's names nothing but
# Boost's headers, so that a user of the core needs no other dependency. A parent project that does not want to install
# RGrid adds it with add_subdirectory(... EXCLUDE_FROM_ALL).

set(rgrid_config_folder "${CMAKE_INSTALL_LIBDIR}/cmake/rgrid")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/rgrid" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    FILES_MATCHING PATTERN "*.hpp")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

install(EXPORT rgrid_core_targets FILE rgrid_core_targets.cmake NAMESPACE rgrid::
    DESTINATION "${rgrid_config_folder}")
if(NOT RGRID_CORE_ONLY)
    install(EXPORT rgrid_targets FILE rgrid_targets.cmake NAMESPACE rgrid:: DESTINATION "${rgrid_config_folder}")
endif()

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/rgrid-config.cmake.in"
    "${PROJECT_BINARY_DIR}/rgrid-config.cmake" INSTALL_DESTINATION "${rgrid_config_folder}")
# Before 1.0 a minor version may change interfaces.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/rgrid-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/rgrid-config.cmake" "${PROJECT_BINARY_DIR}/rgrid-config-version.cmake"
    "${PROJECT_SOURCE_DIR}/cmake/FindLibpqxx.cmake" DESTINATION "${rgrid_config_folder}")
