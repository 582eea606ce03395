#include "selfcure/data/augment.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "selfcure/core/errors.h"
#include "selfcure/core/random.h"
#include "selfcure/data/device_copy.h"

namespace selfcure {
namespace {

constexpr double kTwoPi = 6.283185307179586;
constexpr double kSmallestAspect = 0.3;
constexpr int kErasingTries = 10;

// Integer hash of pixel noise, on 32-bit values held in 64 bits.
constexpr std::int64_t kLow32 = 0xFFFFFFFF;
constexpr std::int64_t kHashFactor = 0x45D9F3B;
constexpr std::int64_t kHashStep = 0x5E3779B1;
constexpr std::int64_t kSecondKey = 0x5BD1E995;

void check_pixels(const at::Tensor& pixels) {
  if (pixels.dim() != 4 || pixels.size(3) != 3 || pixels.scalar_type() != at::kByte)
    throw ShapeError("images: expected uint8 [B, H, W, 3], got " + std::to_string(pixels.dim()) +
                     "-D " + std::string(c10::toString(pixels.scalar_type())));
}

at::Tensor to_device(const std::vector<std::int64_t>& values, const at::Device& device) {
  return copy_to_device(at::tensor(values, at::kLong), device);
}

at::Tensor to_device(const std::vector<double>& values, const at::Device& device) {
  return copy_to_device(at::tensor(values, at::kDouble).to(at::kFloat), device);
}

/// [B, H, W, 3] uint8 -> [B, 3, H, W] float32 of 0..255. For CUDA the channels stay together, the
/// order that its convolutions are fastest with.
at::Tensor to_planes(const at::Tensor& pixels) {
  return pixels.permute({0, 3, 1, 2})
      .to(at::kFloat, false, false,
          pixels.is_cuda() ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

void normalize_planes(at::Tensor& planes, const NormalizeOptions& normalize) {
  std::vector<double> scale;
  std::vector<double> offset;
  for (std::size_t c = 0; c < 3; ++c) {
    scale.push_back(1.0 / (255.0 * normalize.std[c]));
    offset.push_back(-normalize.mean[c] / normalize.std[c]);
  }
  planes.mul_(to_device(scale, planes.device()).view({1, 3, 1, 1}));
  planes.add_(to_device(offset, planes.device()).view({1, 3, 1, 1}));
}

/// What happens to each image of a batch, drawn on the host.
struct Decisions {
  std::vector<std::int64_t> mirrored;  // 0 or 1
  std::vector<std::int64_t> shift_y;   // pixels
  std::vector<std::int64_t> shift_x;
  std::vector<std::int64_t> noisy;  // positions in the batch
  std::vector<std::int64_t> noise_keys;
  std::vector<double> brightness;
  std::vector<double> contrast;
  std::vector<double> saturation;
  std::vector<std::int64_t> erase_top, erase_bottom, erase_left, erase_right;
  bool any_mirror = false;
  bool any_shift = false;
  bool any_erase = false;
};

void decide_erasing(Decisions& decisions, const AugmentOptions& options, std::int64_t height,
                    std::int64_t width, KeyedRandom random) {
  std::int64_t top = 0, left = 0, rows = 0, columns = 0;
  if (random.chance(options.erase)) {
    for (int attempt = 0; attempt < kErasingTries; ++attempt) {
      const double area = random.uniform(options.erase_area_min, options.erase_area_max) *
                          static_cast<double>(height * width);
      const double aspect =
          std::exp(random.uniform(std::log(kSmallestAspect), -std::log(kSmallestAspect)));
      const std::int64_t h = std::llround(std::sqrt(area * aspect));
      const std::int64_t w = std::llround(std::sqrt(area / aspect));
      if (h < 1 || w < 1 || h >= height || w >= width) continue;
      rows = h;
      columns = w;
      top = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(height - h + 1)));
      left = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(width - w + 1)));
      decisions.any_erase = true;
      break;
    }
  }
  decisions.erase_top.push_back(top);
  decisions.erase_bottom.push_back(top + rows);
  decisions.erase_left.push_back(left);
  decisions.erase_right.push_back(left + columns);
}

Decisions decide(const std::vector<std::int64_t>& rows, const AugmentOptions& options,
                 const AugmentKey& key, std::int64_t height, std::int64_t width) {
  Decisions decisions;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::array<std::uint64_t, 4> row_key = {key.seed, key.epoch,
                                                  static_cast<std::uint64_t>(rows[i]), key.view};
    KeyedRandom geometry(RandomStream::kGeometry, row_key);
    bool mirror = geometry.chance(options.flip);
    bool noise = geometry.chance(options.noise);
    if (options.flip_or_noise) {
      const bool changed = geometry.chance(0.5);
      const bool which = geometry.chance(0.5);
      mirror = changed && which;
      noise = changed && !which;
    }
    const std::int64_t padding = options.crop_padding;
    const auto shift = [&] {
      return static_cast<std::int64_t>(
                 geometry.below(static_cast<std::uint64_t>(2 * padding + 1))) -
             padding;
    };
    decisions.mirrored.push_back(mirror ? 1 : 0);
    decisions.shift_y.push_back(shift());
    decisions.shift_x.push_back(shift());
    decisions.any_mirror |= mirror;
    decisions.any_shift |= decisions.shift_y.back() != 0 || decisions.shift_x.back() != 0;
    if (noise) {
      KeyedRandom noise_key(RandomStream::kPixelNoise, row_key);
      decisions.noisy.push_back(static_cast<std::int64_t>(i));
      decisions.noise_keys.push_back(static_cast<std::int64_t>(noise_key.bits() >> 32));
    }
    KeyedRandom colour(RandomStream::kColour, row_key);
    decisions.brightness.push_back(colour.uniform(1 - options.brightness, 1 + options.brightness));
    decisions.contrast.push_back(colour.uniform(1 - options.contrast, 1 + options.contrast));
    decisions.saturation.push_back(colour.uniform(1 - options.saturation, 1 + options.saturation));
    decide_erasing(decisions, options, height, width, KeyedRandom(RandomStream::kErasing, row_key));
  }
  return decisions;
}

/// Mirror and shift as one gather: out[b, y, x] = in[b, y + dy, mirror(x) + dx], 0 outside.
at::Tensor move_pixels(const at::Tensor& pixels, const Decisions& decisions) {
  if (!decisions.any_mirror && !decisions.any_shift) return pixels;
  const std::int64_t count = pixels.size(0), height = pixels.size(1), width = pixels.size(2);
  const at::Device device = pixels.device();
  const at::TensorOptions integers = at::TensorOptions(device).dtype(at::kLong);
  const at::Tensor mirror = to_device(decisions.mirrored, device).view({count, 1});
  at::Tensor x = at::arange(width, integers).view({1, width});
  x = x + mirror * (width - 1 - 2 * x);  // [B, W]
  at::Tensor y = at::arange(height, integers).view({1, height});
  at::Tensor source = pixels.reshape({count * height * width, 3});
  if (!decisions.any_shift) {
    const at::Tensor first = at::arange(count * height, integers).view({count, height, 1}) * width;
    return source.index_select(0, (first + x.view({count, 1, width})).view({-1})).view_as(pixels);
  }
  x = x + to_device(decisions.shift_x, device).view({count, 1});
  y = y + to_device(decisions.shift_y, device).view({count, 1});  // [B, H]
  const at::Tensor inside = ((y >= 0) & (y < height)).view({count, height, 1}) &
                            ((x >= 0) & (x < width)).view({count, 1, width});
  const at::Tensor image = at::arange(count, integers).view({count, 1, 1}) * height;
  const at::Tensor index = (image + y.clamp(0, height - 1).view({count, height, 1})) * width +
                           x.clamp(0, width - 1).view({count, 1, width});
  return source.index_select(0, index.view({-1})).view_as(pixels) *
         inside.view({count, height, width, 1});
}

/// One round of an integer hash on values below 2^32 (products stay below 2^63).
at::Tensor hash_round(const at::Tensor& x) {
  return at::bitwise_and(at::bitwise_xor(x, at::bitwise_right_shift(x, 16)) * kHashFactor, kLow32);
}

/// Standard normal numbers that are a function of (key, position): [n, size], float32.
at::Tensor keyed_normal(const at::Tensor& keys, std::int64_t size) {
  const at::Tensor position = at::arange(size, keys.options()).view({1, size});
  const at::Tensor start = at::bitwise_and(keys.view({-1, 1}) + position * kHashStep, kLow32);
  const at::Tensor first = hash_round(hash_round(hash_round(start)));
  const at::Tensor second = hash_round(hash_round(at::bitwise_xor(first, kSecondKey)));
  constexpr double kUnit = 1.0 / 4294967296.0;
  const at::Tensor radius =
      first.to(at::kFloat).add_(1.0).mul_(kUnit).log_().mul_(-2.0).clamp_min_(0.0).sqrt_();
  return second.to(at::kFloat).mul_(kUnit * kTwoPi).cos_().mul_(radius);
}

void add_noise(at::Tensor& planes, const Decisions& decisions, double variance) {
  if (decisions.noisy.empty()) return;
  const at::Tensor chosen = to_device(decisions.noisy, planes.device());
  const at::Tensor keys = to_device(decisions.noise_keys, planes.device());
  const std::int64_t size = planes[0].numel();
  const at::Tensor noise = keyed_normal(keys, size).mul_(std::sqrt(variance));
  const at::Tensor before = planes.index_select(0, chosen);
  planes.index_copy_(0, chosen, (before + noise.view_as(before)).clamp_(0, 255));
}

/// ITU-R BT.601 luma of [B, 3, H, W], [B, 1, H, W].
at::Tensor luma(const at::Tensor& planes) {
  return planes.select(1, 0)
      .mul(0.299)
      .add(planes.select(1, 1), 0.587)
      .add(planes.select(1, 2), 0.114)
      .unsqueeze(1);
}

void change_colour(at::Tensor& planes, const Decisions& decisions, const AugmentOptions& options) {
  const auto factor = [&](const std::vector<double>& values) {
    return to_device(values, planes.device()).view({-1, 1, 1, 1});
  };
  if (options.brightness > 0) planes.mul_(factor(decisions.brightness)).clamp_(0, 255);
  if (options.contrast > 0) {
    const at::Tensor mean = luma(planes).mean({1, 2, 3}, true);
    planes.sub_(mean).mul_(factor(decisions.contrast)).add_(mean).clamp_(0, 255);
  }
  if (options.saturation > 0) {
    const at::Tensor grey = luma(planes);
    planes.sub_(grey).mul_(factor(decisions.saturation)).add_(grey).clamp_(0, 255);
  }
}

void erase(at::Tensor& planes, const Decisions& decisions) {
  if (!decisions.any_erase) return;
  const std::int64_t height = planes.size(2), width = planes.size(3);
  const at::Device device = planes.device();
  const at::TensorOptions integers = at::TensorOptions(device).dtype(at::kLong);
  const at::Tensor y = at::arange(height, integers).view({1, 1, height, 1});
  const at::Tensor x = at::arange(width, integers).view({1, 1, 1, width});
  const auto bound = [&](const std::vector<std::int64_t>& values) {
    return to_device(values, device).view({-1, 1, 1, 1});
  };
  const at::Tensor rows = (y >= bound(decisions.erase_top)) & (y < bound(decisions.erase_bottom));
  const at::Tensor columns =
      (x >= bound(decisions.erase_left)) & (x < bound(decisions.erase_right));
  planes.masked_fill_(rows & columns, 0.0);
}

}  // namespace

at::Tensor normalize_images(const at::Tensor& pixels, const NormalizeOptions& normalize) {
  check_pixels(pixels);
  at::Tensor planes = to_planes(pixels);
  normalize_planes(planes, normalize);
  return planes;
}

at::Tensor augment_images(const at::Tensor& pixels, const std::vector<std::int64_t>& rows,
                          const AugmentOptions& options, const NormalizeOptions& normalize,
                          const AugmentKey& key) {
  check_pixels(pixels);
  if (static_cast<std::int64_t>(rows.size()) != pixels.size(0))
    throw ShapeError("augment_images: " + std::to_string(pixels.size(0)) + " images, but " +
                     std::to_string(rows.size()) + " rows");
  const Decisions decisions = decide(rows, options, key, pixels.size(1), pixels.size(2));
  at::Tensor planes = to_planes(move_pixels(pixels, decisions));
  change_colour(planes, decisions, options);
  add_noise(planes, decisions, options.noise_variance);
  normalize_planes(planes, normalize);
  erase(planes, decisions);
  return planes;
}

at::Tensor visible_pixels(const at::Tensor& images, const NormalizeOptions& normalize) {
  const auto channels = [](const std::array<double, 3>& values) {
    return at::tensor(std::vector<double>(values.begin(), values.end()), at::kFloat)
        .view({1, 3, 1, 1});
  };
  return ((images * channels(normalize.std) + channels(normalize.mean)) * 255)
      .round()
      .clamp(0, 255)
      .to(at::kByte)
      .permute({0, 2, 3, 1})
      .contiguous();
}

}  // namespace selfcure
