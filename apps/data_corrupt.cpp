#include <cstdio>
#include <string>
#include <vector>

#include "logging_observer.h"
#include "selfcure/config/config.h"
#include "selfcure/core/errors.h"
#include "selfcure/data/label_noise.h"
#include "selfcure/data/noisy_set.h"
#include "selfcure/engine/device.h"
#include "selfcure/engine/experiment_data.h"
#include "verbs.h"

namespace selfcure::apps {
namespace {

struct CorruptArguments {
  std::string config;
  std::vector<std::string> overrides;
  std::string out;
  bool replace = false;
};

int corrupt(const CorruptArguments& arguments) {
  const ExperimentOptions options = load_config(arguments.config, arguments.overrides);
  const NoiseOptions& noise = options.data.noise;
  set_cpu_threads(options.train.threads);
  LoggingObserver observer(LoggingObserver::Level::kWarnings);
  Manifest manifest = load_manifest(options.data, Split::kTrain, observer);
  if (noise.type == NoiseType::kNone && !knows_clean_labels(manifest)) {
    throw ConfigError(arguments.config +
                      ": data.noise.type: expected a type of noise to inject, got none");
  }
  if (!manifest.distributions.empty()) {
    throw ConfigError(arguments.config +
                      ": expected data with one label per image, got the vote distributions of " +
                      manifest.name + ", which a list cannot hold; set labels: majority");
  }
  const NoiseReport report =
      prepare_training_set(manifest, options, resolve_device(options.train.device), observer).noise;
  write_noisy_set(arguments.out, manifest, noise, report, arguments.replace);
  std::printf("%s\nwritten: %s, %s, %s and %s in %s\n",
              noise_report_text(report, noise, manifest).c_str(), kNoisyListName, kNoisyTableName,
              kNoiseManifestName, kNoiseRecordName, arguments.out.c_str());
  return 0;
}

}  // namespace

void add_data_corrupt(CLI::App& data, Action& action) {
  auto* verb = data.add_subcommand("corrupt", "Write the training labels with a config's noise");
  auto arguments = std::make_shared<CorruptArguments>();
  verb->add_option("CONFIG", arguments->config, "Experiment file (YAML)")->required();
  verb->add_option("OUT_DIR", arguments->out, "Folder for the files; made if it is missing")
      ->required();
  verb->add_option("--set", arguments->overrides, "Override a key: key.path=value; repeatable")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  verb->add_flag("--replace", arguments->replace, "Replace files that are there already");
  verb->footer(
      "The labels are those that a training with this config is given. Writes\n"
      "  noisy_list.txt  'path label' lines, labels from 0, for other people's programs\n"
      "  noisy_list.csv  the same as a table with a header\n"
      "  manifest.csv    path, label, clean_label, label_name, clean_name, and face boxes, clips\n"
      "                  and frames where the data set has them\n"
      "  noise.json      options, transition matrix and realised rate\n"
      "Each list can be given back as data.noise={type: file, file: OUT_DIR/manifest.csv}.\n"
      "Examples:\n"
      "  selfcure data corrupt configs/demo_scn.yaml noisy\n"
      "  selfcure data corrupt my.yaml noisy --set data.noise='{type: symmetric, rate: 0.2}'");
  verb->callback([arguments, &action] { action = [arguments] { return corrupt(*arguments); }; });
}

}  // namespace selfcure::apps
