#include "winograd.h"

#include <algorithm>
#include <cstring>

#include "kernel_table.h"
#include "scratch.h"
#include "selfcure/kernels/team.h"

namespace selfcure::kernels::winograd {
namespace {

// Blocks are short, so that their matrices stay in the caches, but where weights are so large that
// each block reads them from memory: 14 MiB of transformed ones.
constexpr std::int64_t kLargeWeights = std::int64_t{14} << 18;
constexpr std::int64_t kShortBlock = 24;
constexpr std::int64_t kLongBlock = 132;
/// Tiles of a block of the weights' gradient where each thread sums a gradient of its own.
constexpr std::int64_t kOwnSumBlock = 36;
/// Tiles of a block where threads share the frequencies of one.
constexpr std::int64_t kSharedSumBlock = 108;
/// Panels of output channels that a thread keeps at a time where weights do not fit a cache.
constexpr std::int64_t kGroupPanels = 2;
/// Most tiles of a batch for which the output channels are dealt to the threads.
constexpr std::int64_t kMostTilesAtOnce = 512;
/// Weights per tap up to which each thread has its own sum, and their columns' product up to which
/// they are not dealt to the threads.
constexpr std::int64_t kOwnSumWeights = 128 * 128;

const WinogradTable& winograd_table(const ConvolutionShape& shape) {
  return shape.stride == 1 ? kernel_table()->winograd : kernel_table()->strided_winograd;
}

/// What a convolution reads or gives, in tiles.
struct Side {
  WinogradTiles tiles;
  std::int64_t channels;
  /// Are its columns the channels of the phases that stride 2 divides an image into?
  bool in_phases;

  static Side input_of(const ConvolutionShape& shape) {
    const std::int64_t high = divided_up(shape.out_height(), kTileSide);
    const std::int64_t wide = divided_up(shape.out_width(), kTileSide);
    // With stride 2 each phase would have frequencies of its own to leave out.
    constexpr std::int64_t kStridedSide = kTileSide + 1;
    constexpr std::int64_t kMoreThanPixels = 2;  // the kernel's side - 1
    const bool strided = shape.stride == 2;
    const std::int64_t side = strided ? kStridedSide : kTileSide + kMoreThanPixels;
    const auto last_of = [&](std::int64_t pixels, std::int64_t in_tiles) {
      return strided ? side : pixels - (in_tiles - 1) * kTileSide + kMoreThanPixels;
    };
    return {{shape.height, shape.width, high, wide, side, last_of(shape.out_height(), high),
             last_of(shape.out_width(), wide)},
            shape.in_channels,
            strided};
  }
  static Side output_of(const ConvolutionShape& shape) {
    Side side = input_of(shape);
    side.tiles.height = shape.out_height();
    side.tiles.width = shape.out_width();
    return {side.tiles, shape.out_channels, false};
  }

  /// Rows that the tiles [first, last) have at a frequency.
  std::int64_t rows(std::int64_t frequency, std::int64_t first, std::int64_t last) const {
    const std::int64_t row = frequency / tiles.side;
    const std::int64_t column = frequency % tiles.side;
    return tiles_before(tiles, last, row, column) - tiles_before(tiles, first, row, column);
  }

  std::int64_t phases(std::int64_t frequency) const {
    return in_phases ? strided_phases(frequency) : 1;
  }
  /// Of any frequency.
  std::int64_t most_phases() const { return phases(0); }
  std::int64_t columns(std::int64_t frequency) const { return phases(frequency) * channels; }
  std::int64_t most_columns() const { return most_phases() * channels; }
};

/// Matrices of a block of tiles.
struct BlockMatrix {
  std::int64_t frequencies;
  std::int64_t row_stride;
  std::int64_t frequency_stride;
  /// Threads that write the block together.
  std::int64_t writers;

  /// @param columns  whole panels, or rounded up to them
  BlockMatrix(std::int64_t of_frequencies, std::int64_t tiles, std::int64_t columns,
              std::int64_t panel_width, std::int64_t of_writers = 1)
      : frequencies(of_frequencies),
        row_stride(rounded_up(columns, panel_width) + kRowPadding),
        frequency_stride(tiles * row_stride + kRowPadding),
        writers(of_writers) {}
  std::int64_t floats() const { return frequencies * frequency_stride + writers * row_stride; }
  /// @param first_tile  of the block
  TileMatrix at(float* data, std::int64_t first_tile) const {
    return {data, row_stride, frequency_stride, first_tile, data + frequencies * frequency_stride};
  }
};

/// Blocks that all tiles are dealt to, in whole register tiles as far as tiles lack no frequency.
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

/// A convolution: forward, or backward to the data, which reads and gives the other side.
struct Plan {
  const KernelTable& table;
  const WinogradTransforms& transforms;
  Side in;
  Side out;
  Blocks blocks;
  BlockMatrix input;
  BlockMatrix output;

  Plan(const ConvolutionShape& shape, bool backward)
      : table(*kernel_table()),
        transforms(backward ? winograd_table(shape).backward : winograd_table(shape).forward),
        in(backward ? Side::output_of(shape) : Side::input_of(shape)),
        out(backward ? Side::input_of(shape) : Side::output_of(shape)),
        blocks(shape.batch * tiles_per_image(in.tiles),
               packed_floats(panels()) <= kLargeWeights ? kShortBlock : kLongBlock, table.row_tile),
        input(transforms.frequencies, blocks.longest(), in.most_columns(), table.panel_width),
        output(transforms.frequencies, blocks.longest(), out_columns(panels()), table.panel_width) {
  }

  std::int64_t panels() const { return divided_up(out.channels, table.panel_width); }
  std::int64_t out_columns(std::int64_t of_panels) const {
    return of_panels * table.panel_width * out.most_phases();
  }
  /// Floats of a panel's packed weights.
  std::int64_t panel_floats(std::int64_t frequency) const {
    return table.panel_width * in.channels * in.phases(frequency) * out.phases(frequency);
  }
  /// Of the packed weights of so many panels.
  std::int64_t frequency_stride(std::int64_t of_panels) const {
    return of_panels * panel_floats(0) + kRowPadding;
  }
  std::int64_t packed_floats(std::int64_t of_panels) const {
    return transforms.frequencies * frequency_stride(of_panels);
  }

  /// Products of the tiles [first, last) with the weights of panels, frequency by frequency.
  ///
  /// @param packed  of the first of the panels, its frequencies `packed_stride` floats apart
  void multiply(std::int64_t first, std::int64_t last, const TileMatrix& from, const float* packed,
                std::int64_t packed_stride, std::int64_t first_panel, std::int64_t last_panel,
                const TileMatrix& to) const {
    for (std::int64_t f = 0; f < transforms.frequencies; ++f)
      table.product(in.rows(f, first, last), in.columns(f),
                    (last_panel - first_panel) * table.panel_width * out.phases(f),
                    from.data + f * from.frequency_stride, from.row_stride,
                    packed + f * packed_stride + first_panel * panel_floats(f),
                    to.data + f * to.frequency_stride, to.row_stride);
  }
};

void pack(const Plan& plan, const float* weight, bool rotated, float* packed) {
  run_tasks(plan.panels(), [&](std::int64_t panel, int) {
    plan.transforms.pack(weight, plan.out.channels, plan.in.channels, rotated, panel, panel + 1, 0,
                         packed, plan.frequency_stride(plan.panels()));
  });
}

/// The convolution once weights are packed.
void convolve(const Plan& plan, const float* input, const float* packed, const Epilogue& epilogue,
              float* output, ScratchParts& parts) {
  const std::int64_t zero_count = rounded_up(plan.in.channels, kRowPadding);
  float* const zeros = parts.take(zero_count);
  const std::int64_t slot_floats = plan.input.floats() + plan.output.floats();
  float* const slots = parts.take(slot_floats * team_size());
  if (slots == nullptr) return;
  std::fill_n(zeros, zero_count, 0.0F);
  const PanelParts columns(plan.out.channels, plan.table.panel_width, plan.blocks.count,
                           team_size());
  run_tasks(plan.blocks.count * columns.parts, [&](std::int64_t task, int slot) {
    const std::int64_t part = task % columns.parts;
    const std::int64_t first = plan.blocks.begin(task / columns.parts);
    const std::int64_t last = plan.blocks.begin(task / columns.parts + 1);
    const TileMatrix from = plan.input.at(slots + slot * slot_floats, first);
    const TileMatrix to = plan.output.at(from.data + plan.input.floats(), first);
    std::fill_n(to.spare, to.row_stride, 0.0F);
    plan.transforms.input(input, plan.in.tiles, plan.in.channels, first, last, zeros, from);
    plan.multiply(first, last, from, packed, plan.frequency_stride(plan.panels()),
                  columns.first_panel(part), columns.first_panel(part + 1), to);
    plan.transforms.output(to, plan.out.tiles, plan.out.channels, first, last,
                           columns.first_column(part), columns.first_column(part + 1), epilogue,
                           output);
  });
}

/// Transforms all tiles, in tasks of a few, to a block that has a writer for each thread.
///
/// @param transform  WinogradTransforms::input or WinogradTable::gradient
template <class Transform>
void transform_all(Transform transform, const float* images, const WinogradTiles& tiles,
                   std::int64_t channels, std::int64_t first, std::int64_t count,
                   const float* zeros, const TileMatrix& to) {
  const std::int64_t tasks = std::min<std::int64_t>(count, 8 * team_size());
  run_tasks(tasks, [&](std::int64_t task, int slot) {
    const std::int64_t begin = part_begin(count, tasks, task);
    const std::int64_t end = part_begin(count, tasks, task + 1);
    TileMatrix rows = to;
    rows.spare += slot * rows.row_stride;
    transform(images, tiles, channels, first + begin, first + end, zeros, rows);
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
  std::int64_t panels;
  std::int64_t width;
  OutputGroups(std::int64_t out_channels, std::int64_t of_panels, std::int64_t panel_width)
      : out(out_channels), panels(of_panels), width(of_panels * panel_width) {}
  std::int64_t count() const { return divided_up(out, width); }
  std::int64_t begin(std::int64_t group) const { return std::min(out, group * width); }
};

/// The convolution from weights as they are: packed first, or group by group.
void convolve_unpacked(const Plan& plan, const float* input, const float* weight, bool rotated,
                       const Epilogue& epilogue, float* output, ScratchParts& parts) {
  const std::int64_t tiles = plan.blocks.tiles;
  if (!has_more_weights_than_tiles(plan.in.most_columns(), plan.out.most_columns(), tiles)) {
    float* const packed = parts.take(plan.packed_floats(plan.panels()));
    if (packed != nullptr) pack(plan, weight, rotated, packed);
    convolve(plan, input, packed, epilogue, output, parts);
    return;
  }
  const OutputGroups groups(plan.out.channels, plan.out.in_phases ? 1 : kGroupPanels,
                            plan.table.panel_width);
  const BlockMatrix all_input(plan.transforms.frequencies, tiles, plan.in.most_columns(),
                              plan.table.panel_width, team_size());
  const BlockMatrix group_output(plan.transforms.frequencies, tiles,
                                 plan.out_columns(groups.panels), plan.table.panel_width);
  const std::int64_t zero_count = rounded_up(plan.in.channels, kRowPadding);
  const std::int64_t packed_floats = plan.packed_floats(groups.panels);
  const std::int64_t slot_floats = packed_floats + group_output.floats();
  float* const zeros = parts.take(zero_count);
  float* const transformed = parts.take(all_input.floats());
  float* const slots = parts.take(slot_floats * team_size());
  if (slots == nullptr) return;
  std::fill_n(zeros, zero_count, 0.0F);
  const TileMatrix from = all_input.at(transformed, 0);
  transform_all(plan.transforms.input, input, plan.in.tiles, plan.in.channels, 0, tiles, zeros,
                from);
  run_tasks(groups.count(), [&](std::int64_t group, int slot) {
    const std::int64_t first_out = groups.begin(group);
    const std::int64_t last_out = groups.begin(group + 1);
    const std::int64_t first_panel = group * groups.panels;
    const std::int64_t last_panel = divided_up(last_out, plan.table.panel_width);
    float* const packed = slots + slot * slot_floats;
    const TileMatrix to = group_output.at(packed + packed_floats, 0);
    std::fill_n(to.spare, to.row_stride, 0.0F);
    const std::int64_t packed_stride = plan.frequency_stride(groups.panels);
    plan.transforms.pack(weight, plan.out.channels, plan.in.channels, rotated, first_panel,
                         last_panel, first_panel, packed, packed_stride);
    plan.multiply(0, tiles, from, packed, packed_stride, 0, last_panel - first_panel, to);
    plan.transforms.output(to, plan.out.tiles, plan.out.channels, 0, tiles, first_out, last_out,
                           epilogue, output);
  });
}

/// The weights' gradient: sums over tiles, frequency by frequency.
class WeightGradient {
 public:
  WeightGradient(const ConvolutionShape& shape, ScratchParts& parts)
      : table_(*kernel_table()),
        winograd_(winograd_table(shape)),
        in_(Side::input_of(shape)),
        out_(Side::output_of(shape)),
        all_tiles_(shape.batch * tiles_per_image(in_.tiles)),
        groups_(out_.channels, kGroupPanels, table_.panel_width),
        way_(way_of(in_, out_, all_tiles_)),
        sum_width_(way_ == Way::kGroups ? groups_.width
                                        : rounded_up(out_.channels, table_.panel_width)),
        sums_(way_ == Way::kTogether ? 1
              : way_ == Way::kGroups ? team_size()
                                     : std::min<std::int64_t>(team_size(), all_tiles_)),
        block_(std::min(way_ == Way::kApart      ? kOwnSumBlock
                        : way_ == Way::kTogether ? kSharedSumBlock
                                                 : all_tiles_,
                        all_tiles_)),
        input_(frequencies(), block_, in_.most_columns(), table_.panel_width, writers()),
        gradient_(frequencies(), block_, out_.channels, table_.panel_width, writers()) {
    zero_count_ = rounded_up(std::max(in_.channels, out_.channels), kRowPadding);
    zeros_ = parts.take(zero_count_);
    frequency_stride_ = in_.most_columns() * sum_width_ + kRowPadding;
    sum_floats_ = frequencies() * frequency_stride_;
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
    const std::int64_t in = in_.channels;
    const std::int64_t tasks = std::min<std::int64_t>(in, 8 * team_size());
    run_tasks(tasks, [&](std::int64_t task, int) {
      winograd_.weight_gradient(sum_, sums_, sum_floats_, frequency_stride_, in, out_.channels,
                                part_begin(in, tasks, task), part_begin(in, tasks, task + 1),
                                weight_gradient);
    });
  }

 private:
  enum class Way {
    /// Each thread sums over its own tiles.
    kApart,
    /// Block by block of tiles: all threads transform it, then each sums some frequencies of it.
    kTogether,
    /// All tiles are transformed at once, then each thread sums groups of output channels and
    /// brings them back to weights before they leave its cache.
    kGroups,
  };

  static Way way_of(const Side& in, const Side& out, std::int64_t tiles) {
    if (in.channels * out.channels <= kOwnSumWeights) return Way::kApart;
    return has_more_weights_than_tiles(in.most_columns(), out.most_columns(), tiles)
               ? Way::kGroups
               : Way::kTogether;
  }

  std::int64_t frequencies() const { return winograd_.forward.frequencies; }
  /// Of one block.
  std::int64_t writers() const { return way_ == Way::kApart ? 1 : team_size(); }

  void sum_apart(const float* input, const float* output_gradient) const {
    run_tasks(sums_, [&](std::int64_t part, int) {
      float* const block = blocks_ + part * (input_.floats() + gradient_.floats());
      const std::int64_t end = part_begin(all_tiles_, sums_, part + 1);
      std::int64_t first = part_begin(all_tiles_, sums_, part);
      for (bool accumulate = false; first < end; accumulate = true) {
        const std::int64_t last = std::min(end, first + block_);
        const TileMatrix from = input_.at(block, first);
        const TileMatrix gradient = gradient_.at(block + input_.floats(), first);
        winograd_.forward.input(input, in_.tiles, in_.channels, first, last, zeros_, from);
        winograd_.gradient(output_gradient, out_.tiles, out_.channels, first, last, zeros_,
                           gradient);
        for (std::int64_t f = 0; f < frequencies(); ++f)
          multiply(f, 0, in_.columns(f), in_.rows(f, first, last), from, gradient,
                   sum_ + part * sum_floats_ + f * frequency_stride_, accumulate);
        first = last;
      }
    });
  }

  void sum_together(const float* input, const float* output_gradient) const {
    // Few frequencies for many threads: rows of each are dealt as well.
    const std::int64_t row_parts = std::min<std::int64_t>(in_.channels, divided_up(team_size(), 8));
    for (std::int64_t first = 0; first < all_tiles_; first += block_) {
      const std::int64_t count = std::min(block_, all_tiles_ - first);
      const TileMatrix from = input_.at(blocks_, first);
      const TileMatrix gradient = gradient_.at(blocks_ + input_.floats(), first);
      transform_all(winograd_.forward.input, input, in_.tiles, in_.channels, first, count, zeros_,
                    from);
      transform_all(winograd_.gradient, output_gradient, out_.tiles, out_.channels, first, count,
                    zeros_, gradient);
      run_tasks(frequencies() * row_parts, [&](std::int64_t task, int) {
        const std::int64_t part = task % row_parts;
        const std::int64_t frequency = task / row_parts;
        const std::int64_t rows = in_.columns(frequency);
        const std::int64_t row = part_begin(rows, row_parts, part);
        multiply(frequency, row, part_begin(rows, row_parts, part + 1),
                 in_.rows(frequency, first, first + count), from, gradient,
                 sum_ + frequency * frequency_stride_ + row * sum_width_, first > 0);
      });
    }
  }

  void sum_groups(const float* input, const float* output_gradient, float* weight_gradient) const {
    const TileMatrix from = input_.at(blocks_, 0);
    const TileMatrix gradient = gradient_.at(blocks_ + input_.floats(), 0);
    transform_all(winograd_.forward.input, input, in_.tiles, in_.channels, 0, all_tiles_, zeros_,
                  from);
    transform_all(winograd_.gradient, output_gradient, out_.tiles, out_.channels, 0, all_tiles_,
                  zeros_, gradient);
    constexpr std::int64_t kTaps = 9;
    run_tasks(groups_.count(), [&](std::int64_t group, int slot) {
      const std::int64_t first_out = groups_.begin(group);
      const std::int64_t outs = groups_.begin(group + 1) - first_out;
      float* const sum = sum_ + slot * sum_floats_;
      const std::int64_t width = rounded_up(outs, table_.panel_width);
      for (std::int64_t f = 0; f < frequencies(); ++f)
        table_.transposed_product(
            in_.rows(f, 0, all_tiles_), in_.columns(f), outs, from.data + f * from.frequency_stride,
            from.row_stride, gradient.data + f * gradient.frequency_stride + first_out,
            gradient.row_stride, sum + f * frequency_stride_, width, /*accumulate=*/false);
      winograd_.weight_gradient(sum, 1, 0, frequency_stride_, in_.channels, outs, 0, in_.channels,
                                weight_gradient + first_out * in_.channels * kTaps);
    });
  }

  /// Rows [first, last) of a frequency's sum.
  void multiply(std::int64_t frequency, std::int64_t first, std::int64_t last, std::int64_t tiles,
                const TileMatrix& from, const TileMatrix& gradient, float* sum,
                bool accumulate) const {
    table_.transposed_product(
        tiles, last - first, out_.channels, from.data + frequency * from.frequency_stride + first,
        from.row_stride, gradient.data + frequency * gradient.frequency_stride, gradient.row_stride,
        sum, sum_width_, accumulate);
  }

  const KernelTable& table_;
  const WinogradTable& winograd_;
  Side in_;
  Side out_;
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
  return shape.kernel == 3 && (shape.stride == 1 || shape.stride == 2) && shape.padding == 1;
}

std::size_t packed_weight_floats(const ConvolutionShape& shape) {
  const Plan plan(shape, false);
  return static_cast<std::size_t>(plan.packed_floats(plan.panels()));
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
