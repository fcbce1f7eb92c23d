# The graph language: what it makes, what it says, and that nothing breaks it.
add_executable(nacre_graph_tests
  ${CMAKE_CURRENT_LIST_DIR}/main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/GraphText.cpp
  ${CMAKE_CURRENT_LIST_DIR}/graph_layers.cpp
  ${CMAKE_CURRENT_LIST_DIR}/graph_programs.cpp
  ${CMAKE_CURRENT_LIST_DIR}/graph_errors.cpp
  ${CMAKE_CURRENT_LIST_DIR}/graph_imports.cpp
  ${CMAKE_CURRENT_LIST_DIR}/graph_documents.cpp
  ${CMAKE_CURRENT_LIST_DIR}/graph_mutations.cpp)
target_link_libraries(nacre_graph_tests PRIVATE NacreFrontend)
target_compile_definitions(nacre_graph_tests PRIVATE
  GRAPH_DATA="${CMAKE_CURRENT_LIST_DIR}/Graph"
  NACRE_SOURCE="${PROJECT_SOURCE_DIR}")
# The precompiled header is a library's: an executable's default is -fPIE.
target_compile_options(nacre_graph_tests PRIVATE -fPIC)
target_precompile_headers(nacre_graph_tests REUSE_FROM NacreLazy)
add_test(NAME graph COMMAND nacre_graph_tests)
