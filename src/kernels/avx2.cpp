#include "simd/table.h"

namespace selfcure::kernels {

const KernelTable& avx2_kernels() { return avx2::table(); }

}  // namespace selfcure::kernels
