#include "selfcure/data/sources.h"

#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/data/affectnet.h"
#include "selfcure/data/class_folders.h"
#include "selfcure/data/raf_db.h"
#include "selfcure/data/raf_db_compound.h"
#include "selfcure/data/raf_db_repack.h"
#include "selfcure/data/webemotion.h"

namespace selfcure {
namespace {

WebEmotionOptions webemotion_options(const SourceOptions& source, BadLines* bad_lines) {
  WebEmotionOptions options;
  options.root = source.root;
  options.manifest = source.clip_table;
  options.classes = source.class_names;
  options.frames_per_video = source.frames_per_video;
  options.valid_share = source.valid_share;
  options.test_share = source.test_share;
  options.split_seed = source.split_seed;
  options.bad_lines = bad_lines;
  return options;
}

AffectNetOptions affectnet_options(const SourceOptions& source, BadLines* bad_lines) {
  AffectNetOptions options;
  options.root = source.root;
  options.release =
      source.dataset == Dataset::kAffectNet2017 ? AffectNetRelease::k2017 : AffectNetRelease::k2021;
  options.contempt = source.contempt;
  options.bad_lines = bad_lines;
  return options;
}

ImageListOptions list_options(const SourceOptions& source, BadLines* bad_lines) {
  ImageListOptions options;
  options.root = source.root;
  options.train = source.train_list;
  options.valid = source.valid_list;
  options.test = source.test_list;
  options.file = source.table;
  options.join = source.paths;
  options.classes = source.class_names;
  options.first_label = source.first_label;
  options.bad_lines = bad_lines;
  return options;
}

/// @param place  what the rows are for: training, validation or test
FerPlusOptions ferplus_options(const SourceOptions& source, Split place, BadLines* bad_lines) {
  FerPlusOptions options;
  options.root = source.root;
  options.pixels = source.pixels;
  options.labels = place == Split::kTrain ? source.labels : FerPlusLabels::kMajority;
  options.labels_of_every_split = true;
  options.bad_lines = bad_lines;
  return options;
}

Manifest read_split(const SourceOptions& source, Split split, Split place, BadLines* bad_lines) {
  switch (source.dataset) {
    case Dataset::kRafDb:
      return read_raf_db({source.root, bad_lines}, split);
    case Dataset::kRafDbCompound:
      return read_raf_db_compound({source.root, bad_lines}, split);
    case Dataset::kRafDbRepack:
      return read_raf_db_repack({source.root, bad_lines}, split);
    case Dataset::kFerPlus:
      return read_ferplus(ferplus_options(source, place, bad_lines), split);
    case Dataset::kAffectNet2017:
    case Dataset::kAffectNet2021:
      return read_affectnet(affectnet_options(source, bad_lines), split);
    case Dataset::kWebEmotion:
      return read_webemotion(webemotion_options(source, bad_lines), split);
    case Dataset::kFolders:
      return read_class_folders({source.root, source.class_names}, split);
    case Dataset::kList:
      return read_image_list(list_options(source, bad_lines), split);
  }
  throw Error("read_source: no such data set");
}

Manifest read_unmapped(const SourceOptions& source, Split place, BadLines* bad_lines) {
  if (source.splits.empty()) return read_split(source, place, place, bad_lines);
  std::vector<Manifest> parts;
  parts.reserve(source.splits.size());
  for (const Split split : source.splits)
    parts.push_back(read_split(source, split, place, bad_lines));
  return join(std::move(parts));
}

}  // namespace

Manifest read_source(const SourceOptions& source, Split place) {
  return read_sources({source}, place);
}

Manifest read_sources(const std::vector<SourceOptions>& sources, Split place,
                      const ReadSourcesOptions& options) {
  std::vector<Manifest> parts;
  parts.reserve(sources.size());
  for (const SourceOptions& source : sources) {
    Manifest part = read_unmapped(source, place, options.bad_lines);
    if (!source.class_map.empty() || !options.classes.empty()) {
      part =
          map_classes(std::move(part), {options.classes, source.class_map, options.other_classes});
    }
    parts.push_back(std::move(part));
  }
  return join_by_name(std::move(parts), options.other_classes);
}

}  // namespace selfcure
