#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "progress.h"
#include "selfcure/config/config.h"
#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/data/dataset_layout.h"
#include "selfcure/data/inspection_report.h"
#include "selfcure/data/published_counts.h"
#include "verbs.h"

namespace selfcure::apps {
namespace {

struct InspectArguments {
  std::string what;
  std::vector<std::string> overrides;
  std::string json;
  int threads = 0;
  int max_distance = NearDuplicateOptions().max_distance;
  bool no_near = false;
};

/// Sources that are one part of what is inspected.
struct Part {
  std::vector<SourceOptions> sources;
  Split split;
};

std::vector<Part> parts_of_folder(const std::filesystem::path& root) {
  const std::optional<Dataset> dataset = recognise_dataset(root);
  if (!dataset) {
    throw DataError(root.string() +
                    ": expected a data set of a known layout, found none; a config file can say "
                    "what it is");
  }
  std::printf("%s: read as %s\n\n", root.c_str(), to_string(*dataset));
  std::vector<Part> parts;
  for (const Split split : splits_of(*dataset, root)) {
    SourceOptions source;
    source.dataset = *dataset;
    source.root = root;
    source.splits = {split};
    parts.push_back({{source}, split});
  }
  return parts;
}

/// How far FER2013's labels and FERPlus's agree, where the tables of both lie in the folder.
std::optional<LabelAgreement> original_labels_of(const Part& part) {
  if (part.split != Split::kTrain || part.sources.size() != 1) return std::nullopt;
  SourceOptions source = part.sources.front();
  const bool has_both = source.dataset == Dataset::kFerPlus &&
                        source.labels != FerPlusLabels::kFer2013 &&
                        std::filesystem::exists(source.root / "fer2013.csv") &&
                        std::filesystem::exists(source.root / "fer2013new.csv");
  if (!has_both) return std::nullopt;
  source.labels = FerPlusLabels::kFer2013;
  return label_agreement(read_sources({source}, part.split, {}));
}

InspectedSet inspect_part(const Part& part, ReadSourcesOptions options, int threads) {
  InspectedSet set;
  options.bad_lines = &set.bad_lines;
  set.manifest = read_sources(part.sources, part.split, options);
  if (part.sources.size() == 1 && part.sources[0].splits.size() == 1 &&
      part.sources[0].class_map.empty() && options.classes.empty()) {
    set.count_difference =
        golden_count_difference(set.manifest, part.sources[0].dataset, part.sources[0].splits[0]);
  }
  try {
    set.original_labels = original_labels_of(part);
  } catch (const DataError& error) {
    // The set can be read without these tables, but they are wrong.
    set.bad_lines.add(error.what());
  }
  ProgressBar bar;
  set.images = inspect_images(set.manifest, threads, [&](std::int64_t done, std::int64_t total) {
    if (bar.due(done, total)) bar.draw(set.manifest.name, done, total, "images");
  });
  bar.clear();
  return set;
}

/// Of the terminal; 80 elsewhere.
int line_width() {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  constexpr int kUsual = 80, kLeast = 40, kMost = 120;
  return known ? std::clamp<int>(size.ws_col, kLeast, kMost) : kUsual;
}

int inspect(const InspectArguments& arguments) {
  std::vector<Part> parts;
  ReadSourcesOptions reading;
  if (std::filesystem::is_directory(arguments.what)) {
    if (!arguments.overrides.empty()) {
      throw ConfigError("--set: expected a config file with it, got the folder " + arguments.what);
    }
    parts = parts_of_folder(arguments.what);
  } else {
    const ExperimentOptions options = load_config(arguments.what, arguments.overrides);
    reading.classes = options.data.classes;
    reading.other_classes = options.data.other_classes;
    for (const Split split : {Split::kTrain, Split::kValid, Split::kTest}) {
      const std::vector<SourceOptions>& sources = options.data.sources(split);
      if (!sources.empty()) parts.push_back({sources, split});
    }
  }
  // Now and not after an hour of decoding it shows that the file cannot be written.
  std::optional<AtomicFile> json;
  if (!arguments.json.empty()) json.emplace(arguments.json);
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const int threads = arguments.threads > 0 ? arguments.threads : cores;
  std::vector<InspectedSet> sets;
  for (const Part& part : parts) sets.push_back(inspect_part(part, reading, threads));
  NearDuplicateOptions near;
  near.max_distance = arguments.max_distance;
  const InspectionReport report(std::move(sets), arguments.no_near
                                                     ? std::nullopt
                                                     : std::optional<NearDuplicateOptions>(near));
  std::printf("%s", report.text(line_width()).c_str());
  std::fflush(stdout);
  if (json) {
    json->write(report.json());
    json->commit();
  }
  return report.problems().empty() ? 0 : 1;
}

}  // namespace

void add_data_inspect(CLI::App& data, Action& action) {
  auto* verb = data.add_subcommand("inspect", "What is in a data set, and what is wrong with it");
  auto arguments = std::make_shared<InspectArguments>();
  verb->add_option("CONFIG_OR_ROOT", arguments->what,
                   "Experiment file (YAML), or the folder of a data set")
      ->required();
  verb->add_option("--set", arguments->overrides, "Override a key: key.path=value; repeatable")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  verb->add_option("--json", arguments->json, "Write everything that was found to this file");
  verb->add_option("--threads", arguments->threads, "Threads that decode; 0: one per core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  verb->add_option("--max-distance", arguments->max_distance,
                   "Bits of 64 in which perceptual hashes of near-duplicates may differ")
      ->check(CLI::Range(0, 8))
      ->capture_default_str();
  verb->add_flag("--no-near", arguments->no_near, "Look for duplicates of the same bytes only");
  verb->footer(
      "Every image is decoded once. Wrong, with exit code 1, are: bad lines in lists, missing and\n"
      "unreadable images, counts that differ from the published ones, images that are in two\n"
      "splits byte for byte, and copies of an image with another label. Other duplicates are\n"
      "reported. Exit code 0: nothing is wrong; 2: it could not be read at all.\n"
      "Examples:\n"
      "  selfcure data inspect /data/RAF-DB\n"
      "  selfcure data inspect my.yaml --json inspection.json && selfcure train my.yaml");
  verb->callback([arguments, &action] { action = [arguments] { return inspect(*arguments); }; });
}

}  // namespace selfcure::apps
