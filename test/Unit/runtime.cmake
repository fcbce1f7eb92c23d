# Unit tests of the C runtime: target nacre_runtime_tests, test of the same name.
# include() this where nacre_rt and nacre_rt_main exist.
find_package(Catch2 REQUIRED)

add_executable(nacre_runtime_tests
  ${CMAKE_CURRENT_LIST_DIR}/runtime_main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/runtime_faults.cpp
  ${CMAKE_CURRENT_LIST_DIR}/runtime_core.cpp
  ${CMAKE_CURRENT_LIST_DIR}/runtime_executor.cpp
  ${CMAKE_CURRENT_LIST_DIR}/runtime_npy.cpp
  ${CMAKE_CURRENT_LIST_DIR}/runtime_onnx_tensor.cpp
  ${CMAKE_CURRENT_LIST_DIR}/runtime_safetensors.cpp
  ${CMAKE_CURRENT_LIST_DIR}/runtime_report.cpp
  ${CMAKE_CURRENT_LIST_DIR}/runtime_strings.cpp
  ${CMAKE_CURRENT_LIST_DIR}/runtime_training.cpp
  ${CMAKE_CURRENT_LIST_DIR}/runtime_program.cpp)
# The report is private to the executable's main; its ranking is tested alone.
target_include_directories(nacre_runtime_tests PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/../../runtime/src)
target_compile_features(nacre_runtime_tests PRIVATE cxx_std_20)
if(TARGET Catch2::Catch2WithMain)
  target_link_libraries(nacre_runtime_tests PRIVATE Catch2::Catch2WithMain)
else()
  target_link_libraries(nacre_runtime_tests PRIVATE Catch2::Catch2)
endif()
target_link_libraries(nacre_runtime_tests PRIVATE nacre_rt_main nacre_rt)
foreach(call malloc calloc realloc aligned_alloc free open close fstat read
             write fsync rename mmap pthread_create)
  target_link_options(nacre_runtime_tests PRIVATE LINKER:--wrap=${call})
endforeach()

# A model written by hand as a standalone executable, weights inside and beside.
foreach(fixture nacre_fixture nacre_fixture_side)
  add_executable(${fixture} ${CMAKE_CURRENT_LIST_DIR}/runtime_fixture.c)
  target_link_libraries(${fixture} PRIVATE nacre_rt_main nacre_rt)
  add_dependencies(nacre_runtime_tests ${fixture})
endforeach()
target_compile_definitions(nacre_fixture_side PRIVATE NACRE_SIDE_WEIGHTS)
target_compile_definitions(nacre_runtime_tests PRIVATE
  NACRE_FIXTURE="$<TARGET_FILE:nacre_fixture>"
  NACRE_FIXTURE_SIDE="$<TARGET_FILE:nacre_fixture_side>")

add_test(NAME nacre_runtime_tests COMMAND nacre_runtime_tests)
