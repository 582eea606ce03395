// Runs the tests that use LibTorch, set up as the command sets itself up.

#include <gtest/gtest.h>

#include "selfcure/engine/cpu_memory.h"

int main(int argc, char** argv) {
  selfcure::reuse_cpu_memory();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
