// A libFuzzer target for each reader, chosen by the environment variable SELFCURE_FUZZ_TARGET.
//
// An input's first byte says whether bad lines stop the reader or are skipped; the rest is the
// file. DataError, ConfigError and CheckpointError are what a reader is to say of a bad file;
// anything else is a finding.

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nn/weights/zip_writer.h"
#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/data/affectnet.h"
#include "selfcure/data/ferplus.h"
#include "selfcure/data/image_decoder.h"
#include "selfcure/data/image_list.h"
#include "selfcure/data/noise_file.h"
#include "selfcure/data/npy_file.h"
#include "selfcure/data/pixel_pack.h"
#include "selfcure/data/raf_db.h"
#include "selfcure/data/raf_db_repack.h"
#include "selfcure/data/webemotion.h"
#include "selfcure/nn/weights/weight_file.h"

namespace {

namespace fs = std::filesystem;
using namespace selfcure;

/// Where the files of this process lie; in memory if the system has such a folder.
class Workplace {
 public:
  Workplace() {
    const fs::path base = fs::is_directory("/dev/shm") ? "/dev/shm" : fs::temp_directory_path();
    folder_ = base / ("selfcure-fuzz-" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  ~Workplace() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  const fs::path& folder() const { return folder_; }

  fs::path write(const std::string& name, std::string_view content) const {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary)
        .write(content.data(), static_cast<std::streamsize>(content.size()));
    return path;
  }

 private:
  fs::path folder_;
};

const Workplace& workplace() {
  static const Workplace place;
  return place;
}

using Target = std::function<void(std::string_view file, BadLines* bad_lines)>;

Manifest named_rows() {
  Manifest manifest;
  manifest.name = "faces";
  manifest.class_names = {"Happy", "Sad", "Neutral"};
  for (const char* const name : {"a.jpg", "my face.jpg", "deep/c.png"}) {
    ManifestRow row;
    row.image = name;
    row.given = 0;
    manifest.rows.push_back(row);
  }
  return manifest;
}

void read_list(const std::string& name, std::string_view file, BadLines* bad_lines) {
  ImageListOptions options;
  options.root = workplace().folder();
  options.train = workplace().write(name, file);
  options.bad_lines = bad_lines;
  (void)read_image_list(options, Split::kTrain);
}

void read_noise(const std::string& name, std::string_view file) {
  NoiseOptions options;
  options.type = NoiseType::kFile;
  options.file = workplace().write(name, file);
  options.require_complete = false;
  (void)read_noise_file(named_rows(), options);
}

/// Both tables in one input, with a line "====" between them.
void read_ferplus_tables(std::string_view file) {
  const std::size_t middle = file.find("====\n");
  workplace().write("fer2013new.csv", file.substr(0, middle));
  workplace().write("fer2013.csv", middle == std::string_view::npos ? "" : file.substr(middle + 5));
  for (const FerPlusLabels labels : {FerPlusLabels::kMultiTarget, FerPlusLabels::kFer2013}) {
    try {
      (void)read_ferplus({workplace().folder(), FerPlusPixels::kCsv, labels}, Split::kTrain);
    } catch (const DataError&) {
    }
  }
}

/// Changes the pack of three small pictures, which then has to be noticed: the file's first two
/// bytes say where, its third whether the pack ends there, the others what is written.
void open_changed_pack(std::string_view file) {
  static const Manifest manifest = [] {
    Manifest made;
    made.name = "pictures";
    made.class_names = {"a", "b"};
    made.root = workplace().folder();
    for (const char* const name : {"1.ppm", "2.ppm", "3.ppm"}) {
      workplace().write(name, "P6\n4 4\n255\n" + std::string(48, name[0]));
      ManifestRow row;
      row.image = name;
      row.given = 0;
      made.rows.push_back(row);
    }
    return made;
  }();
  PixelPackOptions options;
  options.folder = workplace().folder() / "packs";
  const auto pixels_of_pack = [&] {
    const auto pack = open_or_build_pack(manifest, 8, options);
    if (!pack) std::abort();
    // A row may be missing, since it is checked when it is read, but never wrong.
    const auto view = pack->view(2);
    for (std::size_t i = 0; view && i < view->bytes(); ++i) {
      if (view->pixels[i] != '3') std::abort();
    }
    return pack->path();
  };
  static const fs::path path = pixels_of_pack();
  static const std::string whole = [] {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }();
  constexpr std::size_t kHead = 3;
  if (file.size() < kHead) return;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(file[i]); };
  const std::size_t at = (byte(0) + 256U * byte(1)) % (whole.size() + 1);
  std::string changed = whole;
  changed.replace(at, std::min(file.size() - kHead, whole.size() - at), file.substr(kHead));
  if (byte(2) % 2 == 1) changed.resize(at);
  // Another file, as a mapped one must not change in place.
  fs::remove(path);
  std::ofstream(path, std::ios::binary) << changed;
  (void)pixels_of_pack();
}

/// Sums up the bytes of the elements that a tensor says it has, the last and the first thousands:
/// all must be in its storage.
void touch_elements(const StoredTensor& tensor, const std::vector<std::uint8_t>& storage) {
  // A tensor that repeats its storage may have a million.
  constexpr std::int64_t kMostTouched = 10000;
  std::vector<std::int64_t> at(tensor.shape.size(), 0);
  volatile unsigned sum = 0;
  if (tensor.element_count() > kMostTouched) {
    std::int64_t place = tensor.storage_offset;
    for (std::size_t i = 0; i < at.size(); ++i) place += (tensor.shape[i] - 1) * tensor.strides[i];
    const std::size_t bytes = element_bytes(tensor.type);
    sum = sum + storage.at((static_cast<std::size_t>(place) + 1) * bytes - 1);
  }
  for (std::int64_t left = std::min(tensor.element_count(), kMostTouched); left > 0; --left) {
    std::int64_t place = tensor.storage_offset;
    for (std::size_t i = 0; i < at.size(); ++i) place += at[i] * tensor.strides[i];
    const std::size_t bytes = element_bytes(tensor.type);
    for (std::size_t i = 0; i < bytes; ++i)
      sum = sum + storage.data()[static_cast<std::size_t>(place) * bytes + i];
    for (std::size_t i = at.size(); i-- > 0;) {
      if (++at[i] < tensor.shape[i]) break;
      at[i] = 0;
    }
  }
}

void read_weights(const fs::path& path) {
  const WeightFile file(path);
  for (const StoredTensor& tensor : file.index().tensors) {
    std::vector<std::uint8_t> storage(file.index().storages.at(tensor.storage).bytes);
    file.read_storage(tensor.storage, storage.data());
    touch_elements(tensor, storage);
  }
}

/// A pickle in an archive with the right checksums, which changed archives have not.
void read_pickled_weights(std::string_view pickle) {
  const fs::path path = workplace().folder() / "pickled.pth";
  {
    AtomicFile file(path);
    ZipWriter zip(file);
    zip.add("archive/data.pkl", pickle);
    zip.add("archive/data/0", std::string(48, '\1'));
    zip.finish();
    file.commit();
  }
  read_weights(path);
}

const std::map<std::string, Target>& targets() {
  static const std::map<std::string, Target> all = {
      {"raf_db",
       [](std::string_view file, BadLines* bad_lines) {
         workplace().write("EmoLabel/list_patition_label.txt", file);
         fs::create_directories(workplace().folder() / "Image/aligned");
         (void)read_raf_db({workplace().folder(), bad_lines}, Split::kTrain);
       }},
      {"raf_db_repack",
       [](std::string_view file, BadLines* bad_lines) {
         for (int code = 1; code <= 7; ++code) {
           workplace().write("DATASET/train/" + std::to_string(code) + "/train_0000" +
                                 std::to_string(code) + ".jpg",
                             "");
         }
         workplace().write("train_labels.csv", file);
         (void)read_raf_db_repack({workplace().folder(), bad_lines}, Split::kTrain);
       }},
      {"ferplus_folders",
       [](std::string_view file, BadLines*) {
         workplace().write("FER2013Train/label.csv", file);
         (void)read_ferplus(
             {workplace().folder(), FerPlusPixels::kFolders, FerPlusLabels::kProbability},
             Split::kTrain);
       }},
      {"ferplus_tables", [](std::string_view file, BadLines*) { read_ferplus_tables(file); }},
      {"affectnet_2017",
       [](std::string_view file, BadLines* bad_lines) {
         workplace().write("training.csv", file);
         AffectNetOptions options;
         options.root = workplace().folder();
         options.bad_lines = bad_lines;
         (void)read_affectnet(options, Split::kTrain);
       }},
      {"npy", [](std::string_view file, BadLines*) { (void)parse_npy_integer(file, "x.npy"); }},
      {"webemotion",
       [](std::string_view file, BadLines* bad_lines) {
         WebEmotionOptions options;
         options.root = workplace().folder();
         options.manifest = workplace().write("clips.csv", file);
         options.bad_lines = bad_lines;
         (void)read_webemotion(options, Split::kTrain);
       }},
      {"list_text",
       [](std::string_view file, BadLines* bad_lines) { read_list("list.txt", file, bad_lines); }},
      {"list_csv",
       [](std::string_view file, BadLines* bad_lines) { read_list("list.csv", file, bad_lines); }},
      {"noise_text", [](std::string_view file, BadLines*) { read_noise("noise.txt", file); }},
      {"noise_csv", [](std::string_view file, BadLines*) { read_noise("noise.csv", file); }},
      {"image",
       [](std::string_view file, BadLines*) {
         (void)image_size_in_header({file.begin(), file.end()});
         (void)decode_image(workplace().write("image", file), {1, 1, 40, 40}, 16);
       }},
      {"pack", [](std::string_view file, BadLines*) { open_changed_pack(file); }},
      {"weights",
       [](std::string_view file, BadLines*) { read_weights(workplace().write("weights", file)); }},
      {"weights_pickle", [](std::string_view file, BadLines*) { read_pickled_weights(file); }},
  };
  return all;
}

const Target* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  const char* const name = std::getenv("SELFCURE_FUZZ_TARGET");
  const auto found = targets().find(name == nullptr ? "" : name);
  if (found == targets().end()) {
    std::fprintf(stderr, "SELFCURE_FUZZ_TARGET: expected one of");
    for (const auto& [known, target] : targets()) std::fprintf(stderr, " %s", known.c_str());
    std::fprintf(stderr, ", got '%s'\n", name == nullptr ? "" : name);
    std::exit(2);
  }
  chosen = &found->second;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view file(reinterpret_cast<const char*>(data) + 1, size - 1);
  BadLines bad_lines;
  try {
    (*chosen)(file, data[0] % 2 == 0 ? nullptr : &bad_lines);
  } catch (const DataError&) {
  } catch (const ConfigError&) {
  } catch (const CheckpointError&) {
  }
  return 0;
}
