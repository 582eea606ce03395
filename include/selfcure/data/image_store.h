#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "selfcure/data/manifest.h"

namespace selfcure {

/// What to do with an image that cannot be read.
enum class OnError { kStop, kSkip };

struct ImageStoreOptions {
  /// Side of the square images that batches are made of, in pixels, 8 to 1024.
  int image_size = 224;
  /// Decoded pixels kept in memory, at most. Images beyond it are decoded again in every epoch.
  std::int64_t memory_budget_bytes = std::int64_t{4} << 30;
};

/// Decodes images into 8-bit pixels, keeps them while memory allows, and fills batches.
///
/// An image larger than the target is reduced once, when it is decoded; a smaller one is kept as
/// it is (grey ones with one channel) and enlarged when a batch is filled: 100 x 100 sources take
/// a fifth of the memory that 224 x 224 copies would take. Both ways are bilinear or area
/// resampling without regard to the aspect ratio, as the field does. `fill` may be called by many
/// threads at once.
class ImageStore {
 public:
  /// @param manifest  kept by reference: must outlive the store
  ImageStore(const Manifest& manifest, const ImageStoreOptions& options);
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

 private:
  struct Decoded;
  std::unique_ptr<Decoded> decode(std::int64_t row) const;
  const Decoded* cached_or_decoded(std::int64_t row, std::unique_ptr<Decoded>& owned) const;

  const Manifest& manifest_;
  ImageStoreOptions options_;
  mutable std::vector<std::atomic<Decoded*>> cache_;
  mutable std::atomic<std::int64_t> cached_bytes_{0};
};

/// Decodes every image of a manifest once and drops the rows whose image cannot be read.
///
/// @param threads  at least 1
/// @param report   called with the message of each dropped row, in row order
/// @return number of dropped rows
std::int64_t drop_unreadable_rows(Manifest& manifest, const ImageStoreOptions& options, int threads,
                                  const std::function<void(const std::string&)>& report);

}  // namespace selfcure
