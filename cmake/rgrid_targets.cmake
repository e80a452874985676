# How the project's own targets are made. Warnings are strict for us and never exported to users.

find_program(RGRID_CCACHE ccache)
if(RGRID_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${RGRID_CCACHE}")
endif()

set(rgrid_warning_flags -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
    -Wno-missing-field-initializers)
if(RGRID_WERROR)
    list(APPEND rgrid_warning_flags -Werror)
endif()
# In a unity build g++ takes the sources that it includes for headers, whose unnamed namespaces would be a mistake.
set(rgrid_unity_flags $<$<AND:$<BOOL:${CMAKE_UNITY_BUILD}>,$<CXX_COMPILER_ID:GNU>>:-Wno-subobject-linkage>)

function(rgrid_warnings target)
    target_compile_options(${target} PRIVATE ${rgrid_warning_flags} ${rgrid_unity_flags})
endfunction()

# So that a fuzzer sees which ways its inputs have taken through a library.
function(rgrid_seen_by_fuzzers target)
    if(RGRID_BUILD_FUZZERS)
        target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
endfunction()

# rgrid_library_sources(VARIABLE FOLDER): the sources of a folder. A static library needs at least one, also when all of
# its code is in headers.
function(rgrid_library_sources variable folder)
    file(GLOB sources CONFIGURE_DEPENDS "${folder}/*.cpp")
    if(NOT sources)
        string(MAKE_C_IDENTIFIER "${folder}" name)
        set(sources "${PROJECT_BINARY_DIR}/generated/${name}.cpp")
        file(CONFIGURE OUTPUT "${sources}" CONTENT "// The code of this library is in its headers.\n")
    endif()
    set(${variable} ${sources} PARENT_SCOPE)
endfunction()

# rgrid_library(NAME FOLDER [PUBLIC targets...] [PRIVATE targets...]): the static library rgrid::NAME of src/FOLDER.
function(rgrid_library name folder)
    cmake_parse_arguments(arg "" "" "PUBLIC;PRIVATE" ${ARGN})
    rgrid_library_sources(sources "${PROJECT_SOURCE_DIR}/src/${folder}")
    add_library(rgrid_${name} STATIC ${sources})
    add_library(rgrid::${name} ALIAS rgrid_${name})
    set_target_properties(rgrid_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
    target_include_directories(rgrid_${name} PRIVATE "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(rgrid_${name} PUBLIC rgrid::core ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
    rgrid_warnings(rgrid_${name})
    rgrid_seen_by_fuzzers(rgrid_${name})
    install(TARGETS rgrid_${name} EXPORT rgrid_targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

# rgrid_version_source(VARIABLE VERSION): the source that tells a program its version.
function(rgrid_version_source variable program_version)
    set(source "${PROJECT_BINARY_DIR}/generated/version-${program_version}.cpp")
    configure_file("${PROJECT_SOURCE_DIR}/examples/app/version.cpp.in" "${source}" @ONLY)
    set(${variable} "${source}" PARENT_SCOPE)
endfunction()

# rgrid_program_of_version(TARGET OBJECTS NAME VERSION FOLDER): the objects of a program, linked as one of that version.
function(rgrid_program_of_version target objects name version folder)
    rgrid_version_source(source "${version}")
    add_executable(${target} "${source}")
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/examples")
    target_link_libraries(${target} PRIVATE ${objects})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY "${folder}")
    rgrid_warnings(${target})
endfunction()

# rgrid_program(NAME FOLDER targets...): an installed program from all sources of a folder. With tests there is a second
# one in bin/next, the same but for its version, for tests of upgrades.
function(rgrid_program name folder)
    file(GLOB sources CONFIGURE_DEPENDS "${folder}/*.cpp")
    if(NOT sources)
        message(STATUS "rgrid: ${name} is not built: no sources in ${folder}")
        return()
    endif()
    string(REPLACE "-" "_" target "${name}_program")
    add_library(${target}_objects OBJECT ${sources})
    target_include_directories(${target}_objects PRIVATE "${PROJECT_SOURCE_DIR}/examples")
    target_link_libraries(${target}_objects PUBLIC ${ARGN})
    rgrid_warnings(${target}_objects)
    rgrid_program_of_version(${target} ${target}_objects ${name} "${PROJECT_VERSION}" "${PROJECT_BINARY_DIR}/bin")
    install(TARGETS ${target} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    if(RGRID_BUILD_TESTS)
        rgrid_program_of_version(${target}_next ${target}_objects ${name} "${PROJECT_VERSION}-next"
            "${PROJECT_BINARY_DIR}/bin/next")
    endif()
endfunction()
