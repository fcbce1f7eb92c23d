# nacre_add_model(LIBRARY MODEL net.onnx
#                 [TARGET cpu|opencl|wgsl] [NAME c_name] [DIM N=1 ...]
#                 [CPU name] [TRIPLE triple] [OPT -O2] [WEIGHTS embed|file])
#
# Compiles a model at build time into a static library LIBRARY, with the
# generated header on its include path: `#include "NAME.h"`, then NAME_run.
# NAME is LIBRARY unless given, made a C identifier.
#
# The library is rebuilt when the model, a file of weights that the model
# refers to, or the compiler changes. With WEIGHTS file the weights lie beside
# the object; the target property NACRE_WEIGHTS_FILE says where.
#
# TARGET is what to make code for. cpu, the default, is machine code. opencl is
# a library with the same header, whose NAME_run runs on an OpenCL device
# through Nacre::runtime_opencl, which comes with it. wgsl is no library but a
# folder for a browser, made by a custom target. Of both, the property
# NACRE_BUNDLE_FOLDER is the folder with manifest and kernels.
#
# With TRIPLE the library is for another machine, so only the headers of
# Nacre::runtime come with it, not the library, which is for this one.

# The paths in the compiler's depfile are absolute, or relative to the folder
# that the command runs in.
cmake_policy(PUSH)
cmake_policy(VERSION 3.20)

function(nacre_add_model library)
  cmake_parse_arguments(PARSE_ARGV 1 arg ""
    "MODEL;TARGET;NAME;CPU;TRIPLE;OPT;WEIGHTS" "DIM")
  set(where "nacre_add_model(${library})")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${where}: unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(arg_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR
      "${where}: a value is missing after: ${arg_KEYWORDS_MISSING_VALUES}")
  endif()
  if(NOT arg_MODEL)
    message(FATAL_ERROR "${where}: MODEL is missing")
  endif()
  if(NOT DEFINED arg_TARGET)
    set(arg_TARGET cpu)
  endif()
  if(NOT arg_TARGET MATCHES "^(cpu|opencl|wgsl)$")
    message(FATAL_ERROR
      "${where}: TARGET ${arg_TARGET} is not one of cpu, opencl, wgsl")
  endif()
  if(NOT arg_TARGET STREQUAL "cpu" AND (DEFINED arg_CPU OR DEFINED arg_TRIPLE))
    message(FATAL_ERROR
      "${where}: TARGET ${arg_TARGET} has neither CPU nor TRIPLE")
  endif()
  if(arg_TARGET STREQUAL "opencl" AND NOT TARGET Nacre::runtime_opencl)
    message(FATAL_ERROR
      "${where}: TARGET opencl: this Nacre was built without OpenCL")
  endif()
  if(arg_TARGET STREQUAL "wgsl" AND DEFINED arg_WEIGHTS)
    message(FATAL_ERROR "${where}: TARGET wgsl has no WEIGHTS, they are a file")
  endif()
  get_filename_component(model "${arg_MODEL}" ABSOLUTE
    BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
  if(NOT arg_NAME)
    set(arg_NAME "${library}")
  endif()
  string(MAKE_C_IDENTIFIER "${arg_NAME}" name)

  set(folder "${CMAKE_CURRENT_BINARY_DIR}/${library}.nacre")
  set(object "${folder}/${name}.o")
  set(header "${folder}/${name}.h")
  # The first of the outputs is what the compiler's depfile is about.
  if(arg_TARGET STREQUAL "cpu")
    set(outputs "${object}" "${header}")
    set(place "${object}")
    set(weights "${folder}/${name}.safetensors")
  else()
    set(outputs "${folder}/manifest.json")
    set(place "${folder}")
    set(weights "${folder}/weights.safetensors")
  endif()
  if(arg_TARGET STREQUAL "opencl")
    list(APPEND outputs "${folder}/kernels.cl" "${object}" "${header}")
    if(NOT DEFINED arg_WEIGHTS)
      set(arg_WEIGHTS embed)
    endif()
  elseif(arg_TARGET STREQUAL "wgsl")
    list(APPEND outputs "${folder}/kernels.wgsl" "${folder}/model.mjs")
  endif()

  set(options --target "${arg_TARGET}")
  foreach(dim IN LISTS arg_DIM)
    if(NOT dim MATCHES "^.+=[0-9]+$")
      message(FATAL_ERROR "${where}: DIM ${dim} is not NAME=N")
    endif()
    list(APPEND options --dim "${dim}")
  endforeach()
  if(DEFINED arg_CPU)
    list(APPEND options --cpu "${arg_CPU}")
  endif()
  if(DEFINED arg_TRIPLE)
    list(APPEND options --triple "${arg_TRIPLE}")
  endif()
  if(DEFINED arg_OPT)
    if(NOT arg_OPT MATCHES "^-O[0-3]$")
      message(FATAL_ERROR "${where}: OPT ${arg_OPT} is not one of -O0 to -O3")
    endif()
    list(APPEND options "${arg_OPT}")
  endif()
  set(byproducts)
  if(DEFINED arg_WEIGHTS)
    if(NOT arg_WEIGHTS MATCHES "^(embed|file)$")
      message(FATAL_ERROR
        "${where}: WEIGHTS ${arg_WEIGHTS} is neither embed nor file")
    endif()
    list(APPEND options --weights "${arg_WEIGHTS}")
    if(arg_WEIGHTS STREQUAL "file")
      set(byproducts BYPRODUCTS "${weights}")
    endif()
  endif()

  file(MAKE_DIRECTORY "${folder}")
  add_custom_command(
    OUTPUT ${outputs}
    ${byproducts}
    COMMAND Nacre::nacre compile "${model}" -o "${place}" --name "${name}"
            --depfile "${folder}/${name}.d" ${options}
    DEPENDS "${model}" "$<TARGET_FILE:Nacre::nacre>"
    DEPFILE "${folder}/${name}.d"
    COMMENT "Compiling ${arg_MODEL} with nacre for ${arg_TARGET}"
    VERBATIM)

  if(arg_TARGET STREQUAL "wgsl")
    add_custom_target(${library} ALL DEPENDS ${outputs})
    set_target_properties(${library} PROPERTIES NACRE_BUNDLE_FOLDER "${folder}")
    return()
  endif()
  add_library(${library} STATIC "${object}" "${header}")
  set_source_files_properties("${object}" PROPERTIES
    EXTERNAL_OBJECT TRUE GENERATED TRUE)
  set_target_properties(${library} PROPERTIES LINKER_LANGUAGE C)
  target_include_directories(${library} INTERFACE "${folder}")
  if(arg_TARGET STREQUAL "opencl")
    target_link_libraries(${library} INTERFACE Nacre::runtime_opencl)
    set_target_properties(${library} PROPERTIES NACRE_BUNDLE_FOLDER "${folder}")
  elseif(DEFINED arg_TRIPLE)
    target_include_directories(${library} INTERFACE
      $<TARGET_PROPERTY:Nacre::runtime,INTERFACE_INCLUDE_DIRECTORIES>)
  else()
    target_link_libraries(${library} INTERFACE Nacre::runtime)
  endif()
  if(byproducts)
    set_target_properties(${library} PROPERTIES
      NACRE_WEIGHTS_FILE "${weights}")
  endif()
endfunction()

cmake_policy(POP)
