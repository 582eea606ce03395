#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace selfcure {

/// Replaces a file as a whole: writes a temporary name in the same folder, syncs and renames it.
///
/// At every moment `path` is either the old file or the new one, whatever kills the process.
/// @throws RunError that names the file and the system's reason (no right, no space)
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// Whole content of a file. @throws RunError when it cannot be read
std::string read_file(const std::filesystem::path& path);

/// A field of a CSV line (RFC 4180): quoted where it holds a comma, a quote or a line break.
std::string csv_field(const std::string& text);

}  // namespace selfcure
