#include "selfcure/data/ferplus.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/data/list_file.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kVoteColumns = std::tuple_size_v<FerPlusVotes>;
constexpr std::size_t kFirstVote = 2;  // fields before the votes, in both tables
constexpr int kSide = 48;
constexpr std::size_t kPixels = std::size_t{kSide} * kSide;
constexpr std::int64_t kMostVotes = 1000;  // real rows have ten; far from any overflow

constexpr const char* kVotesTable = "fer2013new.csv";
constexpr const char* kPixelsTable = "fer2013.csv";
constexpr const char* kFolderTable = "label.csv";
constexpr std::string_view kVotesHeader =
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF";
constexpr std::string_view kPixelsHeader = "emotion,pixels,Usage";

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

FerPlusVotes parse_votes(const TextFile& table, const TextLine& line,
                         const std::vector<std::string>& fields) {
  FerPlusVotes votes{};
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

std::vector<std::string> split_fields(const TextFile& table, const TextLine& line,
                                      std::size_t expected) {
  require_list_line(table, line);
  std::vector<std::string> fields = table.csv_fields(line);
  if (fields.size() == expected) return fields;
  table.fail(line, "expected " + std::to_string(expected) + " fields, got " +
                       std::to_string(fields.size()));
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

/// Appends an image unless its votes leave it out.
/// @param original  class of FER2013's label, used by FerPlusLabels::kFer2013 only
/// @return whether it was appended
bool add_row(Manifest& manifest, std::string image, const FerPlusVotes& votes, FerPlusLabels labels,
             std::int32_t original) {
  const std::optional<FerPlusTarget> target = ferplus_target(votes, labels);
  if (!target) return false;
  ManifestRow row;
  row.image = std::move(image);
  row.given = target->label;
  if (labels == FerPlusLabels::kFer2013) {
    row.given = original;
    row.clean = target->label;
  } else if (manifest.label_use != LabelUse::kGiven) {
    manifest.distributions.insert(manifest.distributions.end(), target->distribution.begin(),
                                  target->distribution.end());
  }
  manifest.rows.push_back(std::move(row));
  return true;
}

std::optional<TextLine> next_full_line(TextFile& table) {
  std::optional<TextLine> line = table.next_line();
  while (line && line->text.empty()) line = table.next_line();
  return line;
}

/// fer2013new.csv, row by row.
class VotesTable {
 public:
  struct Row {
    TextLine line;
    Split split;
    std::string name;  // empty: not a face
    FerPlusVotes votes;
  };

  explicit VotesTable(const fs::path& path) : table_(path) { check_header(table_, kVotesHeader); }

  const TextFile& file() const { return table_; }

  /// The next line that is not empty.
  std::optional<TextLine> next_line() { return next_full_line(table_); }

  Row parse(const TextLine& line) const {
    std::vector<std::string> fields = split_fields(table_, line, kFirstVote + kVoteColumns);
    const Split split = parse_usage(table_, line, fields[0]);
    const FerPlusVotes votes = parse_votes(table_, line, fields);
    if (!fields[1].empty()) check_image_name(table_, line, fields[1]);
    return Row{line, split, std::move(fields[1]), votes};
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

/// fer2013new.csv and fer2013.csv side by side: row n of one belongs to row n of the other.
class AlignedTables {
 public:
  struct Row {
    VotesTable::Row votes;
    TextLine line;  // of fer2013.csv
    std::string pixels;
    std::int32_t original;  // FERPlus's class of FER2013's label
  };

  AlignedTables(const fs::path& root, BadLines* bad_lines)
      : votes_(root / kVotesTable), pixels_(root / kPixelsTable), bad_lines_(bad_lines) {
    check_header(pixels_, kPixelsHeader);
  }

  const TextFile& pixels_file() const { return pixels_; }

  /// Calls `use` with each row that can be read; what it throws is a mistake of that row too.
  void for_each_row(const std::function<void(Row&)>& use) {
    while (true) {
      const std::optional<TextLine> votes = votes_.next_line();
      const std::optional<TextLine> line = next_full_line(pixels_);
      if (!votes && !line) return;
      if (!votes)
        pixels_.fail(*line, std::string("expected no more rows than in ") + kVotesTable +
                                ", got another one");
      if (!line) {
        throw DataError(pixels_.path().string() + ": expected a row for " +
                        votes_.file().where(*votes) + ", got the end of the file");
      }
      std::string mismatch;
      read_or_skip(bad_lines_, [&] {
        Row row = parse(*votes, *line, mismatch);
        if (mismatch.empty()) use(row);
      });
      if (!mismatch.empty()) pixels_.fail(*line, mismatch);
    }
  }

 private:
  /// @param mismatch  set if the rows do not belong together
  Row parse(const TextLine& votes, const TextLine& line, std::string& mismatch) const {
    VotesTable::Row row = votes_.parse(votes);
    std::vector<std::string> fields = split_fields(pixels_, line, 3);
    const std::optional<std::int64_t> emotion = parse_integer(fields[0]);
    const std::optional<std::int32_t> original = ferplus_class_of_emotion(emotion.value_or(-1));
    if (!original) pixels_.fail(line, "label " + in_quotes(fields[0]) + " is not in 0..6");
    if (parse_usage(pixels_, line, fields[2]) != row.split)
      mismatch = "expected usage " + std::string(names_of(row.split).usage) + " as in " +
                 votes_.file().where(votes) + ", got " + fields[2];
    return Row{std::move(row), line, std::move(fields[1]), *original};
  }

  VotesTable votes_;
  TextFile pixels_;
  BadLines* bad_lines_;
};

void read_tables(const FerPlusOptions& options, Split split, FerPlusLabels labels,
                 Manifest& manifest) {
  AlignedTables tables(options.root, options.bad_lines);
  manifest.inline_side = kSide;
  tables.for_each_row([&](AlignedTables::Row& row) {
    if (row.votes.split != split || row.votes.name.empty()) return;
    if (!ferplus_target(row.votes.votes, labels)) return;
    const std::size_t size = manifest.inline_pixels.size();
    try {
      append_pixels(tables.pixels_file(), row.line, row.pixels, manifest.inline_pixels);
    } catch (const DataError&) {
      manifest.inline_pixels.resize(size);
      throw;
    }
    add_row(manifest, std::move(row.votes.name), row.votes.votes, labels, row.original);
  });
}

/// FERPlus's class of the FER2013 label of each named image; of a name that comes twice, that of
/// its first row.
std::unordered_map<std::string, std::int32_t> read_original_labels(const fs::path& root,
                                                                   BadLines* bad_lines) {
  AlignedTables tables(root, bad_lines);
  std::unordered_map<std::string, std::int32_t> labels;
  tables.for_each_row([&](AlignedTables::Row& row) {
    if (!row.votes.name.empty()) labels.emplace(std::move(row.votes.name), row.original);
  });
  return labels;
}

/// The rows of one image folder.
class FolderReader {
 public:
  FolderReader(const FerPlusOptions& options, Split split, FerPlusLabels labels, Manifest& manifest)
      : root_(options.root),
        bad_lines_(options.bad_lines),
        split_(split),
        folder_(names_of(split).folder),
        labels_(labels),
        manifest_(manifest) {
    if (labels == FerPlusLabels::kFer2013) originals_ = read_original_labels(root_, bad_lines_);
  }

  void read() {
    if (path_exists(root_ / folder_ / kFolderTable)) return read_own_table();
    if (path_exists(root_ / kVotesTable)) return read_common_table();
    throw DataError((root_ / folder_).string() + ": expected " + kFolderTable +
                    " in this folder or " + kVotesTable + " beside it, found neither");
  }

 private:
  // fer0000000.png,"(0, 0, 48, 48)",votes...; no header
  void read_own_table() {
    TextFile table(root_ / folder_ / kFolderTable);
    while (const std::optional<TextLine> line = table.next_line()) {
      if (line->text.empty()) continue;
      read_or_skip(bad_lines_, [&] {
        const std::vector<std::string> fields =
            split_fields(table, *line, kFirstVote + kVoteColumns);
        check_image_name(table, *line, fields[0]);
        add(table, *line, fields[0], parse_votes(table, *line, fields));
      });
    }
  }

  void read_common_table() {
    VotesTable votes(root_ / kVotesTable);
    while (const std::optional<TextLine> line = votes.next_line()) {
      read_or_skip(bad_lines_, [&] {
        const VotesTable::Row row = votes.parse(*line);
        if (row.split == split_ && !row.name.empty())
          add(votes.file(), row.line, row.name, row.votes);
      });
    }
  }

  void add(const TextFile& table, const TextLine& line, const std::string& name,
           const FerPlusVotes& votes) {
    std::int32_t original = kUnknownLabel;
    if (labels_ == FerPlusLabels::kFer2013) {
      const auto entry = originals_.find(name);
      if (entry == originals_.end())
        table.fail(line, std::string("expected an image that ") + kVotesTable + " names, got " +
                             in_quotes(name));
      original = entry->second;
    }
    add_row(manifest_, folder_ + "/" + name, votes, labels_, original);
  }

  const fs::path& root_;
  BadLines* const bad_lines_;
  const Split split_;
  const std::string folder_;
  const FerPlusLabels labels_;
  Manifest& manifest_;
  std::unordered_map<std::string, std::int32_t> originals_;
};

void check_original_labels(const fs::path& root) {
  for (const char* const table : {kPixelsTable, kVotesTable}) {
    if (path_exists(root / table)) continue;
    throw DataError((root / table).string() +
                    ": expected this table for the original labels of FER2013, found nothing "
                    "there");
  }
}

LabelUse use_of(FerPlusLabels labels) {
  switch (labels) {
    case FerPlusLabels::kProbability:
      return LabelUse::kDraw;
    case FerPlusLabels::kCrossEntropy:
      return LabelUse::kDistribution;
    case FerPlusLabels::kMultiTarget:
      return LabelUse::kMultiTarget;
    case FerPlusLabels::kMajority:
    case FerPlusLabels::kFer2013:
      break;
  }
  return LabelUse::kGiven;
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
  // As the released code: only training sees more than the majority.
  const bool is_trained_on = split == Split::kTrain || options.labels_of_every_split;
  const FerPlusLabels labels = is_trained_on ? options.labels : FerPlusLabels::kMajority;
  const bool is_original = labels == FerPlusLabels::kFer2013;
  if (is_original) check_original_labels(options.root);
  Manifest manifest;
  manifest.name = std::string("FERPlus ") + to_string(split);
  manifest.class_names = ferplus_class_names();
  manifest.label_use = use_of(labels);
  manifest.root = options.root;
  if (from_folders) {
    FolderReader(options, split, labels, manifest).read();
  } else {
    read_tables(options, split, labels, manifest);
  }
  if (manifest.rows.empty()) {
    throw DataError(options.root.string() + ": expected images of FERPlus's " + to_string(split) +
                    " split with a " + to_string(is_original ? FerPlusLabels::kMajority : labels) +
                    " label, got none");
  }
  return manifest;
}

}  // namespace selfcure
