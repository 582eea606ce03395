#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "selfcure/nn/weights/weight_file.h"

namespace selfcure {

/// Writes a pickle of protocol 2 with what a state dictionary needs.
class PickleWriter {
 public:
  PickleWriter();
  void text(const std::string& text);
  void integer(std::int64_t value);
  void begin_dict() { code_ += "}("; }
  void begin_ordered_dict() { code_ += "ccollections\nOrderedDict\n)R("; }
  void end_dict() { code_ += "u"; }
  /// A contiguous tensor over a whole storage.
  /// @param storage  its name in the archive   @param elements of the storage
  void tensor(ElementType type, const std::string& storage, std::int64_t elements,
              const std::vector<std::int64_t>& shape);
  /// The pickle; nothing can be added after it.
  std::string finish();

 private:
  void tuple(const std::vector<std::int64_t>& values);

  std::string code_;
};

}  // namespace selfcure
