#include "pickle_walk.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "weight_formats.h"

namespace selfcure {
namespace {

// Containers within containers; an optimizer's state has four.
constexpr std::size_t kDepthLimit = 32;
// Of values and tensors: a container that is shared counts at each of its places.
constexpr std::size_t kVisitLimit = 2'000'000;
// Of names, texts, shapes and repeated numbers beyond the file's own size, for the same reason.
constexpr std::uint64_t kTextLimit = std::uint64_t{64} << 20;

std::string value_text(const PickleNode& node) {
  switch (node.kind) {
    case PickleKind::kNone:
      return "None";
    case PickleKind::kBool:
      return node.integer != 0 ? "True" : "False";
    case PickleKind::kInteger:
      return std::to_string(node.integer);
    case PickleKind::kBigInteger:
      return "0x" + node.text;
    case PickleKind::kReal:
      if (std::isnan(node.real)) return "nan";
      if (std::isinf(node.real)) return node.real > 0 ? "inf" : "-inf";
      return nlohmann::json(node.real).dump();
    case PickleKind::kText:
      return node.text;
    case PickleKind::kBytes:
      return std::to_string(node.text.size()) + " bytes";
    default:
      return node.text;
  }
}

class Walk {
 public:
  Walk(const InputFile& file, const Pickle& pickle,
       const std::function<std::size_t(const PickleStorage&)>& place, WeightIndex& index)
      : file_(file), pickle_(pickle), place_(place), index_(index) {}

  void visit(PickleId id, const std::string& section, const std::string& name, std::size_t depth) {
    if (depth > kDepthLimit) file_.refuse("expected dictionaries at most 32 deep, got deeper ones");
    if (++visits_ > kVisitLimit) file_.refuse("expected at most 2,000,000 values, got more");
    charge(section.size() + name.size());
    const PickleNode& node = pickle_.node(id);
    switch (node.kind) {
      case PickleKind::kDict:
        return visit_dict(node, section, name, depth);
      case PickleKind::kList:
      case PickleKind::kTuple:
        return visit_list(node, section, name, depth);
      case PickleKind::kTensor:
        return add_tensor(node, section, name);
      case PickleKind::kStorage:
        return;
      default:
        charge(node.text.size());
        index_.values.push_back({section, name, value_text(node)});
    }
  }

 private:
  void charge(std::uint64_t bytes) {
    bytes_ += bytes;
    if (bytes_ > kTextLimit + file_.size())
      file_.refuse("expected at most 64 MB of what repeats (names, texts, numbers), got more");
  }

  std::string below(const std::string& section, const std::string& name, std::size_t depth) const {
    if (depth == 0) return "";
    return section.empty() ? name : section + "/" + name;
  }

  void visit_dict(const PickleNode& node, const std::string& section, const std::string& name,
                  std::size_t depth) {
    const std::string inner = below(section, name, depth);
    for (std::size_t i = 0; i < node.items.size(); i += 2)
      visit(node.items[i + 1], inner, value_text(pickle_.node(node.items[i])), depth + 1);
  }

  void visit_list(const PickleNode& node, const std::string& section, const std::string& name,
                  std::size_t depth) {
    const std::string inner = below(section, name, depth);
    for (std::size_t i = 0; i < node.items.size(); ++i)
      visit(node.items[i], inner, std::to_string(i), depth + 1);
  }

  void add_tensor(const PickleNode& node, const std::string& section, const std::string& name) {
    const PickleTensor& source = pickle_.tensors[static_cast<std::size_t>(node.integer)];
    const PickleStorage& storage = pickle_.storages[source.storage];
    charge(2 * source.shape.size() * sizeof(std::int64_t));
    StoredTensor tensor;
    tensor.section = section;
    tensor.name = name;
    tensor.type = storage.type;
    tensor.shape = source.shape;
    tensor.strides = source.strides;
    tensor.storage = place_(storage);
    tensor.storage_offset = source.offset;
    const std::uint64_t bytes = index_.storages[tensor.storage].bytes;
    const auto all = static_cast<std::int64_t>(bytes / element_bytes(tensor.type));
    if (storage.view_offset > all || source.offset > all - storage.view_offset)
      file_.refuse("'" + name + "' begins outside of its storage");
    tensor.storage_offset += storage.view_offset;
    if (!fits_storage(tensor, bytes))
      file_.refuse("'" + name + "' does not fit in its storage of " + std::to_string(bytes) +
                   " bytes");
    // expand() repeats numbers by strides of 0; whoever copies the tensor has all of them.
    const std::int64_t count = tensor.element_count();
    if (count > all) charge(static_cast<std::uint64_t>(count) * element_bytes(tensor.type));
    index_.tensors.push_back(std::move(tensor));
  }

  const InputFile& file_;
  const Pickle& pickle_;
  const std::function<std::size_t(const PickleStorage&)>& place_;
  WeightIndex& index_;
  std::size_t visits_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace

void walk_pickle(const InputFile& file, const Pickle& pickle,
                 const std::function<std::size_t(const PickleStorage&)>& place,
                 WeightIndex& index) {
  Walk(file, pickle, place, index).visit(pickle.root, "", "", 0);
}

}  // namespace selfcure
