#include "element_types.h"

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

constexpr std::array<at::ScalarType, 10> kScalarTypes = {
    at::kHalf, at::kBFloat16, at::kFloat, at::kDouble, at::kByte,
    at::kChar, at::kShort,    at::kInt,   at::kLong,   at::kBool};

}  // namespace

at::ScalarType scalar_type(ElementType type) {
  return kScalarTypes.at(static_cast<std::size_t>(type));
}

ElementType element_type(at::ScalarType type, const std::string& name) {
  for (std::size_t i = 0; i < kScalarTypes.size(); ++i)
    if (kScalarTypes[i] == type) return static_cast<ElementType>(i);
  throw ShapeError("'" + name + "': expected a type that weight files hold, got " +
                   std::string(c10::toString(type)));
}

void check_written_name(const std::string& name, const std::string& where) {
  try {
    (void)nlohmann::json(name).dump();
  } catch (const nlohmann::json::type_error&) {
    throw CheckpointError(where +
                          one_line(": '" + name + "': expected a name in UTF-8, got other bytes"));
  }
}

}  // namespace selfcure
