# Index maps and the builder.
add_executable(nacre_lazy_tests
  ${CMAKE_CURRENT_LIST_DIR}/main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/index_map.cpp
  ${CMAKE_CURRENT_LIST_DIR}/build.cpp)
target_link_libraries(nacre_lazy_tests PRIVATE NacreLazy)
# The precompiled header is a library's: an executable's default is -fPIE.
target_compile_options(nacre_lazy_tests PRIVATE -fPIC)
target_precompile_headers(nacre_lazy_tests REUSE_FROM NacreLazy)
add_test(NAME lazy COMMAND nacre_lazy_tests)
