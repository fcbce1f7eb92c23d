# Gradients against differences: target nacre_gradients.
nacre_test_executable(nacre_gradients LIBRARIES NacreDriver
  SOURCES Gradients.cpp gradients_main.cpp gradients_primitives.cpp
    gradients_contract.cpp gradients_layers.cpp)
# It compiles as the driver does, through the driver's own classes.
target_include_directories(nacre_gradients PRIVATE ${PROJECT_SOURCE_DIR}/lib/Driver)

add_test(NAME autodiff.gradients COMMAND nacre_gradients)
set_tests_properties(autodiff.gradients PROPERTIES TIMEOUT 600 PROCESSORS 2)

# Losses of whole trainings against PyTorch's, which are kept beside the script
# that made them.
foreach(mode pytorch threads opencl)
  set(name train.${mode})
  if(mode STREQUAL pytorch)
    set(name train.pytorch_losses)
  endif()
  add_test(NAME ${name}
    COMMAND ${PROJECT_SOURCE_DIR}/test/Integration/with_oracles.sh
      ${CMAKE_CURRENT_LIST_DIR}/pytorch_losses.py $<TARGET_FILE:nacre> ${mode})
  set_tests_properties(${name} PROPERTIES TIMEOUT 900 SKIP_RETURN_CODE 77)
endforeach()
