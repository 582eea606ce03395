#include "zip_directory.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace selfcure {
namespace {

constexpr std::uint64_t kEndBytes = 22;
constexpr std::uint64_t kEnd64Bytes = 56;
constexpr std::uint64_t kLocator64Bytes = 20;
constexpr std::uint64_t kCommentLimit = 65535;
constexpr std::uint64_t kLocalBytes = 30;
constexpr std::uint64_t kCentralBytes = 46;
constexpr std::string_view kEndSignature{"PK\x05\x06", 4};
constexpr std::string_view kEnd64Signature{"PK\x06\x06", 4};
constexpr std::string_view kLocator64Signature{"PK\x06\x07", 4};
constexpr std::string_view kCentralSignature{"PK\x01\x02", 4};
constexpr std::string_view kLocalSignature{"PK\x03\x04", 4};
constexpr std::uint64_t kIn64 = 0xFFFFFFFF;
constexpr std::uint64_t kShortIn64 = 0xFFFF;
constexpr std::uint64_t kZip64Field = 1;
constexpr std::uint64_t kEncryptedFlag = 1;
// Checksum and sizes come behind the entry: PyTorch leaves them out of its header.
constexpr std::uint64_t kBehindFlag = 8;

struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t count = 0;
};

/// Place of the record that ends the archive.
std::uint64_t find_end(const InputFile& file) {
  const std::uint64_t reach = std::min(file.size(), kEndBytes + kCommentLimit);
  std::string tail(reach, '\0');
  file.read(file.size() - reach, tail.data(), reach);
  for (std::size_t at = tail.rfind(kEndSignature); at != std::string::npos;
       at = at == 0 ? std::string::npos : tail.rfind(kEndSignature, at - 1)) {
    if (tail.size() - at < kEndBytes) continue;
    const std::uint64_t comment =
        static_cast<std::uint8_t>(tail[at + 20]) |
        static_cast<std::uint64_t>(static_cast<std::uint8_t>(tail[at + 21])) << 8;
    if (at + kEndBytes + comment == tail.size()) return file.size() - reach + at;
  }
  file.refuse("is a zip archive that is cut short: its directory is missing");
}

void expect(FileCursor& cursor, std::string_view signature) {
  if (cursor.text(signature.size()) != signature) cursor.refuse("the record's signature is wrong");
}

Directory find_directory(const InputFile& file) {
  const std::uint64_t end = find_end(file);
  FileCursor cursor(file, end, file.size(), "zip end record");
  expect(cursor, kEndSignature);
  if (cursor.number(2) != 0 || cursor.number(2) != 0)
    cursor.refuse("the archive has several parts");
  Directory directory;
  const std::uint64_t count_here = cursor.number(2);
  directory.count = cursor.number(2);
  if (count_here != directory.count) cursor.refuse("the archive has several parts");
  directory.bytes = cursor.number(4);
  directory.offset = cursor.number(4);
  if (directory.count == kShortIn64 || directory.bytes == kIn64 || directory.offset == kIn64) {
    if (end < kLocator64Bytes) file.refuse("zip64: the record's place is missing");
    FileCursor locator(file, end - kLocator64Bytes, end, "zip64 locator");
    expect(locator, kLocator64Signature);
    locator.skip(4);
    const std::uint64_t place = locator.number(8);
    if (place > end || end - place < kEnd64Bytes) locator.refuse("points outside of the file");
    FileCursor record(file, place, end, "zip64 end record");
    expect(record, kEnd64Signature);
    record.skip(28);
    directory.count = record.number(8);
    directory.bytes = record.number(8);
    directory.offset = record.number(8);
  }
  if (directory.offset > end || directory.bytes > end - directory.offset)
    file.refuse("zip directory: expected it within the file, got " +
                std::to_string(directory.bytes) + " bytes at " + std::to_string(directory.offset));
  if (directory.count > directory.bytes / kCentralBytes)
    file.refuse("zip directory: " + std::to_string(directory.count) + " entries do not fit in " +
                std::to_string(directory.bytes) + " bytes");
  return directory;
}

void check_name(const FileCursor& cursor, const std::string& name) {
  const bool is_bad = name.empty() || name[0] == '/' || name.find('\\') != std::string::npos ||
                      name.find('\0') != std::string::npos || name == ".." ||
                      name.compare(0, 3, "../") == 0 || name.find("/../") != std::string::npos ||
                      (name.size() >= 3 && name.compare(name.size() - 3, 3, "/..") == 0);
  if (is_bad) cursor.refuse("the entry's name leads out of the archive");
}

/// An entry of the directory; `local` is the place of its own header.
struct Central {
  std::string name;
  ZipEntry entry;
  std::uint64_t local = 0;
};

Central read_central(FileCursor& cursor) {
  expect(cursor, kCentralSignature);
  cursor.skip(4);
  const std::uint64_t flags = cursor.number(2);
  const std::uint64_t method = cursor.number(2);
  cursor.skip(4);
  Central central;
  central.entry.crc32 = static_cast<std::uint32_t>(cursor.number(4));
  std::uint64_t packed = cursor.number(4);
  std::uint64_t bytes = cursor.number(4);
  const std::uint64_t name_bytes = cursor.number(2);
  const std::uint64_t extra_bytes = cursor.number(2);
  const std::uint64_t comment_bytes = cursor.number(2);
  cursor.skip(8);
  std::uint64_t local = cursor.number(4);
  central.name = cursor.text(name_bytes);
  check_name(cursor, central.name);
  std::uint64_t left = extra_bytes;
  while (left >= 4) {
    const std::uint64_t id = cursor.number(2);
    std::uint64_t size = cursor.number(2);
    left -= 4;
    if (size > left) cursor.refuse("an extra field is larger than its entry");
    left -= size;
    if (id == kZip64Field) {
      for (std::uint64_t* value : {&bytes, &packed, &local}) {
        if (*value != kIn64 || size < 8) continue;
        *value = cursor.number(8);
        size -= 8;
      }
    }
    cursor.skip(size);
  }
  cursor.skip(left + comment_bytes);
  if ((flags & kEncryptedFlag) != 0) cursor.refuse("'" + central.name + "' is encrypted");
  central.entry.is_compressed = method != 0;
  if (method == 0 && packed != bytes) cursor.refuse("'" + central.name + "' has two sizes");
  central.entry.bytes = packed;
  central.local = local;
  return central;
}

/// Sets the entry's offset by its own header.
void locate(const InputFile& file, Central& central, std::uint64_t directory_offset) {
  if (central.local > directory_offset || directory_offset - central.local < kLocalBytes)
    file.refuse("zip: '" + central.name + "' lies outside of the archive");
  FileCursor cursor(file, central.local, directory_offset, "zip entry '" + central.name + "'");
  expect(cursor, kLocalSignature);
  cursor.skip(2);
  const bool has_sizes = (cursor.number(2) & kBehindFlag) == 0;
  cursor.skip(6);
  const std::uint64_t crc32 = cursor.number(4);
  const std::uint64_t bytes = cursor.number(4);
  cursor.skip(4);
  const std::uint64_t name_bytes = cursor.number(2);
  const std::uint64_t extra_bytes = cursor.number(2);
  if (cursor.text(name_bytes) != central.name)
    cursor.refuse("its own header has another name than the directory");
  if (has_sizes &&
      (crc32 != central.entry.crc32 || (bytes != kIn64 && bytes != central.entry.bytes)))
    cursor.refuse("its own header has another size or checksum than the directory");
  cursor.skip(extra_bytes);
  central.entry.offset = cursor.position();
  if (central.entry.bytes > cursor.left())
    cursor.refuse("expected " + std::to_string(central.entry.bytes) + " bytes, the archive has " +
                  std::to_string(cursor.left()));
}

}  // namespace

std::map<std::string, ZipEntry> read_zip_directory(const InputFile& file) {
  const Directory directory = find_directory(file);
  FileCursor cursor(file, directory.offset, directory.offset + directory.bytes, "zip directory");
  std::map<std::string, ZipEntry> entries;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> extents;
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    Central central = read_central(cursor);
    locate(file, central, directory.offset);
    extents.emplace_back(central.local, central.entry.offset + central.entry.bytes);
    if (!entries.emplace(central.name, central.entry).second)
      cursor.refuse("the name '" + central.name + "' comes twice");
  }
  std::sort(extents.begin(), extents.end());
  for (std::size_t i = 1; i < extents.size(); ++i)
    if (extents[i].first < extents[i - 1].second) file.refuse("zip: two entries overlap");
  return entries;
}

}  // namespace selfcure
