# The commit that this build comes from, for --version and for every run directory. A copy without
# git history says "unknown".
find_package(Git QUIET)
set(SELFCURE_SOURCE_REVISION unknown)
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} -C ${PROJECT_SOURCE_DIR} describe --always --dirty --abbrev=12
                  OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(SELFCURE_SOURCE_REVISION ${revision})
    # A commit since the last build: asked anew.
    if(EXISTS ${PROJECT_SOURCE_DIR}/.git/logs/HEAD)
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/.git/logs/HEAD)
    endif()
  endif()
endif()
set_source_files_properties(src/core/version.cpp PROPERTIES
  COMPILE_DEFINITIONS "SELFCURE_VERSION=\"${PROJECT_VERSION}\";SELFCURE_SOURCE_REVISION=\"${SELFCURE_SOURCE_REVISION}\""
  SKIP_PRECOMPILE_HEADERS ON)
