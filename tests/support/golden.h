#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/module.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace selfcure::testing {

/// A file of tests/golden.
inline nlohmann::json read_golden(const std::string& name) {
  std::ifstream file(std::string(SELFCURE_SOURCE_DIR) + "/tests/golden/" + name);
  EXPECT_TRUE(file.good()) << name;
  return nlohmann::json::parse(file);
}

/// Values of tests/golden/README.md's formula, [count] float64 in [-1, 1).
inline at::Tensor formula(const std::string& name, std::int64_t count) {
  std::uint32_t seed = 2166136261U;
  for (const char c : name) seed = (seed ^ static_cast<unsigned char>(c)) * 16777619U;
  at::Tensor values = at::empty({count}, at::kDouble);
  auto* data = values.data_ptr<double>();
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint32_t x = static_cast<std::uint32_t>(i) * 2654435761U + seed;
    x ^= x >> 16;
    x *= 0x85ebca6bU;
    x ^= x >> 13;
    x *= 0xc2b2ae35U;
    x ^= x >> 16;
    data[i] = 2.0 * (static_cast<double>(x) / 4294967296.0) - 1.0;
  }
  return values;
}

inline bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Fills a network with the formula's weights; `backbone.` is no part of a name there.
inline void fill_by_formula(torch::nn::Module& module) {
  const at::NoGradGuard no_grad;
  const auto fill = [](const std::string& full_name, at::Tensor tensor) {
    const std::string prefix = "backbone.";
    const std::string name =
        full_name.rfind(prefix, 0) == 0 ? full_name.substr(prefix.size()) : full_name;
    if (name == "margin") return;
    if (ends_with(name, "num_batches_tracked")) {
      tensor.zero_();
      return;
    }
    at::Tensor v = formula(name, tensor.numel()).view(tensor.sizes());
    if (ends_with(name, "running_mean"))
      v = 0.1 * v;
    else if (ends_with(name, "running_var"))
      v = 1.0 + 0.25 * v;
    else if (tensor.dim() == 4)
      v = v * std::sqrt(6.0 / static_cast<double>(tensor[0].numel())) * 0.7;
    else if (tensor.dim() == 2)
      v = v / std::sqrt(static_cast<double>(tensor.size(1)));
    else if (ends_with(name, "bias"))
      v = 0.1 * v;
    else
      v = 1.0 + 0.1 * v;
    tensor.copy_(v);
  };
  for (const auto& item : module.named_parameters()) fill(item.key(), item.value());
  for (const auto& item : module.named_buffers()) fill(item.key(), item.value());
}

/// Compares a tensor with a recorded summary: sum, l2 norm, samples.
/// @param tolerance  relative to the norm
inline void expect_summary(const at::Tensor& tensor, const nlohmann::json& summary,
                           double tolerance, const std::string& name) {
  const at::Tensor plain = tensor.detach().to(at::kDouble).contiguous().view({-1});
  const double norm = summary.at("norm").get<double>();
  const double scale = std::max(norm, 1e-12);
  EXPECT_NEAR(plain.norm().item<double>(), norm, tolerance * scale) << name << " norm";
  EXPECT_NEAR(plain.sum().item<double>(), summary.at("sum").get<double>(),
              tolerance * scale * std::sqrt(static_cast<double>(plain.numel())))
      << name << " sum";
  for (const auto& sample : summary.at("samples"))
    EXPECT_NEAR(plain[sample[0].get<std::int64_t>()].item<double>(), sample[1].get<double>(),
                tolerance * scale)
        << name << " element " << sample[0];
}

inline at::Tensor formula_labels(std::int64_t count, std::int64_t classes) {
  at::Tensor labels = at::empty({count}, at::kLong);
  for (std::int64_t i = 0; i < count; ++i) labels[i] = (3 * i + i / 5) % classes;
  return labels;
}

/// Sum of the l2 norms of all parameters.
inline double parameter_norm_sum(const torch::nn::Module& module) {
  double sum = 0;
  for (const at::Tensor& parameter : module.parameters())
    sum += parameter.detach().to(at::kDouble).norm().item<double>();
  return sum;
}

}  // namespace selfcure::testing
