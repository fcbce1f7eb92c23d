# Whole programs and networks.
add_test(NAME integration.consumer
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/consumer_test.sh ${PROJECT_BINARY_DIR} ${CMAKE_GENERATOR})
add_test(NAME integration.object_properties
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/object_properties.sh
    $<TARGET_FILE:nacre> $<TARGET_PROPERTY:nacre_rt,SOURCE_DIR>/include)
add_test(NAME integration.real_networks
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/real_networks.sh $<TARGET_FILE:nacre>)
set_tests_properties(integration.object_properties integration.real_networks
  PROPERTIES TIMEOUT 1800)
if(NACRE_FULL_TESTS)
  set(full --full)
endif()
# The targets besides cpu. What their devices and tools are, tools/test.sh says;
# where they are missing the tests say so, or are skipped.
find_package(Python3 COMPONENTS Interpreter REQUIRED)
add_test(NAME integration.targets_cli
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/targets_cli.py $<TARGET_FILE:nacre>)
add_test(NAME integration.targets
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/targets.py $<TARGET_FILE:nacre> ${full})
set_tests_properties(integration.targets PROPERTIES
  ENVIRONMENT "NACRE_BUILD_NPM=${NACRE_NPM}" TIMEOUT 1800)
if(NACRE_FULL_TESTS)
  set_tests_properties(integration.targets PROPERTIES TIMEOUT 7200)
endif()
if(TARGET nacre_rt_opencl)
  foreach(test one_program oclgrind_test)
    string(REPLACE _test "" name ${test})
    add_test(NAME integration.${name}
      COMMAND ${CMAKE_CURRENT_LIST_DIR}/${test}.sh $<TARGET_FILE:nacre>
        $<TARGET_PROPERTY:nacre_rt,SOURCE_DIR>/include
        $<TARGET_FILE_DIR:nacre_rt_opencl> ${OpenCL_LIBRARY})
    set_tests_properties(integration.${name} PROPERTIES
      SKIP_RETURN_CODE 77 TIMEOUT 1800)
  endforeach()
endif()
add_test(NAME integration.onnx_suite
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
    ${CMAKE_CURRENT_LIST_DIR}/onnx_suite.py $<TARGET_FILE:nacre> ${full})
set_tests_properties(integration.onnx_suite PROPERTIES TIMEOUT 3600)
add_test(NAME integration.onnx_suite_interpreter
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
    ${CMAKE_CURRENT_LIST_DIR}/onnx_suite.py $<TARGET_FILE:nacre> --target interpreter ${full})
set_tests_properties(integration.onnx_suite_interpreter PROPERTIES TIMEOUT 3600)
add_test(NAME integration.benchmark_scripts
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
    ${PROJECT_SOURCE_DIR}/test/Benchmark/scripts_test.py $<TARGET_FILE:nacre>)
add_test(NAME integration.coverage
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
    ${CMAKE_CURRENT_LIST_DIR}/coverage.py $<TARGET_FILE:nacre>)
add_test(NAME integration.onnx_lists
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
    ${CMAKE_CURRENT_LIST_DIR}/onnx_lists.py $<TARGET_FILE:nacre>)
add_test(NAME integration.onnx_strings
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
    ${CMAKE_CURRENT_LIST_DIR}/onnx_strings.py $<TARGET_FILE:nacre>)
set_tests_properties(integration.onnx_strings PROPERTIES
  ENVIRONMENT "NACRE_BUILD_NPM=${NACRE_NPM}")
add_test(NAME integration.onnx_ops
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
    ${CMAKE_CURRENT_LIST_DIR}/onnx_ops.py $<TARGET_FILE:nacre>)
add_test(NAME integration.compile_memory
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
    ${CMAKE_CURRENT_LIST_DIR}/compile_memory.py $<TARGET_FILE:nacre>)
add_test(NAME integration.quantized
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
    ${CMAKE_CURRENT_LIST_DIR}/quantized.py $<TARGET_FILE:nacre>)
add_test(NAME integration.microsoft_ops
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
    ${CMAKE_CURRENT_LIST_DIR}/microsoft_ops.py $<TARGET_FILE:nacre>)
add_test(NAME integration.narrow_types
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
    ${CMAKE_CURRENT_LIST_DIR}/narrow_types.py $<TARGET_FILE:nacre>)
set_tests_properties(integration.narrow_types PROPERTIES
  ENVIRONMENT "NACRE_BUILD_NPM=${NACRE_NPM}")
add_test(NAME integration.generate
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
    ${CMAKE_CURRENT_LIST_DIR}/generate.py $<TARGET_FILE:nacre>)
add_test(NAME integration.bounded_dims
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
    ${CMAKE_CURRENT_LIST_DIR}/bounded_dims.py $<TARGET_FILE:nacre>)
add_test(NAME integration.run_time_numbers
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
    ${CMAKE_CURRENT_LIST_DIR}/run_time_numbers.py $<TARGET_FILE:nacre>)
add_test(NAME integration.attention_groups
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
    ${CMAKE_CURRENT_LIST_DIR}/attention_groups.py $<TARGET_FILE:nacre>)
if(NACRE_FULL_TESTS)
  foreach(target opencl wgsl)
    add_test(NAME integration.onnx_suite_${target}
      COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
        ${CMAKE_CURRENT_LIST_DIR}/onnx_suite.py $<TARGET_FILE:nacre> --full --target ${target})
    set_tests_properties(integration.onnx_suite_${target} PROPERTIES
      ENVIRONMENT "NACRE_BUILD_NPM=${NACRE_NPM}" SKIP_RETURN_CODE 77 TIMEOUT 3600)
  endforeach()
  add_test(NAME integration.onnx_suite_bounded
    COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
      ${CMAKE_CURRENT_LIST_DIR}/onnx_suite.py $<TARGET_FILE:nacre> --full --bounded)
  set_tests_properties(integration.onnx_suite_bounded PROPERTIES TIMEOUT 3600)
  add_test(NAME codegen.differential.full
    COMMAND nacre_differential --only=random/ --seed=1000 --random=2000)
  set_tests_properties(codegen.differential.full PROPERTIES TIMEOUT 7200)
endif()
add_test(NAME integration.onnx_op_numbers
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
    ${CMAKE_CURRENT_LIST_DIR}/onnx_op_numbers.py $<TARGET_FILE:nacre>)
add_test(NAME integration.onnx_export
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/with_oracles.sh
    ${CMAKE_CURRENT_LIST_DIR}/onnx_export.py $<TARGET_FILE:nacre>
    ${PROJECT_SOURCE_DIR}/models/digits)
# Training: the loop, then a network from data to C.
add_test(NAME integration.train
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/train_test.py $<TARGET_FILE:nacre> ${full})
add_test(NAME integration.bench_report
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/bench_report.py $<TARGET_FILE:nacre>)
add_test(NAME integration.long_chains
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/long_chains.py $<TARGET_FILE:nacre>)
add_test(NAME integration.memory
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/memory_test.py
    $<TARGET_FILE:nacre> ${PROJECT_SOURCE_DIR}/models)
add_test(NAME integration.counted_work
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/counted_work.py $<TARGET_FILE:nacre>)
add_test(NAME integration.tune
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/tune_test.py
    $<TARGET_FILE:nacre> ${PROJECT_SOURCE_DIR}/models)
add_test(NAME integration.train_digits
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/train_digits.py
    $<TARGET_FILE:nacre> ${PROJECT_SOURCE_DIR})
add_test(NAME integration.train_text
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/train_text.py
    $<TARGET_FILE:nacre> ${PROJECT_SOURCE_DIR})
add_test(NAME integration.train_resnet
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/train_resnet.py
    $<TARGET_FILE:nacre> ${PROJECT_SOURCE_DIR})
add_test(NAME integration.training_object
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/training_object.sh $<TARGET_FILE:nacre>
    $<TARGET_PROPERTY:nacre_rt,SOURCE_DIR>/include $<TARGET_FILE_DIR:nacre_rt> ${OpenCL_LIBRARY})
set_tests_properties(integration.train integration.train_digits integration.train_text
  integration.train_resnet PROPERTIES TIMEOUT 1800)
# Ranks: skipped where MPI is not there.
find_program(NACRE_MPIRUN mpirun)
if(TARGET nacre_mpi)
  set(mpirun ${NACRE_MPIRUN})
else()
  set(mpirun NACRE_MPIRUN-NOTFOUND)
endif()
foreach(plugin ranks_log ranks_wrong_version)
  add_library(${plugin} MODULE ${CMAKE_CURRENT_LIST_DIR}/ranks_log.c)
  target_include_directories(${plugin} PRIVATE
    $<TARGET_PROPERTY:nacre_rt,SOURCE_DIR>/include)
endforeach()
target_compile_definitions(ranks_wrong_version PRIVATE WRONG_VERSION)
add_test(NAME integration.ranks_overlap
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/ranks_overlap.py
    $<TARGET_FILE:nacre> $<TARGET_FILE:ranks_log> $<TARGET_FILE:ranks_wrong_version>)
add_test(NAME integration.ranks
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/ranks_test.py
    $<TARGET_FILE:nacre> ${mpirun} ${PROJECT_SOURCE_DIR})
set_tests_properties(integration.ranks PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600)
# The generated pages say what the sources say.
add_test(NAME docs.generated COMMAND ${PROJECT_SOURCE_DIR}/docs/generate.sh --check)
