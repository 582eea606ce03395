#include <cstdio>
#include <map>
#include <memory>

#include "selfcure/nn/weights/state_dict.h"
#include "selfcure/nn/weights/tensor_difference.h"
#include "verbs.h"

namespace selfcure::apps {
namespace {

struct DiffArguments {
  std::string first;
  std::string second;
  std::string first_key;
  std::string second_key;
};

std::map<std::string, at::Tensor> by_name(const std::string& path, const std::string& key) {
  std::map<std::string, at::Tensor> tensors;
  for (NamedTensor& tensor : read_state_dict(path, key))
    tensors[tensor.name] = std::move(tensor.value);
  return tensors;
}

int diff(const DiffArguments& arguments) {
  const auto first = by_name(arguments.first, arguments.first_key);
  const auto second = by_name(arguments.second, arguments.second_key);
  std::size_t equal = 0;
  std::size_t different = 0;
  for (const auto& [name, tensor] : first) {
    const auto other = second.find(name);
    if (other == second.end()) {
      std::printf("only in %s: %s\n", arguments.first.c_str(), one_line(name).c_str());
      continue;
    }
    const std::string difference = describe_difference(tensor, other->second);
    if (difference.empty()) {
      ++equal;
      continue;
    }
    ++different;
    std::printf("differs: %s: %s\n", one_line(name).c_str(), difference.c_str());
  }
  for (const auto& [name, tensor] : second)
    if (first.count(name) == 0)
      std::printf("only in %s: %s\n", arguments.second.c_str(), one_line(name).c_str());
  std::printf("%zu tensors equal to the bit, %zu different, %zu and %zu in one file only\n", equal,
              different, first.size() - equal - different, second.size() - equal - different);
  return equal == first.size() && equal == second.size() ? 0 : 1;
}

}  // namespace

void add_weights_diff(CLI::App& weights, Action& action) {
  auto* verb = weights.add_subcommand("diff", "Compare two weight files, tensor by tensor");
  auto arguments = std::make_shared<DiffArguments>();
  verb->add_option("A", arguments->first, "Any weight file that inspect reads")->required();
  verb->add_option("B", arguments->second, "Another one")->required();
  verb->add_option("--key-a", arguments->first_key, "Place of the weights in A (default: found)");
  verb->add_option("--key-b", arguments->second_key, "Place of the weights in B (default: found)");
  verb->footer(
      "Example:\n"
      "  selfcure weights diff runs/a/checkpoints/last.pt runs/b/checkpoints/last.pt\n"
      "Exit code 0 when all are equal to the bit, 1 otherwise.");
  verb->callback([arguments, &action] { action = [arguments] { return diff(*arguments); }; });
}

}  // namespace selfcure::apps
