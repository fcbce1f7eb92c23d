# Tensors, the weight store and the interpreter.
nacre_test_executable(nacre_reference_tests LIBRARIES NacreReference
  SOURCES main.cpp InterpretText.cpp reference_elementwise.cpp
    reference_cast.cpp reference_reduce.cpp reference_contract.cpp
    reference_views.cpp reference_program.cpp reference_constant.cpp tensor.cpp
    weight_store.cpp)
add_test(NAME reference COMMAND nacre_reference_tests)
# Under AddressSanitizer, too, a tensor that cannot be allocated is an error.
set_tests_properties(reference PROPERTIES
  ENVIRONMENT "ASAN_OPTIONS=allocator_may_return_null=1")
