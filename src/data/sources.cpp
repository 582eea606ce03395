#include "selfcure/data/sources.h"

#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/data/raf_db.h"

namespace selfcure {
namespace {

Manifest read_split(const SourceOptions& source, Split split) {
  switch (source.dataset) {
    case Dataset::kRafDb:
      return read_raf_db({source.root}, split);
    case Dataset::kFerPlus:
      return read_ferplus({source.root, source.pixels}, split);
  }
  throw Error("read_source: no such data set");
}

}  // namespace

Manifest read_source(const SourceOptions& source, Split default_split) {
  if (source.splits.empty()) return read_split(source, default_split);
  std::vector<Manifest> parts;
  parts.reserve(source.splits.size());
  for (const Split split : source.splits) parts.push_back(read_split(source, split));
  return join(std::move(parts));
}

Manifest read_sources(const std::vector<SourceOptions>& sources, Split default_split) {
  std::vector<Manifest> parts;
  parts.reserve(sources.size());
  for (const SourceOptions& source : sources) parts.push_back(read_source(source, default_split));
  return join(std::move(parts));
}

}  // namespace selfcure
