# Gives a target what src/engine/cuda.cpp needs where LibTorch has CUDA; elsewhere that file is made
# of stand-ins.
function(selfcure_use_cuda target)
  if(NOT TARGET torch_cuda)
    return()
  endif()
  find_package(CUDAToolkit REQUIRED)
  # Of this one file: with the whole target's it would be a macro of the precompiled header, which
  # other targets reuse.
  set_source_files_properties(${PROJECT_SOURCE_DIR}/src/engine/cuda.cpp PROPERTIES
                              COMPILE_DEFINITIONS SELFCURE_CUDA SKIP_PRECOMPILE_HEADERS ON)
  target_link_libraries(${target} PRIVATE CUDA::cudart)
endfunction()

# Headers of the newest LibTorch want C++20; the project's own code is C++17.
function(selfcure_set_standard target)
  if(Torch_VERSION VERSION_GREATER_EQUAL 2.9)
    target_compile_features(${target} PUBLIC cxx_std_20)
  else()
    target_compile_features(${target} PUBLIC cxx_std_17)
  endif()
endfunction()
