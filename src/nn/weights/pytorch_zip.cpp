#include <zlib.h>

#include <algorithm>
#include <map>
#include <string>

#include "pickle_walk.h"
#include "weight_formats.h"
#include "zip_directory.h"

namespace selfcure {
namespace {

constexpr const char* kPickleName = "/data.pkl";

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Folder that all of PyTorch's entries are in, with a slash.
std::string archive_folder(const InputFile& file, const std::map<std::string, ZipEntry>& entries) {
  for (const auto& [name, entry] : entries)
    if (ends_with(name, kPickleName) && std::count(name.begin(), name.end(), '/') == 1)
      return name.substr(0, name.size() - std::string(kPickleName).size() + 1);
  file.refuse("expected a zip archive of torch.save, got one without data.pkl");
}

const ZipEntry& stored(const InputFile& file, const std::map<std::string, ZipEntry>& entries,
                       const std::string& name) {
  const auto entry = entries.find(name);
  if (entry == entries.end()) file.refuse("zip: '" + name + "' is missing");
  if (entry->second.is_compressed)
    file.refuse("zip: '" + name + "' is compressed: expected it stored, as torch.save does");
  return entry->second;
}

void refuse_torchscript(const InputFile& file, const std::map<std::string, ZipEntry>& entries,
                        const std::string& folder) {
  const auto code = entries.lower_bound(folder + "code/");
  if (entries.count(folder + "constants.pkl") != 0 ||
      (code != entries.end() && code->first.compare(0, folder.size() + 5, folder + "code/") == 0))
    file.refuse(
        "expected a state dictionary, got a TorchScript program (in Python: "
        "torch.save(torch.jit.load(FILE).state_dict(), OUT))");
}

void refuse_big_endian(const InputFile& file, const std::map<std::string, ZipEntry>& entries,
                       const std::string& folder) {
  if (entries.count(folder + "byteorder") == 0) return;
  const ZipEntry& entry = stored(file, entries, folder + "byteorder");
  FileCursor cursor(file, entry.offset, entry.offset + entry.bytes, "byteorder");
  const std::string order = cursor.text(cursor.left());
  if (order != "little") cursor.refuse("expected numbers in little-endian order, got another");
}

void check_pickle_sum(const InputFile& file, const ZipEntry& entry) {
  FileCursor cursor(file, entry.offset, entry.offset + entry.bytes, "data.pkl");
  uLong sum = ::crc32(0, nullptr, 0);
  while (cursor.left() > 0) {
    const std::string piece = cursor.text(std::min<std::uint64_t>(cursor.left(), 65536));
    sum =
        ::crc32(sum, reinterpret_cast<const Bytef*>(piece.data()), static_cast<uInt>(piece.size()));
  }
  if (static_cast<std::uint32_t>(sum) != entry.crc32)
    file.refuse("data.pkl: the checksum does not fit: the file is damaged");
}

}  // namespace

WeightIndex read_pytorch_zip(const InputFile& file) {
  const std::map<std::string, ZipEntry> entries = read_zip_directory(file);
  const std::string folder = archive_folder(file, entries);
  refuse_torchscript(file, entries, folder);
  refuse_big_endian(file, entries, folder);
  const ZipEntry& data = stored(file, entries, folder + "data.pkl");
  check_pickle_sum(file, data);
  FileCursor cursor(file, data.offset, data.offset + data.bytes, "data.pkl");
  const Pickle pickle = read_pickle(cursor);

  WeightIndex index;
  index.format = WeightFormat::kPytorchZip;
  std::map<std::string, std::size_t> placed;
  const auto place = [&](const PickleStorage& storage) {
    const ZipEntry& bytes = stored(file, entries, folder + "data/" + storage.key);
    const std::uint64_t size = element_bytes(storage.type);
    if (static_cast<std::uint64_t>(storage.elements) != bytes.bytes / size ||
        bytes.bytes % size != 0)
      file.refuse("the storage 'data/" + storage.key + "': expected " +
                  std::to_string(storage.elements) + " elements of " + element_name(storage.type) +
                  ", got " + std::to_string(bytes.bytes) + " bytes");
    const auto [known, is_new] = placed.emplace(storage.key, index.storages.size());
    if (is_new) index.storages.push_back({bytes.offset, bytes.bytes, bytes.crc32, true});
    return known->second;
  };
  walk_pickle(file, pickle, place, index);
  return index;
}

}  // namespace selfcure
