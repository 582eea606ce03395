#include "selfcure/data/ferplus.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kClasses = 8;
constexpr std::size_t kVoteColumns = 10;  // the classes, then unknown and NF
constexpr std::size_t kFirstVote = 2;     // fields before the votes, in both tables
constexpr int kSide = 48;
constexpr std::size_t kPixels = std::size_t{kSide} * kSide;
constexpr std::int64_t kFer2013Emotions = 7;
constexpr std::int64_t kMostVotes = 1000;  // real rows have ten; far from any overflow

constexpr const char* kVotesTable = "fer2013new.csv";
constexpr const char* kPixelsTable = "fer2013.csv";
constexpr const char* kFolderTable = "label.csv";
constexpr std::string_view kVotesHeader =
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF";
constexpr std::string_view kPixelsHeader = "emotion,pixels,Usage";

using Votes = std::array<std::int64_t, kVoteColumns>;

struct SplitNames {
  const char* folder;
  const char* usage;
};

SplitNames names_of(Split split) {
  switch (split) {
    case Split::kTrain:
      return {"FER2013Train", "Training"};
    case Split::kValid:
      return {"FER2013Valid", "PublicTest"};
    case Split::kTest:
      break;
  }
  return {"FER2013Test", "PrivateTest"};
}

std::optional<Split> split_of_usage(std::string_view usage) {
  for (const Split split : {Split::kTrain, Split::kValid, Split::kTest}) {
    if (usage == names_of(split).usage) return split;
  }
  return std::nullopt;
}

/// Label of a row under the `majority` rule, or kUnknownLabel.
std::int32_t majority_label(Votes votes) {
  for (std::int64_t& vote : votes) {
    if (vote <= 1) vote = 0;
  }
  const std::int64_t sum = std::accumulate(votes.begin(), votes.end(), std::int64_t{0});
  const auto top = std::max_element(votes.begin(), votes.end());
  const auto column = top - votes.begin();
  if (2 * *top <= sum || column >= static_cast<std::ptrdiff_t>(kClasses)) return kUnknownLabel;
  return static_cast<std::int32_t>(column);
}

Votes parse_votes(const TextFile& table, const TextLine& line,
                  const std::vector<std::string>& fields) {
  Votes votes{};
  for (std::size_t column = 0; column < kVoteColumns; ++column) {
    const std::string& field = fields[kFirstVote + column];
    const std::optional<std::int64_t> count = parse_integer(field);
    if (!count || *count < 0 || *count > kMostVotes) {
      table.fail(line, "expected a number of votes in field " +
                           std::to_string(kFirstVote + column + 1) + ", got " + in_quotes(field));
    }
    votes[column] = *count;
  }
  return votes;
}

void check_field_count(const TextFile& table, const TextLine& line, std::size_t found,
                       std::size_t expected) {
  if (found == expected) return;
  table.fail(line,
             "expected " + std::to_string(expected) + " fields, got " + std::to_string(found));
}

void check_image_name(const TextFile& table, const TextLine& line, std::string_view name) {
  if (!name.empty() && name.find('/') == std::string_view::npos) return;
  table.fail(line, "expected an image name, got " + in_quotes(name));
}

Split parse_usage(const TextFile& table, const TextLine& line, std::string_view usage) {
  const std::optional<Split> split = split_of_usage(usage);
  if (split) return *split;
  table.fail(line, "expected usage Training, PublicTest or PrivateTest, got " + in_quotes(usage));
}

void check_header(TextFile& table, std::string_view expected) {
  const std::optional<TextLine> line = table.next_line();
  if (!line) throw DataError(table.path().string() + ": expected a table, got an empty file");
  if (line->text != expected) {
    table.fail(*line,
               "expected the header '" + std::string(expected) + "', got " + in_quotes(line->text));
  }
}

// fer0000000.png,"(0, 0, 48, 48)",votes...; no header
void read_folder_table(const fs::path& path, const std::string& folder, Manifest& manifest) {
  TextFile table(path);
  while (const std::optional<TextLine> line = table.next_line()) {
    if (line->text.empty()) continue;
    const std::vector<std::string> fields = table.csv_fields(*line);
    check_field_count(table, *line, fields.size(), kFirstVote + kVoteColumns);
    check_image_name(table, *line, fields[0]);
    const std::int32_t label = majority_label(parse_votes(table, *line, fields));
    if (label == kUnknownLabel) continue;
    manifest.rows.push_back({folder + "/" + fields[0], label, kUnknownLabel});
  }
}

/// fer2013new.csv, row by row.
class VotesTable {
 public:
  struct Row {
    TextLine line;
    Split split;
    std::string name;  // empty: not a face
    std::int32_t label;
  };

  explicit VotesTable(const fs::path& path) : table_(path) { check_header(table_, kVotesHeader); }

  const TextFile& file() const { return table_; }

  std::optional<Row> next_row() {
    std::optional<TextLine> line = table_.next_line();
    while (line && line->text.empty()) line = table_.next_line();
    if (!line) return std::nullopt;
    std::vector<std::string> fields = table_.csv_fields(*line);
    check_field_count(table_, *line, fields.size(), kFirstVote + kVoteColumns);
    const Split split = parse_usage(table_, *line, fields[0]);
    const std::int32_t label = majority_label(parse_votes(table_, *line, fields));
    if (!fields[1].empty()) check_image_name(table_, *line, fields[1]);
    return Row{*line, split, std::move(fields[1]), label};
  }

 private:
  TextFile table_;
};

// Appends 48*48 numbers in 0..255. By hand, because a full table has 83 million of them.
void append_pixels(const TextFile& table, const TextLine& line, std::string_view text,
                   std::vector<std::uint8_t>& pixels) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  const char* at = text.data();
  const char* const end = at + text.size();
  std::size_t count = 0;
  while (true) {
    while (at != end && is_blank(*at)) ++at;
    if (at == end) break;
    const char* const begin = at;
    int value = 0;
    while (at != end && *at >= '0' && *at <= '9' && value <= 255) {
      value = 10 * value + (*at - '0');
      ++at;
    }
    if (at == begin || value > 255 || (at != end && !is_blank(*at))) {
      const std::string_view rest(begin, static_cast<std::size_t>(end - begin));
      table.fail(line, "expected pixels in 0..255, got " +
                           in_quotes(rest.substr(0, rest.find_first_of(" \t"))));
    }
    if (count < kPixels) pixels.push_back(static_cast<std::uint8_t>(value));
    ++count;
  }
  if (count != kPixels) {
    table.fail(line,
               "expected " + std::to_string(kPixels) + " pixels, got " + std::to_string(count));
  }
}

void read_tables(const fs::path& root, Split split, Manifest& manifest) {
  VotesTable votes(root / kVotesTable);
  TextFile pixels(root / kPixelsTable);
  check_header(pixels, kPixelsHeader);
  manifest.inline_side = kSide;

  while (true) {
    const std::optional<VotesTable::Row> row = votes.next_row();
    std::optional<TextLine> line = pixels.next_line();
    while (line && line->text.empty()) line = pixels.next_line();
    if (!row && !line) return;
    if (!row)
      pixels.fail(
          *line, std::string("expected no more rows than in ") + kVotesTable + ", got another one");
    if (!line) {
      throw DataError(pixels.path().string() + ": expected a row for " +
                      votes.file().where(row->line) + ", got the end of the file");
    }
    const std::vector<std::string> fields = pixels.csv_fields(*line);
    check_field_count(pixels, *line, fields.size(), 3);
    const std::optional<std::int64_t> emotion = parse_integer(fields[0]);
    if (!emotion || *emotion < 0 || *emotion >= kFer2013Emotions) {
      pixels.fail(*line, "label " + in_quotes(fields[0]) + " is not in 0.." +
                             std::to_string(kFer2013Emotions - 1));
    }
    if (parse_usage(pixels, *line, fields[2]) != row->split) {
      pixels.fail(*line, "expected usage " + std::string(names_of(row->split).usage) + " as in " +
                             votes.file().where(row->line) + ", got " + fields[2]);
    }
    if (row->split != split || row->name.empty() || row->label == kUnknownLabel) continue;
    append_pixels(pixels, *line, fields[1], manifest.inline_pixels);
    manifest.rows.push_back({row->name, row->label, kUnknownLabel});
  }
}

void read_folder(const fs::path& root, Split split, Manifest& manifest) {
  const std::string folder = names_of(split).folder;
  if (path_exists(root / folder / kFolderTable)) {
    read_folder_table(root / folder / kFolderTable, folder, manifest);
    return;
  }
  if (!path_exists(root / kVotesTable)) {
    throw DataError((root / folder).string() + ": expected " + kFolderTable +
                    " in this folder or " + kVotesTable + " beside it, found neither");
  }
  VotesTable votes(root / kVotesTable);
  while (const std::optional<VotesTable::Row> row = votes.next_row()) {
    if (row->split != split || row->name.empty() || row->label == kUnknownLabel) continue;
    manifest.rows.push_back({folder + "/" + row->name, row->label, kUnknownLabel});
  }
}

bool use_folders(const FerPlusOptions& options, Split split) {
  const fs::path& root = options.root;
  const char* const folder = names_of(split).folder;
  if (root.empty()) throw DataError("FERPlus: no root folder is given");
  if (!folder_exists(root)) {
    throw DataError(root.string() + ": expected the root folder of FERPlus, found " +
                    (path_exists(root) ? "something that is not a folder" : "nothing there"));
  }
  const bool has_folder = folder_exists(root / folder);
  const bool has_table = path_exists(root / kPixelsTable);
  switch (options.pixels) {
    case FerPlusPixels::kFolders:
      if (has_folder) return true;
      throw DataError(root.string() + ": expected the image folder " + folder +
                      " of FERPlus, found none");
    case FerPlusPixels::kCsv:
      return false;  // a missing table is named when it is read
    case FerPlusPixels::kAuto:
      break;
  }
  if (has_folder || has_table) return has_folder;
  throw DataError(root.string() + ": expected the image folder " + folder + " of FERPlus or " +
                  kPixelsTable + " and " + kVotesTable + ", found neither");
}

}  // namespace

Manifest read_ferplus(const FerPlusOptions& options, Split split) {
  const bool from_folders = use_folders(options, split);
  Manifest manifest;
  manifest.name = std::string("FERPlus ") + to_string(split);
  manifest.class_names = {"neutral", "happiness", "surprise", "sadness",
                          "anger",   "disgust",   "fear",     "contempt"};
  manifest.root = options.root;
  if (from_folders) {
    read_folder(options.root, split, manifest);
  } else {
    read_tables(options.root, split, manifest);
  }
  if (manifest.rows.empty()) {
    throw DataError(options.root.string() + ": expected images of FERPlus's " + to_string(split) +
                    " split with a majority label, got none");
  }
  return manifest;
}

}  // namespace selfcure
