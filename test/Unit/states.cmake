# States that are updated in their own buffer, compiled for the processor.
add_executable(nacre_states_tests
  ${CMAKE_CURRENT_LIST_DIR}/main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/states.cpp)
target_link_libraries(nacre_states_tests PRIVATE NacreDriver)
target_compile_options(nacre_states_tests PRIVATE -fPIC)
target_precompile_headers(nacre_states_tests REUSE_FROM NacreLazy)
add_test(NAME states COMMAND nacre_states_tests)
