#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace selfcure {

/// How two tensors differ, in a few words; empty when shape, type and every bit agree.
std::string describe_difference(const at::Tensor& first, const at::Tensor& second);

}  // namespace selfcure
