# Gradients against differences: target nacre_gradients.
add_executable(nacre_gradients
  ${CMAKE_CURRENT_LIST_DIR}/Gradients.cpp
  ${CMAKE_CURRENT_LIST_DIR}/gradients_main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/gradients_primitives.cpp
  ${CMAKE_CURRENT_LIST_DIR}/gradients_contract.cpp
  ${CMAKE_CURRENT_LIST_DIR}/gradients_layers.cpp)
target_link_libraries(nacre_gradients PRIVATE NacreDriver)
# It compiles as the driver does, through the driver's own classes.
target_include_directories(nacre_gradients PRIVATE ${PROJECT_SOURCE_DIR}/lib/Driver)
# The precompiled header is a library's: an executable's default is -fPIE.
target_compile_options(nacre_gradients PRIVATE -fPIC)
target_precompile_headers(nacre_gradients REUSE_FROM NacreLazy)

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
