#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "selfcure/core/errors.h"
#include "weight_formats.h"

namespace selfcure {
namespace {

// The limit of the format's own library.
constexpr std::uint64_t kHeaderLimit = 100'000'000;
constexpr std::size_t kDimensionLimit = 64;

constexpr std::array<std::pair<std::string_view, ElementType>, 10> kTypes = {{
    {"F16", ElementType::kFloat16},
    {"BF16", ElementType::kBFloat16},
    {"F32", ElementType::kFloat32},
    {"F64", ElementType::kFloat64},
    {"U8", ElementType::kUint8},
    {"I8", ElementType::kInt8},
    {"I16", ElementType::kInt16},
    {"I32", ElementType::kInt32},
    {"I64", ElementType::kInt64},
    {"BOOL", ElementType::kBool},
}};

struct Described {
  std::string name;
  std::optional<ElementType> type;
  std::optional<std::vector<std::uint64_t>> shape;
  std::optional<std::vector<std::uint64_t>> offsets;
};

/// Takes the header's events one by one, so that memory grows with tensors and not with tricks.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::vector<Described> tensors;
  std::vector<StoredValue> metadata;
  /// What is wrong, when an event was refused.
  std::string complaint;

  bool null() override { return refuse("expected a tensor's description, got null"); }
  bool boolean(bool) override { return refuse("expected a tensor's description, got a flag"); }
  bool number_integer(number_integer_t) override {
    return refuse("expected sizes of 0 or more in '" + tensor_ + "'");
  }
  bool number_float(number_float_t, const string_t&) override {
    return refuse("expected whole numbers in '" + tensor_ + "'");
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (list_ == nullptr) return refuse("a number stands where none is expected");
    if (list_->size() == kDimensionLimit)
      return refuse("'" + tensor_ + "' has too many dimensions");
    list_->push_back(value);
    return true;
  }
  bool binary(binary_t&) override { return refuse("binary values are not expected"); }
  bool string(string_t& value) override {
    if (depth_ == 2 && tensor_ == "__metadata__") {
      metadata.push_back({"__metadata__", key_, value});
      return true;
    }
    if (depth_ != 2 || key_ != "dtype" || list_ != nullptr)
      return refuse("a text stands where none is expected");
    for (const auto& [name, type] : kTypes)
      if (name == value) return once(tensors.back().type, type);
    return refuse("'" + tensor_ + "': the type '" + value + "' is not supported");
  }
  bool start_object(std::size_t) override {
    if (depth_ >= 2 || list_ != nullptr) return refuse("an object stands where none is expected");
    if (depth_ == 1 && tensor_ != "__metadata__") tensors.push_back({tensor_, {}, {}, {}});
    ++depth_;
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ == 1) {
      if (!names_.insert(name).second) return refuse("the name '" + name + "' comes twice");
      tensor_ = name;
      return true;
    }
    key_ = name;
    if (tensor_ == "__metadata__" || name == "dtype" || name == "shape" || name == "data_offsets")
      return true;
    return refuse("'" + tensor_ + "': unknown key '" + name + "'");
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ != 2 || list_ != nullptr || tensor_ == "__metadata__")
      return refuse("a list stands where none is expected");
    auto& target = key_ == "shape" ? tensors.back().shape : tensors.back().offsets;
    if (key_ == "dtype" || !once(target, std::vector<std::uint64_t>{})) return refuse("");
    list_ = &*target;
    return true;
  }
  bool end_array() override {
    list_ = nullptr;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    complaint = "is not JSON at byte " + std::to_string(8 + position);
    return false;
  }

 private:
  bool refuse(const std::string& what) {
    if (complaint.empty())
      complaint = what.empty() ? "'" + tensor_ + "': '" + key_ + "' is wrong" : what;
    return false;
  }
  template <class Value>
  bool once(std::optional<Value>& target, Value value) {
    if (target) return refuse("'" + tensor_ + "': '" + key_ + "' comes twice");
    target = std::move(value);
    return true;
  }

  std::string tensor_;
  std::string key_;
  std::set<std::string> names_;
  std::vector<std::uint64_t>* list_ = nullptr;
  int depth_ = 0;
};

/// Elements of a shape; nothing on overflow.
std::optional<std::uint64_t> element_count(const std::vector<std::uint64_t>& shape) {
  std::uint64_t count = 1;
  for (const std::uint64_t size : shape) {
    if (size > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
    if (size != 0 && count > std::numeric_limits<std::int64_t>::max() / size) return std::nullopt;
    count *= size;
  }
  return count;
}

void refuse_incomplete(const InputFile& file, const Described& described) {
  if (!described.type || !described.shape || !described.offsets || described.offsets->size() != 2)
    file.refuse("'" + described.name + "': expected dtype, shape and two data_offsets");
}

/// Strides of a tensor whose last dimension lies densest.
std::vector<std::int64_t> dense_strides(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

void add_tensor(const InputFile& file, const Described& described, std::uint64_t data_begin,
                WeightIndex& index) {
  const std::string where = "'" + described.name + "': ";
  const std::uint64_t begin = (*described.offsets)[0];
  const std::uint64_t end = (*described.offsets)[1];
  const std::uint64_t room = file.size() - data_begin;
  if (begin > end || end > room)
    file.refuse(where + "data_offsets [" + std::to_string(begin) + ", " + std::to_string(end) +
                "] are not within the " + std::to_string(room) + " bytes of data");
  const std::optional<std::uint64_t> count = element_count(*described.shape);
  const std::uint64_t size = element_bytes(*described.type);
  if (!count || *count > room / size || *count * size != end - begin)
    file.refuse(where + "shape and type need another number of bytes than the " +
                std::to_string(end - begin) + " of data_offsets");
  StoredTensor tensor;
  tensor.name = described.name;
  tensor.type = *described.type;
  tensor.shape.assign(described.shape->begin(), described.shape->end());
  tensor.strides.assign(tensor.shape.size(), 1);
  if (*count > 0) tensor.strides = dense_strides(tensor.shape);
  tensor.storage = index.storages.size();
  index.storages.push_back({data_begin + begin, end - begin, 0, false});
  index.tensors.push_back(std::move(tensor));
}

}  // namespace

WeightIndex read_safetensors(const InputFile& file) {
  FileCursor cursor(file, 0, file.size(), "safetensors header");
  const std::uint64_t bytes = cursor.number(8);
  if (bytes > kHeaderLimit)
    cursor.refuse("expected at most 100,000,000 bytes, got " + std::to_string(bytes));
  const std::string header = cursor.text(bytes);
  HeaderReader reader;
  if (!nlohmann::json::sax_parse(header, &reader)) cursor.refuse(reader.complaint);

  // In the order of their bytes, which may have neither holes nor overlaps.
  std::vector<const Described*> ordered;
  for (const Described& tensor : reader.tensors) {
    refuse_incomplete(file, tensor);
    ordered.push_back(&tensor);
  }
  std::stable_sort(ordered.begin(), ordered.end(), [](const Described* a, const Described* b) {
    return *a->offsets < *b->offsets;
  });
  WeightIndex index;
  index.format = WeightFormat::kSafetensors;
  index.values = std::move(reader.metadata);
  std::uint64_t next = cursor.position();
  for (const Described* tensor : ordered) {
    add_tensor(file, *tensor, cursor.position(), index);
    const StoredBytes& stored = index.storages.back();
    if (stored.offset != next)
      file.refuse("'" + tensor->name + "': expected its data at " +
                  std::to_string(next - cursor.position()) + ", got " +
                  std::to_string(stored.offset - cursor.position()) + ": overlap or hole");
    next += stored.bytes;
  }
  if (next != file.size())
    file.refuse("expected the end of the file at " + std::to_string(next) + ", got " +
                std::to_string(file.size()) + " bytes");
  return index;
}

}  // namespace selfcure
