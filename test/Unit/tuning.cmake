# What a search of schedules tries, and kernels by their signatures.
nacre_test_executable(nacre_tuning_tests LIBRARIES NacreDriver
  SOURCES main.cpp tuning.cpp)
add_test(NAME tuning COMMAND nacre_tuning_tests)
