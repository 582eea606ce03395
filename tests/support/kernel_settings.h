#pragma once

#include <ATen/Parallel.h>

#include <vector>

#include "selfcure/kernels/instruction_set.h"

namespace selfcure::testing {

/// Instruction sets that kernels of this build can use on this processor.
inline std::vector<kernels::InstructionSet> available_instruction_sets() {
  std::vector<kernels::InstructionSet> sets;
  for (const kernels::InstructionSet set :
       {kernels::InstructionSet::kAvx2, kernels::InstructionSet::kAvx512})
    if (set <= kernels::available_instruction_set()) sets.push_back(set);
  return sets;
}

/// Limits kernels to an instruction set as long as it lives.
class InstructionSetLimit {
 public:
  explicit InstructionSetLimit(kernels::InstructionSet set) : before_(kernels::instruction_set()) {
    kernels::limit_instruction_set(set);
  }
  ~InstructionSetLimit() { kernels::limit_instruction_set(before_); }
  InstructionSetLimit(const InstructionSetLimit&) = delete;
  InstructionSetLimit& operator=(const InstructionSetLimit&) = delete;

 private:
  kernels::InstructionSet before_;
};

/// Sets the size of the team as long as it lives.
class TeamSizeSetting {
 public:
  explicit TeamSizeSetting(int threads) : before_(at::get_num_threads()) {
    at::set_num_threads(threads);
  }
  ~TeamSizeSetting() { at::set_num_threads(before_); }
  TeamSizeSetting(const TeamSizeSetting&) = delete;
  TeamSizeSetting& operator=(const TeamSizeSetting&) = delete;

 private:
  int before_;
};

}  // namespace selfcure::testing
