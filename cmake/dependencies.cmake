# Everything that the project links, and the flags of its own targets.

find_package(Threads REQUIRED)
find_package(Torch REQUIRED)
find_package(OpenCV REQUIRED COMPONENTS core imgproc imgcodecs videoio objdetect dnn)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
# CRC-32 of the zip archives that PyTorch writes.
find_package(ZLIB REQUIRED)
# Schema and checker of exported models. Its config finds no protobuf by itself.
find_package(Protobuf REQUIRED)
find_package(ONNX REQUIRED)

# Draws the plots of reports as PNG.
find_package(PkgConfig REQUIRED)
pkg_check_modules(librsvg REQUIRED IMPORTED_TARGET librsvg-2.0)

# Debian's Torch puts definitions and flags into the directory; the imported target has them too.
if(NOT TARGET torch)
  message(FATAL_ERROR "This LibTorch has no CMake target 'torch'; pass -DCMAKE_PREFIX_PATH=/path/to/libtorch")
endif()

# xxHash's header-only form: the checksum of checkpoints runs at memory speed.
find_path(SELFCURE_XXHASH_INCLUDE xxhash.h REQUIRED)
add_library(selfcure_xxhash INTERFACE)
target_include_directories(selfcure_xxhash SYSTEM INTERFACE $<BUILD_INTERFACE:${SELFCURE_XXHASH_INCLUDE}>)
target_compile_definitions(selfcure_xxhash INTERFACE XXH_INLINE_ALL)

# Flags of our own targets; dependencies come as SYSTEM through their targets.
add_library(selfcure_options INTERFACE)
target_compile_options(selfcure_options INTERFACE -Wall -Wextra -Wshadow -Wconversion)
# Of a release's code that runs once and waits for files or for the library: it compiles a quarter
# faster so. An inline function that such a file and a fast one both make is linked from either: what
# must be fast is not left to inlining of headers (the kernels have namespaces of their own).
set(SELFCURE_BRIEF_OPTIMIZATION $<$<CONFIG:Release>:-O1>)
if(SELFCURE_WARNINGS_AS_ERRORS)
  target_compile_options(selfcure_options INTERFACE -Werror)
endif()
if(SELFCURE_SANITIZE)
  target_compile_options(selfcure_options INTERFACE -fsanitize=${SELFCURE_SANITIZE} -fno-omit-frame-pointer -g)
  target_link_options(selfcure_options INTERFACE -fsanitize=${SELFCURE_SANITIZE})
endif()
