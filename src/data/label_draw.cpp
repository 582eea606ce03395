#include "selfcure/data/label_draw.h"

#include "selfcure/core/random.h"
#include "selfcure/data/manifest.h"

namespace selfcure {

std::int32_t draw_label(const float* distribution, std::int64_t classes, std::uint64_t seed,
                        std::uint64_t epoch, std::uint64_t row) {
  double sum = 0;
  for (std::int64_t k = 0; k < classes; ++k) sum += static_cast<double>(distribution[k]);
  const double mark = sum * KeyedRandom(RandomStream::kLabelDraw, {seed, epoch, row, 0}).uniform();
  // Rounding may leave the mark at the sum: the last class that is possible is drawn then.
  auto drawn = kUnknownLabel;
  double passed = 0;
  for (std::int64_t k = 0; k < classes; ++k) {
    if (!(distribution[k] > 0)) continue;
    drawn = static_cast<std::int32_t>(k);
    passed += static_cast<double>(distribution[k]);
    if (mark < passed) break;
  }
  return drawn;
}

}  // namespace selfcure
