#include "selfcure/kernels/max_pool.h"

#include <algorithm>

#include "kernel_table.h"
#include "scratch.h"
#include "selfcure/kernels/team.h"

namespace selfcure::kernels {
namespace {

/// Neighbouring rows share most of what they read.
constexpr std::int64_t kRowsOfTask = 8;

/// Calls body(image, row within it) for `rows` rows of each of `images`.
template <class Body>
void for_each_row(std::int64_t images, std::int64_t rows, Body body) {
  const std::int64_t all = images * rows;
  run_tasks(divided_up(all, kRowsOfTask), [&](std::int64_t task, int) {
    const std::int64_t first = task * kRowsOfTask;
    for (std::int64_t row = first; row < std::min(all, first + kRowsOfTask); ++row)
      body(row / rows, row % rows);
  });
}

}  // namespace

bool has_max_pool(const MaxPoolShape& shape) {
  return kernel_table() != nullptr && shape.kernel >= 1 && shape.kernel <= kMostPoolSide &&
         shape.stride >= 1 && shape.padding >= 0 && shape.padding < shape.kernel &&
         shape.height + 2 * shape.padding >= shape.kernel &&
         shape.width + 2 * shape.padding >= shape.kernel;
}

void max_pool_forward(const MaxPoolShape& shape, const float* input, float* output,
                      std::uint8_t* winners) {
  const KernelTable& table = *kernel_table();
  const std::int64_t image_floats = shape.height * shape.width * shape.channels;
  const std::int64_t rows = shape.out_height();
  const std::int64_t row_floats = shape.out_width() * shape.channels;
  for_each_row(shape.batch, rows, [&](std::int64_t image, std::int64_t row) {
    const std::int64_t at = (image * rows + row) * row_floats;
    table.max_pool_row(shape, input + image * image_floats, 0, row, output + at,
                       winners == nullptr ? nullptr : winners + at);
  });
}

void max_pool_backward(const MaxPoolShape& shape, const float* output_gradient,
                       const std::uint8_t* winners, float* input_gradient) {
  const KernelTable& table = *kernel_table();
  const std::int64_t out_floats = shape.out_height() * shape.out_width() * shape.channels;
  const std::int64_t row_floats = shape.width * shape.channels;
  const bool past_caches = shape.batch * shape.height * row_floats >= kPastCachesFloats;
  for_each_row(shape.batch, shape.height, [&](std::int64_t image, std::int64_t row) {
    table.max_pool_gradient_row(shape, output_gradient + image * out_floats,
                                winners + image * out_floats, row, past_caches,
                                input_gradient + (image * shape.height + row) * row_floats);
  });
}

}  // namespace selfcure::kernels
