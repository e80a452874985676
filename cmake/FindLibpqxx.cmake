# Finds libpqxx 6, which brings no CMake package in Debian 12. Defines Libpqxx::Libpqxx; libpq is found apart, with
# CMake's own FindPostgreSQL.
find_path(Libpqxx_INCLUDE_DIR pqxx/connection)
find_library(Libpqxx_LIBRARY pqxx)
mark_as_advanced(Libpqxx_INCLUDE_DIR Libpqxx_LIBRARY)

if(Libpqxx_INCLUDE_DIR AND EXISTS "${Libpqxx_INCLUDE_DIR}/pqxx/version.hxx")
    file(STRINGS "${Libpqxx_INCLUDE_DIR}/pqxx/version.hxx" _libpqxx_version REGEX "define PQXX_VERSION \"")
    string(REGEX REPLACE ".*\"([0-9.]+).*" "\\1" Libpqxx_VERSION "${_libpqxx_version}")
    unset(_libpqxx_version)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libpqxx REQUIRED_VARS Libpqxx_LIBRARY Libpqxx_INCLUDE_DIR
    VERSION_VAR Libpqxx_VERSION HANDLE_VERSION_RANGE)

if(Libpqxx_FOUND AND NOT TARGET Libpqxx::Libpqxx)
    add_library(Libpqxx::Libpqxx UNKNOWN IMPORTED)
    set_target_properties(Libpqxx::Libpqxx PROPERTIES IMPORTED_LOCATION "${Libpqxx_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${Libpqxx_INCLUDE_DIR}")
endif()
