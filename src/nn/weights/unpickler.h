#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "input_file.h"
#include "selfcure/nn/weights/weight_file.h"

namespace selfcure {

enum class PickleKind : std::uint8_t {
  kNone,
  kBool,
  kInteger,
  /// Beyond 64 bits; `text` has its hexadecimal digits.
  kBigInteger,
  kReal,
  kText,
  kBytes,
  kTuple,
  kList,
  /// `items` are key, value, key, value.
  kDict,
  /// `text` is "module name".
  kGlobal,
  /// Type of a numpy number, `text` is as "f8".
  kNumpyType,
  /// `integer` is the position in Pickle::storages.
  kStorage,
  /// `integer` is the position in Pickle::tensors.
  kTensor,
};

/// Position of a node in Pickle::nodes.
using PickleId = std::uint32_t;

struct PickleNode {
  PickleKind kind = PickleKind::kNone;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<PickleId> items;
};

/// The storage that a persistent id names.
struct PickleStorage {
  ElementType type = ElementType::kFloat32;
  std::string key;
  /// Of the whole storage.
  std::int64_t elements = 0;
  /// Start within the storage (legacy views), in elements.
  std::int64_t view_offset = 0;
};

struct PickleTensor {
  std::size_t storage = 0;
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
};

/// A pickle as a graph of plain values; containers may be shared, and may hold themselves.
struct Pickle {
  std::vector<PickleNode> nodes;
  std::vector<PickleStorage> storages;
  std::vector<PickleTensor> tensors;
  PickleId root = 0;

  const PickleNode& node(PickleId id) const { return nodes[id]; }
};

/// Reads one pickle (protocol 2 to 5) and leaves the cursor behind it.
///
/// Knows the names that PyTorch uses for tensors, parameters and sizes, OrderedDict, and numpy's
/// for single numbers; calls of these are interpreted here, nothing is looked up or executed.
/// @throws CheckpointError for any other name or opcode, by its name; for a pickle that is cut
///         short or wrong; for one with over two million values
Pickle read_pickle(FileCursor& cursor);

}  // namespace selfcure
