# The graph language: what it makes, what it says, and that nothing breaks it.
nacre_test_executable(nacre_graph_tests LIBRARIES NacreFrontend
  SOURCES main.cpp GraphText.cpp graph_layers.cpp graph_programs.cpp
    graph_errors.cpp graph_imports.cpp graph_documents.cpp graph_mutations.cpp)
target_compile_definitions(nacre_graph_tests PRIVATE
  GRAPH_DATA="${CMAKE_CURRENT_LIST_DIR}/Graph"
  NACRE_SOURCE="${PROJECT_SOURCE_DIR}")
add_test(NAME graph COMMAND nacre_graph_tests)
# Extents of ONNX models with open dims.
nacre_test_executable(nacre_extent_tests LIBRARIES NacreFrontend
  SOURCES main.cpp extents.cpp)
target_include_directories(nacre_extent_tests PRIVATE ${PROJECT_SOURCE_DIR}/lib/Frontend)
add_test(NAME extents COMMAND nacre_extent_tests)
