# Index maps and the builder.
nacre_test_executable(nacre_lazy_tests LIBRARIES NacreLazy
  SOURCES main.cpp index_map.cpp build.cpp)
add_test(NAME lazy COMMAND nacre_lazy_tests)
