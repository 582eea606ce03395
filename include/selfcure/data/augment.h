#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

namespace selfcure {

/// Random changes of training images. Everything is off by default but the mirror.
struct AugmentOptions {
  /// Probability of a left-right mirror, 0 to 1.
  double flip = 0.5;
  /// Probability of Gaussian pixel noise, 0 to 1.
  double noise = 0.0;
  /// Variance of that noise in grey levels of 0..255, squared; 30 in the published SCN code.
  double noise_variance = 30.0;
  /// As in the published SCN code: half of the images get a mirror OR noise, each equally often.
  /// `flip` and `noise` are not used then. That code adds the noise before it enlarges the image,
  /// here it comes after, and is therefore finer.
  bool flip_or_noise = false;
  /// Zero padding in pixels before a crop of the image's size is taken at random; 0 is off.
  int crop_padding = 0;
  /// Largest relative change of brightness, contrast and saturation, 0 to 1; 0 is off.
  double brightness = 0.0;
  double contrast = 0.0;
  double saturation = 0.0;
  /// Probability of random erasing, 0 to 1. Source: Zhong et al., AAAI 2020.
  double erase = 0.0;
  /// Share of the image area that is erased, uniform between these, in (0, 1].
  double erase_area_min = 0.02;
  double erase_area_max = 0.25;
};

/// Per-channel mean and standard deviation, RGB, of pixels scaled to [0, 1].
struct NormalizeOptions {
  std::array<double, 3> mean = {0.485, 0.456, 0.406};
  std::array<double, 3> std = {0.229, 0.224, 0.225};
};

/// Names the random numbers of one epoch.
struct AugmentKey {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
  /// Which of several random versions of the same image.
  std::uint64_t view = 0;
};

/// Turns 8-bit images into network input without randomness.
///
/// @param pixels  [B, H, W, 3], uint8, RGB, any device
/// @return [B, 3, H, W], float32, same device: (pixels / 255 - mean) / std
at::Tensor normalize_images(const at::Tensor& pixels, const NormalizeOptions& normalize);

/// The same with random changes, in this order: mirror and crop, colour, noise, normalisation,
/// erasing (erased pixels are 0 after normalisation, that is the mean colour).
///
/// The numbers depend on (seed, epoch, row, view) of each image alone, so that a batch comes out
/// the same whatever the number of workers, its neighbours in the batch, or a resume.
///
/// @param rows  B row indices of the images, the third part of the key; HostBatch::visits where
/// rows
///              come again in an epoch
at::Tensor augment_images(const at::Tensor& pixels, const std::vector<std::int64_t>& rows,
                          const AugmentOptions& options, const NormalizeOptions& normalize,
                          const AugmentKey& key);

/// Network input back to pixels that a person can look at; what lies outside of 0..255 is cut off.
///
/// @param images  [B, 3, H, W], float32, on the CPU
/// @return [B, H, W, 3], uint8, RGB, contiguous
at::Tensor visible_pixels(const at::Tensor& images, const NormalizeOptions& normalize);

}  // namespace selfcure
