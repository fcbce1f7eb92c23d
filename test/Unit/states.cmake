# States that are updated in their own buffer, compiled for the processor.
nacre_test_executable(nacre_states_tests LIBRARIES NacreDriver
  SOURCES main.cpp states.cpp)
add_test(NAME states COMMAND nacre_states_tests)
