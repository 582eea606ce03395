#include "selfcure/kernels/batch_norm.h"

#include <algorithm>
#include <cmath>

#include "kernel_table.h"
#include "scratch.h"
#include "selfcure/kernels/team.h"

namespace selfcure::kernels {
namespace {

/// Rows are summed in parts: so small that threads share them well, so large that the sums of the
/// parts are small beside them.
constexpr std::int64_t kPartFloats = std::int64_t{1} << 15;
constexpr std::int64_t kPartRows = 128;
constexpr std::int64_t kMostParts = 256;
/// Rows whose mean is near enough to that of all.
constexpr std::int64_t kSampledRows = 16;

/// Buffers and the division of rows into parts, which depends on the shape alone: so do the bits of
/// the sums, for every team size.
class Plan {
 public:
  Plan(const BatchNormShape& shape, ScratchParts& scratch)
      : shape_(shape),
        parts_(std::clamp<std::int64_t>(
            std::min(shape.rows * shape.channels / kPartFloats, shape.rows / kPartRows), 1,
            kMostParts)),
        padded_(rounded_up(shape.channels, kRowPadding)),
        sums_(reinterpret_cast<double*>(scratch.take(2 * parts_ * 2 * padded_))),
        first_(scratch.take(padded_)),
        second_(scratch.take(padded_)),
        third_(scratch.take(padded_)) {}

  /// Calls body(first row, rows, part) for all parts.
  /// @param backwards  from the last one on, which an earlier pass left in the caches
  template <class Body>
  void for_each_part(bool backwards, Body body) const {
    run_tasks(parts_, [&](std::int64_t index, int) {
      const std::int64_t part = backwards ? parts_ - 1 - index : index;
      const std::int64_t first = part_begin(shape_.rows, parts_, part);
      body(first, part_begin(shape_.rows, parts_, part + 1) - first, part);
    });
  }

  /// Two sums per channel, over all rows: body(first row, rows, sums, other sums) adds those of a
  /// part.
  template <class Body>
  void sum(Body body) const {
    for_each_part(false, [&](std::int64_t first, std::int64_t rows, std::int64_t part) {
      double* const sums = sums_ + part * 2 * padded_;
      std::fill_n(sums, 2 * padded_, 0.0);
      body(first, rows, sums, sums + padded_);
    });
    for (std::int64_t part = 1; part < parts_; ++part)
      for (std::int64_t i = 0; i < 2 * padded_; ++i) sums_[i] += sums_[part * 2 * padded_ + i];
  }
  double* sums() const { return sums_; }
  double* other_sums() const { return sums_ + padded_; }

  float* first() const { return first_; }
  float* second() const { return second_; }
  float* third() const { return third_; }

  /// Would the output push everything else out of the caches?
  bool past_caches() const { return shape_.rows * shape_.channels >= kPastCachesFloats; }

 private:
  BatchNormShape shape_;
  std::int64_t parts_;
  std::int64_t padded_;
  double* sums_;
  float* first_;
  float* second_;
  float* third_;
};

/// The mean of a few rows from everywhere: subtracted before squares are summed, it keeps a large
/// mean from cancelling the variance.
void sample_mean(const BatchNormShape& shape, const float* input, double* sums, float* mean) {
  std::fill_n(sums, shape.channels, 0.0);
  for (std::uint64_t i = 0; i < kSampledRows; ++i) {
    // Multiples of the golden ratio, modulo 1, are spread evenly and meet no pattern of the rows.
    const std::uint64_t fraction = i * 0x9E3779B9U & 0xFFFFFFFFU;
    const auto row =
        static_cast<std::int64_t>(fraction * static_cast<std::uint64_t>(shape.rows) >> 32U);
    for (std::int64_t c = 0; c < shape.channels; ++c)
      sums[c] += static_cast<double>(input[row * shape.channels + c]);
  }
  for (std::int64_t c = 0; c < shape.channels; ++c)
    mean[c] = static_cast<float>(sums[c] / static_cast<double>(kSampledRows));
}

void move_towards(float& running, double value, double momentum) {
  running = static_cast<float>((1.0 - momentum) * static_cast<double>(running) + momentum * value);
}

void fill_scale(const BatchNormShape& shape, const BatchNormLayer& layer,
                const float* inverse_deviation, float* scale) {
  for (std::int64_t c = 0; c < shape.channels; ++c)
    scale[c] = layer.weight[c] * inverse_deviation[c];
}

}  // namespace

bool has_batch_norm() { return kernel_table() != nullptr; }

std::size_t batch_norm_scratch_floats(const BatchNormShape& shape) {
  ScratchParts parts(nullptr);
  const Plan plan(shape, parts);
  return parts.used();
}

void batch_norm_forward(const BatchNormShape& shape, const BatchNormLayer& layer,
                        const float* input, const float* residual, bool relu, float* output,
                        float* mean, float* inverse_deviation, float* running_mean,
                        float* running_variance, double momentum, float* scratch) {
  const KernelTable& table = *kernel_table();
  ScratchParts parts(scratch);
  const Plan plan(shape, parts);
  const std::int64_t channels = shape.channels;
  float* const shift = plan.first();
  sample_mean(shape, input, plan.sums(), shift);
  plan.sum([&](std::int64_t first, std::int64_t rows, double* sums, double* squares) {
    table.batch_norm_sums(input + first * channels, rows, channels, shift, sums, squares);
  });
  const auto rows = static_cast<double>(shape.rows);
  for (std::int64_t c = 0; c < channels; ++c) {
    const double to_mean = plan.sums()[c] / rows;
    const double exact_mean = static_cast<double>(shift[c]) + to_mean;
    double variance = plan.other_sums()[c] / rows - to_mean * to_mean;
    // Rounding may leave it there; NaN stays.
    if (variance < 0) variance = 0;
    mean[c] = static_cast<float>(exact_mean);
    inverse_deviation[c] = static_cast<float>(1.0 / std::sqrt(variance + layer.epsilon));
    if (running_mean != nullptr) move_towards(running_mean[c], exact_mean, momentum);
    if (running_variance != nullptr)
      move_towards(running_variance[c], variance * rows / (rows - 1.0), momentum);
  }
  float* const scale = plan.second();
  fill_scale(shape, layer, inverse_deviation, scale);
  const ChannelMap map{mean, scale, layer.bias};
  plan.for_each_part(true, [&](std::int64_t first, std::int64_t count, std::int64_t) {
    const std::int64_t at = first * channels;
    table.batch_norm_apply(input + at, residual == nullptr ? nullptr : residual + at, count,
                           channels, map, relu, plan.past_caches(), output + at);
  });
}

void batch_norm_backward(const BatchNormShape& shape, const BatchNormLayer& layer,
                         const float* output_gradient, const float* input, const float* output,
                         bool relu, const float* mean, const float* inverse_deviation,
                         const BatchNormGradients& gradients, float* scratch) {
  const KernelTable& table = *kernel_table();
  ScratchParts parts(scratch);
  const Plan plan(shape, parts);
  const std::int64_t channels = shape.channels;
  float* const scale = plan.first();
  fill_scale(shape, layer, inverse_deviation, scale);
  const ChannelMap map{mean, scale, layer.bias};
  const auto rows_at = [&](std::int64_t first) {
    const std::int64_t at = first * channels;
    return BatchNormRows{output_gradient + at, input + at,
                         output == nullptr ? nullptr : output + at, relu};
  };
  plan.sum([&](std::int64_t first, std::int64_t rows, double* sums, double* products) {
    table.batch_norm_gradient_sums(
        rows_at(first), rows, channels, map,
        gradients.residual == nullptr ? nullptr : gradients.residual + first * channels, sums,
        products);
  });
  const auto rows = static_cast<double>(shape.rows);
  float* const slope = plan.second();
  float* const offset = plan.third();
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto inverse = static_cast<double>(inverse_deviation[c]);
    const double exact_scale = static_cast<double>(layer.weight[c]) * inverse;
    slope[c] = static_cast<float>(-exact_scale * inverse * inverse * plan.other_sums()[c] / rows);
    offset[c] = static_cast<float>(-exact_scale * plan.sums()[c] / rows);
    if (gradients.weight != nullptr)
      gradients.weight[c] = static_cast<float>(plan.other_sums()[c] * inverse);
    if (gradients.bias != nullptr) gradients.bias[c] = static_cast<float>(plan.sums()[c]);
  }
  if (gradients.input == nullptr) return;
  const GradientMap gradient_map{slope, offset};
  plan.for_each_part(true, [&](std::int64_t first, std::int64_t count, std::int64_t) {
    BatchNormRows from = rows_at(first);
    // What ReLU let through is known already.
    if (gradients.residual != nullptr)
      from = {gradients.residual + first * channels, from.input, nullptr, false};
    table.batch_norm_gradient(from, count, channels, map, gradient_map, plan.past_caches(),
                              gradients.input + first * channels);
  });
}

}  // namespace selfcure::kernels
