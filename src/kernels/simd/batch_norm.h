// Batch norm over rows of channels: sums per channel, and maps whose factors differ per channel.
#pragma once

#include "../kernel_table.h"
#include "groups.h"
#include "vector.h"

namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET {

/// Rows that are summed in float before the sum is added to a double: it rounds like few terms, and
/// the additions in double cost nothing beside it.
inline constexpr Index kRunRows = 64;

/// Adds the floats of `count` vectors, of the last one only `last_count`, to doubles.
template <int kCount>
inline void add_to_doubles(const Vector* vectors, Index last_count, double* sums) {
  alignas(64) float floats[kCount * Vector::kWidth];
  for (int v = 0; v < kCount; ++v) vectors[v].store(floats + v * Vector::kWidth);
  const Index floats_count = (kCount - 1) * Vector::kWidth + last_count;
  for (Index i = 0; i < floats_count; ++i) sums[i] += static_cast<double>(floats[i]);
}

/// KernelTable::batch_norm_sums
inline void batch_norm_sums(const float* input, Index rows, Index channels, const float* shift,
                            double* sums, double* squares) {
  for (Index first = 0; first < rows; first += kRunRows) {
    const Index run = smaller(kRunRows, rows - first);
    const float* const start = input + first * channels;
    for_each_group(channels, [&](auto group, Index channel, Index count) {
      constexpr int kVectors = decltype(group)::kVectors;
      Vector shifts[kVectors];
      Vector sum[kVectors];
      Vector square[kVectors];
      for (int v = 0; v < kVectors; ++v) {
        shifts[v] = group.load(shift + channel + v * Vector::kWidth, count);
        sum[v] = square[v] = Vector::zero();
      }
      const float* row = start + channel;
      for (Index i = 0; i < run; ++i, row += channels)
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          const Vector value = group.load(row + v * Vector::kWidth, count) - shifts[v];
          sum[v] = sum[v] + value;
          square[v] = multiply_add(value, value, square[v]);
        }
      add_to_doubles<kVectors>(sum, count, sums + channel);
      add_to_doubles<kVectors>(square, count, squares + channel);
    });
  }
}

/// What batch norm without residual gives. The gradient computes the sign of ReLU's argument by it
/// again and so sees the same bits.
inline Vector mapped(const ChannelMap& map, Index channel, Index count, Vector value) {
  return multiply_add(value - load_some(map.mean + channel, count),
                      load_some(map.scale + channel, count), load_some(map.bias + channel, count));
}

template <bool kStream>
inline void apply_rows(const float* input, const float* residual, Index rows, Index channels,
                       const ChannelMap& map, bool relu, float* output) {
  for (Index row = 0; row < rows; ++row) {
    const Index begin = row * channels;
    for_each_vector(channels, [&](Index channel, Index count) {
      const Index at = begin + channel;
      Vector value = mapped(map, channel, count, load_some(input + at, count));
      if (residual != nullptr) value = value + load_some(residual + at, count);
      if (relu) value = max(Vector::zero(), value);
      if (kStream)
        value.stream(output + at);
      else
        store_some(value, output + at, count);
    });
  }
  if (kStream) finish_streams();
}

/// KernelTable::batch_norm_apply
inline void batch_norm_apply(const float* input, const float* residual, Index rows, Index channels,
                             const ChannelMap& map, bool relu, bool past_caches, float* output) {
  if (past_caches && streamable(output, channels))
    apply_rows<true>(input, residual, rows, channels, map, relu, output);
  else
    apply_rows<false>(input, residual, rows, channels, map, relu, output);
}

/// KernelTable::batch_norm_gradient_sums
inline void batch_norm_gradient_sums(const BatchNormRows& from, Index rows, Index channels,
                                     const ChannelMap& map, float* masked, double* sums,
                                     double* products) {
  for (Index first = 0; first < rows; first += kRunRows) {
    const Index run = smaller(kRunRows, rows - first);
    for_each_group(channels, [&](auto group, Index channel, Index count) {
      constexpr int kVectors = decltype(group)::kVectors;
      Vector means[kVectors];
      Vector scales[kVectors];
      Vector biases[kVectors];
      Vector sum[kVectors];
      Vector product[kVectors];
      for (int v = 0; v < kVectors; ++v) {
        const Index at = channel + v * Vector::kWidth;
        means[v] = group.load(map.mean + at, count);
        scales[v] = group.load(map.scale + at, count);
        biases[v] = group.load(map.bias + at, count);
        sum[v] = product[v] = Vector::zero();
      }
      for (Index i = 0; i < run; ++i) {
        const Index row = (first + i) * channels + channel;
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          const Index at = row + v * Vector::kWidth;
          const Vector value = group.load(from.input + at, count) - means[v];
          Vector gradient = group.load(from.output_gradient + at, count);
          if (from.relu)
            gradient =
                where_positive(from.output != nullptr ? group.load(from.output + at, count)
                                                      : multiply_add(value, scales[v], biases[v]),
                               gradient);
          if (masked != nullptr) group.store(gradient, masked + at, count);
          sum[v] = sum[v] + gradient;
          product[v] = multiply_add(gradient, value, product[v]);
        }
      }
      add_to_doubles<kVectors>(sum, count, sums + channel);
      add_to_doubles<kVectors>(product, count, products + channel);
    });
  }
}

template <bool kStream>
inline void gradient_rows(const BatchNormRows& from, Index rows, Index channels,
                          const ChannelMap& map, const GradientMap& gradient_map,
                          float* input_gradient) {
  for (Index row = 0; row < rows; ++row) {
    const Index begin = row * channels;
    for_each_vector(channels, [&](Index channel, Index count) {
      const Index at = begin + channel;
      const Vector scale = load_some(map.scale + channel, count);
      const Vector value = load_some(from.input + at, count) - load_some(map.mean + channel, count);
      Vector gradient = load_some(from.output_gradient + at, count);
      if (from.relu)
        gradient =
            where_positive(from.output != nullptr
                               ? load_some(from.output + at, count)
                               : multiply_add(value, scale, load_some(map.bias + channel, count)),
                           gradient);
      const Vector rest = multiply_add(value, load_some(gradient_map.slope + channel, count),
                                       load_some(gradient_map.offset + channel, count));
      gradient = multiply_add(gradient, scale, rest);
      if (kStream)
        gradient.stream(input_gradient + at);
      else
        store_some(gradient, input_gradient + at, count);
    });
  }
  if (kStream) finish_streams();
}

/// KernelTable::batch_norm_gradient
inline void batch_norm_gradient(const BatchNormRows& from, Index rows, Index channels,
                                const ChannelMap& map, const GradientMap& gradient_map,
                                bool past_caches, float* input_gradient) {
  if (past_caches && streamable(input_gradient, channels))
    gradient_rows<true>(from, rows, channels, map, gradient_map, input_gradient);
  else
    gradient_rows<false>(from, rows, channels, map, gradient_map, input_gradient);
}

}  // namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET
