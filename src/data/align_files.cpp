#include "align_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/data/face_alignment.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHeader =
    "path,status,output,x,y,width,height,left_eye_x,left_eye_y,right_eye_x,right_eye_y,"
    "angle_degrees,score,faces";
constexpr std::size_t kColumns = 14;
constexpr std::array<std::string_view, 11> kExtensions = {
    ".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm", ".pnm"};

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return extension;
}

/// Lists pictures below a folder, each real folder once.
class PictureFinder {
 public:
  PictureFinder(fs::path in, fs::path out) : in_(std::move(in)), out_(std::move(out)) {
    (void)is_new(out_);
  }

  /// Paths relative to the folder, sorted.
  std::vector<std::string> find() {
    // Links wait until every real folder has its own name.
    std::set<fs::path> waiting = walk("");
    while (!waiting.empty()) {
      const fs::path link = *waiting.begin();
      waiting.erase(waiting.begin());
      std::error_code error;
      const fs::path target = fs::canonical(in_ / link, error);
      if (error || is_within(target, out_)) continue;
      waiting.merge(walk(link));
    }
    std::sort(pictures_.begin(), pictures_.end());
    return std::move(pictures_);
  }

 private:
  bool is_new(const fs::path& folder) {
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0) return false;
    return seen_.emplace(status.st_dev, status.st_ino).second;
  }

  /// @return links to folders, relative to `in`
  std::set<fs::path> walk(const fs::path& start) {
    std::set<fs::path> links;
    std::vector<fs::path> folders = {start};
    while (!folders.empty()) {
      const fs::path folder = folders.back();
      folders.pop_back();
      if (!is_new(in_ / folder)) continue;
      std::error_code error;
      for (fs::directory_iterator entry(in_ / folder, error), end; !error && entry != end;
           entry.increment(error)) {
        const fs::path name = entry->path().filename();
        if (name.native().front() == '.') continue;
        std::error_code ignored;
        if (entry->is_directory(ignored)) {
          if (entry->is_symlink(ignored))
            links.insert(folder / name);
          else
            folders.push_back(folder / name);
        } else if (entry->is_regular_file(ignored)) {
          add_picture(folder / name);
        }
      }
      if (error) throw DataError((in_ / folder).string() + ": cannot be read: " + error.message());
    }
    return links;
  }

  void add_picture(const fs::path& path) {
    const std::string extension = lower_extension(path);
    if (std::find(kExtensions.begin(), kExtensions.end(), extension) == kExtensions.end()) return;
    if (path.native().find_first_of("\r\n") != std::string::npos) {
      throw DataError((in_ / path).parent_path().string() +
                      ": expected names without line breaks, got " + in_quotes(path.native()));
    }
    pictures_.push_back(path.native());
  }

  fs::path in_;
  fs::path out_;
  std::set<std::pair<dev_t, ino_t>> seen_;
  std::vector<std::string> pictures_;
};

std::string fixed(double value, int digits) {
  char text[400];
  const auto end =
      std::to_chars(text, text + sizeof(text), value, std::chars_format::fixed, digits).ptr;
  const std::string result(text, end);
  return result.find_first_not_of("-0.") == std::string::npos && result[0] == '-' ? result.substr(1)
                                                                                  : result;
}

bool ends_with_line_end(const fs::path& path) {
  const std::string text = read_file(path);
  return !text.empty() && text.back() == '\n';
}

bool is_plain_relative(const fs::path& path) {
  return path.is_relative() && std::find(path.begin(), path.end(), "..") == path.end();
}

}  // namespace

bool is_within(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

std::vector<std::string> find_pictures(const fs::path& in, const fs::path& out) {
  return PictureFinder(in, out).find();
}

AlignmentRow make_alignment_row(const std::string& picture, AlignStatus status,
                                const std::string& output, const DetectedFace* face,
                                std::size_t faces) {
  std::string line = csv_field(picture) + "," +
                     kAlignStatusNames[static_cast<std::size_t>(status)] + "," + csv_field(output);
  const auto add = [&line](bool known, double value, int digits = 2) {
    line += known ? "," + fixed(value, digits) : ",";
  };
  const bool has_face = face != nullptr;
  const DetectedFace shown = has_face ? *face : DetectedFace{};
  for (const double value : {shown.x, shown.y, shown.width, shown.height}) add(has_face, value);
  const EyePair eyes = shown.eyes.value_or(EyePair{});
  for (const double value : {eyes.left.x, eyes.left.y, eyes.right.x, eyes.right.y})
    add(shown.eyes.has_value(), value);
  add(status == AlignStatus::kAligned, roll_degrees(eyes));
  add(has_face, shown.score, 4);
  line += status == AlignStatus::kUnreadable ? "," : "," + std::to_string(faces);
  return {status, output, line + "\n"};
}

AlignmentTable read_alignment_table(const fs::path& path) {
  AlignmentTable table;
  if (!path_exists(path)) return table;
  const bool whole = ends_with_line_end(path);
  TextFile file(path);
  std::optional<TextLine> line = file.next_line();
  if (!line || line->text != kHeader) {
    throw DataError(path.string() + ":1: expected the header of an alignment, got " +
                    in_quotes(line ? line->text : ""));
  }
  line = file.next_line();
  while (line) {
    const std::optional<TextLine> next = file.next_line();
    if (!next && !whole) break;
    const std::vector<std::string> fields = file.csv_fields(*line);
    if (fields.size() != kColumns) {
      file.fail(*line, "expected " + std::to_string(kColumns) + " fields, got " +
                           std::to_string(fields.size()));
    }
    const auto status = std::find(kAlignStatusNames.begin(), kAlignStatusNames.end(), fields[1]);
    if (status == kAlignStatusNames.end())
      file.fail(*line, "expected a status, got " + in_quotes(fields[1]));
    if (!is_plain_relative(fields[2]))
      file.fail(*line, "expected an output below this folder, got " + in_quotes(fields[2]));
    table[fields[0]] = {static_cast<AlignStatus>(status - kAlignStatusNames.begin()), fields[2],
                        std::string(line->text) + "\n"};
    line = next;
  }
  return table;
}

void write_alignment_table(const fs::path& path, const AlignmentTable& table) {
  std::string text = std::string(kHeader) + "\n";
  for (const auto& [picture, row] : table) text += row.line;
  write_file_atomically(path, text);
}

TableAppender::TableAppender(fs::path path) : path_(std::move(path)) {
  file_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file_ < 0) fail();
}

TableAppender::~TableAppender() {
  if (file_ >= 0) ::close(file_);
}

void TableAppender::append(std::string_view line) {
  if (broken_) return;
  while (!line.empty()) {
    const ssize_t count = ::write(file_, line.data(), line.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      broken_ = true;
      fail();
    }
    line.remove_prefix(static_cast<std::size_t>(count));
  }
}

void TableAppender::fail() const {
  throw RunError(path_.string() + ": cannot be written: " + std::strerror(errno));
}

}  // namespace selfcure
