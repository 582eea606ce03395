#pragma once

namespace selfcure {

/// Version of the program, for example "0.1.0".
const char* version();

/// Commit that the library was built from, with "-dirty" for a changed tree, or "unknown".
const char* source_revision();

}  // namespace selfcure
