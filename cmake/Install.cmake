# What is installed, all of it in the component `tools`:
#   bin/vitc, bin/vit-run, lib/libvit_runtime.a, lib/emulator/libcuda.so.1, include/vit, include/vitc (the
#   DSL), lib/cmake/vitc and lib/pkgconfig. Nothing refers to the prefix, so it can be moved.
set(CMAKE_INSTALL_LIBDIR lib) # Debian's lib/x86_64-linux-gnu would hide it from tools in bin/
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# For ./demo: what the component needs, without tests and developers' tools.
add_custom_target(vitc-tools DEPENDS vitc vit-run vit_runtime vit_emulator)

install(TARGETS vitc vit-run RUNTIME COMPONENT tools)
install(TARGETS vit_runtime ARCHIVE COMPONENT tools)
# Only the name that programs look for, and apart from libraries that are found by themselves.
install(FILES "$<TARGET_FILE:vit_emulator>" RENAME libcuda.so.1
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/emulator" COMPONENT tools)
install(FILES runtime/include/vit/library.h runtime/include/vit/runtime.h
  runtime/include/vit/vit.hpp DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/vit" COMPONENT tools)
install(DIRECTORY frontend/include/vitc DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT tools
  FILES_MATCHING PATTERN "*.h")

set(package "${CMAKE_INSTALL_LIBDIR}/cmake/vitc")
configure_package_config_file(cmake/vitcConfig.cmake.in "${CMAKE_BINARY_DIR}/package/vitcConfig.cmake"
  INSTALL_DESTINATION "${package}"
  PATH_VARS CMAKE_INSTALL_BINDIR CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file("${CMAKE_BINARY_DIR}/package/vitcConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES cmake/VitcAddModel.cmake cmake/VitcOptions.cmake "${CMAKE_BINARY_DIR}/package/vitcConfig.cmake"
  "${CMAKE_BINARY_DIR}/package/vitcConfigVersion.cmake" DESTINATION "${package}" COMPONENT tools)
foreach(file vitc vit-runtime)
  configure_file(cmake/${file}.pc.in "${CMAKE_BINARY_DIR}/package/${file}.pc" @ONLY)
  install(FILES "${CMAKE_BINARY_DIR}/package/${file}.pc"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT tools)
endforeach()
