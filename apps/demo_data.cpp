#include <cstdio>

#include "progress.h"
#include "selfcure/data/demo_faces.h"
#include "verbs.h"

namespace selfcure::apps {

void add_demo_data(CLI::App& app, Action& action) {
  auto* verb = app.add_subcommand("demo-data", "Draw a labelled set of synthetic faces");
  auto options = std::make_shared<DemoDataOptions>();
  verb->add_option("DIR", options->root, "Folder to make")->required();
  verb->add_option("--train", options->train_count, "Training images")->capture_default_str();
  verb->add_option("--test", options->test_count, "Test images")->capture_default_str();
  verb->add_option("--classes", options->class_count, "Classes, 2 to 7")->capture_default_str();
  verb->add_option("--side", options->side, "Image side in pixels, 32 to 512")
      ->capture_default_str();
  verb->add_option("--seed", options->seed, "Other seeds draw other people")->capture_default_str();
  verb->add_option("--ambiguity", options->ambiguity, "Share of ambiguous faces, 0 to 1")
      ->capture_default_str();
  verb->footer(
      "The set lies in the RAF-DB layout; demo_truth.csv holds each face's true intensity and\n"
      "ambiguity, so that importance weights can be judged against truth. The same options draw\n"
      "the same bytes; drawing again into a finished folder does nothing.\n"
      "Examples:\n"
      "  selfcure demo-data demo/data\n"
      "  selfcure demo-data /tmp/faces --train 500 --test 200 --side 64 --seed 3");
  verb->callback([options, &action] {
    action = [options] {
      ProgressBar bar;
      write_demo_data(*options, [&bar](std::int64_t done, std::int64_t total) {
        if (bar.due(done, total)) bar.draw("drawing", done, total, "faces");
      });
      bar.clear();
      std::printf("%s: %lld training and %lld test images in the RAF-DB layout\n",
                  options->root.c_str(), static_cast<long long>(options->train_count),
                  static_cast<long long>(options->test_count));
      return 0;
    };
  });
}

}  // namespace selfcure::apps
