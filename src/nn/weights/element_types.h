#pragma once

#include <c10/core/ScalarType.h>

#include "selfcure/nn/weights/weight_file.h"

namespace selfcure {

at::ScalarType scalar_type(ElementType type);
/// @param name  of the tensor, for the message
/// @throws ShapeError for a type that files do not hold here
ElementType element_type(at::ScalarType type, const std::string& name);

/// @param where  the file that is written
/// @throws CheckpointError for a name that is not UTF-8, which Python and safetensors cannot read
void check_written_name(const std::string& name, const std::string& where);

}  // namespace selfcure
