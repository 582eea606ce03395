#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/engine/trainer.h"
#include "selfcure/kernels/instruction_set.h"
#include "selfcure/nn/kernel_choice.h"

namespace selfcure::testing {

/// Instruction sets that kernels of this build can use on this processor.
inline std::vector<kernels::InstructionSet> available_instruction_sets() {
  std::vector<kernels::InstructionSet> sets;
  for (const kernels::InstructionSet set :
       {kernels::InstructionSet::kAvx2, kernels::InstructionSet::kAvx512})
    if (set <= kernels::available_instruction_set()) sets.push_back(set);
  return sets;
}

/// Do layers have kernels with KernelUse::kAuto?
inline bool has_kernels() { return kernels::instruction_set() != kernels::InstructionSet::kNone; }

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

/// Runs a network with KernelUse::kAuto; from then on every convolution that it has met is computed
/// by one of our own kernels, which measuring would take only where they are faster. Fails if it
/// has met none.
///
/// @param preferred  taken where it can compute the shape, the other one elsewhere
template <class Run>
void pin_own_kernels(ConvolutionKernel preferred, const Run& run) {
  const KernelUseScope scope(KernelUse::kAuto);
  forget_kernel_choices();
  run();
  EXPECT_NE(kernel_choices(), "") << "no convolution had a kernel of ours";
  const bool winograd_first = preferred == ConvolutionKernel::kWinograd;
  std::istringstream choices(kernel_choices());
  for (std::string line; std::getline(choices, line);) {
    const std::string key = line.substr(0, line.rfind(": "));
    try {
      pin_kernel_choices(key + (winograd_first ? ": winograd" : ": im2col"), "preferred");
    } catch (const ConfigError&) {
      pin_kernel_choices(key + (winograd_first ? ": im2col" : ": winograd"), "other");
    }
  }
}

/// pin_own_kernels() for all passes of a network over these images. Parameters, running statistics
/// and gradients are as before.
template <class Network>
void pin_own_kernels_of(Network& network, const at::Tensor& images) {
  std::map<std::string, at::Tensor> state;
  for (const auto& [name, tensor] : module_state(network)) state[name] = tensor.clone();
  pin_own_kernels(ConvolutionKernel::kWinograd, [&] {
    network.train();
    network.forward(images).sum().backward();
    network.eval();
    const at::NoGradGuard no_grad;
    network.forward(images);
  });
  for (at::Tensor& parameter : network.parameters()) parameter.mutable_grad() = at::Tensor();
  load_module_state(network, state);
}

}  // namespace selfcure::testing
