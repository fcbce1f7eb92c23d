# Optimizers, schedules, the programs of a training step, and random numbers:
# interpreted and compiled for cpu.
nacre_test_executable(nacre_training_tests LIBRARIES NacreDriver NacreAutodiff
  SOURCES main.cpp TrainingRuns.cpp training_optimizers.cpp training_rates.cpp
    training_steps.cpp training_errors.cpp random.cpp)
target_include_directories(nacre_training_tests PRIVATE ${PROJECT_SOURCE_DIR}/lib/Autodiff)
add_test(NAME training COMMAND nacre_training_tests)
