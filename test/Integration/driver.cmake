# Tests of the command line and of the artefacts that need no model.
find_package(Python3 COMPONENTS Interpreter REQUIRED)

add_executable(artifact_probe ${CMAKE_CURRENT_LIST_DIR}/artifact_probe.cpp)
target_link_libraries(artifact_probe PRIVATE NacreArtifact)
add_test(NAME integration.artifacts
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/artifacts_test.sh
    $<TARGET_FILE:artifact_probe>
    $<TARGET_PROPERTY:nacre_rt,SOURCE_DIR>/include)

add_test(NAME integration.cli
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/cli_test.py
    $<TARGET_FILE:nacre>)
