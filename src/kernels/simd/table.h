// Fills the table of the instruction set that this is compiled for.
#pragma once

#include "batch_norm.h"
#include "max_pool.h"
#include "optimizer_step.h"
#include "product.h"
#include "rows.h"
#include "strided_winograd.h"
#include "winograd.h"

namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET {

inline const KernelTable& table() {
  static constexpr KernelTable kTable = {
      kPanelWidth,
      kRowTile,
      {kWinogradTransforms, kWinogradTransforms, winograd_gradient, winograd_weight_gradient},
      {strided::kForward, strided::kBackward, strided::gradient, strided::weight_gradient},
      product,
      transposed_product,
      finish_rows,
      add,
      batch_norm_sums,
      batch_norm_apply,
      batch_norm_gradient_sums,
      batch_norm_gradient,
      max_pool_row,
      max_pool_gradient_row,
      sgd_slice,
      adam_slice};
  return kTable;
}

}  // namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET
