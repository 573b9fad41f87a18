# What the libraries need, for this build and for projects that find them installed (cmake/WarrenConfig.cmake).
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Protobuf REQUIRED)
find_package(nlohmann_json REQUIRED)

# Debian's libcaf-dev 0.17.6, libleveldb-dev and libre2-dev have no (usable) CMake config: imported targets of our own.
function(warren_import target library header)
  if(TARGET ${target})
    return()
  endif()
  find_path(${library}_INCLUDE_DIR ${header} REQUIRED)
  find_library(${library}_LIBRARY NAMES ${library} REQUIRED)
  add_library(${target} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION "${${library}_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${${library}_INCLUDE_DIR}")
endfunction()
warren_import(CAF::core caf_core caf/all.hpp)
warren_import(leveldb::leveldb leveldb leveldb/db.h)
warren_import(re2::re2 re2 re2/re2.h)
target_link_libraries(CAF::core INTERFACE Threads::Threads)
