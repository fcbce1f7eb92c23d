# lit tests of the dialect and of each pass, and the check that none lacks one.
find_program(NACRE_LIT NAMES lit llvm-lit HINTS ${LLVM_TOOLS_BINARY_DIR} REQUIRED)
configure_file(${CMAKE_CURRENT_LIST_DIR}/lit.site.cfg.py.in
  ${CMAKE_CURRENT_BINARY_DIR}/lit.site.cfg.py @ONLY)
add_test(NAME lit COMMAND ${NACRE_LIT} -sv ${CMAKE_CURRENT_BINARY_DIR})
add_test(NAME lit.passes_have_tests
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/passes_have_tests.sh
    $<TARGET_FILE:nacre-opt> ${CMAKE_CURRENT_LIST_DIR})
