#include "im2col.h"

#include <algorithm>
#include <cstring>

#include "kernel_table.h"
#include "scratch.h"
#include "selfcure/kernels/team.h"

namespace selfcure::kernels::im2col {
namespace {

/// Rows of patches that are multiplied at a time: more of short ones, in whole register tiles.
constexpr std::int64_t kFewestRows = 72;
constexpr std::int64_t kMostRows = 144;
constexpr std::int64_t kBlockFloats = 24576;
constexpr std::int64_t kRowUnit = 12;

/// A row is one output pixel's patch: [kernel, kernel, in_channels], `depth` floats.
struct Patches {
  ConvolutionShape shape;
  std::int64_t out_height;
  std::int64_t out_width;
  std::int64_t depth;
  std::int64_t row_stride;
  /// Rows of a block.
  std::int64_t block_rows;

  explicit Patches(const ConvolutionShape& s)
      : shape(s),
        out_height(s.out_height()),
        out_width(s.out_width()),
        depth(s.kernel * s.kernel * s.in_channels),
        row_stride(rounded_up(depth, kRowPadding) + kRowPadding),
        block_rows(
            std::clamp(kBlockFloats / row_stride / kRowUnit * kRowUnit, kFewestRows, kMostRows)) {}
  std::int64_t per_image() const { return out_height * out_width; }
  std::int64_t count() const { return shape.batch * per_image(); }

  /// Copies the patches [first, last) to rows; what lies outside of the image is 0.
  void gather(const float* images, std::int64_t first, std::int64_t last, float* rows) const;
  /// Adds rows, the patches [first, last) of one image, to that image's pixels.
  void scatter(const KernelTable& table, const float* rows, std::int64_t rows_stride,
               std::int64_t first, std::int64_t last, float* image) const;

  /// Taps [first, last) of a kernel's side, whose first lies at pixel `begin`, within `size`
  /// pixels.
  struct Inside {
    std::int64_t first;
    std::int64_t last;
    Inside(std::int64_t begin, std::int64_t kernel, std::int64_t size)
        : first(std::clamp<std::int64_t>(-begin, 0, kernel)),
          last(std::clamp(size - begin, first, kernel)) {}
  };
};

void copy(const float* from, std::int64_t count, float* to) {
  std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
}

/// Copies up to kCopyUnit - 1 floats more than `count`, which is quicker for few.
constexpr std::int64_t kCopyUnit = 16;
void copy_roughly(const float* from, std::int64_t count, float* to) {
  for (std::int64_t at = 0; at < count; at += kCopyUnit)
    std::memcpy(to + at, from + at, kCopyUnit * sizeof(float));
}

void Patches::gather(const float* images, std::int64_t first, std::int64_t last,
                     float* rows) const {
  const std::int64_t channels = shape.in_channels;
  const std::int64_t kernel_row = shape.kernel * channels;
  constexpr std::int64_t kShortLine = 64;
  const float* const end = images + shape.batch * shape.height * shape.width * channels;
  for (std::int64_t patch = first; patch < last; ++patch, rows += row_stride) {
    const std::int64_t within = patch % per_image();
    const std::int64_t top = within / out_width * shape.stride - shape.padding;
    const std::int64_t left = within % out_width * shape.stride - shape.padding;
    const float* const image = images + patch / per_image() * shape.height * shape.width * channels;
    const Inside columns(left, shape.kernel, shape.width);
    const float* const corner = image + (top * shape.width + left) * channels;
    // A few floats past each line are overwritten by the next one, past the last they are padding;
    // but they are read, and must lie within the images.
    const bool whole = top >= 0 && top + shape.kernel <= shape.height &&
                       columns.last - columns.first == shape.kernel;
    if (whole && kernel_row <= kShortLine &&
        corner + ((shape.kernel - 1) * shape.width + shape.kernel) * channels + kCopyUnit <= end) {
      for (std::int64_t i = 0; i < shape.kernel; ++i)
        copy_roughly(corner + i * shape.width * channels, kernel_row, rows + i * kernel_row);
      continue;
    }
    for (std::int64_t i = 0; i < shape.kernel; ++i) {
      float* const row = rows + i * kernel_row;
      if (top + i < 0 || top + i >= shape.height) {
        std::fill_n(row, kernel_row, 0.0F);
        continue;
      }
      std::fill_n(row, columns.first * channels, 0.0F);
      copy(image + ((top + i) * shape.width + left + columns.first) * channels,
           (columns.last - columns.first) * channels, row + columns.first * channels);
      std::fill_n(row + columns.last * channels, (shape.kernel - columns.last) * channels, 0.0F);
    }
  }
}

void Patches::scatter(const KernelTable& table, const float* rows, std::int64_t rows_stride,
                      std::int64_t first, std::int64_t last, float* image) const {
  const std::int64_t channels = shape.in_channels;
  for (std::int64_t patch = first; patch < last; ++patch, rows += rows_stride) {
    const std::int64_t top = patch / out_width * shape.stride - shape.padding;
    const std::int64_t left = patch % out_width * shape.stride - shape.padding;
    const Inside lines(top, shape.kernel, shape.height);
    const Inside columns(left, shape.kernel, shape.width);
    for (std::int64_t i = lines.first; i < lines.last; ++i)
      table.add(rows + (i * shape.kernel + columns.first) * channels,
                (columns.last - columns.first) * channels,
                image + ((top + i) * shape.width + left + columns.first) * channels);
  }
}

/// Element (depth d, column c) of a matrix in panels lies at [c / width][d][c % width].
struct Panels {
  std::int64_t width;
  std::int64_t depth;
  std::int64_t columns;
  std::int64_t count() const { return divided_up(columns, width); }
  std::int64_t floats() const { return count() * width * depth; }
};

Panels forward_panels(const Patches& patches, const KernelTable& table) {
  return {table.panel_width, patches.depth, patches.shape.out_channels};
}

/// Weights as [patch, out_channels].
void pack(const Patches& patches, const Panels& panels, const float* weight, float* packed) {
  const std::int64_t channels = patches.shape.in_channels;
  const std::int64_t taps = patches.shape.kernel * patches.shape.kernel;
  run_tasks(panels.count(), [&](std::int64_t panel, int) {
    float* const to = packed + panel * panels.depth * panels.width;
    const std::int64_t first = panel * panels.width;
    const std::int64_t outs = std::min(panels.width, panels.columns - first);
    if (outs < panels.width) std::fill_n(to, panels.depth * panels.width, 0.0F);
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t out = 0; out < outs; ++out) {
        const float* const kernel = weight + ((first + out) * channels + c) * taps;
        for (std::int64_t tap = 0; tap < taps; ++tap)
          to[(tap * channels + c) * panels.width + out] = kernel[tap];
      }
  });
}

/// Weights as [out_channels, patch].
void pack_backward(const Patches& patches, const Panels& panels, const float* weight,
                   float* packed) {
  const std::int64_t channels = patches.shape.in_channels;
  const std::int64_t taps = patches.shape.kernel * patches.shape.kernel;
  run_tasks(panels.count(), [&](std::int64_t panel, int) {
    float* const to = packed + panel * panels.depth * panels.width;
    for (std::int64_t lane = 0; lane < panels.width; ++lane) {
      const std::int64_t place = panel * panels.width + lane;
      const float* const from = weight + place % channels * taps + place / channels;
      for (std::int64_t out = 0; out < panels.depth; ++out)
        to[out * panels.width + lane] = place < panels.columns ? from[out * channels * taps] : 0.0F;
    }
  });
}

void convolve(const Patches& patches, const float* input, const float* packed,
              const Epilogue& epilogue, float* output, ScratchParts& parts) {
  const KernelTable& table = *kernel_table();
  const std::int64_t out = patches.shape.out_channels;
  const std::int64_t product_stride = rounded_up(out, table.panel_width) + kRowPadding;
  const std::int64_t patch_floats =
      rounded_up(patches.block_rows * patches.row_stride, kRowPadding);
  const std::int64_t slot_floats = patch_floats + patches.block_rows * product_stride;
  float* const slots = parts.take(slot_floats * team_size());
  if (slots == nullptr) return;
  const std::int64_t blocks = divided_up(patches.count(), patches.block_rows);
  const PanelParts columns(out, table.panel_width, blocks, team_size());
  run_tasks(blocks * columns.parts, [&](std::int64_t task, int slot) {
    const std::int64_t part = task % columns.parts;
    const std::int64_t first_out = columns.first_column(part);
    const std::int64_t outs = columns.first_column(part + 1) - first_out;
    const std::int64_t first = task / columns.parts * patches.block_rows;
    const std::int64_t last = std::min(patches.count(), first + patches.block_rows);
    float* const rows = slots + slot * slot_floats;
    float* const products = rows + patch_floats;
    patches.gather(input, first, last, rows);
    table.product(last - first, patches.depth, outs, rows, patches.row_stride,
                  packed + first_out * patches.depth, products, product_stride);
    Epilogue here = epilogue;
    if (here.bias != nullptr) here.bias += first_out;
    if (here.residual != nullptr) here.residual += first * out + first_out;
    table.finish_rows(products, product_stride, last - first, outs, here,
                      output + first * out + first_out, out);
  });
}

}  // namespace

bool supports(const ConvolutionShape& shape) { return shape.padding < shape.kernel; }

std::size_t packed_weight_floats(const ConvolutionShape& shape) {
  return static_cast<std::size_t>(forward_panels(Patches(shape), *kernel_table()).floats());
}

void pack_weights(const ConvolutionShape& shape, const float* weight, float* packed) {
  const Patches patches(shape);
  pack(patches, forward_panels(patches, *kernel_table()), weight, packed);
}

std::size_t forward_scratch_floats(const ConvolutionShape& shape) {
  ScratchParts parts(nullptr);
  convolve(Patches(shape), nullptr, nullptr, {}, nullptr, parts);
  return parts.used();
}

void forward(const ConvolutionShape& shape, const float* input, const float* packed,
             const Epilogue& epilogue, float* output, float* scratch) {
  ScratchParts parts(scratch);
  convolve(Patches(shape), input, packed, epilogue, output, parts);
}

std::size_t unpacked_scratch_floats(const ConvolutionShape& shape) {
  return packed_weight_floats(shape) + forward_scratch_floats(shape);
}

void forward_unpacked(const ConvolutionShape& shape, const float* input, const float* weight,
                      const Epilogue& epilogue, float* output, float* scratch) {
  pack_weights(shape, weight, scratch);
  forward(shape, input, scratch, epilogue, output, scratch + packed_weight_floats(shape));
}

namespace {

/// Patches of gradients, one image at a time, added to their pixels.
void spread(const Patches& patches, const float* output_gradient, const float* weight,
            float* input_gradient, ScratchParts& parts) {
  const KernelTable& table = *kernel_table();
  const std::int64_t out = patches.shape.out_channels;
  const Panels panels{table.panel_width, out, patches.depth};
  const std::int64_t gradient_stride = rounded_up(out, kRowPadding) + kRowPadding;
  const std::int64_t patch_stride = panels.count() * panels.width + kRowPadding;
  const std::int64_t gradient_floats =
      rounded_up(patches.block_rows * gradient_stride, kRowPadding);
  const std::int64_t slot_floats = gradient_floats + patches.block_rows * patch_stride;
  float* const packed = parts.take(panels.floats());
  float* const slots = parts.take(slot_floats * team_size());
  if (slots == nullptr) return;
  pack_backward(patches, panels, weight, packed);
  const std::int64_t image_floats =
      patches.shape.height * patches.shape.width * patches.shape.in_channels;
  run_tasks(patches.shape.batch, [&](std::int64_t image, int slot) {
    float* const gradients = slots + slot * slot_floats;
    float* const rows = gradients + gradient_floats;
    float* const pixels = input_gradient + image * image_floats;
    std::fill_n(pixels, image_floats, 0.0F);
    for (std::int64_t first = 0; first < patches.per_image(); first += patches.block_rows) {
      const std::int64_t last = std::min(patches.per_image(), first + patches.block_rows);
      const float* const from = output_gradient + (image * patches.per_image() + first) * out;
      // Copied for their stride alone: see kRowPadding.
      for (std::int64_t row = 0; row < last - first; ++row)
        copy(from + row * out, out, gradients + row * gradient_stride);
      table.product(last - first, out, patches.depth, gradients, gradient_stride, packed, rows,
                    patch_stride);
      patches.scatter(table, rows, patch_stride, first, last, pixels);
    }
  });
}

/// Patches without a copy of each: those of one line of output pixels are, for each row of the
/// kernel, a matrix within a line of the image, whose rows overlap. Pays where patches are short
/// and lines long, as in a network's first layer.
class PatchLines {
 public:
  static bool pay(const Patches& patches, const KernelTable& table) {
    constexpr std::int64_t kLongestPatchRow = 64;
    constexpr std::int64_t kShortestLine = 32;
    const ConvolutionShape& shape = patches.shape;
    return shape.kernel > 1 && shape.kernel * shape.in_channels <= kLongestPatchRow &&
           patches.out_width >= kShortestLine && shape.out_channels % table.panel_width == 0;
  }

  explicit PatchLines(const Patches& patches)
      : patches_(patches),
        shape_(patches.shape),
        padding_(shape_.padding * shape_.in_channels),
        line_(shape_.width * shape_.in_channels),
        line_stride_(line_ + 2 * padding_) {}

  std::int64_t count() const { return shape_.batch * patches_.out_height; }
  /// Lines of an image that a kernel reads, with their padding.
  std::int64_t scratch_floats() const { return shape_.kernel * line_stride_; }

  /// sum = the products' sum over the output lines [first, last).
  void sum(const KernelTable& table, const float* input, const float* output_gradient,
           std::int64_t first, std::int64_t last, float* scratch, float* sum) const {
    const std::int64_t out = shape_.out_channels;
    const std::int64_t patch_row = shape_.kernel * shape_.in_channels;
    std::fill_n(scratch, scratch_floats(), 0.0F);
    std::fill_n(sum, patches_.depth * out, 0.0F);
    std::int64_t copied = 0;
    for (std::int64_t line = first; line < last; ++line) {
      const std::int64_t y = line % patches_.out_height;
      const std::int64_t top = y * shape_.stride - shape_.padding;
      const Patches::Inside rows(top, shape_.kernel, shape_.height);
      const float* const image = input + line / patches_.out_height * shape_.height * line_;
      copied = line == first || y == 0 ? 0 : copied;
      for (copied = std::max(copied, top + rows.first); copied < top + rows.last; ++copied)
        copy(image + copied * line_, line_, line_of(scratch, copied) + padding_);
      const float* const gradients = output_gradient + line * patches_.out_width * out;
      for (std::int64_t column = 0; column < out; column += table.panel_width)
        for (std::int64_t row = rows.first; row < rows.last; ++row)
          table.transposed_product(patches_.out_width, patch_row, table.panel_width,
                                   line_of(scratch, top + row), shape_.stride * shape_.in_channels,
                                   gradients + column, out, sum + row * patch_row * out + column,
                                   out, /*accumulate=*/true);
    }
  }

 private:
  /// Where a line of the image is kept: over the one that the kernel has left.
  float* line_of(float* scratch, std::int64_t line) const {
    return scratch + line % shape_.kernel * line_stride_;
  }

  const Patches& patches_;
  const ConvolutionShape& shape_;
  std::int64_t padding_;
  std::int64_t line_;
  std::int64_t line_stride_;
};

/// Sums of patches times gradients, one sum a thread.
void sum_products(const Patches& patches, const float* input, const float* output_gradient,
                  float* weight_gradient, ScratchParts& parts) {
  const KernelTable& table = *kernel_table();
  const std::int64_t out = patches.shape.out_channels;
  const std::int64_t padded_out = rounded_up(out, table.panel_width);
  const std::int64_t gradient_stride = padded_out + kRowPadding;
  const std::int64_t patch_floats =
      rounded_up(patches.block_rows * patches.row_stride, kRowPadding);
  const PatchLines lines(patches);
  const bool by_lines = PatchLines::pay(patches, table);
  const std::int64_t slot_floats = by_lines ? rounded_up(lines.scratch_floats(), kRowPadding)
                                            : patch_floats + patches.block_rows * gradient_stride;
  const std::int64_t sum_floats = patches.depth * padded_out;
  const std::int64_t blocks =
      by_lines ? lines.count() : divided_up(patches.count(), patches.block_rows);
  const std::int64_t sums = std::min<std::int64_t>(team_size(), blocks);
  float* const slots = parts.take(slot_floats * sums);
  float* const sum = parts.take(sum_floats * sums);
  if (slots == nullptr) return;
  run_tasks(sums, [&](std::int64_t part, int) {
    float* const rows = slots + part * slot_floats;
    const std::int64_t first_block = part_begin(blocks, sums, part);
    if (by_lines) {
      lines.sum(table, input, output_gradient, first_block, part_begin(blocks, sums, part + 1),
                rows, sum + part * sum_floats);
      return;
    }
    float* const gradients = rows + patch_floats;
    for (std::int64_t block = first_block; block < part_begin(blocks, sums, part + 1); ++block) {
      const std::int64_t first = block * patches.block_rows;
      const std::int64_t last = std::min(patches.count(), first + patches.block_rows);
      patches.gather(input, first, last, rows);
      for (std::int64_t row = 0; row < last - first; ++row)
        copy(output_gradient + (first + row) * out, out, gradients + row * gradient_stride);
      table.transposed_product(last - first, patches.depth, out, rows, patches.row_stride,
                               gradients, gradient_stride, sum + part * sum_floats, padded_out,
                               block > first_block);
    }
  });
  const std::int64_t channels = patches.shape.in_channels;
  const std::int64_t taps = patches.shape.kernel * patches.shape.kernel;
  const std::int64_t tasks = std::min<std::int64_t>(out, 8 * team_size());
  run_tasks(tasks, [&](std::int64_t task, int) {
    for (std::int64_t k = part_begin(out, tasks, task); k < part_begin(out, tasks, task + 1); ++k)
      for (std::int64_t place = 0; place < patches.depth; ++place) {
        float value = 0;
        for (std::int64_t part = 0; part < sums; ++part)
          value += sum[part * sum_floats + place * padded_out + k];
        weight_gradient[(k * channels + place % channels) * taps + place / channels] = value;
      }
  });
}

}  // namespace

std::size_t backward_data_scratch_floats(const ConvolutionShape& shape) {
  ScratchParts parts(nullptr);
  spread(Patches(shape), nullptr, nullptr, nullptr, parts);
  return parts.used();
}

void backward_data(const ConvolutionShape& shape, const float* output_gradient, const float* weight,
                   float* input_gradient, float* scratch) {
  ScratchParts parts(scratch);
  spread(Patches(shape), output_gradient, weight, input_gradient, parts);
}

std::size_t backward_weights_scratch_floats(const ConvolutionShape& shape) {
  ScratchParts parts(nullptr);
  sum_products(Patches(shape), nullptr, nullptr, nullptr, parts);
  return parts.used();
}

void backward_weights(const ConvolutionShape& shape, const float* input,
                      const float* output_gradient, float* weight_gradient, float* scratch) {
  ScratchParts parts(scratch);
  sum_products(Patches(shape), input, output_gradient, weight_gradient, parts);
}

}  // namespace selfcure::kernels::im2col
