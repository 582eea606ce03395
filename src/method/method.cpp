#include "selfcure/method/method.h"

#include <torch/utils.h>

namespace selfcure {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

}  // namespace

std::string method_name(const MethodOptions& options) {
  return std::visit(Overloaded{[](const BaselineOptions&) { return std::string("baseline"); },
                               [](const ScnOptions&) { return std::string("scn"); }},
                    options);
}

std::unique_ptr<Method> make_method(const MethodOptions& options, const ModelOptions& model,
                                    std::int64_t class_count, std::uint64_t seed) {
  torch::manual_seed(seed);
  return std::visit(Overloaded{[&](const BaselineOptions& o) -> std::unique_ptr<Method> {
                                 return std::make_unique<Baseline>(o, model, class_count);
                               },
                               [&](const ScnOptions& o) -> std::unique_ptr<Method> {
                                 return std::make_unique<Scn>(o, model, class_count);
                               }},
                    options);
}

}  // namespace selfcure
