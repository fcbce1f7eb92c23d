# Optimizers, schedules, the programs of a training step, and random numbers:
# interpreted and compiled for cpu.
add_executable(nacre_training_tests
  ${CMAKE_CURRENT_LIST_DIR}/main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/TrainingRuns.cpp
  ${CMAKE_CURRENT_LIST_DIR}/training_optimizers.cpp
  ${CMAKE_CURRENT_LIST_DIR}/training_rates.cpp
  ${CMAKE_CURRENT_LIST_DIR}/training_steps.cpp
  ${CMAKE_CURRENT_LIST_DIR}/training_errors.cpp
  ${CMAKE_CURRENT_LIST_DIR}/random.cpp)
target_link_libraries(nacre_training_tests PRIVATE NacreDriver NacreAutodiff)
target_include_directories(nacre_training_tests PRIVATE ${PROJECT_SOURCE_DIR}/lib/Autodiff)
# The precompiled header is a library's: an executable's default is -fPIE.
target_compile_options(nacre_training_tests PRIVATE -fPIC)
target_precompile_headers(nacre_training_tests REUSE_FROM NacreLazy)
add_test(NAME training COMMAND nacre_training_tests)
