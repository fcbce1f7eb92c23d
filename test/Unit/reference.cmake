# Tensors, the weight store and the interpreter.
add_executable(nacre_reference_tests
  ${CMAKE_CURRENT_LIST_DIR}/main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/InterpretText.cpp
  ${CMAKE_CURRENT_LIST_DIR}/reference_elementwise.cpp
  ${CMAKE_CURRENT_LIST_DIR}/reference_cast.cpp
  ${CMAKE_CURRENT_LIST_DIR}/reference_reduce.cpp
  ${CMAKE_CURRENT_LIST_DIR}/reference_contract.cpp
  ${CMAKE_CURRENT_LIST_DIR}/reference_views.cpp
  ${CMAKE_CURRENT_LIST_DIR}/reference_program.cpp
  ${CMAKE_CURRENT_LIST_DIR}/reference_constant.cpp
  ${CMAKE_CURRENT_LIST_DIR}/tensor.cpp
  ${CMAKE_CURRENT_LIST_DIR}/weight_store.cpp)
target_link_libraries(nacre_reference_tests PRIVATE NacreReference)
# The precompiled header is a library's: an executable's default is -fPIE.
target_compile_options(nacre_reference_tests PRIVATE -fPIC)
target_precompile_headers(nacre_reference_tests REUSE_FROM NacreLazy)
add_test(NAME reference COMMAND nacre_reference_tests)
# Under AddressSanitizer, too, a tensor that cannot be allocated is an error.
set_tests_properties(reference PROPERTIES
  ENVIRONMENT "ASAN_OPTIONS=allocator_may_return_null=1")
