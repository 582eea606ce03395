#include "selfcure/data/raf_db_compound.h"

#include <cstdint>

#include "selfcure/data/raf_db.h"

namespace selfcure {

Manifest read_raf_db_compound(const RafDbCompoundOptions& options, Split split) {
  const RafDbLayout layout = {
      "RAF-DB compound",
      "compound",
      {"Happily Surprised", "Happily Disgusted", "Sadly Fearful", "Sadly Angry", "Sadly Surprised",
       "Sadly Disgusted", "Fearfully Angry", "Fearfully Surprised", "Angrily Surprised",
       "Angrily Disgusted", "Disgustedly Surprised"},
      static_cast<std::int32_t>(raf_db_class_names().size())};
  return read_raf_db_layout(options.root, layout, options.bad_lines, split);
}

}  // namespace selfcure
