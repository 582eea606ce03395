#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>

#include "affectnet_releases.h"
#include "selfcure/core/errors.h"
#include "selfcure/data/class_folders.h"
#include "selfcure/data/npy_file.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = "_exp.npy";
/// Reading small files waits for the disk, so that more threads than cores help.
constexpr std::size_t kThreads = 8;
constexpr std::size_t kBlock = 256;

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// The ids that have an expression, in the order in which people count.
std::vector<std::string> annotated_ids(const fs::path& folder) {
  std::vector<std::string> ids;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (!ends_with(name, kSuffix) || name.size() == kSuffix.size() || name.front() == '.') continue;
    name.resize(name.size() - kSuffix.size());
    ids.push_back(std::move(name));
  }
  if (error) throw DataError(folder.string() + ": cannot be listed: " + error.message());
  std::sort(ids.begin(), ids.end(), natural_less);
  return ids;
}

/// What one annotation says: a class, kUnknownLabel to leave the image out, or what is wrong.
struct Annotation {
  std::int32_t label = kUnknownLabel;
  std::string error;
};

Annotation read_annotation(const fs::path& path, bool contempt) {
  Annotation annotation;
  try {
    annotation.label = affectnet_label(read_npy_integer(path), contempt, path.string());
  } catch (const DataError& error) {
    annotation.error = error.what();
  }
  return annotation;
}

std::vector<Annotation> read_annotations(const fs::path& folder,
                                         const std::vector<std::string>& ids, bool contempt) {
  std::vector<Annotation> annotations(ids.size());
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto work = [&] {
    try {
      for (std::size_t begin = next.fetch_add(kBlock); begin < ids.size();
           begin = next.fetch_add(kBlock)) {
        for (std::size_t i = begin; i < std::min(begin + kBlock, ids.size()); ++i) {
          annotations[i] = read_annotation(folder / (ids[i] + std::string(kSuffix)), contempt);
        }
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(failure_mutex);
      failure = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  try {
    while (threads.size() + 1 < std::min(kThreads, ids.size() / kBlock)) threads.emplace_back(work);
  } catch (const std::system_error&) {
    // The system gives no more threads: those that it gave and this one do the work.
  }
  work();
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
  return annotations;
}

}  // namespace

Manifest read_affectnet_2021(const AffectNetOptions& options, Split split) {
  const char* const set = split == Split::kTrain ? "train_set" : "val_set";
  Manifest manifest;
  manifest.root = options.root / set;
  for (const fs::path& folder : {manifest.root / "annotations", manifest.root / "images"}) {
    if (!folder_exists(folder)) {
      throw DataError(folder.string() + ": expected a folder of AffectNet's 2021 release, found " +
                      (path_exists(folder) ? "something else" : "nothing there"));
    }
  }
  const fs::path folder = manifest.root / "annotations";
  const std::vector<std::string> ids = annotated_ids(folder);
  const std::vector<Annotation> annotations = read_annotations(folder, ids, options.contempt);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const bool good = read_or_skip(options.bad_lines, [&] {
      if (!annotations[i].error.empty()) throw DataError(annotations[i].error);
    });
    if (!good || annotations[i].label == kUnknownLabel) continue;
    ManifestRow row;
    row.image = "images/" + ids[i] + ".jpg";
    row.given = annotations[i].label;
    manifest.rows.push_back(std::move(row));
  }
  return manifest;
}

}  // namespace selfcure
