#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace selfcure {

/// Largest file that read_npy_integer() looks at: one number needs 136 bytes.
inline constexpr std::size_t kMaxNpyScalarBytes = std::size_t{1} << 16;

/// Reads the one whole number that a NumPy file holds.
///
/// The array has no dimension or one element. Its type is an integer, a truth value, a float whose
/// value is whole, or text ("U", UCS-4, or "S") that is an integer, in either byte order: AffectNet
/// was released with `<U1`.
///
/// @throws DataError that names the file if it cannot be read, is longer than kMaxNpyScalarBytes,
///         cut short, no NumPy file, of another type or shape, or holds no whole number
/// Source: numpy.lib.format, versions 1.0, 2.0 and 3.0.
std::int64_t read_npy_integer(const std::filesystem::path& path);

/// The same for the content of a file. @param name  of the file, for messages
std::int64_t parse_npy_integer(std::string_view bytes, const std::string& name);

}  // namespace selfcure
