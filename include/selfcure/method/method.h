#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "selfcure/method/baseline.h"
#include "selfcure/method/scn.h"
#include "selfcure/nn/backbone.h"

namespace selfcure {

/// The training methods. A new one is a new alternative here; the compiler finds what it misses.
using MethodOptions = std::variant<BaselineOptions, ScnOptions>;

/// Name of a method as it is written in configs and tables: "baseline", "scn".
std::string method_name(const MethodOptions& options);

/// Builds the network and the method around it, with initial weights drawn from `seed`.
///
/// @param class_count  K, at least 2
std::unique_ptr<Method> make_method(const MethodOptions& options, const ModelOptions& model,
                                    std::int64_t class_count, std::uint64_t seed);

}  // namespace selfcure
