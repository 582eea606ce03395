#include "selfcure/data/raf_db_repack.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/data/class_folders.h"
#include "selfcure/data/class_map.h"
#include "selfcure/data/list_file.h"
#include "selfcure/data/raf_db.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDatasetFolder = "DATASET";

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string_view folder_name(std::string_view path) { return path.substr(0, path.rfind('/')); }

void require_code_folders(const fs::path& folder, const std::vector<std::string>& found) {
  const std::size_t codes = raf_db_class_names().size();
  std::vector<std::string> expected;
  for (std::size_t code = 1; code <= codes; ++code) expected.push_back(std::to_string(code));
  if (found == expected) return;
  throw DataError(folder.string() + ": expected the folders 1.." + std::to_string(codes) +
                  " of RAF-DB's repack, found " +
                  (found.empty() ? "no folder" : class_list(found)));
}

/// Rows of the folders, sorted by file name.
std::vector<ManifestRow> list_images(const fs::path& root, const std::string& split_folder) {
  require_code_folders(root / split_folder, list_folder(root / split_folder).folders);
  std::vector<ManifestRow> rows;
  for (std::int32_t label = 0; label < static_cast<std::int32_t>(raf_db_class_names().size());
       ++label) {
    const fs::path folder = fs::path(split_folder) / std::to_string(label + 1);
    for (const std::string& file : list_folder(root / folder).files) {
      if (is_image_file(file)) rows.push_back({(folder / file).string(), label, kUnknownLabel});
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [](const ManifestRow& left, const ManifestRow& right) {
    return natural_less(file_name(left.image), file_name(right.image));
  });
  const auto twice = std::adjacent_find(rows.begin(), rows.end(),
                                        [](const ManifestRow& left, const ManifestRow& right) {
                                          return file_name(left.image) == file_name(right.image);
                                        });
  if (twice == rows.end()) return rows;
  throw DataError((root / split_folder).string() + ": expected " +
                  in_quotes(file_name(twice->image)) + " in one folder, found it in " +
                  std::to_string(twice->given + 1) + " and " +
                  std::to_string((twice + 1)->given + 1));
}

struct TableColumns {
  std::size_t name = 0;
  std::size_t label = 1;
};

/// By their names or, since copies call them differently, the first and the second of two.
TableColumns find_columns(const CsvTable& table) {
  const std::vector<std::string>& columns = table.columns();
  const std::optional<std::size_t> label = table.find_column("label");
  for (const char* const name : {"image", "name", "path"}) {
    const std::optional<std::size_t> found = table.find_column(name);
    if (found && label) return {*found, *label};
  }
  if (columns.size() == 2 && !parse_integer(columns[1])) return {0, 1};
  table.fail_header("expected a header such as 'image,label'");
}

/// Compares the table's labels with the folders'.
/// @return which rows both agree on; all of them unless `bad_lines` counts the others
std::vector<bool> check_table(const fs::path& path, const std::string& split_folder,
                              const std::vector<ManifestRow>& rows, BadLines* bad_lines) {
  struct Listed {
    const ManifestRow* row;
    std::int64_t line = 0;
    bool disagrees = false;
  };
  std::unordered_map<std::string_view, Listed> listed;
  listed.reserve(rows.size());
  for (const ManifestRow& row : rows) listed.emplace(file_name(row.image), Listed{&row});

  CsvTable table(path, bad_lines);
  const TextFile& file = table.file();
  const TableColumns columns = find_columns(table);
  while (const std::optional<CsvTable::Row> row = table.next_row()) {
    read_or_skip(bad_lines, [&] {
      const std::string_view name = without_end_blanks(row->fields[columns.name]);
      const std::string_view code = without_end_blanks(row->fields[columns.label]);
      const std::int32_t label = raf_db_label(file, row->line, code, raf_db_class_names().size());
      const std::string expected =
          "expected " + in_quotes(name) + " in " + split_folder + "/" + std::to_string(label + 1);
      const auto found = listed.find(name);
      if (found == listed.end()) file.fail(row->line, expected + ", found it in no folder");
      Listed& image = found->second;
      if (image.line != 0) {
        file.fail(row->line, "expected each name once, got " + in_quotes(name) + " as on line " +
                                 std::to_string(image.line));
      }
      image.line = row->line.number;
      if (image.row->given == label) return;
      image.disagrees = true;
      file.fail(row->line,
                expected + ", found it in " + std::string(folder_name(image.row->image)));
    });
  }
  std::vector<bool> keep;
  for (const ManifestRow& row : rows) {
    const Listed& image = listed.at(file_name(row.image));
    keep.push_back(!image.disagrees && read_or_skip(bad_lines, [&] {
      if (image.line != 0) return;
      throw DataError(path.string() + ": expected a row for " + in_quotes(row.image) +
                      ", got none");
    }));
  }
  return keep;
}

}  // namespace

Manifest read_raf_db_repack(const RafDbRepackOptions& options, Split split) {
  if (split == Split::kValid) throw DataError("RAF-DB's repack has no validation split");
  const fs::path& root = options.root;
  require_root(root, "RAF-DB's repack");
  const std::string split_name = to_string(split);
  const std::string split_folder =
      folder_exists(root / kDatasetFolder) ? kDatasetFolder + ("/" + split_name) : split_name;
  if (!folder_exists(root / split_folder)) {
    throw DataError(root.string() + ": expected the folder DATASET/" + split_name + " or " +
                    split_name + " of RAF-DB's repack, found neither");
  }

  Manifest manifest;
  manifest.name = "RAF-DB repack " + split_name;
  manifest.class_names = raf_db_class_names();
  manifest.root = root;
  manifest.rows = list_images(root, split_folder);
  const fs::path table = root / (split_name + "_labels.csv");
  if (path_exists(table)) {
    manifest.keep_rows(check_table(table, split_folder, manifest.rows, options.bad_lines));
  }
  if (manifest.rows.empty()) {
    throw DataError((root / split_folder).string() +
                    ": expected images in the folders 1..7, got none");
  }
  return manifest;
}

}  // namespace selfcure
