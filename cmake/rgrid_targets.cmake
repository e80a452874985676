# How the project's own targets are made. Warnings are strict for us and never exported to users.

find_program(RGRID_CCACHE ccache)
if(RGRID_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${RGRID_CCACHE}")
endif()

function(rgrid_warnings target)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor
        -Woverloaded-virtual -Wno-missing-field-initializers $<$<BOOL:${RGRID_WERROR}>:-Werror>)
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
    install(TARGETS rgrid_${name} EXPORT rgrid_targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

# rgrid_program(NAME FOLDER targets...): an installed program from all sources of a folder.
function(rgrid_program name folder)
    file(GLOB sources CONFIGURE_DEPENDS "${folder}/*.cpp")
    if(NOT sources)
        message(STATUS "rgrid: ${name} is not built: no sources in ${folder}")
        return()
    endif()
    string(REPLACE "-" "_" target "${name}_program")
    add_executable(${target} ${sources})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
    target_link_libraries(${target} PRIVATE ${ARGN})
    rgrid_warnings(${target})
    install(TARGETS ${target} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()
