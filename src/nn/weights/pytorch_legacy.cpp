#include <map>
#include <string>
#include <vector>

#include "pickle_walk.h"
#include "weight_formats.h"

namespace selfcure {
namespace {

constexpr const char* kMagic = "1950a86a20f9469cfc6c";
constexpr std::int64_t kProtocol = 1001;

void read_header(FileCursor& cursor) {
  const Pickle magic = read_pickle(cursor);
  if (magic.node(magic.root).text != kMagic) cursor.refuse("the magic number is wrong");
  const Pickle protocol = read_pickle(cursor);
  const PickleNode& version = protocol.node(protocol.root);
  if (version.kind != PickleKind::kInteger || version.integer != kProtocol)
    cursor.refuse("expected protocol version 1001");
  const Pickle system = read_pickle(cursor);
  const PickleNode& facts = system.node(system.root);
  if (facts.kind != PickleKind::kDict) cursor.refuse("expected facts of the system");
  for (std::size_t i = 0; i + 1 < facts.items.size(); i += 2)
    if (system.node(facts.items[i]).text == "little_endian" &&
        system.node(facts.items[i + 1]).integer == 0)
      cursor.refuse("expected numbers in little-endian order, got another");
}

}  // namespace

WeightIndex read_pytorch_legacy(const InputFile& file) {
  FileCursor cursor(file, 0, file.size(), "pickle");
  read_header(cursor);
  const Pickle pickle = read_pickle(cursor);
  const Pickle keys = read_pickle(cursor);

  std::map<std::string, const PickleStorage*> described;
  for (const PickleStorage& storage : pickle.storages) {
    const auto [known, is_new] = described.emplace(storage.key, &storage);
    if (!is_new &&
        (known->second->type != storage.type || known->second->elements != storage.elements))
      file.refuse("the storage '" + storage.key + "' is described in two ways");
  }
  WeightIndex index;
  index.format = WeightFormat::kPytorchLegacy;
  std::map<std::string, std::size_t> placed;
  const PickleNode& order = keys.node(keys.root);
  if (order.kind != PickleKind::kList)
    file.refuse("expected a list of storages, got another value");
  for (const PickleId id : order.items) {
    const std::string& key = keys.node(id).text;
    const auto storage = described.find(key);
    if (storage == described.end()) file.refuse("the storage '" + key + "' is of no tensor");
    const std::uint64_t elements = cursor.number(8);
    if (elements != static_cast<std::uint64_t>(storage->second->elements))
      cursor.refuse("expected " + std::to_string(storage->second->elements) +
                    " elements of storage '" + key + "', got " + std::to_string(elements));
    if (elements > cursor.left() / element_bytes(storage->second->type))
      cursor.refuse("is cut short: expected " + std::to_string(elements) + " elements of " +
                    element_name(storage->second->type) + ", got " + std::to_string(cursor.left()) +
                    " bytes");
    const std::uint64_t bytes = elements * element_bytes(storage->second->type);
    if (!placed.emplace(key, index.storages.size()).second)
      file.refuse("the storage '" + key + "' comes twice");
    index.storages.push_back({cursor.position(), bytes, 0, false});
    cursor.skip(bytes);
  }
  if (cursor.left() != 0)
    cursor.refuse("expected the end of the file, got " + std::to_string(cursor.left()) +
                  " bytes more");
  const auto place = [&](const PickleStorage& storage) {
    const auto entry = placed.find(storage.key);
    if (entry == placed.end()) file.refuse("the storage '" + storage.key + "' is missing");
    return entry->second;
  };
  walk_pickle(file, pickle, place, index);
  return index;
}

}  // namespace selfcure
