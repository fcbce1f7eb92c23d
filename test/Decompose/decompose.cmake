# Decomposed code against what it stands for: target nacre_decompose.
add_executable(nacre_decompose
  ${CMAKE_CURRENT_LIST_DIR}/Compiled.cpp
  ${CMAKE_CURRENT_LIST_DIR}/decompose_numbers.cpp)
target_link_libraries(nacre_decompose PRIVATE NacreDriver)
target_include_directories(nacre_decompose PRIVATE ${PROJECT_SOURCE_DIR}/lib/Codegen)
# The precompiled header is a library's: an executable's default is -fPIE.
target_compile_options(nacre_decompose PRIVATE -fPIC)
target_precompile_headers(nacre_decompose REUSE_FROM NacreLazy)
add_test(NAME decompose.numbers COMMAND nacre_decompose)
