# cmake --install: what behaviours of one's own are built against and simulated with. Headers stand below
# include/warren in the folders of their layers, so that they include each other as they do here.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(warren_headers ${CMAKE_INSTALL_INCLUDEDIR}/warren)
set(warren_package ${CMAKE_INSTALL_LIBDIR}/cmake/Warren)

install(TARGETS warren_proto warren_broker warren_actors warren_persistence warren_simulation EXPORT WarrenTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(layer libbroker persistence actors apps/sim)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/${layer}/ DESTINATION ${warren_headers}/${layer} FILES_MATCHING PATTERN "*.hpp")
endforeach()
install(DIRECTORY ${CMAKE_BINARY_DIR}/libbroker/ DESTINATION ${warren_headers}/generated FILES_MATCHING PATTERN "*.pb.h"
        PATTERN CMakeFiles EXCLUDE PATTERN "*_batches" EXCLUDE)
target_include_directories(warren_proto SYSTEM INTERFACE $<INSTALL_INTERFACE:${warren_headers}/generated>)
foreach(target broker persistence simulation)
  set(layer_of_broker libbroker)
  set(layer_of_persistence persistence)
  set(layer_of_simulation apps/sim)
  target_include_directories(warren_${target} INTERFACE $<INSTALL_INTERFACE:${warren_headers}/${layer_of_${target}}>)
endforeach()
target_include_directories(warren_actors INTERFACE $<INSTALL_INTERFACE:${warren_headers}>)

write_basic_package_version_file(${CMAKE_BINARY_DIR}/WarrenConfigVersion.cmake COMPATIBILITY ExactVersion)
install(EXPORT WarrenTargets NAMESPACE Warren:: DESTINATION ${warren_package})
install(FILES cmake/WarrenConfig.cmake cmake/library_dependencies.cmake ${CMAKE_BINARY_DIR}/WarrenConfigVersion.cmake
        DESTINATION ${warren_package})
