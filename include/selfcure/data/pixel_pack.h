#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "selfcure/data/image_decoder.h"
#include "selfcure/data/manifest.h"

namespace selfcure {

/// Where packs lie and how they are made.
struct PixelPackOptions {
  /// Made if it is missing. Runs that share the folder share the packs, at the same time too.
  std::filesystem::path folder;
  /// Threads that decode, at least 1.
  int threads = 1;
  /// Called with one line at most, when there will be no pack; may be empty.
  std::function<void(const std::string&)> warn = {};
  /// Called when another process is waited for; may be empty.
  std::function<void(const std::string&)> note = {};
  /// Called by the thread that waits, with rows done and rows in all; may be empty. What it throws
  /// ends the making and goes on to the caller; nothing is left on disk.
  std::function<void(std::int64_t, std::int64_t)> progress = {};
};

/// The decoded pixels of a manifest's images in one file, mapped into memory.
///
/// Rows are as `decode_row` gives them, so that batches are the same bits with and without a pack.
/// The memory is the system's file cache: it is shared by all runs, and given back when others
/// need it. May be read by many threads at once.
class PixelPack {
 public:
  ~PixelPack();
  PixelPack(const PixelPack&) = delete;
  PixelPack& operator=(const PixelPack&) = delete;

  std::int64_t size() const { return static_cast<std::int64_t>(entries_.size()); }
  const std::filesystem::path& path() const { return path_; }
  /// Bytes on disk.
  std::int64_t bytes() const { return bytes_; }

  /// Whether the row could be decoded when the pack was made.
  bool has(std::int64_t row) const;

  /// Pixels of a row, valid as long as the pack lives.
  ///
  /// The first reading of a row checks its sum. Should it be wrong, the file is removed, so that
  /// the next run makes it anew, and the row counts as one that the pack does not have.
  /// @return nothing if the pack does not have the row
  std::optional<PictureView> view(std::int64_t row) const;

  /// As Manifest::keep_rows. @param keep  [size()]
  void keep_rows(const std::vector<bool>& keep);

 private:
  friend struct PackFile;
  /// One row in the file.
  struct Entry {
    std::uint64_t offset = 0;
    std::uint64_t checksum = 0;
    std::uint16_t width = 0;
    std::uint16_t height = 0;
    /// 0: the row could not be decoded.
    std::uint32_t channels = 0;
  };
  PixelPack() = default;
  PictureView view_of(const Entry& entry) const;
  void remove_file() const;

  std::filesystem::path path_;
  std::uint64_t inode_ = 0;
  std::uint64_t device_ = 0;
  const std::uint8_t* mapped_ = nullptr;
  std::int64_t bytes_ = 0;
  std::vector<Entry> entries_;
  enum class State : std::uint8_t { kUnchecked, kGood, kBad };
  mutable std::vector<std::atomic<State>> states_;
};

/// Opens the pack of a manifest, or makes it if there is none that is up to date.
///
/// The file's name follows from the paths, boxes and frames of the rows and from `image_size`; the
/// file holds a hash of these, of the size, number and times of change of every image file, and
/// of kDecodeVersion. A pack whose hash is another, or that was cut short or changed, is replaced.
/// Making it takes one reading of all images; a process that finds another one making it waits and
/// takes the same. Files appear under their names only when they are complete.
///
/// @return null if the manifest has its pixels inline or no rows; also, after a warning, if the
/// pack
///         cannot be written or read (no space, no right): the store decodes images as it would
///         without
std::unique_ptr<PixelPack> open_or_build_pack(const Manifest& manifest, int image_size,
                                              const PixelPackOptions& options);

}  // namespace selfcure
