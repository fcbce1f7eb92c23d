# nacre_add_model(TARGET MODEL net.onnx
#                 [NAME c_name] [DIM N=1 ...] [CPU name] [TRIPLE triple]
#                 [OPT -O2] [WEIGHTS embed|file])
#
# Compiles a model at build time into a static library TARGET, with the
# generated header on its include path: `#include "NAME.h"`, then NAME_run.
# NAME is TARGET unless given, made a C identifier.
#
# The library is rebuilt when the model, a file of weights that the model
# refers to, or the compiler changes. With WEIGHTS file the weights lie beside
# the object; the target's property NACRE_WEIGHTS_FILE says where.
#
# With TRIPLE the library is for another machine, so only the headers of
# Nacre::runtime come with it, not the library, which is for this one.

# The paths in the compiler's depfile are absolute, or relative to the folder
# that the command runs in.
cmake_policy(PUSH)
cmake_policy(VERSION 3.20)

function(nacre_add_model target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "MODEL;NAME;CPU;TRIPLE;OPT;WEIGHTS"
    "DIM")
  set(where "nacre_add_model(${target})")
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
  get_filename_component(model "${arg_MODEL}" ABSOLUTE
    BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
  if(NOT arg_NAME)
    set(arg_NAME "${target}")
  endif()
  string(MAKE_C_IDENTIFIER "${arg_NAME}" name)

  set(folder "${CMAKE_CURRENT_BINARY_DIR}/${target}.nacre")
  set(object "${folder}/${name}.o")
  set(header "${folder}/${name}.h")
  set(weights "${folder}/${name}.safetensors")
  set(options)
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
    OUTPUT "${object}" "${header}"
    ${byproducts}
    COMMAND Nacre::nacre compile "${model}" -o "${object}"
            --depfile "${folder}/${name}.d" ${options}
    DEPENDS "${model}" "$<TARGET_FILE:Nacre::nacre>"
    DEPFILE "${folder}/${name}.d"
    COMMENT "Compiling ${arg_MODEL} with nacre"
    VERBATIM)

  add_library(${target} STATIC "${object}" "${header}")
  set_source_files_properties("${object}" PROPERTIES
    EXTERNAL_OBJECT TRUE GENERATED TRUE)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
  target_include_directories(${target} INTERFACE "${folder}")
  if(DEFINED arg_TRIPLE)
    target_include_directories(${target} INTERFACE
      $<TARGET_PROPERTY:Nacre::runtime,INTERFACE_INCLUDE_DIRECTORIES>)
  else()
    target_link_libraries(${target} INTERFACE Nacre::runtime)
  endif()
  if(byproducts)
    set_target_properties(${target} PROPERTIES
      NACRE_WEIGHTS_FILE "${weights}")
  endif()
endfunction()

cmake_policy(POP)
