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

/// Sums of parts and vectors of channels. Into which parts rows are divided depends on the shape
/// alone: so do the bits of the sums, for every team size.
class Plan {
 public:
  Plan(const BatchNormShape& shape, std::int64_t parts, ScratchParts& scratch)
      : shape_(shape),
        parts_(parts),
        padded_(rounded_up(shape.channels, kRowPadding)),
        sums_(reinterpret_cast<double*>(scratch.take(2 * parts_ * 2 * padded_))),
        first_(scratch.take(padded_)),
        second_(scratch.take(padded_)),
        third_(scratch.take(padded_)) {}

  /// Rows in equal parts.
  static std::int64_t parts_of(const BatchNormShape& shape) {
    return std::clamp<std::int64_t>(
        std::min(shape.rows * shape.channels / kPartFloats, shape.rows / kPartRows), 1, kMostParts);
  }

  /// Calls body(first row, rows, part) for all of parts_of() parts.
  /// @param backwards  from the last ones on, which an earlier pass left in the caches
  template <class Body>
  void for_each_part(bool backwards, Body body) const {
    const std::int64_t parts = parts_of(shape_);
    const auto deal = backwards ? run_tasks_backwards : run_tasks;
    deal(parts, [&](std::int64_t part, int) {
      const std::int64_t first = part_begin(shape_.rows, parts, part);
      body(first, part_begin(shape_.rows, parts, part + 1) - first, part);
    });
  }

  /// Sums of a part, 0 so far: sums, and `padded` doubles after it the other sums.
  double* clear_sums(std::int64_t part) const {
    double* const sums = sums_ + part * 2 * padded_;
    std::fill_n(sums, 2 * padded_, 0.0);
    return sums;
  }
  std::int64_t padded() const { return padded_; }
  /// sums() and other_sums() become those of the first `parts` parts together.
  void add_up(std::int64_t parts) const {
    for (std::int64_t part = 1; part < parts; ++part)
      for (std::int64_t i = 0; i < 2 * padded_; ++i) sums_[i] += sums_[part * 2 * padded_ + i];
  }

  /// Two sums per channel, over all rows: body(first row, rows, sums, other sums) adds those of a
  /// part.
  template <class Body>
  void sum(Body body) const {
    for_each_part(false, [&](std::int64_t first, std::int64_t rows, std::int64_t part) {
      double* const sums = clear_sums(part);
      body(first, rows, sums, sums + padded_);
    });
    add_up(parts_of(shape_));
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

/// Mean and inverse deviation of the batch, and the running statistics.
void find_statistics(const Plan& plan, const BatchNormShape& shape, double epsilon,
                     const float* input, float* mean, float* inverse_deviation, float* running_mean,
                     float* running_variance, double momentum) {
  const KernelTable& table = *kernel_table();
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
    inverse_deviation[c] = static_cast<float>(1.0 / std::sqrt(variance + epsilon));
    if (running_mean != nullptr) move_towards(running_mean[c], exact_mean, momentum);
    if (running_variance != nullptr)
      move_towards(running_variance[c], variance * rows / (rows - 1.0), momentum);
  }
}

/// Gradients of the parameters, and how that of the input is found, from the sums of the plan.
GradientMap finish_sums(const Plan& plan, const BatchNormShape& shape, const BatchNormLayer& layer,
                        const float* inverse_deviation, const BatchNormGradients& gradients) {
  const auto rows = static_cast<double>(shape.rows);
  float* const slope = plan.second();
  float* const offset = plan.third();
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    const auto inverse = static_cast<double>(inverse_deviation[c]);
    const double exact_scale = static_cast<double>(layer.weight[c]) * inverse;
    slope[c] = static_cast<float>(-exact_scale * inverse * inverse * plan.other_sums()[c] / rows);
    offset[c] = static_cast<float>(-exact_scale * plan.sums()[c] / rows);
    if (gradients.weight != nullptr)
      gradients.weight[c] = static_cast<float>(plan.other_sums()[c] * inverse);
    if (gradients.bias != nullptr) gradients.bias[c] = static_cast<float>(plan.sums()[c]);
  }
  return {slope, offset};
}

}  // namespace

bool has_batch_norm() { return kernel_table() != nullptr; }

std::size_t batch_norm_scratch_floats(const BatchNormShape& shape) {
  ScratchParts parts(nullptr);
  const Plan plan(shape, Plan::parts_of(shape), parts);
  return parts.used();
}

void batch_norm_forward(const BatchNormShape& shape, const BatchNormLayer& layer,
                        const float* input, const float* residual, bool relu, float* output,
                        float* mean, float* inverse_deviation, float* running_mean,
                        float* running_variance, double momentum, float* scratch) {
  const KernelTable& table = *kernel_table();
  ScratchParts parts(scratch);
  const Plan plan(shape, Plan::parts_of(shape), parts);
  const std::int64_t channels = shape.channels;
  find_statistics(plan, shape, layer.epsilon, input, mean, inverse_deviation, running_mean,
                  running_variance, momentum);
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
  const Plan plan(shape, Plan::parts_of(shape), parts);
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
  const GradientMap gradient_map = finish_sums(plan, shape, layer, inverse_deviation, gradients);
  if (gradients.input == nullptr) return;
  plan.for_each_part(true, [&](std::int64_t first, std::int64_t count, std::int64_t) {
    BatchNormRows from = rows_at(first);
    // What ReLU let through is known already.
    if (gradients.residual != nullptr)
      from = {gradients.residual + first * channels, from.input, nullptr, false};
    table.batch_norm_gradient(from, count, channels, map, gradient_map, plan.past_caches(),
                              gradients.input + first * channels);
  });
}

namespace {

/// Images in strips of whole lines, as many as a second-level cache holds, computed one at a time.
/// They depend on the shape alone.
struct Strips {
  MaxPoolShape shape;
  std::int64_t line_floats;
  /// Lines of a strip of the input's gradient, and how many of these an image has.
  std::int64_t lines;
  std::int64_t count;
  /// Rows of a strip of the output, likewise.
  std::int64_t out_rows;
  std::int64_t out_count;

  explicit Strips(const MaxPoolShape& s)
      : shape(s),
        line_floats(s.width * s.channels),
        lines(std::clamp<std::int64_t>(kStripFloats / line_floats, 1, s.height)),
        count(divided_up(s.height, lines)),
        out_rows(lines == s.height             ? s.out_height()
                 : lines < s.kernel + s.stride ? 1
                                               : (lines - s.kernel) / s.stride + 1),
        out_count(divided_up(s.out_height(), out_rows)) {}

  /// Floats of the largest strip: of lines of the input.
  std::int64_t floats() const {
    const std::int64_t read = (out_rows - 1) * shape.stride + shape.kernel;
    return std::max(lines, std::min(read, shape.height)) * line_floats;
  }

 private:
  static constexpr std::int64_t kStripFloats = std::int64_t{1} << 16;
};

struct NormPoolPlan {
  Strips strips;
  BatchNormShape rows;
  Plan norm;
  std::int64_t slot_floats;
  /// A strip for each thread.
  float* slots;

  NormPoolPlan(const MaxPoolShape& shape, ScratchParts& parts)
      : strips(shape),
        rows{shape.batch * shape.height * shape.width, shape.channels},
        norm(rows, std::max(Plan::parts_of(rows), shape.batch * strips.count), parts),
        slot_floats(rounded_up(strips.floats(), kRowPadding)),
        slots(parts.take(slot_floats * team_size())) {}
};

}  // namespace

std::size_t norm_pool_scratch_floats(const MaxPoolShape& shape) {
  ScratchParts parts(nullptr);
  const NormPoolPlan plan(shape, parts);
  return parts.used();
}

void norm_pool_forward(const MaxPoolShape& shape, const BatchNormLayer& layer, const float* input,
                       float* output, std::uint8_t* winners, float* mean, float* inverse_deviation,
                       float* running_mean, float* running_variance, double momentum,
                       float* scratch) {
  const KernelTable& table = *kernel_table();
  ScratchParts parts(scratch);
  const NormPoolPlan plan(shape, parts);
  const Strips& strips = plan.strips;
  find_statistics(plan.norm, plan.rows, layer.epsilon, input, mean, inverse_deviation, running_mean,
                  running_variance, momentum);
  float* const scale = plan.norm.second();
  fill_scale(plan.rows, layer, inverse_deviation, scale);
  const ChannelMap map{mean, scale, layer.bias};
  const std::int64_t out_height = shape.out_height();
  const std::int64_t out_floats = shape.out_width() * shape.channels;
  const std::int64_t tasks = shape.batch * strips.out_count;
  // From the last ones on, which the sums left in the caches.
  run_tasks_backwards(tasks, [&](std::int64_t task, int slot) {
    const std::int64_t image = task / strips.out_count;
    const std::int64_t first_row = task % strips.out_count * strips.out_rows;
    const std::int64_t last_row = std::min(out_height, first_row + strips.out_rows);
    const std::int64_t begin = std::max<std::int64_t>(first_row * shape.stride - shape.padding, 0);
    const std::int64_t end =
        std::min(shape.height, (last_row - 1) * shape.stride - shape.padding + shape.kernel);
    float* const lines = plan.slots + slot * plan.slot_floats;
    table.batch_norm_apply(input + (image * shape.height + begin) * strips.line_floats, nullptr,
                           (end - begin) * shape.width, shape.channels, map, /*relu=*/true,
                           /*past_caches=*/false, lines);
    for (std::int64_t row = first_row; row < last_row; ++row) {
      const std::int64_t at = (image * out_height + row) * out_floats;
      table.max_pool_row(shape, lines, begin, row, output + at,
                         winners == nullptr ? nullptr : winners + at);
    }
  });
}

void norm_pool_backward(const MaxPoolShape& shape, const BatchNormLayer& layer,
                        const float* output_gradient, const std::uint8_t* winners,
                        const float* input, const float* mean, const float* inverse_deviation,
                        const BatchNormGradients& gradients, float* scratch) {
  const KernelTable& table = *kernel_table();
  ScratchParts parts(scratch);
  const NormPoolPlan plan(shape, parts);
  const Strips& strips = plan.strips;
  float* const scale = plan.norm.first();
  fill_scale(plan.rows, layer, inverse_deviation, scale);
  const ChannelMap map{mean, scale, layer.bias};
  const std::int64_t out_floats = shape.out_height() * shape.out_width() * shape.channels;
  const std::int64_t tasks = shape.batch * strips.count;
  // body(rows of the strip, how many, its first float), with the gradient between the layers made
  // for the strip.
  const auto for_each_strip = [&](bool backwards, auto body) {
    const auto deal = backwards ? run_tasks_backwards : run_tasks;
    deal(tasks, [&](std::int64_t strip, int slot) {
      const std::int64_t image = strip / strips.count;
      const std::int64_t first = strip % strips.count * strips.lines;
      const std::int64_t count = std::min(strips.lines, shape.height - first);
      float* const lines = plan.slots + slot * plan.slot_floats;
      for (std::int64_t line = 0; line < count; ++line)
        table.max_pool_gradient_row(shape, output_gradient + image * out_floats,
                                    winners + image * out_floats, first + line,
                                    /*past_caches=*/false, lines + line * strips.line_floats);
      const std::int64_t at = (image * shape.height + first) * strips.line_floats;
      body(BatchNormRows{lines, input + at, nullptr, /*relu=*/true}, count * shape.width, at,
           strip);
    });
  };
  for_each_strip(false, [&](const BatchNormRows& from, std::int64_t rows, std::int64_t /*at*/,
                            std::int64_t strip) {
    double* const sums = plan.norm.clear_sums(strip);
    table.batch_norm_gradient_sums(from, rows, shape.channels, map, nullptr, sums,
                                   sums + plan.norm.padded());
  });
  plan.norm.add_up(tasks);
  const GradientMap gradient_map =
      finish_sums(plan.norm, plan.rows, layer, inverse_deviation, gradients);
  if (gradients.input == nullptr) return;
  for_each_strip(true, [&](const BatchNormRows& from, std::int64_t rows, std::int64_t at,
                           std::int64_t /*strip*/) {
    table.batch_norm_gradient(from, rows, shape.channels, map, gradient_map,
                              plan.norm.past_caches(), gradients.input + at);
  });
}

}  // namespace selfcure::kernels
