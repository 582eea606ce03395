# `cmake --install`: the command, the library, its headers, and the package that
# find_package(selfcure) reads.
include(CMakePackageConfigHelpers)

install(TARGETS selfcure EXPORT selfcure-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS selfcure_xxhash EXPORT selfcure-targets)
install(DIRECTORY include/selfcure DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT selfcure-targets NAMESPACE selfcure:: FILE selfcure-targets.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/selfcure)
configure_package_config_file(cmake/selfcure-config.cmake.in selfcure-config.cmake
        INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/selfcure)
write_basic_package_version_file(selfcure-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/selfcure-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/selfcure-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/selfcure)
