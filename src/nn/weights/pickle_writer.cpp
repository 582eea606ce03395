#include "pickle_writer.h"

#include <array>
#include <limits>

namespace selfcure {
namespace {

constexpr std::array<const char*, 10> kStorageNames = {
    "HalfStorage", "BFloat16Storage", "FloatStorage", "DoubleStorage", "ByteStorage",
    "CharStorage", "ShortStorage",    "IntStorage",   "LongStorage",   "BoolStorage"};

void append_number(std::string& code, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) code += static_cast<char>(value >> (8 * i) & 0xFF);
}

}  // namespace

PickleWriter::PickleWriter() : code_("\x80\x02") {}

void PickleWriter::text(const std::string& text) {
  code_ += 'X';
  append_number(code_, text.size(), 4);
  code_ += text;
}

void PickleWriter::integer(std::int64_t value) {
  if (value >= std::numeric_limits<std::int32_t>::min() &&
      value <= std::numeric_limits<std::int32_t>::max()) {
    code_ += 'J';
    append_number(code_, static_cast<std::uint64_t>(value), 4);
  } else {
    code_ += "\x8a\x08";
    append_number(code_, static_cast<std::uint64_t>(value), 8);
  }
}

void PickleWriter::tuple(const std::vector<std::int64_t>& values) {
  code_ += '(';
  for (const std::int64_t value : values) integer(value);
  code_ += 't';
}

void PickleWriter::tensor(ElementType type, const std::string& storage, std::int64_t elements,
                          const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * (shape[i] > 0 ? shape[i] : 1);
  code_ += "ctorch._utils\n_rebuild_tensor_v2\n((";
  text("storage");
  code_ += std::string("ctorch\n") + kStorageNames.at(static_cast<std::size_t>(type)) + "\n";
  text(storage);
  text("cpu");
  integer(elements);
  code_ += "tQ";
  integer(0);
  tuple(shape);
  tuple(strides);
  code_ += "\x89";  // needs no gradient
  code_ += "ccollections\nOrderedDict\n)RtR";
}

std::string PickleWriter::finish() { return std::move(code_) + "."; }

}  // namespace selfcure
