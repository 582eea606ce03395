#pragma once

#include <c10/core/Device.h>

#include <string>
#include <vector>

#include "selfcure/data/label_noise.h"
#include "selfcure/data/label_store.h"
#include "selfcure/data/manifest.h"
#include "selfcure/engine/options.h"
#include "selfcure/nn/weights/weight_import.h"

namespace selfcure {

/// Content of the files of a run directory that are not evaluation results.

/// environment.json: program and LibTorch versions, devices, threads, seeds, command line, start.
std::string environment_json(const std::string& command_line, const c10::Device& device,
                             int threads, const ExperimentOptions& options);

/// labels.csv: `id,image,clean,noisy`, one row per training sample.
std::string labels_csv(const Manifest& manifest);

/// relabels.csv: `epoch,id,image,from,to,clean`, one row per change, clean empty where unknown.
std::string relabels_csv(const Manifest& manifest, const LabelStore& labels);

/// importance.csv: `id,image,importance,label,given,clean`, one row per sample with a weight.
std::string importance_csv(const Manifest& manifest, const LabelStore& labels,
                           const std::vector<float>& importance);

/// Is the given label of a row right, as far as the clean one is known?
enum class GivenLabel { kRight, kWrong, kUnknown };
GivenLabel given_label_of(const ManifestRow& row);
/// `right`, `wrong` or `unknown`.
const char* given_label_text(GivenLabel label);

/// Equal bins over [0, 1] in which importance weights are counted.
inline constexpr int kImportanceBins = 100;
/// @return in [0, kImportanceBins)
int importance_bin(float importance);

/// Lines of importance_histogram.csv of one epoch: `epoch,given_label,low,high,count`.
///
/// The importance of each row at its last visit, in a hundred equal bins over [0, 1], empty bins
/// left out. `given_label` is `right` or `wrong` where the clean label is known, else `unknown`.
/// @param importance  [manifest.size()], NaN where a row was not visited yet
std::string importance_histogram_lines(int epoch, const Manifest& manifest,
                                       const std::vector<float>& importance);
/// The line that they follow.
inline constexpr const char* kImportanceHistogramHeader = "epoch,given_label,low,high,count\n";

/// weights.csv: `outcome,name,source,detail`, one row per tensor of the network or the weight file.
std::string weights_csv(const ImportReport& report);

/// Names the images and labels of a training set, so that a resume notices another one.
std::string training_set_fingerprint(const Manifest& manifest);

}  // namespace selfcure
