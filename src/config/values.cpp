#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "item.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

ConfigComplaint unexpected(const ConfigNode& node, const std::string& expected,
                           const std::string& hint = "") {
  return {"expected " + expected + ", got " + node.describe() + hint, &node};
}

bool is_plain(const ConfigNode& node) {
  return node.kind == ConfigNode::Kind::kScalar && !node.quoted;
}

/// A minus sign at most, and digits.
bool looks_like_integer(const std::string& text) {
  const std::size_t first = !text.empty() && text[0] == '-' ? 1 : 0;
  return text.size() > first &&
         std::all_of(text.begin() + static_cast<std::ptrdiff_t>(first), text.end(),
                     [](char c) { return c >= '0' && c <= '9'; });
}

/// YAML 1.1 takes 010 for 8, people take it for 10.
bool has_leading_zero(const std::string& text) {
  const std::size_t first = !text.empty() && text[0] == '-' ? 1 : 0;
  return looks_like_integer(text) && text.size() > first + 1 && text[first] == '0';
}

constexpr const char* kLeadingZeroHint = "; a leading zero is ambiguous in YAML";

}  // namespace

bool ConfigRange::holds(double value) const {
  return (without_low ? value > low : value >= low) &&
         (without_high ? value < high : value <= high);
}

std::string ConfigRange::text() const {
  return (without_low ? "(" : "[") + write_double(low) + ", " + write_double(high) +
         (without_high ? ")" : "]");
}

std::optional<ConfigComplaint> read_integer(const ConfigNode& node, std::int64_t low,
                                            std::int64_t high, const std::string& expected,
                                            std::int64_t& value) {
  if (!is_plain(node) || !looks_like_integer(node.text)) return unexpected(node, expected);
  if (has_leading_zero(node.text)) return unexpected(node, expected, kLeadingZeroHint);
  const auto number = parse_integer(node.text);
  if (!number || *number < low || *number > high) return unexpected(node, expected);
  value = *number;
  return std::nullopt;
}

std::optional<ConfigComplaint> read_unsigned(const ConfigNode& node, const std::string& expected,
                                             std::uint64_t& value) {
  if (!is_plain(node) || !looks_like_integer(node.text)) return unexpected(node, expected);
  if (has_leading_zero(node.text)) return unexpected(node, expected, kLeadingZeroHint);
  std::uint64_t number = 0;
  const char* end = node.text.data() + node.text.size();
  const auto [stop, error] = std::from_chars(node.text.data(), end, number);
  if (error != std::errc() || stop != end) return unexpected(node, expected);
  value = number;
  return std::nullopt;
}

std::optional<ConfigComplaint> read_double(const ConfigNode& node, const ConfigRange& range,
                                           const std::string& expected, double& value) {
  if (!is_plain(node)) return unexpected(node, expected);
  if (has_leading_zero(node.text)) return unexpected(node, expected, kLeadingZeroHint);
  double number = 0;
  const char* end = node.text.data() + node.text.size();
  const auto [stop, error] = std::from_chars(node.text.data(), end, number);
  // from_chars also reads "inf" and "nan".
  if (error != std::errc() || stop != end || !std::isfinite(number) || !range.holds(number)) {
    return unexpected(node, expected);
  }
  // Minus zero would come back as a difference in the written config.
  value = number == 0 ? 0 : number;
  return std::nullopt;
}

std::optional<ConfigComplaint> read_bool(const ConfigNode& node, bool& value) {
  if (is_plain(node) && (node.text == "true" || node.text == "false")) {
    value = node.text == "true";
    return std::nullopt;
  }
  static const std::vector<std::string> near_misses = {"yes", "no", "on", "off",
                                                       "y",   "n",  "1",  "0"};
  std::string lower = node.text;
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const bool near =
      is_plain(node) && (std::count(near_misses.begin(), near_misses.end(), lower) != 0 ||
                         lower == "true" || lower == "false");
  return unexpected(node, "true or false", near ? "; no other spelling is a truth value here" : "");
}

std::optional<ConfigComplaint> read_text(const ConfigNode& node, const std::string& expected,
                                         std::string& value) {
  const bool printable = std::none_of(node.text.begin(), node.text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (node.kind != ConfigNode::Kind::kScalar || node.text.empty() || !printable) {
    return unexpected(node, expected);
  }
  value = node.text;
  return std::nullopt;
}

std::optional<ConfigComplaint> read_choice(const ConfigNode& node,
                                           const std::vector<ConfigChoice>& choices,
                                           std::size_t& value) {
  std::vector<std::string> names;
  std::string listed;
  for (const ConfigChoice& choice : choices) {
    if (node.kind == ConfigNode::Kind::kScalar && node.text == choice.name) {
      value = names.size();
      return std::nullopt;
    }
    names.push_back(choice.name);
    listed += (listed.empty() ? "" : ", ") + choice.name;
  }
  return unexpected(node, "one of " + listed,
                    node.kind == ConfigNode::Kind::kScalar ? suggest_name(node.text, names) : "");
}

std::string write_double(double value) {
  std::array<char, 64> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  std::string text(buffer.data(), result.ptr);
  // 1e-04 -> 1e-4, 1e+05 -> 1e5
  if (const std::size_t e = text.find('e'); e != std::string::npos) {
    std::string exponent = text.substr(e + 1);
    const bool negative = exponent[0] == '-';
    exponent.erase(0, std::min(exponent.find_first_not_of("+-0"), exponent.size() - 1));
    text = text.substr(0, e + 1) + (negative ? "-" : "") + exponent;
  }
  return text;
}

std::string write_text(const std::string& text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_safe = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '/' || c == '-' ||
           c == '+';
  };
  const bool starts_plain = !text.empty() && (is_letter(text[0]) || text[0] == '/');
  std::string lower = text;
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (starts_plain && std::all_of(text.begin(), text.end(), is_safe) && lower != "null" &&
      lower != "none") {
    return text;
  }
  std::string quoted_text = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted_text += '\\';
      quoted_text += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      constexpr const char* kHex = "0123456789abcdef";
      quoted_text += "\\x";
      quoted_text += kHex[byte >> 4];
      quoted_text += kHex[byte & 15];
    } else {
      quoted_text += c;
    }
  }
  return quoted_text + "\"";
}

ConfigItem& ConfigItemList::add(const std::string& key, const std::string& expected,
                                const std::string& doc) {
  ConfigItem item;
  item.key = key;
  item.expected = expected;
  item.doc = doc;
  items_.push_back(std::move(item));
  return items_.back();
}

ConfigItem& ConfigItemList::choice_of(const std::string& key, std::vector<ConfigChoice> choices,
                                      std::function<std::size_t()> get,
                                      std::function<void(std::size_t)> set,
                                      const std::string& doc) {
  std::string expected;
  for (const ConfigChoice& choice : choices) {
    expected += (expected.empty() ? "one of " : ", ") + choice.name;
  }
  ConfigItem& item = add(key, expected, doc);
  item.choices = std::move(choices);
  item.read = [set = std::move(set), names = item.choices](const ConfigNode& node) {
    std::size_t index = 0;
    auto complaint = read_choice(node, names, index);
    if (!complaint) set(index);
    return complaint;
  };
  item.write = [get = std::move(get), names = item.choices] { return names.at(get()).name; };
  return item;
}

ConfigItem& ConfigItemList::seed(const std::string& key, std::uint64_t& value,
                                 const std::string& doc) {
  const std::string expected =
      "an integer in [0, " + std::to_string(std::numeric_limits<std::uint64_t>::max()) + "]";
  ConfigItem& item = add(key, expected, doc);
  item.read = [&value, expected](const ConfigNode& node) {
    return read_unsigned(node, expected, value);
  };
  item.write = [&value] { return std::to_string(value); };
  return item;
}

ConfigItem& ConfigItemList::real(const std::string& key, double& value, const ConfigRange& range,
                                 const std::string& doc) {
  const std::string expected = "a number in " + range.text();
  ConfigItem& item = add(key, expected, doc);
  item.read = [&value, range, expected](const ConfigNode& node) {
    return read_double(node, range, expected, value);
  };
  item.write = [&value] { return write_double(value); };
  return item;
}

ConfigItem& ConfigItemList::boolean(const std::string& key, bool& value, const std::string& doc) {
  ConfigItem& item = add(key, "true or false", doc);
  item.read = [&value](const ConfigNode& node) { return read_bool(node, value); };
  item.write = [&value] { return std::string(value ? "true" : "false"); };
  return item;
}

ConfigItem& ConfigItemList::text(const std::string& key, std::string& value,
                                 const std::string& expected, const std::string& doc,
                                 const std::function<bool(const std::string&)>& rule) {
  ConfigItem& item = add(key, expected, doc);
  item.read = [&value, expected, rule](const ConfigNode& node) {
    std::string read;
    auto complaint = read_text(node, expected, read);
    if (!complaint && rule && !rule(read)) complaint = unexpected(node, expected);
    if (!complaint) value = read;
    return complaint;
  };
  item.write = [&value] { return write_text(value); };
  return item;
}

ConfigItem& ConfigItemList::path(const std::string& key, std::filesystem::path& value,
                                 bool may_be_null, const std::string& doc) {
  const std::string expected = may_be_null ? "a path or null" : "a path";
  ConfigItem& item = add(key, expected, doc);
  item.read = [&value, may_be_null, expected](const ConfigNode& node) {
    if (may_be_null && node.kind == ConfigNode::Kind::kNothing) {
      value.clear();
      return std::optional<ConfigComplaint>();
    }
    std::string read;
    auto complaint = read_text(node, expected, read);
    if (!complaint && read[0] == '~') {
      complaint = unexpected(node, expected, "; '~' is not replaced by the home folder here");
    }
    if (!complaint) value = read;
    return complaint;
  };
  item.write = [&value] { return value.empty() ? "null" : write_text(value.string()); };
  return item;
}

ConfigItem& ConfigItemList::ascending(const std::string& key, std::vector<int>& value, int low,
                                      int high, const std::string& doc) {
  const std::string each =
      "an integer in [" + std::to_string(low) + ", " + std::to_string(high) + "]";
  const std::string expected = "an ascending list of integers in [" + std::to_string(low) + ", " +
                               std::to_string(high) + "]";
  ConfigItem& item = add(key, expected, doc);
  item.read = [&value, low, high, each, expected](const ConfigNode& node) {
    std::optional<ConfigComplaint> complaint;
    if (node.kind != ConfigNode::Kind::kList) {
      complaint = unexpected(node, expected);
      return complaint;
    }
    std::vector<int> read;
    for (const ConfigNode& entry : node.items) {
      std::int64_t number = 0;
      complaint = read_integer(entry, low, high, each, number);
      if (complaint) return complaint;
      if (!read.empty() && number <= read.back()) {
        complaint = ConfigComplaint{"expected " + expected + ", got " + entry.describe() +
                                        " after '" + std::to_string(read.back()) + "'",
                                    &entry};
        return complaint;
      }
      read.push_back(static_cast<int>(number));
    }
    value = read;
    return complaint;
  };
  item.write = [&value] {
    std::string written;
    for (const int number : value) {
      written += (written.empty() ? "" : ", ") + std::to_string(number);
    }
    return "[" + written + "]";
  };
  return item;
}

ConfigItem& ConfigItemList::three(const std::string& key, std::array<double, 3>& value,
                                  const ConfigRange& range, const std::string& doc) {
  const std::string each = "a number in " + range.text();
  const std::string expected = "a list of 3 numbers in " + range.text();
  ConfigItem& item = add(key, expected, doc);
  item.read = [&value, range, each, expected](const ConfigNode& node) {
    std::optional<ConfigComplaint> complaint;
    if (node.kind != ConfigNode::Kind::kList) {
      complaint = unexpected(node, expected);
    } else if (node.items.size() != 3) {
      complaint = ConfigComplaint{
          "expected " + expected + ", got a list of " + std::to_string(node.items.size()), &node};
    }
    std::array<double, 3> read{};
    for (std::size_t i = 0; i < 3 && !complaint; ++i) {
      complaint = read_double(node.items[i], range, each, read[i]);
    }
    if (!complaint) value = read;
    return complaint;
  };
  item.write = [&value] {
    return "[" + write_double(value[0]) + ", " + write_double(value[1]) + ", " +
           write_double(value[2]) + "]";
  };
  return item;
}

ConfigItem& ConfigItemList::section(const std::string& key, const std::string& doc,
                                    std::function<ConfigItems()> items) {
  ConfigItem& item = add(key, "a section", doc);
  item.items = std::move(items);
  return item;
}

}  // namespace selfcure
