#pragma once

#include <filesystem>
#include <string>

#include "support/temporary_directory.h"

namespace selfcure::testing {

/// Writes a whole run directory of two classes, as a training of two epochs leaves it.
inline void write_small_run(const std::filesystem::path& run) {
  write_file(
      run / "metrics.jsonl",
      "{\"epoch\":1,\"lr\":0.01,\"train_loss\":1.5,\"train_accuracy\":0.5,\"alpha_mean\":0.5,"
      "\"alpha_min\":0.2,\"alpha_max\":0.8,\"alpha_spread\":0.1,\"relabelled\":0,"
      "\"labels_changed\":0,\"relabel_precision\":null,\"test_accuracy\":0.6,"
      "\"mean_class_accuracy\":0.55,\"seconds\":2,\"images_per_second\":5}\n"
      "{\"epoch\":2,\"lr\":0.001,\"train_loss\":1.0,\"train_accuracy\":0.7,\"alpha_mean\":0.6,"
      "\"alpha_min\":0.2,\"alpha_max\":0.9,\"alpha_spread\":0.1,\"alpha_auc\":0.8,"
      "\"relabelled\":2,\"labels_changed\":2,\"relabel_precision\":0.5,"
      "\"relabel_recall\":0.25,\"test_accuracy\":0.5,\"mean_class_accuracy\":0.5,"
      "\"seconds\":2,\"images_per_second\":5}\n");
  write_file(run / "evaluation_test.json",
             "{\"split\":\"test\",\"epoch\":2,\"classes\":[{\"name\":\"Joy <&>\"},"
             "{\"name\":\"Fear\"}],\"confusion_matrix\":[[3,1],[4,2]]}");
  write_file(run / "summary.json",
             "{\"name\":\"small\",\"method\":\"scn\",\"epochs\":2,\"best_chosen_on\":\"test\","
             "\"test_accuracy\":{\"best\":0.6}}");
  write_file(run / "environment.json", "{\"selfcure\":\"0.1.0\",\"devices\":[\"cpu\"]}");
  write_file(run / "noise.json",
             "{\"type\":\"symmetric\",\"data\":\"Faces train\",\"rows\":4,\"realised_rate\":0.5,"
             "\"class_names\":[\"Joy <&>\",\"Fear\"],\"transition_counts\":[[1,1],[1,1]]}");
  write_file(run / "config.resolved.yaml", "name: small\n");
  write_file(run / "relabels.csv",
             "epoch,id,image,from,to,clean\n2,0,a.png,Joy <&>,Fear,Fear\n"
             "2,1,\"b,1.png\",Fear,Joy <&>,Fear\n");
  write_file(run / "importance.csv",
             "id,image,importance,label,given,clean\n0,a.png,0.2,Fear,Joy <&>,Fear\n"
             "1,\"b,1.png\",0.9,Joy <&>,Fear,Fear\n");
  write_file(run / "importance_histogram.csv",
             "epoch,given_label,low,high,count\n1,right,0.50,0.51,1\n1,wrong,0.50,0.51,1\n"
             "2,right,0.90,0.91,1\n2,wrong,0.20,0.21,1\n");
  write_file(run / "predictions_test.csv",
             "image,label,predicted,p_Joy <&>,p_Fear,importance\nt0.png,Fear,Joy <&>,0.9,0.1,0.5\n"
             "t1.png,Fear,Fear,0.2,0.8,0.5\n");
  write_file(run / "DONE", "");
}

}  // namespace selfcure::testing
