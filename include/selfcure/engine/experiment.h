#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "selfcure/engine/checkpoint.h"
#include "selfcure/engine/evaluation.h"
#include "selfcure/engine/options.h"
#include "selfcure/engine/run_directory.h"
#include "selfcure/engine/trainer.h"

namespace selfcure {

/// How a training ended.
struct ExperimentResult {
  /// 0, or the signal that stopped it; it can be resumed then.
  int stopped_by = 0;
  /// Of the last evaluation; empty name list when stopped.
  std::vector<std::string> class_names;
  std::string final_evaluation_text;
  AccuracySummary test;
  /// Set when the config names a validation set.
  bool has_valid = false;
  AccuracySummary valid;
  int epochs = 0;
};

/// Trains what the options say and leaves everything in the run directory.
///
/// Writes, each as a whole: config.resolved.yaml, environment.json, noise.json and labels.csv (when
/// noise was injected), and after every epoch metrics.jsonl, relabels.csv, importance.csv,
/// predictions_test.csv, evaluation_test.json, checkpoints/{last,best}.pt; at the end summary.json
/// and DONE. The checkpoint is the truth; the other files follow from it and are written again by
/// a resumed run.
///
/// @param resolved_config  text of config.resolved.yaml; also kept in the checkpoints
/// @param command_line     for environment.json
/// @param resume           go on from checkpoints/last.pt
/// @throws UserError for what the user can mend, see errors.h
ExperimentResult run_experiment(const ExperimentOptions& options,
                                const std::string& resolved_config, const std::string& command_line,
                                const RunDirectory& run, bool resume, TrainingObserver& observer);

/// Evaluates a checkpoint on one part of its experiment's data.
struct CheckpointEvaluation {
  EvaluationResult result;
  Manifest manifest;
  int epoch = 0;
};

/// @param checkpoint_path  for messages
/// @param observer  is told of skipped images and of counts that differ from the published ones
/// @throws CheckpointError when the data has other classes than the model was trained on
CheckpointEvaluation evaluate_checkpoint(const Checkpoint& checkpoint,
                                         const std::filesystem::path& checkpoint_path,
                                         const ExperimentOptions& options, Split split,
                                         TrainingObserver& observer);

}  // namespace selfcure
