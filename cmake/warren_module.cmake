# Compile options shared by every target of the project.
add_library(warren_options INTERFACE)
target_compile_options(warren_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror
  -fstack-protector-strong -fno-omit-frame-pointer)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT WARREN_SANITIZE)
  target_compile_options(warren_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
target_link_options(warren_options INTERFACE -Wl,-z,relro,-z,now)
if(WARREN_SANITIZE)
  # `null` stays off: CAF 0.17.6 binds null references inside its own headers. gcc's maybe-uninitialized sees ghosts in
  # instrumented code. -O1 halves the time to build.
  target_compile_options(warren_options INTERFACE -O1 -g1 -Wno-maybe-uninitialized
    -fsanitize=address,undefined -fno-sanitize=null -fno-sanitize-recover=all)
  target_link_options(warren_options INTERFACE -fsanitize=address,undefined)
endif()
if(WARREN_FUZZ)
  target_compile_options(warren_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  target_link_options(warren_options INTERFACE -fsanitize=address,undefined)
endif()

# warren_module(NAME LIBS...): a static library of every .cpp below the current folder. The libraries it may link are the
# layers it may include (docs/internals/architecture.md); scripts/check_layers checks the includes.
function(warren_module name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE warren_options PUBLIC ${ARGN})
endfunction()

# warren_test(NAME LIBS...): a Boost.Test program of every .cpp in unit_test/NAME, run by ctest.
function(warren_test name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(test_${name} ${sources} $<TARGET_OBJECTS:warren_test_main>)
  target_include_directories(test_${name} PRIVATE ${CMAKE_SOURCE_DIR}/unit_test)
  target_compile_definitions(test_${name} PRIVATE BOOST_TEST_DYN_LINK)
  target_link_libraries(test_${name} PRIVATE warren_options Boost::unit_test_framework ${ARGN})
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES PROCESSORS 2) # of the four that scripts/test gives to two cores
endfunction()
