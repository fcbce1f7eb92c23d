# The parts of nacre train that need no program: order of examples, sums over
# micro-batches and ranks, log, curves.
nacre_test_executable(nacre_train_tests LIBRARIES NacreDriver
  SOURCES main.cpp train_batches.cpp train_history.cpp train_ranks.cpp
    train_onnx.cpp)
target_compile_definitions(nacre_train_tests PRIVATE
  NACRE_DIGITS="${PROJECT_SOURCE_DIR}/models/digits/digits.onnx")
target_include_directories(nacre_train_tests PRIVATE ${PROJECT_SOURCE_DIR}/lib/Driver)
add_test(NAME train COMMAND nacre_train_tests)
