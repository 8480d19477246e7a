# find_package(wasmbuild) gives wasmbuild_project() and wasmbuild_add_module(): WebAssembly, precompiled for Wasmtime, as
# targets of CMake. They are described in docs/build-systems.md of wasmbuild.
cmake_minimum_required(VERSION 3.21...4.0)

# What a user named stays. What was found is looked for again where another environment has this file by now, or where its
# own is gone, such as one that pip made to build a wheel.
if("${WASMBUILD_EXECUTABLE}" STREQUAL "${_WASMBUILD_FOUND}"
   AND NOT (EXISTS "${WASMBUILD_EXECUTABLE}" AND "${CMAKE_CURRENT_LIST_DIR}" STREQUAL "${_WASMBUILD_FOUND_BY}"))
  unset(WASMBUILD_EXECUTABLE CACHE)
endif()
set(_wasmbuild_named "${WASMBUILD_EXECUTABLE}")
# The environment that has this file, as pip lays it out, comes before PATH. A relative path that is named gets absolute.
find_program(WASMBUILD_EXECUTABLE wasmbuild
  HINTS "${CMAKE_CURRENT_LIST_DIR}/../../../../../bin" "${CMAKE_CURRENT_LIST_DIR}/../../../../Scripts"
  DOC "The wasmbuild command"
  NO_CMAKE_FIND_ROOT_PATH)
if(NOT WASMBUILD_EXECUTABLE)
  set(wasmbuild_FOUND FALSE)
  set(wasmbuild_NOT_FOUND_MESSAGE
    "the command wasmbuild is not on PATH; pip install 'wasmbuild[cross]', or name it: -DWASMBUILD_EXECUTABLE=/path/to/wasmbuild")
  return()
endif()
if(NOT EXISTS "${WASMBUILD_EXECUTABLE}" OR IS_DIRECTORY "${WASMBUILD_EXECUTABLE}")
  set(wasmbuild_FOUND FALSE)
  string(CONCAT wasmbuild_NOT_FOUND_MESSAGE
    "WASMBUILD_EXECUTABLE is \"${WASMBUILD_EXECUTABLE}\", which is no file; name the command, "
    "-DWASMBUILD_EXECUTABLE=/path/to/wasmbuild, or have it found, -UWASMBUILD_EXECUTABLE")
  return()
endif()
if(NOT _wasmbuild_named)
  set(_WASMBUILD_FOUND "${WASMBUILD_EXECUTABLE}" CACHE INTERNAL "The command that was found, and not named")
  set(_WASMBUILD_FOUND_BY "${CMAKE_CURRENT_LIST_DIR}" CACHE INTERNAL "The directory of the package that found it")
endif()

# wasmbuild_project(NAME [CONFIG FILE] [TARGETS GLOB...] [FOR TRIPLE] [SOURCES MODULE=PATH...]
#                   [DESTINATION DIR [COMPONENT NAME]])
#
# A target NAME, part of `all`, that makes everything that a wasmbuild.toml declares, in the directory NAME, which is its
# own.
function(wasmbuild_project name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "CONFIG;FOR;DESTINATION;COMPONENT" "TARGETS;SOURCES")
  _wasmbuild_check_arguments(wasmbuild_project)
  _wasmbuild_config()

  set(selected)
  foreach(glob IN LISTS arg_TARGETS)
    list(APPEND selected --target "${glob}")
  endforeach()
  if(arg_FOR)
    list(APPEND selected --for "${arg_FOR}")
  endif()

  set(sources)
  set(planned)
  set(files)
  foreach(source IN LISTS arg_SOURCES)
    if(NOT source MATCHES "^([^=]+)=(.+)$")
      message(FATAL_ERROR "wasmbuild_project(${name}): SOURCES has \"${source}\"; write MODULE=PATH")
    endif()
    set(module "${CMAKE_MATCH_1}")
    _wasmbuild_absolute(file "${CMAKE_MATCH_2}")
    list(APPEND sources --source "${module}=${file}")
    # What is to be built need not be there yet, and a plan reads no source.
    list(APPEND planned --source "${module}=${config}")
    list(APPEND files "${file}")
  endforeach()

  set(dir "${CMAKE_CURRENT_BINARY_DIR}/${name}")
  set(private "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${name}.wasmbuild")
  get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
  set(per_configuration)
  if(multi_config AND files MATCHES "\\$<")
    # What another target makes is another file in each configuration.
    set(per_configuration "/$<CONFIG>")
  endif()
  # Subdirectories that are added after this call have their binary directories only then.
  cmake_language(EVAL CODE
    "cmake_language(DEFER CALL _wasmbuild_check_directory
       [=[${name}]=] [=[${config}]=] [=[${dir}]=] [=[${private}]=] [=[${per_configuration}]=])")
  string(APPEND dir "${per_configuration}")
  string(APPEND private "${per_configuration}")

  _wasmbuild_ids(ids ${selected} ${planned})
  set(artifacts)
  foreach(id IN LISTS ids)
    string(REGEX REPLACE "^(.*)@(.*)$" "${dir}/\\2/\\1.cwasm" artifact "${id}")
    list(APPEND artifacts "${artifact}")
  endforeach()

  _wasmbuild_check_depfile("${private}/stamp.d")
  add_custom_command(
    OUTPUT "${private}/stamp"
    COMMAND "${WASMBUILD_EXECUTABLE}" build --quiet --config "${config}" --build-dir "${dir}" --state-dir "${private}"
            --stamp "${private}/stamp" --depfile "${private}/stamp.d" --depfile-for-cmake
            ${selected} ${sources}
    DEPENDS "${config}" ${files}
    DEPFILE "${private}/stamp.d"
    WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
    COMMENT "Precompiling WebAssembly: ${name}"
    ${_wasmbuild_jobs} VERBATIM)
  add_custom_target(${name} ALL DEPENDS "${private}/stamp")
  set_target_properties(${name} PROPERTIES
    WASMBUILD_DIR "${dir}"
    WASMBUILD_STAMP "${private}/stamp"
    WASMBUILD_ARTIFACTS "${artifacts}")
  set_property(DIRECTORY APPEND PROPERTY ADDITIONAL_CLEAN_FILES "${dir}" "${private}")
  if(arg_DESTINATION)
    _wasmbuild_component()
    install(DIRECTORY "${dir}/" DESTINATION "${arg_DESTINATION}" ${component} PATTERN "*.cwasm.json" EXCLUDE)
  endif()
endfunction()

# wasmbuild_add_module(NAME SOURCE FILE TARGET TARGET [MODULE MODULE] [CONFIG FILE] [OUTPUT FILE]
#                      [DESTINATION DIR [COMPONENT NAME]])
#
# A target NAME, part of `all`, that compiles one file for one target of a wasmbuild.toml. It has no manifest, and a record
# where a MODULE is named: a record tells of one.
function(wasmbuild_add_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "CONFIG;SOURCE;TARGET;MODULE;OUTPUT;DESTINATION;COMPONENT" "")
  _wasmbuild_check_arguments(wasmbuild_add_module)
  _wasmbuild_config()
  foreach(needed IN ITEMS SOURCE TARGET)
    if(NOT arg_${needed})
      message(FATAL_ERROR "wasmbuild_add_module(${name}): ${needed} is missing")
    endif()
  endforeach()
  _wasmbuild_absolute(source "${arg_SOURCE}")
  get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
  set(per_configuration)
  if(multi_config AND source MATCHES "\\$<")
    set(per_configuration "/$<CONFIG>")
  endif()
  if(NOT arg_OUTPUT)
    set(arg_OUTPUT "${CMAKE_CURRENT_BINARY_DIR}${per_configuration}/${name}.cwasm")
  endif()
  cmake_path(ABSOLUTE_PATH arg_OUTPUT BASE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}" NORMALIZE OUTPUT_VARIABLE output)
  set(options)
  set(record)
  if(arg_MODULE)
    set(record "${output}.json")
    list(APPEND options --module "${arg_MODULE}" --record "${record}")
  endif()
  if(CMAKE_GENERATOR MATCHES "^Ninja")
    # Its rules for custom commands have restat.
    list(APPEND options --restat)
  endif()
  set(depfile "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles${per_configuration}/${name}.wasmbuild.d")

  _wasmbuild_check_depfile("${depfile}")
  add_custom_command(
    OUTPUT "${output}"
    BYPRODUCTS ${record}
    COMMAND "${WASMBUILD_EXECUTABLE}" compile "${source}" --config "${config}" --target "${arg_TARGET}" ${options}
            -o "${output}" --depfile "${depfile}" --depfile-for-cmake
    DEPENDS "${source}" "${config}"
    DEPFILE "${depfile}"
    WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
    COMMENT "Precompiling WebAssembly: ${name}"
    ${_wasmbuild_jobs} VERBATIM)
  add_custom_target(${name} ALL DEPENDS "${output}")
  set_target_properties(${name} PROPERTIES WASMBUILD_ARTIFACTS "${output}")
  set_property(DIRECTORY APPEND PROPERTY ADDITIONAL_CLEAN_FILES "${depfile}" ${record})
  if(arg_DESTINATION)
    _wasmbuild_component()
    install(FILES "${output}" DESTINATION "${arg_DESTINATION}" ${component})
  endif()
endfunction()

# One thread of a compiler for each token of a jobserver, where CMake can hand it down.
set(_wasmbuild_jobs)
if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.28)
  set(_wasmbuild_jobs JOB_SERVER_AWARE TRUE)
endif()

macro(_wasmbuild_check_arguments function)
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${function}(${name}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(arg_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "${function}(${name}): these have no value: ${arg_KEYWORDS_MISSING_VALUES}")
  endif()
endmacro()

# Refuse a directory with anything of others: `clean` removes it whole, and all that is in it would be installed.
function(_wasmbuild_check_directory name config dir private per_configuration)
  file(GLOB others RELATIVE "${dir}" "${dir}/*")
  file(GLOB made "${dir}/index.json" "${dir}/*/index.json")
  cmake_path(IS_PREFIX dir "${config}" has_config)
  if(has_config OR EXISTS "${dir}/CMakeFiles" OR (others AND NOT made AND NOT EXISTS "${private}"))
    list(JOIN others ", " others)
    message(FATAL_ERROR "wasmbuild_project(${name}): \"${dir}\" is for artifacts alone, and `clean` removes it, but "
                        "something else is there: ${others}; take another NAME, or where the build directory is the "
                        "source directory, another one of these (cmake -B build)")
  endif()
  file(GLOB other "${dir}/*/index.json")
  if(other AND NOT per_configuration)
    list(TRANSFORM other REPLACE "/index.json$" "\"")
    list(TRANSFORM other PREPEND "\"")
    list(JOIN other " " other)
    message(FATAL_ERROR "wasmbuild_project(${name}): there are artifacts of configurations that had directories of "
                        "their own, and they would be installed along; remove them: cmake -E rm -r ${other}")
  endif()
endfunction()

# Set `config` to the declaration's absolute path, and configure again when it changes.
macro(_wasmbuild_config)
  if(NOT arg_CONFIG)
    set(arg_CONFIG wasmbuild.toml)
  endif()
  _wasmbuild_absolute(config "${arg_CONFIG}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${config}")
endmacro()

# Refuse a path that no depfile can name: what a depfile is of lies beside it.
macro(_wasmbuild_check_depfile depfile)
  if("${depfile}" MATCHES "[=|]")
    message(FATAL_ERROR "${CMAKE_CURRENT_FUNCTION}(${name}): \"${depfile}\" has = or | in its path, which no depfile "
                        "can name; choose another build directory (cmake -B)")
  endif()
endmacro()

macro(_wasmbuild_component)
  set(component)
  if(arg_COMPONENT)
    set(component COMPONENT "${arg_COMPONENT}")
  endif()
endmacro()

# Make a path absolute, from the current source directory, unless a generator expression will tell it.
function(_wasmbuild_absolute variable path)
  if(NOT path MATCHES "^\\$<")
    cmake_path(ABSOLUTE_PATH path BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
  endif()
  set(${variable} "${path}" PARENT_SCOPE)
endfunction()

# Set a variable to the ids of the artifacts that are declared and selected; a mistake in the declaration ends CMake here.
macro(_wasmbuild_ids variable)
  execute_process(
    COMMAND "${WASMBUILD_EXECUTABLE}" plan --lines --config "${config}" ${ARGN}
    WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
    OUTPUT_VARIABLE lines ERROR_VARIABLE problem RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    # Of what cannot be started, and what a signal ended, CMake tells the reason in the place of a number.
    if(NOT status MATCHES "^-?[0-9]+$" OR problem MATCHES "^[ \r\n]*$")
      string(REGEX REPLACE "^-?[0-9]+$" "exit status \\0" status "${status}")
      string(APPEND problem "\"${WASMBUILD_EXECUTABLE}\" does not run: ${status}; install wasmbuild there again, or name "
                            "another command: -DWASMBUILD_EXECUTABLE=/path/to/wasmbuild")
    endif()
    string(REPLACE "\n" "\n  " problem "  ${problem}")
    message(FATAL_ERROR "wasmbuild_project(${name}):\n${problem}")
  endif()
  string(REGEX MATCHALL "\n[^\t\n]+\t" ${variable} "\n${lines}")
  list(TRANSFORM ${variable} STRIP)
endmacro()
