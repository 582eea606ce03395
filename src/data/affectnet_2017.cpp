#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "affectnet_releases.h"
#include "selfcure/core/errors.h"
#include "selfcure/data/line_stream.h"
#include "selfcure/data/list_file.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

/// 68 landmarks take a thousand bytes.
constexpr std::size_t kMaxLineBytes = std::size_t{1} << 16;
constexpr double kMostPixels = 1e6;

/// Columns that are used, and where they are in a table without a header.
enum Column : std::size_t { kPath, kX, kY, kWidth, kHeight, kExpression, kColumns };
constexpr std::array<std::string_view, kColumns> kNames = {
    "subDirectory_filePath", "face_x", "face_y", "face_width", "face_height", "expression"};
constexpr std::array<std::size_t, kColumns> kUsualPlaces = {0, 1, 2, 3, 4, 6};
constexpr std::size_t kUsualCount = 9;

struct Columns {
  std::array<std::size_t, kColumns> places = kUsualPlaces;
  std::size_t count = kUsualCount;
};

/// Splits a row into `fields`; quoted texts are kept in `owned`.
class RowSplitter {
 public:
  void split(const LineStream& file, const TextLine& line) {
    fields_.clear();
    if (line.text.find('"') == std::string_view::npos) {
      std::size_t begin = 0;
      while (true) {
        const std::size_t end = line.text.find(',', begin);
        fields_.push_back(line.text.substr(begin, end - begin));
        if (end == std::string_view::npos) return;
        begin = end + 1;
      }
    }
    owned_ = split_csv_line(line.text, [&](const std::string& what) { file.fail(line, what); });
    fields_.assign(owned_.begin(), owned_.end());
  }
  const std::vector<std::string_view>& fields() const { return fields_; }

 private:
  std::vector<std::string_view> fields_;
  std::vector<std::string> owned_;
};

/// The columns that a header names; nothing if the line is a row.
std::optional<Columns> parse_header(const LineStream& file, const TextLine& line,
                                    const std::vector<std::string_view>& fields) {
  const auto is_name = [](std::string_view field) {
    return std::any_of(kNames.begin(), kNames.end(),
                       [&](std::string_view name) { return same_in_any_case(field, name); });
  };
  if (!std::any_of(fields.begin(), fields.end(), is_name)) return std::nullopt;
  Columns columns;
  columns.count = fields.size();
  for (std::size_t k = 0; k < kColumns; ++k) {
    const auto found = std::find_if(fields.begin(), fields.end(), [&](std::string_view field) {
      return same_in_any_case(field, kNames[k]);
    });
    if (found == fields.end()) {
      file.fail(line,
                "expected a column " + std::string(kNames[k]) + ", got " + in_quotes(line.text));
    }
    columns.places[k] = static_cast<std::size_t>(found - fields.begin());
  }
  return columns;
}

/// Whole pixels; some tables have them as 134.0.
std::int32_t parse_pixels(const LineStream& file, const TextLine& line, std::string_view field,
                          std::string_view name) {
  double value = 0;
  const char* const end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, value);
  if (error != std::errc() || stop != end || !(std::abs(value) <= kMostPixels)) {
    file.fail(line,
              "expected a number of pixels in " + std::string(name) + ", got " + in_quotes(field));
  }
  return static_cast<std::int32_t>(std::lround(value));
}

/// @return false if the image is left out
bool parse_row(const LineStream& file, const TextLine& line, const Columns& columns, bool contempt,
               RowSplitter& splitter, ManifestRow& row) {
  splitter.split(file, line);
  const std::vector<std::string_view>& fields = splitter.fields();
  if (fields.size() != columns.count) {
    file.fail(line, "expected " + std::to_string(columns.count) + " fields, got " +
                        std::to_string(fields.size()));
  }
  const auto field = [&](Column column) { return fields[columns.places[column]]; };
  const std::optional<std::int64_t> code = parse_integer(field(kExpression));
  if (!code)
    file.fail(line, "expected an expression in 0..10, got " + in_quotes(field(kExpression)));
  row.given =
      affectnet_label(*code, contempt, file.path().string() + ":" + std::to_string(line.number));
  // Images without an expression often have no face either: their boxes are not looked at.
  if (row.given == kUnknownLabel) return false;
  const auto pixels = [&](Column column) {
    return parse_pixels(file, line, field(column), kNames[column]);
  };
  row.box = {pixels(kX), pixels(kY), pixels(kWidth), pixels(kHeight)};
  if (row.box.width < 0 || row.box.height < 0) return false;
  if (row.box.empty()) {
    file.fail(line, "expected a face of at least one pixel, got " + std::to_string(row.box.width) +
                        "x" + std::to_string(row.box.height));
  }
  if (field(kPath).empty() || field(kPath).find('\0') != std::string_view::npos) {
    file.fail(line, "expected the path of an image, got " + in_quotes(field(kPath)));
  }
  row.image = std::string(field(kPath));
  return true;
}

fs::path list_path(const fs::path& root, Split split) {
  const char* const name = split == Split::kTrain ? "training.csv" : "validation.csv";
  const std::array<fs::path, 3> folders = {
      root / "Manually_Annotated_file_lists",
      root / "Manually_Annotated" / "Manually_Annotated_file_lists", root};
  for (const fs::path& folder : folders) {
    if (path_exists(folder / name)) return folder / name;
  }
  throw DataError(root.string() + ": expected " + name +
                  " of AffectNet's 2017 release in Manually_Annotated_file_lists/ or here, found "
                  "neither");
}

fs::path image_folder(const fs::path& root) {
  const std::string name = "Manually_Annotated_Images";
  for (const fs::path& folder : {root / name, root / "Manually_Annotated" / name}) {
    if (folder_exists(folder)) return folder;
  }
  return root;
}

}  // namespace

Manifest read_affectnet_2017(const AffectNetOptions& options, Split split) {
  Manifest manifest;
  manifest.root = image_folder(options.root);
  LineStream file(list_path(options.root, split), kMaxLineBytes);
  Columns columns;
  RowSplitter splitter;
  bool first = true;
  while (const std::optional<TextLine> line = file.next_line()) {
    if (line->text.empty()) continue;
    if (first) {
      first = false;
      splitter.split(file, *line);
      if (const std::optional<Columns> named = parse_header(file, *line, splitter.fields())) {
        columns = *named;
        continue;
      }
    }
    ManifestRow row;
    bool keep = false;
    read_or_skip(options.bad_lines,
                 [&] { keep = parse_row(file, *line, columns, options.contempt, splitter, row); });
    if (keep) manifest.rows.push_back(std::move(row));
  }
  return manifest;
}

}  // namespace selfcure
