#pragma once

#include <cstdint>

#include "selfcure/data/affectnet.h"

namespace selfcure {

/// Class of an expression code; kUnknownLabel if its images are left out.
/// @throws DataError "<where>: ..." if the code is none
std::int32_t affectnet_label(std::int64_t code, bool contempt, const std::string& where);

Manifest read_affectnet_2017(const AffectNetOptions& options, Split split);
Manifest read_affectnet_2021(const AffectNetOptions& options, Split split);

}  // namespace selfcure
