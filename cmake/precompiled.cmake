# Which files of the library and of its tests use the precompiled header: those that include ATen or
# torch (c10 alone is quickly parsed), themselves or through headers of ours. They save some ten
# seconds each. The others would lose two: at the end of every file that uses it, gcc instantiates the
# templates that LibTorch's headers have left pending. Decided when CMake configures: a file that
# begins to include LibTorch later is compiled slowly until then, and no worse.

# Sets `result` to whether `file` includes LibTorch.
function(selfcure_includes_torch file result)
  get_property(known GLOBAL PROPERTY "selfcure_includes_torch ${file}")
  if(NOT "${known}" STREQUAL "")
    set(${result} ${known} PARENT_SCOPE)
    return()
  endif()
  # Until it is known, so that headers which include each other end.
  set_property(GLOBAL PROPERTY "selfcure_includes_torch ${file}" OFF)
  file(STRINGS ${file} lines REGEX "^#include ")
  set(found OFF)
  cmake_path(GET file PARENT_PATH folder)
  foreach(line IN LISTS lines)
    if(line MATCHES "<(ATen|torch)/")
      set(found ON)
    elseif(line MATCHES "\"([^\"]*)\"")
      set(name ${CMAKE_MATCH_1})
      foreach(base ${folder} ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
        cmake_path(APPEND base ${name} OUTPUT_VARIABLE header)
        if(EXISTS ${header})
          cmake_path(NORMAL_PATH header)
          selfcure_includes_torch(${header} found)
          break()
        endif()
      endforeach()
    endif()
    if(found)
      break()
    endif()
  endforeach()
  set_property(GLOBAL PROPERTY "selfcure_includes_torch ${file}" ${found})
  set(${result} ${found} PARENT_SCOPE)
endfunction()

# To be called where the target is made, once it has all of its sources.
function(selfcure_precompile_only_torch target)
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    cmake_path(ABSOLUTE_PATH source NORMALIZE OUTPUT_VARIABLE path)
    selfcure_includes_torch(${path} includes_torch)
    if(NOT includes_torch)
      set_source_files_properties(${source} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
endfunction()
