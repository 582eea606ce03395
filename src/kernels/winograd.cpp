#include "winograd.h"

#include <algorithm>
#include <cstring>

#include "kernel_table.h"
#include "scratch.h"
#include "selfcure/kernels/team.h"

namespace selfcure::kernels::winograd {
namespace {

// Blocks are short, so that their matrices stay in the caches, but where weights are so large that
// each block reads them from memory.
constexpr std::int64_t kManyChannels = 512;  // of both sides together
constexpr std::int64_t kShortBlock = 24;
constexpr std::int64_t kLongBlock = 132;
/// Tiles of a block of the weights' gradient where each thread sums a gradient of its own.
constexpr std::int64_t kOwnSumBlock = 36;
/// Tiles of a block where threads share the frequencies of one.
constexpr std::int64_t kSharedSumBlock = 72;
/// Panels of output channels that a thread keeps at a time where weights do not fit a cache.
constexpr std::int64_t kGroupPanels = 2;
/// Most tiles of a batch for which the output channels are dealt to the threads.
constexpr std::int64_t kMostTilesAtOnce = 512;
/// Largest product of the channel counts for which each thread has its own sum.
constexpr std::int64_t kOwnSumWeights = 128 * 128;

WinogradTiles tiles_of(const ConvolutionShape& shape) {
  return {shape.height, shape.width, divided_up(shape.height, kTileSide),
          divided_up(shape.width, kTileSide)};
}

/// Matrices of a block of tiles.
struct BlockMatrix {
  std::int64_t row_stride;
  std::int64_t frequency_stride;

  BlockMatrix(std::int64_t tiles, std::int64_t channels, std::int64_t panel_width)
      : row_stride(rounded_up(channels, panel_width) + kRowPadding),
        frequency_stride(tiles * row_stride + kRowPadding) {}
  std::int64_t floats() const { return kFrequencies * frequency_stride; }
  TileMatrix at(float* data) const { return {data, row_stride, frequency_stride}; }
};

/// Blocks that all tiles are dealt to, in whole register tiles.
struct Blocks {
  std::int64_t tiles;
  std::int64_t unit;
  std::int64_t count;

  Blocks(std::int64_t all_tiles, std::int64_t longest, std::int64_t row_tile)
      : tiles(all_tiles), unit(row_tile) {
    const std::int64_t units = divided_up(tiles, unit);
    count = divided_up(tiles, longest);
    // As many for each thread, so that none waits for the last one.
    count = std::min(units, rounded_up(count, team_size()));
  }
  std::int64_t begin(std::int64_t block) const {
    return std::min(tiles, unit * part_begin(divided_up(tiles, unit), count, block));
  }
  std::int64_t longest() const { return unit * divided_up(divided_up(tiles, unit), count); }
};

/// A convolution of stride 1: forward, or backward to the data with the channel counts swapped.
struct Plan {
  const KernelTable& table;
  WinogradTiles tiles;
  std::int64_t in;
  std::int64_t out;
  Blocks blocks;
  BlockMatrix input;
  BlockMatrix output;

  Plan(const ConvolutionShape& shape, bool backward)
      : table(*kernel_table()),
        tiles(tiles_of(shape)),
        in(backward ? shape.out_channels : shape.in_channels),
        out(backward ? shape.in_channels : shape.out_channels),
        blocks(shape.batch * tiles.per_image(),
               in + out <= kManyChannels ? kShortBlock : kLongBlock, table.row_tile),
        input(blocks.longest(), in, table.panel_width),
        output(blocks.longest(), out, table.panel_width) {}

  std::int64_t panels() const { return divided_up(out, table.panel_width); }
  /// Of the packed weights of so many panels.
  std::int64_t frequency_stride(std::int64_t of_panels) const {
    return of_panels * table.panel_width * in + kRowPadding;
  }
  std::int64_t packed_floats() const { return kFrequencies * frequency_stride(panels()); }
};

void pack(const Plan& plan, const float* weight, bool rotated, float* packed) {
  const std::int64_t panel_floats = plan.table.panel_width * plan.in;
  run_tasks(plan.panels(), [&](std::int64_t panel, int) {
    plan.table.winograd_pack(weight, plan.out, plan.in, rotated, panel, panel + 1,
                             packed + panel * panel_floats, plan.frequency_stride(plan.panels()));
  });
}

/// The convolution once weights are packed.
void convolve(const Plan& plan, const float* input, const float* packed, const Epilogue& epilogue,
              float* output, ScratchParts& parts) {
  const std::int64_t zero_count = rounded_up(plan.in, kRowPadding);
  float* const zeros = parts.take(zero_count);
  const std::int64_t slot_floats = plan.input.floats() + plan.output.floats();
  float* const slots = parts.take(slot_floats * team_size());
  if (slots == nullptr) return;
  std::fill_n(zeros, zero_count, 0.0F);
  const std::int64_t frequency_stride = plan.frequency_stride(plan.panels());
  const PanelParts columns(plan.out, plan.table.panel_width, plan.blocks.count, team_size());
  run_tasks(plan.blocks.count * columns.parts, [&](std::int64_t task, int slot) {
    const std::int64_t part = task % columns.parts;
    const std::int64_t first_out = columns.first_column(part);
    const std::int64_t last_out = columns.first_column(part + 1);
    const std::int64_t first = plan.blocks.begin(task / columns.parts);
    const std::int64_t last = plan.blocks.begin(task / columns.parts + 1);
    const TileMatrix from = plan.input.at(slots + slot * slot_floats);
    const TileMatrix to = plan.output.at(from.data + plan.input.floats());
    plan.table.winograd_input(input, plan.tiles, plan.in, first, last, zeros, from);
    for (std::int64_t f = 0; f < kFrequencies; ++f)
      plan.table.product(last - first, plan.in, last_out - first_out,
                         from.data + f * from.frequency_stride, from.row_stride,
                         packed + f * frequency_stride + first_out * plan.in,
                         to.data + f * to.frequency_stride + first_out, to.row_stride);
    plan.table.winograd_output({to.data + first_out, to.row_stride, to.frequency_stride},
                               plan.tiles, plan.out, first, last, first_out, last_out, epilogue,
                               output);
  });
}

/// Transforms all tiles, in tasks of a few.
///
/// @param transform  KernelTable::winograd_input or winograd_gradient
template <class Transform>
void transform_all(Transform transform, const float* images, const WinogradTiles& tiles,
                   std::int64_t channels, std::int64_t first, std::int64_t count,
                   const float* zeros, const TileMatrix& to) {
  const std::int64_t tasks = std::min<std::int64_t>(count, 8 * team_size());
  run_tasks(tasks, [&](std::int64_t task, int) {
    const std::int64_t begin = part_begin(count, tasks, task);
    const std::int64_t end = part_begin(count, tasks, task + 1);
    transform(images, tiles, channels, first + begin, first + end, zeros,
              TileMatrix{to.data + begin * to.row_stride, to.row_stride, to.frequency_stride});
  });
}

/// Are the transformed weights larger than the transformed tiles of the whole batch? Then memory is
/// spared if the weights are transformed group by group, each where it is used.
bool has_more_weights_than_tiles(std::int64_t in, std::int64_t out, std::int64_t tiles) {
  return tiles <= kMostTilesAtOnce && in * out > tiles * std::max(in, out) &&
         in * out > kOwnSumWeights;
}

/// Groups of output channels, each of whole panels.
struct OutputGroups {
  std::int64_t out;
  std::int64_t width;
  OutputGroups(std::int64_t out_channels, std::int64_t panel_width)
      : out(out_channels), width(kGroupPanels * panel_width) {}
  std::int64_t count() const { return divided_up(out, width); }
  std::int64_t begin(std::int64_t group) const { return std::min(out, group * width); }
};

/// The convolution from weights as they are: packed first, or group by group.
void convolve_unpacked(const Plan& plan, const float* input, const float* weight, bool rotated,
                       const Epilogue& epilogue, float* output, ScratchParts& parts) {
  const std::int64_t tiles = plan.blocks.tiles;
  if (!has_more_weights_than_tiles(plan.in, plan.out, tiles)) {
    float* const packed = parts.take(plan.packed_floats());
    if (packed != nullptr) pack(plan, weight, rotated, packed);
    convolve(plan, input, packed, epilogue, output, parts);
    return;
  }
  const OutputGroups groups(plan.out, plan.table.panel_width);
  const BlockMatrix all_input(tiles, plan.in, plan.table.panel_width);
  const BlockMatrix group_output(tiles, groups.width, plan.table.panel_width);
  const std::int64_t zero_count = rounded_up(plan.in, kRowPadding);
  const std::int64_t frequency_stride = plan.frequency_stride(kGroupPanels);
  const std::int64_t packed_floats = kFrequencies * frequency_stride;
  const std::int64_t slot_floats = packed_floats + group_output.floats();
  float* const zeros = parts.take(zero_count);
  float* const transformed = parts.take(all_input.floats());
  float* const slots = parts.take(slot_floats * team_size());
  if (slots == nullptr) return;
  std::fill_n(zeros, zero_count, 0.0F);
  const TileMatrix from = all_input.at(transformed);
  transform_all(plan.table.winograd_input, input, plan.tiles, plan.in, 0, tiles, zeros, from);
  run_tasks(groups.count(), [&](std::int64_t group, int slot) {
    const std::int64_t first_out = groups.begin(group);
    const std::int64_t last_out = groups.begin(group + 1);
    float* const packed = slots + slot * slot_floats;
    const TileMatrix to = group_output.at(packed + packed_floats);
    plan.table.winograd_pack(weight, plan.out, plan.in, rotated, group * kGroupPanels,
                             divided_up(last_out, plan.table.panel_width), packed,
                             frequency_stride);
    for (std::int64_t f = 0; f < kFrequencies; ++f)
      plan.table.product(tiles, plan.in, last_out - first_out,
                         from.data + f * from.frequency_stride, from.row_stride,
                         packed + f * frequency_stride, to.data + f * to.frequency_stride,
                         to.row_stride);
    plan.table.winograd_output(to, plan.tiles, plan.out, 0, tiles, first_out, last_out, epilogue,
                               output);
  });
}

/// The weights' gradient: sums over tiles, frequency by frequency.
class WeightGradient {
 public:
  WeightGradient(const ConvolutionShape& shape, ScratchParts& parts)
      : table_(*kernel_table()),
        tiles_(tiles_of(shape)),
        in_(shape.in_channels),
        out_(shape.out_channels),
        all_tiles_(shape.batch * tiles_.per_image()),
        groups_(out_, table_.panel_width),
        way_(way_of(in_, out_, all_tiles_)),
        sum_width_(way_ == Way::kGroups ? groups_.width : rounded_up(out_, table_.panel_width)),
        sums_(way_ == Way::kTogether ? 1
              : way_ == Way::kGroups ? team_size()
                                     : std::min<std::int64_t>(team_size(), all_tiles_)),
        block_(std::min(way_ == Way::kApart      ? kOwnSumBlock
                        : way_ == Way::kTogether ? kSharedSumBlock
                                                 : all_tiles_,
                        all_tiles_)),
        input_(block_, in_, table_.panel_width),
        gradient_(block_, out_, table_.panel_width) {
    zero_count_ = rounded_up(std::max(in_, out_), kRowPadding);
    zeros_ = parts.take(zero_count_);
    frequency_stride_ = in_ * sum_width_ + kRowPadding;
    sum_floats_ = kFrequencies * frequency_stride_;
    sum_ = parts.take(sums_ * sum_floats_);
    const std::int64_t blocks = way_ == Way::kApart ? sums_ : 1;
    blocks_ = parts.take(blocks * (input_.floats() + gradient_.floats()));
  }

  void run(const float* input, const float* output_gradient, float* weight_gradient) const {
    std::fill_n(zeros_, zero_count_, 0.0F);
    if (way_ == Way::kGroups) {
      sum_groups(input, output_gradient, weight_gradient);
      return;
    }
    if (way_ == Way::kApart)
      sum_apart(input, output_gradient);
    else
      sum_together(input, output_gradient);
    const std::int64_t tasks = std::min<std::int64_t>(in_, 8 * team_size());
    run_tasks(tasks, [&](std::int64_t task, int) {
      table_.winograd_weight_gradient(sum_, sums_, sum_floats_, frequency_stride_, in_, out_,
                                      part_begin(in_, tasks, task),
                                      part_begin(in_, tasks, task + 1), weight_gradient);
    });
  }

 private:
  enum class Way {
    /// Each thread sums over its own tiles.
    kApart,
    /// Block by block of tiles: all threads transform it, then each sums some frequencies of it.
    kTogether,
    /// All tiles are transformed at once, then each thread sums groups of output channels and
    /// brings
    /// them back to weights before they leave its cache.
    kGroups,
  };

  static Way way_of(std::int64_t in, std::int64_t out, std::int64_t tiles) {
    if (in * out <= kOwnSumWeights) return Way::kApart;
    return has_more_weights_than_tiles(in, out, tiles) ? Way::kGroups : Way::kTogether;
  }

  void sum_apart(const float* input, const float* output_gradient) const {
    run_tasks(sums_, [&](std::int64_t part, int) {
      float* const block = blocks_ + part * (input_.floats() + gradient_.floats());
      const TileMatrix from = input_.at(block);
      const TileMatrix gradient = gradient_.at(block + input_.floats());
      const std::int64_t end = part_begin(all_tiles_, sums_, part + 1);
      std::int64_t first = part_begin(all_tiles_, sums_, part);
      for (bool accumulate = false; first < end; accumulate = true) {
        const std::int64_t last = std::min(end, first + block_);
        table_.winograd_input(input, tiles_, in_, first, last, zeros_, from);
        table_.winograd_gradient(output_gradient, tiles_, out_, first, last, zeros_, gradient);
        for (std::int64_t f = 0; f < kFrequencies; ++f)
          multiply(f, 0, in_, 0, out_, last - first, from, gradient,
                   sum_ + part * sum_floats_ + f * frequency_stride_, accumulate);
        first = last;
      }
    });
  }

  void sum_together(const float* input, const float* output_gradient) const {
    const TileMatrix from = input_.at(blocks_);
    const TileMatrix gradient = gradient_.at(blocks_ + input_.floats());
    // Few frequencies for many threads: rows of each are dealt as well.
    const std::int64_t row_parts = std::min<std::int64_t>(in_, divided_up(team_size(), 8));
    for (std::int64_t first = 0; first < all_tiles_; first += block_) {
      const std::int64_t count = std::min(block_, all_tiles_ - first);
      transform_all(table_.winograd_input, input, tiles_, in_, first, count, zeros_, from);
      transform_all(table_.winograd_gradient, output_gradient, tiles_, out_, first, count, zeros_,
                    gradient);
      run_tasks(kFrequencies * row_parts, [&](std::int64_t task, int) {
        const std::int64_t part = task % row_parts;
        const std::int64_t frequency = task / row_parts;
        const std::int64_t row = part_begin(in_, row_parts, part);
        multiply(frequency, row, part_begin(in_, row_parts, part + 1), 0, out_, count, from,
                 gradient, sum_ + frequency * frequency_stride_ + row * sum_width_, first > 0);
      });
    }
  }

  void sum_groups(const float* input, const float* output_gradient, float* weight_gradient) const {
    const TileMatrix from = input_.at(blocks_);
    const TileMatrix gradient = gradient_.at(blocks_ + input_.floats());
    transform_all(table_.winograd_input, input, tiles_, in_, 0, all_tiles_, zeros_, from);
    transform_all(table_.winograd_gradient, output_gradient, tiles_, out_, 0, all_tiles_, zeros_,
                  gradient);
    constexpr std::int64_t kTaps = 9;
    run_tasks(groups_.count(), [&](std::int64_t group, int slot) {
      const std::int64_t first_out = groups_.begin(group);
      const std::int64_t outs = groups_.begin(group + 1) - first_out;
      float* const sum = sum_ + slot * sum_floats_;
      const std::int64_t width = rounded_up(outs, table_.panel_width);
      for (std::int64_t f = 0; f < kFrequencies; ++f)
        table_.transposed_product(
            all_tiles_, in_, outs, from.data + f * from.frequency_stride, from.row_stride,
            gradient.data + f * gradient.frequency_stride + first_out, gradient.row_stride,
            sum + f * frequency_stride_, width, /*accumulate=*/false);
      table_.winograd_weight_gradient(sum, 1, 0, frequency_stride_, in_, outs, 0, in_,
                                      weight_gradient + first_out * in_ * kTaps);
    });
  }

  void multiply(std::int64_t frequency, std::int64_t first_in, std::int64_t last_in,
                std::int64_t first_out, std::int64_t outs, std::int64_t tiles,
                const TileMatrix& from, const TileMatrix& gradient, float* sum,
                bool accumulate) const {
    table_.transposed_product(
        tiles, last_in - first_in, outs, from.data + frequency * from.frequency_stride + first_in,
        from.row_stride, gradient.data + frequency * gradient.frequency_stride + first_out,
        gradient.row_stride, sum, sum_width_, accumulate);
  }

  const KernelTable& table_;
  WinogradTiles tiles_;
  std::int64_t in_;
  std::int64_t out_;
  std::int64_t all_tiles_;
  OutputGroups groups_;
  Way way_;
  /// Columns of a sum's matrices.
  std::int64_t sum_width_;
  std::int64_t sums_;
  /// Tiles of a block.
  std::int64_t block_;
  BlockMatrix input_;
  BlockMatrix gradient_;
  std::int64_t zero_count_;
  float* zeros_;
  /// Distance of two frequencies' matrices of a sum.
  std::int64_t frequency_stride_;
  std::int64_t sum_floats_;
  float* sum_;
  float* blocks_;
};

}  // namespace

bool supports(const ConvolutionShape& shape) {
  return shape.kernel == 3 && shape.stride == 1 && shape.padding == 1;
}

std::size_t packed_weight_floats(const ConvolutionShape& shape) {
  return static_cast<std::size_t>(Plan(shape, false).packed_floats());
}

void pack_weights(const ConvolutionShape& shape, const float* weight, float* packed) {
  pack(Plan(shape, false), weight, false, packed);
}

std::size_t forward_scratch_floats(const ConvolutionShape& shape) {
  ScratchParts parts(nullptr);
  convolve(Plan(shape, false), nullptr, nullptr, {}, nullptr, parts);
  return parts.used();
}

void forward(const ConvolutionShape& shape, const float* input, const float* packed,
             const Epilogue& epilogue, float* output, float* scratch) {
  ScratchParts parts(scratch);
  convolve(Plan(shape, false), input, packed, epilogue, output, parts);
}

std::size_t unpacked_scratch_floats(const ConvolutionShape& shape) {
  ScratchParts parts(nullptr);
  convolve_unpacked(Plan(shape, false), nullptr, nullptr, false, {}, nullptr, parts);
  return parts.used();
}

void forward_unpacked(const ConvolutionShape& shape, const float* input, const float* weight,
                      const Epilogue& epilogue, float* output, float* scratch) {
  ScratchParts parts(scratch);
  convolve_unpacked(Plan(shape, false), input, weight, false, epilogue, output, parts);
}

std::size_t backward_data_scratch_floats(const ConvolutionShape& shape) {
  ScratchParts parts(nullptr);
  convolve_unpacked(Plan(shape, true), nullptr, nullptr, true, {}, nullptr, parts);
  return parts.used();
}

void backward_data(const ConvolutionShape& shape, const float* output_gradient, const float* weight,
                   float* input_gradient, float* scratch) {
  ScratchParts parts(scratch);
  convolve_unpacked(Plan(shape, true), output_gradient, weight, true, {}, input_gradient, parts);
}

std::size_t backward_weights_scratch_floats(const ConvolutionShape& shape) {
  ScratchParts parts(nullptr);
  const WeightGradient gradient(shape, parts);
  return parts.used();
}

void backward_weights(const ConvolutionShape& shape, const float* input,
                      const float* output_gradient, float* weight_gradient, float* scratch) {
  ScratchParts parts(scratch);
  WeightGradient(shape, parts).run(input, output_gradient, weight_gradient);
}

}  // namespace selfcure::kernels::winograd
