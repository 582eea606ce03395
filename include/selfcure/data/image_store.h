#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "selfcure/data/image_decoder.h"
#include "selfcure/data/manifest.h"

namespace selfcure {

class PixelPack;

/// What to do with an image that cannot be read.
enum class OnError { kStop, kSkip };

/// Stands for a quarter of the memory that is available when the store is made.
inline constexpr std::int64_t kAutoMemoryBudget = -1;

struct ImageStoreOptions {
  /// Side of the square images that batches are made of, in pixels, 8 to 1024.
  int image_size = 224;
  /// Decoded pixels kept in memory, at most; 0: none. Images beyond it are decoded again in every
  /// epoch.
  std::int64_t memory_budget_bytes = kAutoMemoryBudget;
};

/// Memory that this process can still take without others having to give some up: what the system
/// calls available, or less where a control group sets a limit to the process or to one above it.
///
/// @param system_root  where /proc and /sys are
/// @return 0 if nothing can be found out
std::int64_t available_memory_bytes(const std::filesystem::path& system_root = "/");

/// Decodes images into 8-bit pixels, keeps them while memory allows, and fills batches.
///
/// An image larger than the target is reduced once, when it is decoded; a smaller one is kept as
/// it is (grey ones with one channel) and enlarged when a batch is filled: 100 x 100 sources take
/// a fifth of the memory that 224 x 224 copies would take. Both ways are bilinear or area
/// resampling without regard to the aspect ratio, as the field does. `decode_image` says what
/// becomes of large JPEGs, of 16 bits, transparency and the like. The first visit to a frame of a
/// video decodes all frames that are taken of it, where memory is left to keep them. `fill` may be
/// called by many threads at once.
class ImageStore {
 public:
  /// @param manifest  kept by reference: must outlive the store
  /// @param pack      pixels of the same rows (or null); rows that it has take no memory here
  ImageStore(const Manifest& manifest, const ImageStoreOptions& options,
             std::shared_ptr<const PixelPack> pack = nullptr);
  ~ImageStore();
  ImageStore(const ImageStore&) = delete;
  ImageStore& operator=(const ImageStore&) = delete;

  /// Writes one image as RGB, [image_size, image_size, 3], 8 bit.
  /// @throws DataError that names the file when it is missing, unreadable or cut short
  void fill(std::int64_t row, std::uint8_t* pixels) const;

  int image_size() const { return options_.image_size; }
  std::int64_t size() const { return manifest_.size(); }
  /// Bytes of one image in a batch.
  std::int64_t image_bytes() const;
  std::int64_t cached_bytes() const { return cached_bytes_.load(); }
  /// What kAutoMemoryBudget came to, or the budget that was given.
  std::int64_t memory_budget_bytes() const { return options_.memory_budget_bytes; }

 private:
  Picture decode(std::int64_t row) const;
  const Picture* keep(std::int64_t row, std::unique_ptr<Picture>& picture) const;
  PictureView picture_of(std::int64_t row, std::unique_ptr<Picture>& owned) const;

  const Manifest& manifest_;
  ImageStoreOptions options_;
  std::shared_ptr<const PixelPack> pack_;
  /// Rows of each video and, per row, the video that it is of; empty if there are no videos.
  std::vector<std::vector<std::int64_t>> videos_;
  std::vector<std::int32_t> video_of_;
  mutable std::vector<std::atomic<Picture*>> cache_;
  mutable std::atomic<std::int64_t> cached_bytes_{0};
};

/// Decodes every image of a manifest once and drops the rows whose image cannot be read.
///
/// @param threads  at least 1
/// @param report   called with the message of each dropped row, in row order
/// @param pack     of the same rows, or null: what it has can be read and is not decoded again; it
///                 loses the same rows
/// @param progress called by this thread with rows done and rows in all, may be empty; what it
///                 throws ends the work, with nothing dropped, and goes on to the caller
/// @return number of dropped rows
std::int64_t drop_unreadable_rows(
    Manifest& manifest, const ImageStoreOptions& options, int threads,
    const std::function<void(const std::string&)>& report, PixelPack* pack = nullptr,
    const std::function<void(std::int64_t, std::int64_t)>& progress = {});

}  // namespace selfcure
