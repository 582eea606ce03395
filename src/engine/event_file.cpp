#include "selfcure/engine/event_file.h"

#include <array>
#include <cstring>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kCrcBytes = 4;

constexpr std::array<std::uint32_t, 256> crc_table() {
  constexpr std::uint32_t kReflectedPolynomial = 0x82f63b78;
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? kReflectedPolynomial : 0U);
    table[byte] = crc;
  }
  return table;
}

/// The low `bytes` bytes, the lowest first, whatever the order of this machine.
std::string little_endian(std::uint64_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>((value >> (8 * i)) & 0xff);
  return text;
}

std::uint64_t read_little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

std::uint32_t masked_crc32c(std::string_view data) {
  constexpr std::uint32_t kMaskDelta = 0xa282ead8;
  const std::uint32_t crc = crc32c(data);
  return ((crc >> 15) | (crc << 17)) + kMaskDelta;
}

// Protobuf's wire format: a field is a key, its number times eight plus the kind, and a value.

enum WireKind : std::uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

std::string varint(std::uint64_t value) {
  std::string text;
  for (; value >= 0x80; value >>= 7) text += static_cast<char>((value & 0x7f) | 0x80);
  return text += static_cast<char>(value);
}

std::string key(std::uint32_t number, WireKind kind) { return varint(number * 8 + kind); }

std::string integer_field(std::uint32_t number, std::int64_t value) {
  return key(number, kVarint) + varint(static_cast<std::uint64_t>(value));
}

std::string fixed64(double value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  return little_endian(bits, sizeof(bits));
}

std::string double_field(std::uint32_t number, double value) {
  return key(number, kFixed64) + fixed64(value);
}

std::string fixed32(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  return little_endian(bits, sizeof(bits));
}

/// A string, bytes, a message, or packed numbers.
std::string bytes_field(std::uint32_t number, std::string_view value) {
  return key(number, kBytes) + varint(value.size()) + std::string(value);
}

std::string packed_doubles(std::uint32_t number, const std::vector<double>& values) {
  std::string packed;
  for (const double value : values) packed += fixed64(value);
  return bytes_field(number, packed);
}

/// SummaryMetadata that hands a tag to one of TensorBoard's plugins.
std::string metadata_field(const std::string& plugin, std::string_view content) {
  std::string data = bytes_field(1, plugin);
  if (!content.empty()) data += bytes_field(2, content);
  return bytes_field(9, bytes_field(1, data));
}

/// google.protobuf.Value
std::string json_value(const HyperParameter& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return integer_field(4, *flag ? 1 : 0);
  if (const auto* number = std::get_if<double>(&value)) return double_field(2, *number);
  return bytes_field(3, std::get<std::string>(value));
}

struct WireField {
  std::uint64_t number = 0;
  std::uint64_t integer = 0;
  std::string_view bytes;
};

/// Walks through the fields of a message.
class WireReader {
 public:
  explicit WireReader(std::string_view message) : left_(message) {}

  /// @return false at the end and where the message is damaged
  bool next(WireField& field) {
    if (left_.empty()) return false;
    field = WireField{};
    const std::optional<std::uint64_t> start = read_varint();
    if (!start) return false;
    field.number = *start / 8;
    switch (*start % 8) {
      case kVarint: {
        const std::optional<std::uint64_t> value = read_varint();
        field.integer = value.value_or(0);
        return value.has_value();
      }
      case kFixed64:
        return take(8, field.bytes);
      case kFixed32:
        return take(4, field.bytes);
      case kBytes: {
        const std::optional<std::uint64_t> size = read_varint();
        return size.has_value() && take(*size, field.bytes);
      }
      default:
        damaged_ = true;
        return false;
    }
  }
  bool damaged() const { return damaged_; }

 private:
  std::optional<std::uint64_t> read_varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !left_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(left_.front());
      left_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return value;
    }
    damaged_ = true;
    return std::nullopt;
  }
  bool take(std::uint64_t size, std::string_view& bytes) {
    damaged_ = damaged_ || size > left_.size();
    if (damaged_) return false;
    bytes = left_.substr(0, size);
    left_.remove_prefix(size);
    return true;
  }

  std::string_view left_;
  bool damaged_ = false;
};

/// The first field of this number; empty if there is none.
WireField find_field(std::string_view message, std::uint64_t number) {
  WireReader reader(message);
  for (WireField field; reader.next(field);)
    if (field.number == number) return field;
  return {};
}

std::string event(double wall_time, std::int64_t step, const std::string& what) {
  // Zero is what a missing field says.
  return double_field(1, wall_time) + (step == 0 ? "" : integer_field(2, step)) + what;
}

}  // namespace

std::uint32_t crc32c(std::string_view data) {
  static constexpr std::array<std::uint32_t, 256> kTable = crc_table();
  std::uint32_t crc = 0xffffffff;
  for (const char c : data) crc = kTable[(crc ^ static_cast<unsigned char>(c)) & 0xff] ^ (crc >> 8);
  return crc ^ 0xffffffff;
}

std::string tf_record(std::string_view data) {
  const std::string length = little_endian(data.size(), kLengthBytes);
  std::string record = length + little_endian(masked_crc32c(length), kCrcBytes);
  record += data;
  return record += little_endian(masked_crc32c(data), kCrcBytes);
}

std::vector<std::string_view> tf_records(std::string_view file) {
  constexpr std::size_t kHead = kLengthBytes + kCrcBytes;
  std::vector<std::string_view> records;
  while (file.size() >= kHead + kCrcBytes) {
    const std::string_view length = file.substr(0, kLengthBytes);
    if (read_little_endian(file.substr(kLengthBytes, kCrcBytes)) != masked_crc32c(length)) break;
    const std::uint64_t size = read_little_endian(length);
    if (size > file.size() - kHead - kCrcBytes) break;
    const std::string_view data = file.substr(kHead, size);
    if (read_little_endian(file.substr(kHead + size, kCrcBytes)) != masked_crc32c(data)) break;
    records.push_back(data);
    file.remove_prefix(kHead + size + kCrcBytes);
  }
  return records;
}

void Summary::add(const std::string& tag, std::string_view fields) {
  message_ += bytes_field(1, bytes_field(1, tag).append(fields));
}

void Summary::scalar(const std::string& tag, double value) {
  add(tag, key(2, kFixed32) + fixed32(static_cast<float>(value)));
}

void Summary::histogram(const std::string& tag, const EventHistogram& histogram) {
  if (histogram.limits.size() != histogram.counts.size())
    throw ShapeError("histogram: expected as many counts as limits");
  double total = 0;
  for (const double count : histogram.counts) total += count;
  add(tag, bytes_field(5, double_field(1, histogram.min) + double_field(2, histogram.max) +
                              double_field(3, total) + double_field(4, histogram.sum) +
                              double_field(5, histogram.sum_squares) +
                              packed_doubles(6, histogram.limits) +
                              packed_doubles(7, histogram.counts)));
}

void Summary::image(const std::string& tag, int width, int height, std::string_view png) {
  constexpr int kRgb = 3;
  add(tag, bytes_field(4, integer_field(1, height) + integer_field(2, width) +
                              integer_field(3, kRgb) + bytes_field(4, png)));
}

void Summary::text(const std::string& tag, std::string_view markdown) {
  constexpr int kString = 7;  // DT_STRING; the empty shape is that of a single value
  add(tag, bytes_field(8, integer_field(1, kString) + bytes_field(2, "") + bytes_field(8, markdown))
               .append(metadata_field("text", "")));
}

void Summary::hyperparameters(const std::vector<std::pair<std::string, HyperParameter>>& values,
                              double start_time) {
  std::string start_info;
  for (const auto& [name, value] : values)
    start_info += bytes_field(1, bytes_field(1, name) + bytes_field(2, json_value(value)));
  start_info += double_field(5, start_time);
  // The plugin reads the metadata alone; the value is the null tensor that it writes itself.
  constexpr int kFloat = 1;  // DT_FLOAT
  const std::string one_element = bytes_field(2, bytes_field(2, integer_field(1, 1)));
  const std::string null_tensor =
      bytes_field(8, integer_field(1, kFloat) + one_element + bytes_field(5, fixed32(0)));
  add("_hparams_/session_start_info",
      null_tensor + metadata_field("hparams", bytes_field(3, start_info)));
}

std::string version_event(double wall_time) {
  // From version 2 on, readers go by restart events and not by the order of the steps.
  return event(wall_time, 0,
               bytes_field(3, "brain.Event:2") + bytes_field(10, bytes_field(1, "selfcure")));
}

std::string restart_event(double wall_time, std::int64_t step) {
  constexpr int kStart = 1;
  return event(wall_time, step, bytes_field(7, integer_field(1, kStart)));
}

std::string summary_event(double wall_time, std::int64_t step, const Summary& summary) {
  return event(wall_time, step, bytes_field(5, summary.message()));
}

std::optional<EventHead> read_event_head(std::string_view event) {
  EventHead head;
  WireReader reader(event);
  for (WireField field; reader.next(field);) {
    if (field.number == 2) head.step = static_cast<std::int64_t>(field.integer);
    if (field.number == 7) head.is_restart = find_field(field.bytes, 1).integer == 1;
    if (field.number == 5) {
      head.summary = field.bytes;
      head.has_scalars = find_field(find_field(field.bytes, 1).bytes, 2).number == 2;
    }
  }
  if (reader.damaged()) return std::nullopt;
  return head;
}

}  // namespace selfcure
