# The commit that this build comes from, for --version and for every run directory. A copy without
# git history says "unknown".
find_package(Git QUIET)
set(SELFCURE_SOURCE_REVISION unknown)
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} -C ${PROJECT_SOURCE_DIR} describe --always --dirty --abbrev=12
                  OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(SELFCURE_SOURCE_REVISION ${revision})
    # A commit since the last build: asked anew. In a worktree or a submodule .git is a file.
    execute_process(COMMAND ${GIT_EXECUTABLE} -C ${PROJECT_SOURCE_DIR} rev-parse --git-path logs/HEAD
                    OUTPUT_VARIABLE log OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    cmake_path(ABSOLUTE_PATH log BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
    if(EXISTS ${log})
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${log})
    endif()
  endif()
endif()
set_source_files_properties(src/core/version.cpp PROPERTIES
  COMPILE_DEFINITIONS "SELFCURE_VERSION=\"${PROJECT_VERSION}\";SELFCURE_SOURCE_REVISION=\"${SELFCURE_SOURCE_REVISION}\""
  SKIP_PRECOMPILE_HEADERS ON)
