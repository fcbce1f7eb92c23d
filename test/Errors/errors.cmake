# What nacre says of wrong models and wrong data, to the letter.
find_package(Python3 COMPONENTS Interpreter REQUIRED)
add_test(NAME errors
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/errors_test.py
    $<TARGET_FILE:nacre>)
