# Compiled code against the interpreter: target nacre_differential.
nacre_test_executable(nacre_differential LIBRARIES NacreDriver
  SOURCES Differential.cpp Numbers.cpp differential_main.cpp ../Decompose/Compiled.cpp
    ../Decompose/Kernels.cpp differential_primitives.cpp
    differential_contract.cpp differential_bytes.cpp differential_programs.cpp differential_grids.cpp
    differential_scatter.cpp differential_writes.cpp differential_edges.cpp differential_random.cpp
    random_elements.cpp random_shapes.cpp random_sums.cpp)
# The harness compiles as the driver does, through the driver's own classes.
target_include_directories(nacre_differential PRIVATE
  ${PROJECT_SOURCE_DIR}/lib/Driver ${PROJECT_SOURCE_DIR}/lib/Codegen ${PROJECT_SOURCE_DIR}/lib/Codegen/Cpu)

add_test(NAME codegen.differential COMMAND nacre_differential --random=60 --jobs=2)
set_tests_properties(codegen.differential PROPERTIES TIMEOUT 1200)
# As if caches were small: tails are prefetched, chunks are short.
add_test(NAME codegen.differential.small_cache
  COMMAND nacre_differential --only=random/,bytes/,attention --random=60 --jobs=2 --cache=1024)
set_tests_properties(codegen.differential.small_cache PROPERTIES TIMEOUT 1200)
set(on_devices ${CMAKE_CURRENT_LIST_DIR}/on_devices.sh)
# The same on devices; skipped, with the reason, where there is none.
foreach(target opencl wgsl)
  add_test(NAME codegen.differential.${target} COMMAND ${on_devices}
    $<TARGET_FILE:nacre_differential> --target=${target} --random=12 --jobs=2)
  set_tests_properties(codegen.differential.${target} PROPERTIES
    TIMEOUT 1200 SKIP_RETURN_CODE 77 PROCESSORS 2 ENVIRONMENT NACRE_BUILD_NPM=${NACRE_NPM})
  if(NACRE_FULL_TESTS)
    add_test(NAME codegen.differential.${target}.full COMMAND
      ${on_devices} $<TARGET_FILE:nacre_differential> --target=${target} --random=60 --jobs=2 --full)
    set_tests_properties(codegen.differential.${target}.full PROPERTIES
      TIMEOUT 7200 SKIP_RETURN_CODE 77 PROCESSORS 2 ENVIRONMENT NACRE_BUILD_NPM=${NACRE_NPM})
  endif()
endforeach()
# Their kernels, each against itself decomposed.
add_test(NAME decompose.kernels COMMAND nacre_differential --decompose --random=30 --jobs=2)
set_tests_properties(decompose.kernels PROPERTIES TIMEOUT 1200)

# Programs that once were wrong, one test each.
file(GLOB programs CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/Programs/*.mlir)
foreach(program ${programs})
  get_filename_component(name ${program} NAME_WE)
  add_test(NAME codegen.program.${name} COMMAND nacre_differential --file=${program})
  foreach(target opencl wgsl)
    add_test(NAME codegen.program.${name}.${target} COMMAND
      ${on_devices} $<TARGET_FILE:nacre_differential> --target=${target} --file=${program})
    set_tests_properties(codegen.program.${name}.${target} PROPERTIES
      SKIP_RETURN_CODE 77 ENVIRONMENT NACRE_BUILD_NPM=${NACRE_NPM})
  endforeach()
endforeach()
