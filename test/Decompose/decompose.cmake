# Decomposed code against what it stands for: target nacre_decompose.
nacre_test_executable(nacre_decompose LIBRARIES NacreDriver
  SOURCES Compiled.cpp decompose_numbers.cpp)
target_include_directories(nacre_decompose PRIVATE ${PROJECT_SOURCE_DIR}/lib/Codegen)
add_test(NAME decompose.numbers COMMAND nacre_decompose)
