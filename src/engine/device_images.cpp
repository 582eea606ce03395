#include "selfcure/engine/device_images.h"

#include <ATen/ATen.h>

#include <cstdio>

#include "selfcure/data/batch_loader.h"

namespace selfcure {
namespace {

constexpr std::int64_t kImagesPerCopy = 256;

std::string gibibytes(std::int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f GiB",
                static_cast<double>(bytes) / static_cast<double>(std::int64_t{1} << 30));
  return text;
}

}  // namespace

std::string DeviceImages::obstacle(std::int64_t bytes, const c10::Device& device,
                                   std::int64_t free_bytes) {
  const std::string start = "data.cache: gpu is not used: ";
  if (!device.is_cuda()) return start + "the training runs on the CPU";
  if (static_cast<double>(bytes) <= kLargestShare * static_cast<double>(free_bytes)) return "";
  return start + "the training images take " + gibibytes(bytes) + ", and " + device.str() +
         " has " + gibibytes(free_bytes) + " free, of which they may take " +
         std::to_string(static_cast<int>(100 * kLargestShare)) + " %";
}

DeviceImages::DeviceImages(const ImageStore& images, int workers, const c10::Device& device,
                           const std::function<void(std::int64_t, std::int64_t)>& progress)
    : pixels_(at::empty({images.size(), images.image_bytes()},
                        at::TensorOptions(device).dtype(at::kByte))),
      side_(images.image_size()) {
  BatchLoader loader(images, workers);
  // The loader wants labels; these are thrown away.
  loader.start(sequential_plan(images.size(), kImagesPerCopy),
               std::vector<std::int32_t>(static_cast<std::size_t>(images.size())));
  for (HostBatch batch; loader.next(batch);) {
    const auto count = static_cast<std::int64_t>(batch.rows.size());
    const std::int64_t first = batch.index * kImagesPerCopy;
    pixels_.narrow(0, first, count)
        .copy_(at::from_blob(batch.pixels.data(), {count, images.image_bytes()}, at::kByte));
    if (progress) progress(first + count, images.size());
  }
}

at::Tensor DeviceImages::gather(const at::Tensor& rows) const {
  return pixels_.index_select(0, rows).view({rows.size(0), side_, side_, 3});
}

}  // namespace selfcure
