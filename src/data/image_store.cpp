#include "selfcure/data/image_store.h"

#include <algorithm>
#include <exception>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <system_error>
#include <thread>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/data/pixel_pack.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kAutoShare = 4;
constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

/// The number in a file that has nothing else; nothing for "max" or no such file.
std::optional<std::int64_t> number_in(const fs::path& path) {
  std::ifstream file(path);
  std::string word;
  if (!(file >> word)) return std::nullopt;
  return parse_integer(word);
}

/// The number after a word at the start of a line.
std::optional<std::int64_t> number_after(const fs::path& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name, value;
    if (words >> name >> value && name == key) return parse_integer(value);
  }
  return std::nullopt;
}

/// Names of the files of one version of control groups.
struct GroupFiles {
  const char* limit;
  const char* usage;
  const char* reclaimable;
};

/// What a control group leaves; its file cache counts as free.
std::int64_t left_in_group(const fs::path& group, const GroupFiles& files) {
  const std::optional<std::int64_t> limit = number_in(group / files.limit);
  const std::optional<std::int64_t> usage = number_in(group / files.usage);
  if (!limit || !usage) return kNoLimit;
  const std::int64_t cache = number_after(group / "memory.stat", files.reclaimable).value_or(0);
  return std::max<std::int64_t>(*limit - std::max<std::int64_t>(*usage - cache, 0), 0);
}

/// What the groups that /proc/self/cgroup names, and those above them, leave.
/// Source: cgroups(7); lines are "number:controllers:path".
std::int64_t left_in_groups(const fs::path& system_root) {
  constexpr GroupFiles kVersion1 = {"memory.limit_in_bytes", "memory.usage_in_bytes",
                                    "total_inactive_file"};
  constexpr GroupFiles kVersion2 = {"memory.max", "memory.current", "inactive_file"};
  std::ifstream file(system_root / "proc/self/cgroup");
  std::int64_t left = kNoLimit;
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool is_version_2 = controllers == ",,";
    if (!is_version_2 && controllers.find(",memory,") == std::string::npos) continue;
    const fs::path mount = system_root / (is_version_2 ? "sys/fs/cgroup" : "sys/fs/cgroup/memory");
    // In a container the path may be one of outside: the mount itself is this process's group then.
    fs::path path = fs::path(line.substr(second + 1)).relative_path();
    while (true) {
      left = std::min(left, left_in_group(mount / path, is_version_2 ? kVersion2 : kVersion1));
      if (path.empty()) break;
      path = path.parent_path();
    }
  }
  return left;
}

}  // namespace

std::int64_t available_memory_bytes(const fs::path& system_root) {
  const std::optional<std::int64_t> kibibytes =
      number_after(system_root / "proc/meminfo", "MemAvailable:");
  const std::int64_t available = kibibytes.value_or(kNoLimit >> 10) << 10;
  const std::int64_t left = std::min(available, left_in_groups(system_root));
  return kibibytes || left < available ? left : 0;
}

ImageStore::ImageStore(const Manifest& manifest, const ImageStoreOptions& options,
                       std::shared_ptr<const PixelPack> pack)
    : manifest_(manifest),
      options_(options),
      pack_(std::move(pack)),
      cache_(static_cast<std::size_t>(manifest.size())) {
  if (options_.memory_budget_bytes == kAutoMemoryBudget)
    options_.memory_budget_bytes = available_memory_bytes() / kAutoShare;
  if (manifest.frames_per_video > 0) {
    videos_ = rows_by_file(manifest);
    video_of_.resize(cache_.size());
    for (std::size_t video = 0; video < videos_.size(); ++video)
      for (const std::int64_t row : videos_[video])
        video_of_[static_cast<std::size_t>(row)] = static_cast<std::int32_t>(video);
  }
}

ImageStore::~ImageStore() {
  for (std::atomic<Picture*>& entry : cache_) delete entry.load();
}

std::int64_t ImageStore::image_bytes() const {
  return std::int64_t{3} * options_.image_size * options_.image_size;
}

/// Keeps a decoded picture if memory is left. @return the one that is kept, or null
const Picture* ImageStore::keep(std::int64_t row, std::unique_ptr<Picture>& picture) const {
  const auto bytes = static_cast<std::int64_t>(picture->pixels.size());
  if (cached_bytes_.fetch_add(bytes) + bytes > options_.memory_budget_bytes) {
    cached_bytes_.fetch_sub(bytes);
    return nullptr;
  }
  Picture* expected = nullptr;
  if (!cache_[static_cast<std::size_t>(row)].compare_exchange_strong(expected, picture.get(),
                                                                     std::memory_order_acq_rel)) {
    cached_bytes_.fetch_sub(bytes);  // another thread decoded the same row meanwhile
    return expected;
  }
  return picture.release();
}

/// Decodes a row and, where it is of a video, keeps the other rows of it.
Picture ImageStore::decode(std::int64_t row) const {
  if (videos_.empty() || cached_bytes_ >= options_.memory_budget_bytes)
    return decode_row(manifest_, row, options_.image_size);
  const auto video = static_cast<std::size_t>(video_of_[static_cast<std::size_t>(row)]);
  const std::vector<std::int64_t>& rows = videos_[video];
  std::vector<Picture> pictures;
  try {
    pictures = decode_rows(manifest_, rows, options_.image_size);
  } catch (const DataError&) {
    // It may be another row's fault, and then it is not this one that has to be named.
    return decode_row(manifest_, row, options_.image_size);
  }
  Picture wanted;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] == row) {
      wanted = std::move(pictures[i]);
    } else {
      auto other = std::make_unique<Picture>(std::move(pictures[i]));
      keep(rows[i], other);
    }
  }
  return wanted;
}

PictureView ImageStore::picture_of(std::int64_t row, std::unique_ptr<Picture>& owned) const {
  if (const std::optional<PictureView> shared = inline_picture(manifest_, row)) {
    if (shared->width <= options_.image_size) return *shared;
  }
  if (pack_ != nullptr) {
    if (const std::optional<PictureView> packed = pack_->view(row)) return *packed;
  }
  const std::atomic<Picture*>& entry = cache_[static_cast<std::size_t>(row)];
  if (const Picture* kept = entry.load(std::memory_order_acquire)) return kept->view();
  owned = std::make_unique<Picture>(decode(row));
  if (const Picture* kept = keep(row, owned)) return kept->view();
  return owned->view();
}

void ImageStore::fill(std::int64_t row, std::uint8_t* pixels) const {
  std::unique_ptr<Picture> owned;
  fill_rgb(picture_of(row, owned), options_.image_size, pixels);
}

std::int64_t drop_unreadable_rows(Manifest& manifest, const ImageStoreOptions& options, int threads,
                                  const std::function<void(const std::string&)>& report,
                                  PixelPack* pack,
                                  const std::function<void(std::int64_t, std::int64_t)>& progress) {
  const std::size_t count = manifest.rows.size();
  std::vector<std::string> problems(count);
  {
    const std::vector<std::vector<std::int64_t>> files = rows_by_file(manifest);
    std::atomic<std::size_t> next{0};
    std::atomic<std::int64_t> rows_done{0};
    const auto check_row = [&](std::int64_t row) {
      try {
        decode_row(manifest, row, options.image_size);
      } catch (const std::exception& error) {
        problems[static_cast<std::size_t>(row)] = error.what();
      }
    };
    const auto check = [&](bool tells_progress) {
      for (std::size_t file = next++; file < files.size(); file = next++) {
        std::vector<std::int64_t> rows = files[file];
        rows_done += static_cast<std::int64_t>(rows.size());
        if (tells_progress && progress) progress(rows_done, static_cast<std::int64_t>(count));
        if (pack != nullptr)
          rows.erase(std::remove_if(rows.begin(), rows.end(),
                                    [&](std::int64_t row) { return pack->has(row); }),
                     rows.end());
        if (rows.empty()) continue;
        try {
          decode_rows(manifest, rows, options.image_size);
        } catch (const std::exception&) {
          for (const std::int64_t row : rows) check_row(row);
        }
      }
    };
    std::vector<std::thread> team;
    try {
      for (int i = 1; i < threads; ++i) team.emplace_back(check, false);
    } catch (const std::system_error&) {
      // The system gives no more threads: this one and those that started do the work.
    }
    std::exception_ptr stopped;
    try {
      check(true);
    } catch (...) {
      stopped = std::current_exception();
      next = files.size();
    }
    for (std::thread& member : team) member.join();
    if (stopped) std::rethrow_exception(stopped);
  }
  std::vector<bool> keep(count, true);
  for (std::size_t row = 0; row < count; ++row) {
    if (problems[row].empty()) continue;
    report(problems[row]);
    keep[row] = false;
  }
  manifest.keep_rows(keep);
  if (pack != nullptr) pack->keep_rows(keep);
  return static_cast<std::int64_t>(std::count(keep.begin(), keep.end(), false));
}

}  // namespace selfcure
