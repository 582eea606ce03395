#include "selfcure/core/version.h"

namespace selfcure {

const char* version() { return SELFCURE_VERSION; }
const char* source_revision() { return SELFCURE_SOURCE_REVISION; }

}  // namespace selfcure
