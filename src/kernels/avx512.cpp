#include "simd/table.h"

namespace selfcure::kernels {

const KernelTable& avx512_kernels() { return avx512::table(); }

}  // namespace selfcure::kernels
