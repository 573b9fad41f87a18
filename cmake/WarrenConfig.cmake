# find_package(Warren): the libraries of the broker and of its simulator, as Warren::warren_... (docs/simulation.md).
include(${CMAKE_CURRENT_LIST_DIR}/library_dependencies.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/WarrenTargets.cmake)
