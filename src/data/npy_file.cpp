#include "selfcure/data/npy_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <optional>

#include "selfcure/core/errors.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr double kMostExactInteger = 9007199254740992.0;  // 2^53

/// A file that is closed at the end.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

/// What an array's header says of its one element.
struct NpyType {
  bool big_endian = false;
  /// NumPy's letter: i, u, b, f, U or S.
  char kind = ' ';
  /// Bytes of an element; characters for U.
  std::size_t size = 0;
};

[[noreturn]] void refuse(const std::string& name, const std::string& what) {
  throw DataError(name + ": " + what);
}

/// The text after "'key':" in the header's dictionary, or nothing.
std::optional<std::string_view> value_of(std::string_view header, const std::string& key) {
  const std::string quoted = "'" + key + "'";
  const std::size_t at = header.find(quoted);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = header.substr(at + quoted.size());
  const std::size_t colon = rest.find_first_not_of(' ');
  if (colon == std::string_view::npos || rest[colon] != ':') return std::nullopt;
  rest.remove_prefix(colon + 1);
  const std::size_t begin = rest.find_first_not_of(' ');
  if (begin == std::string_view::npos) return std::nullopt;
  return rest.substr(begin);
}

NpyType parse_type(std::string_view header, const std::string& name) {
  const std::optional<std::string_view> value = value_of(header, "descr");
  if (!value || value->front() != '\'') {
    refuse(name, "expected a header with a simple type, got " + in_quotes(header));
  }
  const std::string_view descr = value->substr(1, value->find('\'', 1) - 1);
  const std::string expected = "expected an integer, a float or text, got type " + in_quotes(descr);
  constexpr std::size_t kShortest = 3;  // order, kind, size
  if (descr.size() < kShortest || std::string_view("<>|=").find(descr[0]) == std::string_view::npos)
    refuse(name, expected);
  NpyType type;
  type.big_endian = descr[0] == '>';
  type.kind = descr[1];
  const std::optional<std::int64_t> size = parse_integer(descr.substr(2));
  const auto is_one_of = [&size](std::initializer_list<std::int64_t> sizes) {
    for (const std::int64_t allowed : sizes) {
      if (size == allowed) return true;
    }
    return false;
  };
  bool fits = false;
  switch (type.kind) {
    case 'i':
    case 'u':
      fits = is_one_of({1, 2, 4, 8});
      break;
    case 'b':
      fits = is_one_of({1});
      break;
    case 'f':
      fits = is_one_of({4, 8});
      break;
    case 'U':
    case 'S':
      fits = size && *size >= 1 && *size <= 64;
      break;
    default:
      break;
  }
  if (!fits) refuse(name, expected);
  type.size = static_cast<std::size_t>(*size);
  return type;
}

void require_one_element(std::string_view header, const std::string& name) {
  const std::optional<std::string_view> value = value_of(header, "shape");
  const std::size_t end = value ? value->find(')') : std::string_view::npos;
  if (end == std::string_view::npos || value->front() != '(') {
    refuse(name, "expected a header with a shape, got " + in_quotes(header));
  }
  const std::string_view shape = value->substr(1, end - 1);
  // "", "1,", "1, 1"
  for (const std::string_view part : split_blanks(shape)) {
    if (part != "1" && part != "1,") {
      refuse(name, "expected one number, got an array of shape (" +
                       std::string(shape.substr(0, 40)) + ")");
    }
  }
}

/// Up to 8 bytes as a number with the first one lowest.
std::uint64_t bits_of(std::string_view bytes, bool big_endian) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t place = big_endian ? bytes.size() - 1 - i : i;
    bits |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * place);
  }
  return bits;
}

std::int64_t parse_text_element(std::string_view data, const NpyType& type,
                                const std::string& name) {
  const std::size_t width = type.kind == 'U' ? 4 : 1;
  std::string text;
  for (std::size_t i = 0; i < type.size; ++i) {
    const std::uint64_t code = bits_of(data.substr(i * width, width), type.big_endian);
    text += code < 0x80 ? static_cast<char>(code) : '?';
  }
  while (!text.empty() && text.back() == '\0') text.pop_back();  // NumPy pads with zeros
  const std::optional<std::int64_t> number = parse_integer(text);
  if (!number) refuse(name, "expected a whole number, got " + in_quotes(text));
  return *number;
}

std::int64_t parse_float_element(std::uint64_t bits, std::size_t size, const std::string& name) {
  double value = 0;
  if (size == sizeof(float)) {
    const auto narrow = static_cast<std::uint32_t>(bits);
    float single = 0;
    std::memcpy(&single, &narrow, sizeof(single));
    value = static_cast<double>(single);
  } else {
    std::memcpy(&value, &bits, sizeof(value));
  }
  if (!(std::abs(value) <= kMostExactInteger) || value != std::floor(value)) {
    refuse(name, "expected a whole number, got " + std::to_string(value));
  }
  return static_cast<std::int64_t>(value);
}

std::int64_t parse_integer_element(std::uint64_t bits, const NpyType& type,
                                   const std::string& name) {
  if (type.kind == 'i') {
    const std::size_t unused = 64 - 8 * type.size;
    // Shifted up as unsigned and down as signed: the sign fills the upper bytes.
    return static_cast<std::int64_t>(bits << unused) >> unused;
  }
  if (bits >> 63 != 0) refuse(name, "expected a number below 2^63, got a greater one");
  return static_cast<std::int64_t>(bits);
}

}  // namespace

std::int64_t parse_npy_integer(std::string_view bytes, const std::string& name) {
  constexpr std::size_t kVersionBytes = 2;
  if (bytes.substr(0, kMagic.size()) != kMagic || bytes.size() < kMagic.size() + kVersionBytes) {
    refuse(name, "expected a NumPy file, got something else");
  }
  const auto version = static_cast<unsigned char>(bytes[kMagic.size()]);
  if (version < 1 || version > 3) {
    refuse(name, "expected a NumPy file of version 1 to 3, got " + std::to_string(version));
  }
  std::string_view rest = bytes.substr(kMagic.size() + kVersionBytes);
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  const std::uint64_t length = bits_of(rest.substr(0, length_bytes), false);
  if (rest.size() < length_bytes || rest.size() - length_bytes < length) {
    refuse(name,
           "expected a header of " + std::to_string(length) + " bytes, got the end of the file");
  }
  const std::string_view header = rest.substr(length_bytes, length);
  rest.remove_prefix(length_bytes + length);

  const NpyType type = parse_type(header, name);
  require_one_element(header, name);
  const std::size_t size = type.kind == 'U' ? 4 * type.size : type.size;
  if (rest.size() < size) {
    refuse(name, "expected " + std::to_string(size) + " bytes of data, got " +
                     std::to_string(rest.size()));
  }
  const std::string_view data = rest.substr(0, size);
  if (type.kind == 'U' || type.kind == 'S') return parse_text_element(data, type, name);
  const std::uint64_t bits = bits_of(data, type.big_endian);
  if (type.kind == 'f') return parse_float_element(bits, type.size, name);
  return parse_integer_element(bits, type, name);
}

std::int64_t read_npy_integer(const std::filesystem::path& path) {
  // Without O_NONBLOCK, opening a pipe would wait for somebody who writes to it.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    refuse(path.string(), path_exists(path) ? "cannot be opened for reading"
                                            : "expected a NumPy file, found nothing there");
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    refuse(path.string(), "expected a NumPy file, found something that is not a plain file");
  }
  std::array<char, 4096> block{};
  std::string bytes;
  while (true) {
    const ssize_t got = ::read(file.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse(path.string(), std::string("cannot be read: ") + std::strerror(errno));
    if (got == 0) break;
    bytes.append(block.data(), static_cast<std::size_t>(got));
    if (bytes.size() > kMaxNpyScalarBytes) {
      refuse(path.string(), "expected one number in at most " + std::to_string(kMaxNpyScalarBytes) +
                                " bytes, got more");
    }
  }
  return parse_npy_integer(bytes, path.string());
}

}  // namespace selfcure
