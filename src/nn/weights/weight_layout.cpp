#include "selfcure/nn/weights/weight_layout.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "selfcure/core/errors.h"
#include "selfcure/nn/weights/weight_import.h"

namespace selfcure {
namespace {

bool starts_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

bool strip(std::string& name, const std::string& prefix) {
  if (!starts_with(name, prefix)) return false;
  name.erase(0, prefix.size());
  return true;
}

bool is_head(const std::string& name) {
  return starts_with(name, "fc.") || starts_with(name, "attention.") || name == "margin";
}

/// What a name means where networks use one for two things.
class Naming {
 public:
  explicit Naming(const StateDict& tensors) {
    for (const NamedTensor& tensor : tensors) {
      std::string name = tensor.name;
      has_backbone_ = strip_wrappers(name) || has_backbone_;
      // A ResNet's Sequential has its ReLU and max pooling there.
      is_vgg_ = is_vgg_ || starts_with(name, "features.2.") || starts_with(name, "features.3.");
      is_iresnet_ = is_iresnet_ || starts_with(name, "layer1.0.prelu.");
      is_ir_ = is_ir_ || starts_with(name, "input_layer.");
    }
  }

  bool is_resnet() const { return !is_vgg_ && !is_iresnet_ && !is_ir_; }

  /// This program's name.
  std::string own_name(std::string name) const {
    const bool is_inside = strip_wrappers(name);
    if (is_vgg_ && strip(name, kVggClassifier)) return "fc." + name;
    if (!is_vgg_ || !starts_with(name, "features.")) name = torchvision_name(name);
    // The last layer of insightface's backbone has the classifier's name.
    const bool is_backbone_fc = is_iresnet_ && (is_inside || !has_backbone_);
    return is_head(name) && !(is_backbone_fc && starts_with(name, "fc.")) ? name
                                                                          : "backbone." + name;
  }

  /// The name in the backbone's own library; empty for what it has no place for.
  std::string library_name(const std::string& name) const {
    std::string own = own_name(name);
    if (starts_with(own, "attention.") || own == "margin") return "";
    if (strip(own, "backbone.")) return own;
    if (is_iresnet_ || is_ir_) return "";
    return is_vgg_ && strip(own, "fc.") ? kVggClassifier + own : own;
  }

 private:
  /// Takes off what DataParallel and this program put before names. @return was this program's?
  static bool strip_wrappers(std::string& name) {
    bool is_backbone = false;
    for (;;) {
      if (strip(name, "backbone."))
        is_backbone = true;
      else if (!strip(name, "module."))
        return is_backbone;
    }
  }

  static constexpr const char* kVggClassifier = "classifier.6.";

  bool has_backbone_ = false;
  bool is_vgg_ = false;
  bool is_iresnet_ = false;
  bool is_ir_ = false;
};

/// Empty for what the layout has no place for.
std::string laid_out(const Naming& naming, const std::string& name, WeightLayout layout) {
  switch (layout) {
    case WeightLayout::kKeep:
      return name;
    case WeightLayout::kOwn:
      return naming.own_name(name);
    case WeightLayout::kTorchvision:
      return naming.library_name(name);
    case WeightLayout::kPublishedScn:
      return published_scn_name(naming.own_name(name));
  }
  return name;
}

/// Shapes by name, without what DataParallel and this program put before them.
class Names {
 public:
  Names(const WeightIndex& index, const std::string& section) {
    for (const StoredTensor& tensor : index.tensors) {
      if (tensor.section != section) continue;
      std::string name = tensor.name;
      if (strip(name, "model.")) is_own_ = true;
      if (strip(name, "module.")) is_parallel_ = true;
      strip(name, "backbone.");
      shapes_[name] = tensor.shape;
    }
  }
  bool has(const std::string& name) const { return shapes_.count(name) != 0; }
  /// First size of a tensor, or 0.
  std::int64_t size(const std::string& name) const {
    const auto entry = shapes_.find(name);
    return entry == shapes_.end() || entry->second.empty() ? 0 : entry->second[0];
  }
  /// Blocks of a stage: names "stage.N." with N from 0.
  int blocks(const std::string& stage) const {
    int count = 0;
    for (const auto& [name, shape] : shapes_) {
      if (!starts_with(name, stage + ".")) continue;
      const std::string rest = name.substr(stage.size() + 1);
      const std::string number = rest.substr(0, rest.find('.'));
      if (number.empty() || number.size() > 3 ||
          number.find_first_not_of("0123456789") != std::string::npos)
        continue;
      count = std::max(count, std::stoi(number) + 1);
    }
    return count;
  }
  bool is_parallel() const { return is_parallel_; }
  bool is_own() const { return is_own_; }

 private:
  std::map<std::string, std::vector<std::int64_t>> shapes_;
  bool is_parallel_ = false;
  bool is_own_ = false;
};

std::string resnet_depth(const std::array<int, 4>& blocks, bool has_bottlenecks) {
  if (!has_bottlenecks && blocks == std::array<int, 4>{2, 2, 2, 2}) return "ResNet-18";
  if (!has_bottlenecks && blocks == std::array<int, 4>{3, 4, 6, 3}) return "ResNet-34";
  if (has_bottlenecks && blocks == std::array<int, 4>{3, 4, 6, 3}) return "ResNet-50";
  if (has_bottlenecks && blocks == std::array<int, 4>{3, 4, 23, 3}) return "ResNet-101";
  if (has_bottlenecks && blocks == std::array<int, 4>{3, 8, 36, 3}) return "ResNet-152";
  std::string text = "a ResNet with stages of";
  for (const int count : blocks)
    if (count > 0) text += " " + std::to_string(count);
  return text + " blocks";
}

std::string guess_architecture(const Names& names) {
  if (names.has("features.4.0.conv1.weight")) {
    const std::array<int, 4> blocks = {names.blocks("features.4"), names.blocks("features.5"),
                                       names.blocks("features.6"), names.blocks("features.7")};
    return resnet_depth(blocks, names.has("features.4.0.conv3.weight")) +
           (names.has("alpha.0.weight") ? ", the published SCN code's names"
                                        : ", a Sequential of torchvision's");
  }
  if (names.has("layer1.0.prelu.weight") && names.has("features.weight"))
    return names.blocks("layer3") == 14 ? "iResNet-50 (insightface)" : "an iResNet (insightface)";
  if (names.has("layer1.0.conv1.weight")) {
    const std::array<int, 4> blocks = {names.blocks("layer1"), names.blocks("layer2"),
                                       names.blocks("layer3"), names.blocks("layer4")};
    return resnet_depth(blocks, names.has("layer1.0.conv3.weight")) + ", torchvision's names";
  }
  if (names.has("input_layer.0.weight") && names.has("body.0.res_layer.0.weight"))
    return names.blocks("body") == 24 ? "IR-50 (face.evoLVe)" : "an IR network (face.evoLVe)";
  if (names.has("features.0.weight") && names.has("classifier.0.weight"))
    return names.has("features.28.weight") && !names.has("features.1.weight")
               ? "VGG-16, torchvision's names"
               : "a VGG";
  return "an unknown network";
}

[[noreturn]] void refuse_twice(const std::string& where, const std::string& name,
                               const std::string& source) {
  throw CheckpointError(
      where + one_line(": two tensors would get the name '" + name + "'; one is '" + source + "'"));
}

}  // namespace

StateDict to_layout(const StateDict& tensors, WeightLayout layout,
                    std::vector<std::string>& dropped, const std::string& where) {
  const Naming naming(tensors);
  if (layout == WeightLayout::kPublishedScn && !naming.is_resnet())
    throw CheckpointError(
        where + ": expected a ResNet for the published SCN code's names, got another network");
  StateDict renamed;
  std::set<std::string> names;
  for (const NamedTensor& tensor : tensors) {
    const std::string name = laid_out(naming, tensor.name, layout);
    if (name.empty()) {
      dropped.push_back(tensor.name);
      continue;
    }
    if (!names.insert(name).second) refuse_twice(where, name, tensor.name);
    renamed.push_back({name, tensor.value});
  }
  return renamed;
}

std::string guess_network(const WeightIndex& index, const std::string& section) {
  const Names names(index, section);
  std::string text = guess_architecture(names);
  if (const std::int64_t classes = names.size("fc.weight"); classes > 0)
    text += ", fc of " + std::to_string(classes) + " outputs";
  if (names.has("attention.weight") || names.has("alpha.0.weight"))
    text += ", with SCN's attention head";
  if (names.is_parallel()) text += ", saved from DataParallel ('module.')";
  return text;
}

}  // namespace selfcure
