#include <cstdio>

#include "logging_observer.h"
#include "selfcure/config/config.h"
#include "selfcure/engine/preview.h"
#include "verbs.h"

namespace selfcure::apps {
namespace {

struct PreviewArguments {
  std::string config;
  std::vector<std::string> overrides;
  PreviewOptions preview;
};

int preview(const PreviewArguments& arguments) {
  LoggingObserver observer(LoggingObserver::Level::kNotes);
  write_preview(load_config(arguments.config, arguments.overrides), arguments.preview, observer);
  std::printf("%s\n", arguments.preview.out.c_str());
  return 0;
}

}  // namespace

void add_data_preview(CLI::App& data, Action& action) {
  auto* verb = data.add_subcommand("preview", "Draw the training images as the network sees them");
  auto arguments = std::make_shared<PreviewArguments>();
  arguments->preview.out = "preview.png";
  verb->add_option("CONFIG", arguments->config, "Experiment file (YAML)")->required();
  verb->add_option("--out", arguments->preview.out, "PNG to write")->capture_default_str();
  verb->add_option("--per-class", arguments->preview.per_class, "Images of each class")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  verb->add_option("--epoch", arguments->preview.epoch, "Epoch whose random changes are shown")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  verb->add_option("--set", arguments->overrides, "Override a key: key.path=value; repeatable")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  verb->footer(
      "A row per given label; the clean label stands in red below an image where it is another.\n"
      "Examples:\n"
      "  selfcure data preview configs/demo_scn.yaml\n"
      "  selfcure data preview my.yaml --out faces.png --per-class 20 --set "
      "data.augment.erase=0.5");
  verb->callback([arguments, &action] { action = [arguments] { return preview(*arguments); }; });
}

}  // namespace selfcure::apps
