# The parts of nacre train that need no program: order of examples, sums over
# micro-batches and ranks, log, curves.
add_executable(nacre_train_tests
  ${CMAKE_CURRENT_LIST_DIR}/main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/train_batches.cpp
  ${CMAKE_CURRENT_LIST_DIR}/train_history.cpp
  ${CMAKE_CURRENT_LIST_DIR}/train_ranks.cpp
  ${CMAKE_CURRENT_LIST_DIR}/train_onnx.cpp)
target_compile_definitions(nacre_train_tests PRIVATE
  NACRE_DIGITS="${PROJECT_SOURCE_DIR}/models/digits/digits.onnx")
target_link_libraries(nacre_train_tests PRIVATE NacreDriver)
target_include_directories(nacre_train_tests PRIVATE ${PROJECT_SOURCE_DIR}/lib/Driver)
# The precompiled header is a library's: an executable's default is -fPIE.
target_compile_options(nacre_train_tests PRIVATE -fPIC)
target_precompile_headers(nacre_train_tests REUSE_FROM NacreLazy)
add_test(NAME train COMMAND nacre_train_tests)
