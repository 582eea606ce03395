#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "support/temporary_directory.h"

namespace selfcure::testing {

/// A run directory as training leaves it, with as much in its files as reports read.
struct FakeRun {
  std::string method = "baseline";
  std::string seed = "1";
  std::string noise = "0.1";
  /// Test accuracy of each epoch.
  std::vector<double> accuracy = {0.5, 0.6, 0.7};
  /// Lines put into the config at its end.
  std::string more_config;
  bool done = true;
  /// Further columns of metrics.jsonl, the same number at every epoch.
  std::map<std::string, double> more_metrics;
};

inline void write_fake_run(const std::filesystem::path& folder, const FakeRun& run) {
  const std::string name = folder.filename().string();
  write_file(folder / "config.resolved.yaml",
             "name: " + name + "\nseed: " + run.seed +
                 "\ndata:\n  image_size: 64\n  noise:\n    rate: " + run.noise +
                 "\nmethod:\n  name: " + run.method +
                 "\ntrain:\n  epochs: " + std::to_string(run.accuracy.size()) +
                 "\n  threads: " + run.seed + "\n" + run.more_config);
  std::string metrics;
  for (std::size_t i = 0; i < run.accuracy.size(); ++i) {
    metrics += "{\"epoch\":" + std::to_string(i + 1) +
               ",\"train_loss\":1.5,\"seconds\":2.5,\"images_per_second\":400,"
               "\"test_accuracy\":" +
               std::to_string(run.accuracy[i]) +
               ",\"mean_class_accuracy\":" + std::to_string(0.9 * run.accuracy[i]);
    for (const auto& [column, value] : run.more_metrics)
      metrics += ",\"" + column + "\":" + std::to_string(value);
    metrics += "}\n";
  }
  write_file(folder / "metrics.jsonl", metrics);
  write_file(folder / "environment.json", "{\"selfcure\":\"0\"}\n");
  if (!run.done) return;
  write_file(folder / "summary.json", "{\"name\":\"" + name + "\",\"method\":\"" + run.method +
                                          "\",\"epochs\":" + std::to_string(run.accuracy.size()) +
                                          ",\"training_seconds\":7.5}\n");
  write_file(folder / "DONE", "");
}

/// predictions_test.csv of images with a true and a predicted class, "a" or "b".
inline void write_predictions(const std::filesystem::path& folder,
                              const std::vector<std::pair<std::string, std::string>>& labels,
                              const std::string& image_prefix = "i") {
  std::string csv = "image,label,predicted,p_a,p_b\n";
  for (std::size_t i = 0; i < labels.size(); ++i)
    csv += image_prefix + std::to_string(i) + ".jpg," + labels[i].first + "," + labels[i].second +
           ",0.5,0.5\n";
  write_file(folder / "predictions_test.csv", csv);
}

}  // namespace selfcure::testing
