# Index maps and the builder.
nacre_test_executable(nacre_lazy_tests LIBRARIES NacreLazy
  SOURCES main.cpp index_map.cpp build.cpp)
add_test(NAME lazy COMMAND nacre_lazy_tests)
# Wrong attributes of programs with open extents.
nacre_test_executable(nacre_signature_tests LIBRARIES NacreDriver
  SOURCES main.cpp signature_mutations.cpp)
target_include_directories(nacre_signature_tests PRIVATE ${PROJECT_SOURCE_DIR}/lib/Driver)
target_compile_definitions(nacre_signature_tests PRIVATE
  SIGNATURE_DATA="${CMAKE_CURRENT_LIST_DIR}/Signature")
add_test(NAME lazy.signature_mutations COMMAND nacre_signature_tests)
