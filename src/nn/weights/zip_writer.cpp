#include "zip_writer.h"

#include "checksum.h"

namespace selfcure {
namespace {

constexpr std::uint64_t kAlignment = 64;
constexpr std::uint64_t kLocalBytes = 30;
constexpr std::uint64_t kExtraHeadBytes = 4;
constexpr std::uint64_t kIn64 = 0xFFFFFFFF;
constexpr std::uint64_t kShortIn64 = 0xFFFF;
// Archives are the same bytes for the same content: all files are of 1 January 1980.
constexpr std::uint64_t kDate = 1 << 5 | 1;

class Record {
 public:
  Record& add(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) text_ += static_cast<char>(value >> (8 * i) & 0xFF);
    return *this;
  }
  Record& add(const std::string& text) {
    text_ += text;
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// Version that reads it: 4.5 knows zip64.
std::uint64_t version_for(bool zip64) { return zip64 ? 45 : 20; }

}  // namespace

void ZipWriter::add(const std::string& name, const void* data, std::size_t bytes) {
  Entry entry{name, bytes, zip_checksum(static_cast<const std::uint8_t*>(data), bytes),
              file_.position()};
  const bool zip64 = bytes >= kIn64;
  Record extra;
  if (zip64) extra.add(1, 2).add(16, 2).add(bytes, 8).add(bytes, 8);
  const std::uint64_t begin =
      entry.local + kLocalBytes + name.size() + extra.text().size() + kExtraHeadBytes;
  const std::uint64_t padding = (kAlignment - begin % kAlignment) % kAlignment;
  extra.add(0x4246, 2).add(padding, 2).add(std::string(padding, 'Z'));  // "FB", as PyTorch
  Record local;
  local.add(std::string("PK\x03\x04")).add(version_for(zip64), 2).add(0, 2).add(0, 2).add(0, 2);
  local.add(kDate, 2).add(entry.crc32, 4);
  local.add(zip64 ? kIn64 : bytes, 4).add(zip64 ? kIn64 : bytes, 4);
  local.add(name.size(), 2).add(extra.text().size(), 2).add(name).add(extra.text());
  file_.write(local.text());
  file_.write(data, bytes);
  entries_.push_back(std::move(entry));
}

void ZipWriter::write_central(const Entry& entry) {
  Record extra;
  if (entry.bytes >= kIn64) extra.add(entry.bytes, 8).add(entry.bytes, 8);
  if (entry.local >= kIn64) extra.add(entry.local, 8);
  const bool zip64 = !extra.text().empty();
  Record extra_field;
  if (zip64) extra_field.add(1, 2).add(extra.text().size(), 2).add(extra.text());
  const std::uint64_t bytes = entry.bytes >= kIn64 ? kIn64 : entry.bytes;
  Record central;
  central.add(std::string("PK\x01\x02")).add(version_for(zip64), 2).add(version_for(zip64), 2);
  central.add(0, 2).add(0, 2).add(0, 2).add(kDate, 2).add(entry.crc32, 4);
  central.add(bytes, 4).add(bytes, 4).add(entry.name.size(), 2);
  central.add(extra_field.text().size(), 2).add(0, 2).add(0, 2).add(0, 2).add(0, 4);
  central.add(entry.local >= kIn64 ? kIn64 : entry.local, 4);
  central.add(entry.name).add(extra_field.text());
  file_.write(central.text());
}

void ZipWriter::finish(const std::string& comment) {
  const std::uint64_t begin = file_.position();
  for (const Entry& entry : entries_) write_central(entry);
  const std::uint64_t end = file_.position();
  const std::uint64_t count = entries_.size();
  const bool zip64 = count >= kShortIn64 || begin >= kIn64 || end - begin >= kIn64;
  Record record;
  if (zip64) {
    record.add(std::string("PK\x06\x06")).add(44, 8).add(45, 2).add(45, 2).add(0, 4).add(0, 4);
    record.add(count, 8).add(count, 8).add(end - begin, 8).add(begin, 8);
    record.add(std::string("PK\x06\x07")).add(0, 4).add(end, 8).add(1, 4);
  }
  record.add(std::string("PK\x05\x06")).add(0, 2).add(0, 2);
  record.add(zip64 ? kShortIn64 : count, 2).add(zip64 ? kShortIn64 : count, 2);
  record.add(zip64 ? kIn64 : end - begin, 4).add(zip64 ? kIn64 : begin, 4);
  record.add(comment.size(), 2).add(comment);
  file_.write(record.text());
}

}  // namespace selfcure
