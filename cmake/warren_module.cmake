# Compile options shared by every target of the project.
add_library(warren_options INTERFACE)
target_compile_options(warren_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror
  -fstack-protector-strong -fno-omit-frame-pointer)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT WARREN_SANITIZE)
  target_compile_options(warren_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
target_link_options(warren_options INTERFACE -Wl,-z,relro,-z,now)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc collects its garbage from 128 MB on and needs a sixth of its time for that: from 500 MB. Lines in a core file need
  # none of what optimisation moved where.
  target_compile_options(warren_options INTERFACE --param=ggc-min-heapsize=500000 --param=ggc-min-expand=100
    -gno-statement-frontiers -gno-inline-points -gno-variable-location-views)
endif()
# A third of the time of GNU ld for our fifty programs with their debug information; part of Debian's binutils.
find_program(LD_GOLD ld.gold)
if(LD_GOLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_link_options(warren_options INTERFACE -fuse-ld=gold)
endif()
if(WARREN_UNITY)
  target_include_directories(warren_options INTERFACE ${CMAKE_SOURCE_DIR})
  target_compile_options(warren_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>) # gcc takes a file of a batch for a header
endif()
if(WARREN_SANITIZE)
  # `null` stays off: CAF 0.17.6 binds null references inside its own headers. -O0 takes half the time of -O1 to build.
  target_compile_options(warren_options INTERFACE -O0 -g1
    -fsanitize=address,undefined -fno-sanitize=null -fno-sanitize-recover=all)
  target_link_options(warren_options INTERFACE -fsanitize=address,undefined)
endif()
if(WARREN_FUZZ)
  target_compile_options(warren_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  target_link_options(warren_options INTERFACE -fsanitize=address,undefined)
endif()

# warren_can_plant(OUT SOURCE): whether the source includes its folder's plant.hpp.
function(warren_can_plant out source)
  file(STRINGS ${source} includes REGEX "^#include \"[a-z]+/plant\\.hpp\"" LIMIT_COUNT 1)
  set(${out} ${includes} PARENT_SCOPE)
endfunction()

# warren_batches(OUT SOURCES...): OUT is a list of files that include the sources, fifteen at a time; a full build then reads
# the headers that much less often. A batch never crosses a folder, and sources that can make planted mistakes have batches
# of their own: a program that plants them brings just these once more, compiled so. CMake's own unity build names sources by absolute paths, and objects of one checkout would
# be of no use to another (ccache).
function(warren_batches out)
  if(NOT WARREN_UNITY)
    set(${out} ${ARGN} PARENT_SCOPE)
    return()
  endif()
  set(folders "")
  foreach(source IN LISTS ARGN)
    get_filename_component(source ${source} ABSOLUTE)
    file(RELATIVE_PATH source ${CMAKE_SOURCE_DIR} ${source})
    get_filename_component(folder ${source} DIRECTORY)
    string(MAKE_C_IDENTIFIER "${folder}" folder)
    warren_can_plant(plants ${CMAKE_SOURCE_DIR}/${source})
    if(plants)
      string(APPEND folder _planted)
    endif()
    list(APPEND folders ${folder})
    list(APPEND sources_${folder} ${source})
  endforeach()
  list(REMOVE_DUPLICATES folders)
  set(files "")
  foreach(folder IN LISTS folders)
    set(number 0)
    while(sources_${folder})
      list(SUBLIST sources_${folder} 0 15 batch)
      list(REMOVE_ITEM sources_${folder} ${batch})
      list(TRANSFORM batch REPLACE "(.+)" "#include \"\\1\"\n")
      list(JOIN batch "" content)
      set(file ${CMAKE_CURRENT_BINARY_DIR}/${out}/${folder}_${number}.cpp)
      file(CONFIGURE OUTPUT ${file} CONTENT "${content}" @ONLY)
      list(APPEND files ${file})
      math(EXPR number "${number} + 1")
    endwhile()
  endforeach()
  set(${out} ${files} PARENT_SCOPE)
endfunction()

# What does its work a few times in a process's life, or is a test: a quarter less time to compile than -O2.
set(warren_cold_options $<$<CONFIG:Release>:-O1>)

# warren_headers(TARGET): it finds the standard library's headers compiled (cmake/headers.cpp), as every target does
# that is compiled with these options: no reading of two seconds for each of its files.
function(warren_headers target)
  target_precompile_headers(${target} REUSE_FROM warren_headers)
endfunction()

# warren_cold(TARGET): as warren_headers, for a target with warren_cold_options, which this adds.
function(warren_cold target)
  target_compile_options(${target} PRIVATE ${warren_cold_options})
  target_precompile_headers(${target} REUSE_FROM warren_cold_headers)
endfunction()

# warren_module(NAME LIBS...): a static library of every .cpp below the current folder. The libraries it may link are the
# layers it may include (docs/internals/architecture.md); scripts/check_layers checks the includes.
function(warren_module name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  warren_batches(${name}_batches ${sources})
  add_library(${name} STATIC ${${name}_batches})
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}>)
  target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:warren_options> PUBLIC ${ARGN})
  warren_headers(${name})
endfunction()

# A third of the time to compile; what a test waits for is in the libraries. (-O0 would save a little more, and make the
# tests run three times as long.)
set(warren_test_options $<$<CONFIG:Release>:-Og>)

# warren_test(NAME LIBS...): a Boost.Test program of every .cpp in unit_test/NAME, run by ctest.
function(warren_test name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  if(NOT sources)
    return()
  endif()
  warren_batches(test_${name}_batches ${sources})
  add_executable(test_${name} ${test_${name}_batches} $<TARGET_OBJECTS:warren_test_main>)
  target_include_directories(test_${name} PRIVATE ${CMAKE_SOURCE_DIR}/unit_test)
  target_compile_definitions(test_${name} PRIVATE BOOST_TEST_DYN_LINK)
  target_link_libraries(test_${name} PRIVATE warren_options Boost::unit_test_framework ${ARGN})
  target_compile_options(test_${name} PRIVATE ${warren_test_options})
  target_precompile_headers(test_${name} REUSE_FROM warren_test_headers)
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES PROCESSORS 2) # of the four that scripts/test gives to two cores
endfunction()
