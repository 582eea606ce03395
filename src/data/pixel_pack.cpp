#include "selfcure/data/pixel_pack.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/data/duplicates.h"

namespace selfcure {
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMagic = 0x31304B4341504353;  // "SCPACK01" on a little-endian machine
constexpr std::uint64_t kDataBegin = 4096;
constexpr std::size_t kMostNameBytes = 60;

/// The start of a pack; pixels follow at kDataBegin, then the entries.
struct Header {
  std::uint64_t magic = kMagic;
  ByteHash content;
  std::uint64_t rows = 0;
  std::uint64_t entries_offset = 0;
  std::uint64_t entries_checksum = 0;
  std::uint64_t file_bytes = 0;
  /// Of all that comes before it.
  std::uint64_t checksum = 0;

  std::uint64_t sum() const { return XXH3_64bits(this, offsetof(Header, checksum)); }
};

static_assert(sizeof(Header) == 64, "no padding: its bytes are hashed");

/// What names a pack and what it must have been made of.
struct PackKey {
  ByteHash rows;
  ByteHash content;
};

void add_text(ByteHasher& hasher, const std::string& text) {
  const std::uint64_t size = text.size();
  hasher.add(&size, sizeof(size));
  hasher.add(text.data(), text.size());
}

/// Size, number, and times of change in nanoseconds; -1 for a file that cannot be seen.
///
/// Copies keep the time of the content; the time of the file itself cannot be set back.
std::array<std::int64_t, 4> state_of(const fs::path& path) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {-1, -1, -1, -1};
  return {static_cast<std::int64_t>(status.st_size), static_cast<std::int64_t>(status.st_ino),
          std::int64_t{status.st_mtim.tv_sec} * kSecond + status.st_mtim.tv_nsec,
          std::int64_t{status.st_ctim.tv_sec} * kSecond + status.st_ctim.tv_nsec};
}

PackKey key_of(const Manifest& manifest, int image_size) {
  ByteHasher rows, content;
  std::error_code ignored;
  add_text(rows, fs::absolute(manifest.root, ignored).lexically_normal().string());
  const std::array<std::int64_t, 2> common = {image_size, manifest.frames_per_video};
  rows.add(common.data(), sizeof(common));
  const std::string* last_image = nullptr;
  for (const ManifestRow& row : manifest.rows) {
    add_text(rows, row.image);
    const std::array<std::int32_t, 5> part = {row.box.x, row.box.y, row.box.width, row.box.height,
                                              row.frame};
    rows.add(part.data(), sizeof(part));
    if (last_image != nullptr && *last_image == row.image) continue;
    last_image = &row.image;
    const std::array<std::int64_t, 4> state = state_of(manifest.root / row.image);
    content.add(state.data(), sizeof(state));
  }
  const ByteHash name = rows.result();
  content.add(&name, sizeof(name));
  content.add(&kDecodeVersion, sizeof(kDecodeVersion));
  return {name, content.result()};
}

/// "RAF-DB_train-224-0123456789abcdef", for a person to recognise.
std::string file_stem(const Manifest& manifest, int image_size, const PackKey& key) {
  std::string name = manifest.name.substr(0, kMostNameBytes);
  for (char& c : name) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '.';
    if (!is_plain) c = '_';
  }
  std::array<char, 17> hex{};
  std::snprintf(hex.data(), hex.size(), "%016llx", static_cast<unsigned long long>(key.rows.high));
  return name + "-" + std::to_string(image_size) + "-" + hex.data();
}

/// A file descriptor that closes itself.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

/// Ends the making of a pack; the reason is for a warning.
struct PackFailure {
  std::string reason;
};

[[noreturn]] void give_up(const std::string& what) {
  throw PackFailure{what + ": " + std::strerror(errno)};
}

void write_at(const File& file, const void* data, std::size_t size, std::uint64_t offset) {
  const char* from = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t count = ::pwrite(file.get(), from, size, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) give_up("cannot be written");
    from += count;
    size -= static_cast<std::size_t>(count);
    offset += static_cast<std::uint64_t>(count);
  }
}

/// Keeps other processes from making the same pack; the system ends it with the process.
class PackLock {
 public:
  explicit PackLock(const fs::path& path)
      : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {}

  /// Tries to take it. Where locks do not work, two processes may make the same pack; the last
  /// one's stays.
  /// @return false if another process has it
  bool take() {
    if (!file_.is_open()) return true;
    is_held_ = ::flock(file_.get(), LOCK_EX | LOCK_NB) == 0;
    return is_held_ || (errno != EWOULDBLOCK && errno != EINTR);
  }
  bool is_held() const { return is_held_; }

 private:
  File file_;
  bool is_held_ = false;
};

/// Waits while another process makes the pack. What the progress throws goes on to the caller.
void wait_for(PackLock& lock, const fs::path& path, std::int64_t rows,
              const PixelPackOptions& options) {
  constexpr std::chrono::milliseconds kPause(200);
  bool is_said = false;
  while (!lock.take()) {
    if (!is_said && options.note)
      options.note(path.string() + ": waiting for another process that makes it");
    is_said = true;
    if (options.progress) options.progress(0, rows);
    std::this_thread::sleep_for(kPause);
  }
}

/// Removes what processes left that were killed while they made this pack.
void remove_leftovers(const fs::path& pack) {
  const std::string begin = pack.filename().string() + ".";
  std::error_code ignored;
  std::vector<fs::path> leftovers;
  for (const fs::directory_entry& entry : fs::directory_iterator(pack.parent_path(), ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(begin, 0) == 0 && entry.path().extension() == ".tmp")
      leftovers.push_back(entry.path());
  }
  for (const fs::path& leftover : leftovers) fs::remove(leftover, ignored);
}

}  // namespace

/// Reads and writes what PixelPack gives out.
struct PackFile {
  using Entry = PixelPack::Entry;

  static std::unique_ptr<PixelPack> open(const fs::path& path, const Manifest& manifest,
                                         int image_size, const PackKey& key);
  static void build(const fs::path& path, const Manifest& manifest, int image_size,
                    const PackKey& key, const PixelPackOptions& options);
};

namespace {

bool is_sound(const PackFile::Entry& entry, int image_size, std::uint64_t data_end) {
  if (entry.channels == 0) return true;
  const std::uint64_t bytes =
      std::uint64_t{entry.width} * std::uint64_t{entry.height} * entry.channels;
  return (entry.channels == 1 || entry.channels == 3) && entry.width >= 1 && entry.height >= 1 &&
         entry.width <= image_size && entry.height <= image_size && entry.offset >= kDataBegin &&
         entry.offset <= data_end && bytes <= data_end - entry.offset;
}

/// Decodes all rows with several threads and writes them to a file.
class PackWriter {
 public:
  PackWriter(const Manifest& manifest, int image_size, const File& file)
      : manifest_(manifest),
        image_size_(image_size),
        file_(file),
        groups_(rows_by_file(manifest)),
        entries_(manifest.rows.size()) {}

  /// @throws PackFailure if something cannot be written
  void run(const PixelPackOptions& options) {
    std::vector<std::thread> team;
    try {
      for (int i = 1; i < options.threads; ++i) team.emplace_back([this] { work({}); });
    } catch (const std::system_error&) {
      // The system gives no more threads: this one and those that started do the work.
    }
    work(options.progress);
    for (std::thread& member : team) member.join();
    if (error_) std::rethrow_exception(error_);
    if (options.progress) options.progress(manifest_.size(), manifest_.size());
  }

  const std::vector<PackFile::Entry>& entries() const { return entries_; }
  std::uint64_t data_end() const { return next_offset_; }

 private:
  void work(const std::function<void(std::int64_t, std::int64_t)>& progress) {
    try {
      for (std::size_t group = next_group_++; group < groups_.size(); group = next_group_++) {
        add(groups_[group]);
        rows_done_ += static_cast<std::int64_t>(groups_[group].size());
        if (progress) progress(rows_done_, manifest_.size());
      }
    } catch (...) {
      const std::lock_guard<std::mutex> guard(error_mutex_);
      if (!error_) error_ = std::current_exception();
      next_group_ = groups_.size();
    }
  }

  void add(const std::vector<std::int64_t>& rows) {
    std::vector<Picture> pictures;
    try {
      pictures = decode_rows(manifest_, rows, image_size_);
    } catch (const DataError&) {
      // Rows that cannot be read are not in the pack; one of a video may keep the others out.
      if (rows.size() > 1)
        for (const std::int64_t row : rows) add({row});
      return;
    }
    for (std::size_t i = 0; i < rows.size(); ++i)
      entries_[static_cast<std::size_t>(rows[i])] = write(pictures[i]);
  }

  PackFile::Entry write(const Picture& picture) {
    PackFile::Entry entry;
    entry.width = static_cast<std::uint16_t>(picture.width);
    entry.height = static_cast<std::uint16_t>(picture.height);
    entry.channels = static_cast<std::uint32_t>(picture.channels);
    entry.checksum = XXH3_64bits(picture.pixels.data(), picture.pixels.size());
    entry.offset = next_offset_.fetch_add(picture.pixels.size());
    write_at(file_, picture.pixels.data(), picture.pixels.size(), entry.offset);
    return entry;
  }

  const Manifest& manifest_;
  const int image_size_;
  const File& file_;
  const std::vector<std::vector<std::int64_t>> groups_;
  std::vector<PackFile::Entry> entries_;
  std::atomic<std::size_t> next_group_{0};
  std::atomic<std::int64_t> rows_done_{0};
  std::atomic<std::uint64_t> next_offset_{kDataBegin};
  std::mutex error_mutex_;
  std::exception_ptr error_;
};

}  // namespace

std::unique_ptr<PixelPack> PackFile::open(const fs::path& path, const Manifest& manifest,
                                          int image_size, const PackKey& key) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  Header header;
  if (!file.is_open() || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
      ::pread(file.get(), &header, sizeof(header), 0) != static_cast<ssize_t>(sizeof(header)))
    return nullptr;
  const std::uint64_t rows = manifest.rows.size();
  const std::uint64_t entry_bytes = rows * sizeof(Entry);
  const bool is_current =
      header.magic == kMagic && header.checksum == header.sum() && header.content == key.content &&
      header.rows == rows && header.file_bytes == static_cast<std::uint64_t>(status.st_size) &&
      header.entries_offset >= kDataBegin && header.entries_offset <= header.file_bytes &&
      header.file_bytes - header.entries_offset == entry_bytes;
  if (!is_current) return nullptr;

  std::unique_ptr<PixelPack> pack(new PixelPack);
  pack->path_ = path;
  pack->inode_ = status.st_ino;
  pack->device_ = status.st_dev;
  void* const mapped = ::mmap(nullptr, header.file_bytes, PROT_READ, MAP_SHARED, file.get(), 0);
  if (mapped == MAP_FAILED) return nullptr;
  pack->mapped_ = static_cast<const std::uint8_t*>(mapped);
  pack->bytes_ = static_cast<std::int64_t>(header.file_bytes);
  const std::uint8_t* const entries = pack->mapped_ + header.entries_offset;
  if (XXH3_64bits(entries, entry_bytes) != header.entries_checksum) return nullptr;
  pack->entries_.resize(rows);
  std::memcpy(pack->entries_.data(), entries, entry_bytes);
  for (const Entry& entry : pack->entries_)
    if (!is_sound(entry, image_size, header.entries_offset)) return nullptr;
  pack->states_ = std::vector<std::atomic<PixelPack::State>>(rows);
  return pack;
}

void PackFile::build(const fs::path& path, const Manifest& manifest, int image_size,
                     const PackKey& key, const PixelPackOptions& options) {
  std::string temporary = path.string() + ".XXXXXX.tmp";
  const File file(::mkostemps(temporary.data(), 4, O_CLOEXEC));
  if (!file.is_open()) give_up("cannot be written");
  try {
    PackWriter writer(manifest, image_size, file);
    writer.run(options);
    Header header;
    header.content = key.content;
    header.rows = manifest.rows.size();
    header.entries_offset = writer.data_end();
    const std::vector<Entry>& entries = writer.entries();
    const std::size_t entry_bytes = entries.size() * sizeof(Entry);
    header.entries_checksum = XXH3_64bits(entries.data(), entry_bytes);
    header.file_bytes = header.entries_offset + entry_bytes;
    header.checksum = header.sum();
    write_at(file, entries.data(), entry_bytes, header.entries_offset);
    write_at(file, &header, sizeof(header), 0);
    // mkostemps keeps others out; runs of other users may share the folder.
    ::fchmod(file.get(), 0644);
    if (::fsync(file.get()) != 0) give_up("cannot be written");
    if (::rename(temporary.c_str(), path.c_str()) != 0) give_up("cannot be put in place");
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

PixelPack::~PixelPack() {
  if (mapped_ != nullptr)
    ::munmap(const_cast<std::uint8_t*>(mapped_), static_cast<std::size_t>(bytes_));
}

PictureView PixelPack::view_of(const Entry& entry) const {
  return {mapped_ + entry.offset, entry.width, entry.height, static_cast<int>(entry.channels)};
}

bool PixelPack::has(std::int64_t row) const {
  return entries_[static_cast<std::size_t>(row)].channels != 0;
}

void PixelPack::remove_file() const {
  // Another run may have put a good pack in its place.
  struct stat status {};
  if (::stat(path_.c_str(), &status) == 0 && status.st_ino == inode_ && status.st_dev == device_)
    ::unlink(path_.c_str());
}

std::optional<PictureView> PixelPack::view(std::int64_t row) const {
  if (!has(row)) return std::nullopt;
  const Entry& entry = entries_[static_cast<std::size_t>(row)];
  const PictureView picture = view_of(entry);
  std::atomic<State>& state = states_[static_cast<std::size_t>(row)];
  if (state.load(std::memory_order_relaxed) == State::kUnchecked) {
    const bool is_good = XXH3_64bits(picture.pixels, picture.bytes()) == entry.checksum;
    if (!is_good) remove_file();
    state.store(is_good ? State::kGood : State::kBad, std::memory_order_relaxed);
  }
  if (state.load(std::memory_order_relaxed) == State::kBad) return std::nullopt;
  return picture;
}

void PixelPack::keep_rows(const std::vector<bool>& keep) {
  std::vector<Entry> kept;
  for (std::size_t row = 0; row < entries_.size(); ++row)
    if (keep[row]) kept.push_back(entries_[row]);
  entries_ = std::move(kept);
  states_ = std::vector<std::atomic<State>>(entries_.size());
}

std::unique_ptr<PixelPack> open_or_build_pack(const Manifest& manifest, int image_size,
                                              const PixelPackOptions& options) {
  if (!manifest.inline_pixels.empty() || manifest.rows.empty()) return nullptr;
  const PackKey key = key_of(manifest, image_size);
  const std::string stem = file_stem(manifest, image_size, key);
  const fs::path path = options.folder / (stem + ".pack");
  if (auto pack = PackFile::open(path, manifest, image_size, key)) return pack;
  try {
    std::error_code error;
    fs::create_directories(options.folder, error);
    if (error) throw PackFailure{"cannot be made: " + error.message()};
    PackLock lock(options.folder / (stem + ".lock"));
    wait_for(lock, path, manifest.size(), options);
    if (auto pack = PackFile::open(path, manifest, image_size, key)) return pack;
    if (lock.is_held()) remove_leftovers(path);
    PackFile::build(path, manifest, image_size, key, options);
    if (auto pack = PackFile::open(path, manifest, image_size, key)) return pack;
    throw PackFailure{"cannot be read back"};
  } catch (const PackFailure& failure) {
    if (options.warn)
      options.warn(path.string() + ": the pack of decoded images " + failure.reason +
                   "; images are decoded without it");
  }
  return nullptr;
}

}  // namespace selfcure
