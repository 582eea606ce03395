#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "progress.h"
#include "selfcure/data/demo_layouts.h"
#include "verbs.h"

namespace selfcure::apps {

void add_demo_data(CLI::App& app, Action& action) {
  auto* verb = app.add_subcommand("demo-data", "Draw a labelled set of synthetic faces");
  auto options = std::make_shared<DemoDataOptions>();
  auto layout_name = std::make_shared<std::string>(demo_layout_name(DemoLayout::kRafDb));
  std::map<std::string, DemoLayout> layouts;
  std::vector<std::string> names;
  for (const DemoLayout each : all_demo_layouts()) {
    names.push_back(demo_layout_name(each));
    layouts[names.back()] = each;
  }
  verb->add_option("DIR", options->root, "Folder to make")->required();
  verb->add_option("--layout", *layout_name,
                   "As which data set it lies on disk: raf_db (default), ferplus, affectnet_2017,\n"
                   "affectnet_2021, webemotion or folders")
      ->transform(CLI::IsMember(names, CLI::ignore_case).description(""));
  verb->add_option("--train", options->train_count, "Training images")->capture_default_str();
  verb->add_option("--test", options->test_count, "Test images")->capture_default_str();
  verb->add_option("--classes", options->class_count, "Classes, 2 to 7")->capture_default_str();
  verb->add_option("--side", options->side, "Image side in pixels, 32 to 512")
      ->capture_default_str();
  verb->add_option("--seed", options->seed, "Other seeds draw other people")->capture_default_str();
  verb->add_option("--ambiguity", options->ambiguity, "Share of ambiguous faces, 0 to 1")
      ->capture_default_str();
  verb->footer(
      "The set lies on disk as RAF-DB does, or as another data set; demo_truth.csv holds each\n"
      "face's true intensity and ambiguity, so that importance weights can be judged against\n"
      "truth. The same options draw the same bytes; drawing again into a finished folder does\n"
      "nothing.\n"
      "Examples:\n"
      "  selfcure demo-data demo/data\n"
      "  selfcure demo-data /tmp/faces --train 500 --test 200 --side 64 --seed 3\n"
      "  selfcure demo-data demo/ferplus --layout ferplus --train 500 --test 200");
  verb->callback([options, layout_name, layouts, &action] {
    action = [options, layout = layouts.at(*layout_name)] {
      ProgressBar bar;
      write_demo_layout(*options, layout, [&bar](std::int64_t done, std::int64_t total) {
        if (bar.due(done, total)) bar.draw("drawing", done, total, "faces");
      });
      bar.clear();
      std::printf("%s: %lld training and %lld test images, laid out as %s\n", options->root.c_str(),
                  static_cast<long long>(options->train_count),
                  static_cast<long long>(options->test_count), demo_layout_name(layout).c_str());
      return 0;
    };
  });
}

}  // namespace selfcure::apps
