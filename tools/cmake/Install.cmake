# Install rules and the CMake package. include() this from the top level after
# the targets nacre (the compiler), nacre_rt and nacre_rt_main exist.
#
#   bin/nacre
#   lib/libnacre_rt.a lib/libnacre_rt_main.a
#   include/nacre/model.h include/nacre/runtime.h
#   include/nacre/training.h include/nacre/collective.h
#   lib/libnacre_mpi.so                               where MPI was found
#   lib/libnacre_rt_opencl.a include/nacre/opencl.h   where OpenCL was found
#   share/nacre/webgpu/
#   lib/cmake/Nacre/
#
# The folders are fixed: `nacre build` finds the runtime at ../lib from itself.
include(CMakePackageConfigHelpers)

set(nacre_package_dir lib/cmake/Nacre)
set(nacre_webgpu_dir share/nacre/webgpu)
get_filename_component(nacre_runtime_include
  "${CMAKE_CURRENT_LIST_DIR}/../../runtime/include/nacre" ABSOLUTE)

# The shared LLVM and MLIR are found where they were at build time.
set_target_properties(nacre PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
set(nacre_installed nacre nacre_rt nacre_rt_main)
set(nacre_installed_headers
  ${nacre_runtime_include}/model.h ${nacre_runtime_include}/runtime.h
  ${nacre_runtime_include}/training.h ${nacre_runtime_include}/collective.h)
set(nacre_has_opencl OFF)
if(TARGET nacre_rt_opencl)
  set(nacre_has_opencl ON)
  list(APPEND nacre_installed nacre_rt_opencl)
  list(APPEND nacre_installed_headers ${nacre_runtime_include}/opencl.h)
endif()
if(TARGET nacre_mpi)
  install(TARGETS nacre_mpi LIBRARY DESTINATION lib)
endif()
install(TARGETS ${nacre_installed} EXPORT NacreTargets
  RUNTIME DESTINATION bin
  ARCHIVE DESTINATION lib)
install(FILES ${nacre_installed_headers} DESTINATION include/nacre)
install(DIRECTORY ${nacre_runtime_include}/../../webgpu/ DESTINATION ${nacre_webgpu_dir}
  FILES_MATCHING PATTERN "*.mjs" PATTERN "*.mts" PATTERN "README.md")
install(EXPORT NacreTargets NAMESPACE Nacre:: DESTINATION ${nacre_package_dir})

configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/NacreConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/NacreConfig.cmake
  INSTALL_DESTINATION ${nacre_package_dir}
  PATH_VARS nacre_webgpu_dir)
if(PROJECT_VERSION)
  set(nacre_package_version ${PROJECT_VERSION})
else()
  set(nacre_package_version 0.1.0)
endif()
write_basic_package_version_file(
  ${CMAKE_CURRENT_BINARY_DIR}/NacreConfigVersion.cmake
  VERSION ${nacre_package_version}
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/NacreConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/NacreConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/NacreAddModel.cmake
  DESTINATION ${nacre_package_dir})
