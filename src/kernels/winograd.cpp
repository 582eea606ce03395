#include "winograd.h"

#include <algorithm>
#include <cstring>

#include "kernel_table.h"
#include "scratch.h"
#include "selfcure/kernels/team.h"

namespace selfcure::kernels::winograd {
namespace {

// Of few channels a block's matrices stay in the second-level cache; of many, longer blocks read
// the transformed weights less often.
constexpr std::int64_t kFewChannels = 256;
constexpr std::int64_t kShortBlock = 36;
constexpr std::int64_t kLongBlock = 132;
/// Tiles of a block of the weights' gradient where each thread sums a gradient of its own.
constexpr std::int64_t kOwnSumBlock = 36;
/// Tiles of a block where threads share the frequencies of one.
constexpr std::int64_t kSharedSumBlock = 264;
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
        blocks(shape.batch * tiles.per_image(), in + out <= kFewChannels ? kShortBlock : kLongBlock,
               table.row_tile),
        input(blocks.longest(), in, table.panel_width),
        output(blocks.longest(), out, table.panel_width) {}

  std::int64_t panels() const { return divided_up(out, table.panel_width); }
  std::int64_t packed_floats() const { return kFrequencies * panels() * table.panel_width * in; }
};

void pack(const Plan& plan, const float* weight, bool rotated, float* packed) {
  run_tasks(plan.panels(), [&](std::int64_t panel, int) {
    plan.table.winograd_pack(weight, plan.out, plan.in, rotated, panel, panel + 1, packed);
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
  const std::int64_t frequency_floats = plan.packed_floats() / kFrequencies;
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
                         packed + f * frequency_floats + first_out * plan.in,
                         to.data + f * to.frequency_stride + first_out, to.row_stride);
    plan.table.winograd_output(to, plan.tiles, plan.out, first, last, first_out, last_out, epilogue,
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
        padded_out_(rounded_up(out_, table_.panel_width)),
        own_sums_(in_ * out_ <= kOwnSumWeights),
        sums_(own_sums_ ? std::min<std::int64_t>(team_size(), all_tiles_) : 1),
        block_(std::min(own_sums_ ? kOwnSumBlock : kSharedSumBlock, all_tiles_)),
        input_(block_, in_, table_.panel_width),
        gradient_(block_, out_, table_.panel_width) {
    zero_count_ = rounded_up(std::max(in_, out_), kRowPadding);
    zeros_ = parts.take(zero_count_);
    sum_floats_ = kFrequencies * in_ * padded_out_;
    sum_ = parts.take(sums_ * sum_floats_);
    blocks_ = parts.take(sums_ * (input_.floats() + gradient_.floats()));
  }

  void run(const float* input, const float* output_gradient, float* weight_gradient) const {
    std::fill_n(zeros_, zero_count_, 0.0F);
    if (own_sums_)
      sum_apart(input, output_gradient);
    else
      sum_together(input, output_gradient);
    const std::int64_t tasks = std::min<std::int64_t>(in_, 8 * team_size());
    run_tasks(tasks, [&](std::int64_t task, int) {
      table_.winograd_weight_gradient(sum_, sums_, sum_floats_, in_, out_,
                                      part_begin(in_, tasks, task),
                                      part_begin(in_, tasks, task + 1), weight_gradient);
    });
  }

 private:
  /// Each thread sums over its own tiles.
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
          multiply(f, 0, in_, last - first, from, gradient, sum_ + part * sum_floats_, accumulate);
        first = last;
      }
    });
  }

  /// All threads transform one block, then each sums some frequencies of it.
  void sum_together(const float* input, const float* output_gradient) const {
    const TileMatrix from = input_.at(blocks_);
    const TileMatrix gradient = gradient_.at(blocks_ + input_.floats());
    // Few frequencies for many threads: rows of each are dealt as well.
    const std::int64_t row_parts = std::min<std::int64_t>(in_, divided_up(team_size(), 8));
    for (std::int64_t first = 0; first < all_tiles_; first += block_) {
      const std::int64_t count = std::min(block_, all_tiles_ - first);
      const std::int64_t tasks = std::min<std::int64_t>(count, 8 * team_size());
      run_tasks(tasks, [&](std::int64_t task, int) {
        const std::int64_t begin = part_begin(count, tasks, task);
        const std::int64_t end = part_begin(count, tasks, task + 1);
        table_.winograd_input(input, tiles_, in_, first + begin, first + end, zeros_,
                              rows_from(from, begin));
        table_.winograd_gradient(output_gradient, tiles_, out_, first + begin, first + end, zeros_,
                                 rows_from(gradient, begin));
      });
      run_tasks(kFrequencies * row_parts, [&](std::int64_t task, int) {
        const std::int64_t part = task % row_parts;
        multiply(task / row_parts, part_begin(in_, row_parts, part),
                 part_begin(in_, row_parts, part + 1), count, from, gradient, sum_, first > 0);
      });
    }
  }

  static TileMatrix rows_from(const TileMatrix& matrix, std::int64_t row) {
    return {matrix.data + row * matrix.row_stride, matrix.row_stride, matrix.frequency_stride};
  }

  void multiply(std::int64_t frequency, std::int64_t first_in, std::int64_t last_in,
                std::int64_t tiles, const TileMatrix& from, const TileMatrix& gradient, float* sum,
                bool accumulate) const {
    table_.transposed_product(
        tiles, last_in - first_in, out_, from.data + frequency * from.frequency_stride + first_in,
        from.row_stride, gradient.data + frequency * gradient.frequency_stride, gradient.row_stride,
        sum + (frequency * in_ + first_in) * padded_out_, padded_out_, accumulate);
  }

  const KernelTable& table_;
  WinogradTiles tiles_;
  std::int64_t in_;
  std::int64_t out_;
  std::int64_t all_tiles_;
  std::int64_t padded_out_;
  /// Has each thread a sum of its own?
  bool own_sums_;
  std::int64_t sums_;
  /// Tiles of a block.
  std::int64_t block_;
  BlockMatrix input_;
  BlockMatrix gradient_;
  std::int64_t zero_count_;
  float* zeros_;
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

std::size_t backward_data_scratch_floats(const ConvolutionShape& shape) {
  const Plan plan(shape, true);
  ScratchParts parts(nullptr);
  parts.take(plan.packed_floats());
  convolve(plan, nullptr, nullptr, {}, nullptr, parts);
  return parts.used();
}

void backward_data(const ConvolutionShape& shape, const float* output_gradient, const float* weight,
                   float* input_gradient, float* scratch) {
  const Plan plan(shape, true);
  ScratchParts parts(scratch);
  float* const packed = parts.take(plan.packed_floats());
  pack(plan, weight, true, packed);
  convolve(plan, output_gradient, packed, {}, input_gradient, parts);
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
