# Everything comes from Debian's packages (scripts/setup). Headers are SYSTEM so that our warnings stay errors.
include(library_dependencies)
find_package(Boost 1.74 REQUIRED COMPONENTS unit_test_framework program_options)
find_package(spdlog REQUIRED)

warren_import(CAF::io caf_io caf/io/all.hpp)
warren_import(CAF::openssl caf_openssl caf/openssl/all.hpp)
target_link_libraries(CAF::io INTERFACE CAF::core)
target_link_libraries(CAF::openssl INTERFACE CAF::io OpenSSL::SSL)
