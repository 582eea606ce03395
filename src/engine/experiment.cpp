#include "selfcure/engine/experiment.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "selfcure/core/errors.h"
#include "selfcure/core/version.h"
#include "selfcure/engine/cpu_kernels.h"
#include "selfcure/engine/device.h"
#include "selfcure/engine/experiment_data.h"
#include "selfcure/engine/monitor.h"
#include "selfcure/engine/run_files.h"
#include "selfcure/engine/tensorboard.h"
#include "selfcure/nn/kernel_choice.h"
#include "selfcure/nn/weights/state_dict.h"
#include "selfcure/nn/weights/weight_import.h"

namespace selfcure {
namespace {

using nlohmann::ordered_json;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// Mean, extremes and spread (standard deviation) of the importance weights of an epoch.
void record_importance(EpochRecord& record, const std::vector<float>& importance) {
  const std::vector<double> values(importance.begin(), importance.end());
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  record.set("alpha_mean", mean(values));
  record.set("alpha_min", *low);
  record.set("alpha_max", *high);
  record.set("alpha_spread", sample_standard_deviation(values));
}

/// AUC of the importance weights for telling rows whose given label is right from the others.
double importance_auc(const Manifest& manifest, const std::vector<float>& importance) {
  std::vector<float> scores;
  std::vector<char> right;
  for (std::size_t row = 0; row < importance.size(); ++row) {
    const ManifestRow& sample = manifest.rows[row];
    if (sample.clean == kUnknownLabel || std::isnan(importance[row])) continue;
    scores.push_back(importance[row]);
    right.push_back(sample.given == sample.clean);
  }
  return roc_auc(scores, right);
}

at::Tensor history_tensor(const std::vector<Relabel>& history) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(history.size()), 4}, at::kInt);
  auto* data = tensor.data_ptr<std::int32_t>();
  for (const Relabel& change : history)
    for (const std::int32_t value : {change.epoch, change.row, change.from, change.to})
      *data++ = value;
  return tensor;
}

std::vector<Relabel> history_vector(const at::Tensor& tensor) {
  if (tensor.dim() != 2 || tensor.size(1) != 4 || tensor.scalar_type() != at::kInt)
    throw CheckpointError("checkpoint: labels.history has not the shape of a relabel history");
  std::vector<Relabel> history;
  const auto* data = tensor.data_ptr<std::int32_t>();
  for (std::int64_t i = 0; i < tensor.size(0); ++i, data += 4)
    history.push_back({data[0], data[1], data[2], data[3]});
  return history;
}

/// Takes weights of a file over and says what was taken.
void load_weights(torch::nn::Module& module, const ModelOptions& model, const RunDirectory& run,
                  TrainingObserver& observer) {
  constexpr std::size_t kRowsShown = 5;
  const WeightFile file(model.weights);
  const std::string where = model.weights.string();
  const std::string section =
      find_weights(file, model.weights_key == "auto" ? "" : model.weights_key);
  std::map<std::string, at::Tensor> state = module_state(module);
  const ImportReport report =
      import_weights(state, read_state_dict(file, section), model.weights_import, where);
  load_module_state(module, state);
  run.write("weights.csv", weights_csv(report));
  observer.note(where + ": " + weight_format_name(file.index().format) + ", " + report.summary());
  std::istringstream lines(report.table(kRowsShown));
  for (std::string line; std::getline(lines, line);) observer.note(where + ": " + line);
}

std::string join_strings(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

/// A set that is evaluated after epochs.
struct EvaluationSet {
  EvaluationSet(Manifest set, const DataOptions& data, TrainingObserver& observer)
      : manifest(std::move(set)),
        images(manifest, store_options(data), prepare_images(manifest, data, observer)),
        loader(images, data.workers) {}
  Manifest manifest;
  ImageStore images;
  BatchLoader loader;
};

/// One training: its data, its method, and the files that it leaves.
class Experiment {
 public:
  Experiment(const ExperimentOptions& options, const std::string& resolved_config,
             const RunDirectory& run, TrainingObserver& observer)
      : options_(options), resolved_config_(resolved_config), run_(run), observer_(observer) {}
  Experiment(const Experiment&) = delete;
  Experiment& operator=(const Experiment&) = delete;
  ~Experiment() { set_choice_listener({}); }

  ExperimentResult run(const std::string& command_line, bool resume);

 private:
  /// Who computes on the CPU, and what is to be said about it.
  void choose_cpu_kernels(bool resume);
  void prepare(const std::string& command_line, bool resume);
  void restore();
  void save() const;
  void save_best() const;
  /// Accuracies of the epoch just trained; nothing in epochs without an evaluation.
  EpochRecord evaluate_epoch(int epoch);
  void end_epoch();
  void write_views() const;
  ExperimentResult finish();
  Checkpoint checkpoint_texts() const;
  /// What the rounding of the results depends on.
  std::string computed_on() const {
    return device_.str() + " with " + std::to_string(threads_) + " CPU threads and " +
           cpu_kernels_text();
  }
  std::int64_t eval_batch_size() const {
    return options_.train.eval_batch_size > 0 ? options_.train.eval_batch_size
                                              : options_.train.batch_size;
  }
  /// Accuracies that choose the best epoch.
  const char* choosing_metric() const { return valid_ ? "valid_accuracy" : "test_accuracy"; }

  const ExperimentOptions& options_;
  const std::string& resolved_config_;
  const RunDirectory& run_;
  TrainingObserver& observer_;

  c10::Device device_{c10::kCPU};
  int threads_ = 1;
  Manifest train_;
  std::unique_ptr<ImageStore> images_;
  /// Those images on the device, or null.
  std::unique_ptr<DeviceImages> device_images_;
  std::unique_ptr<BatchLoader> loader_;
  std::unique_ptr<LabelStore> labels_;
  std::unique_ptr<EvaluationSet> valid_;
  std::unique_ptr<EvaluationSet> test_;
  std::unique_ptr<Method> method_;
  std::unique_ptr<Trainer> trainer_;
  TrainingMonitor monitor_;
  std::vector<EpochRecord> records_;
  /// Importance of each row at its last visit, NaN before.
  std::vector<float> importance_;
  /// Lines of importance_histogram.csv, epoch after epoch.
  std::string importance_histogram_;
  std::unique_ptr<EvaluationResult> test_result_;
  std::unique_ptr<TensorBoardLog> tensorboard_;
};

void Experiment::choose_cpu_kernels(bool resume) {
  const std::string& kernels = options_.train.kernels;
  const bool is_file = kernels != "auto" && kernels != "libtorch";
  if (resume && is_file)
    observer_.note("train.kernels: '" + kernels +
                   "' is not read: a resumed run goes on with the choices of its checkpoint");
  use_cpu_kernels(resume && is_file ? "auto" : kernels);
  if (!device_.is_cpu() || kernels != "auto") return;
  const std::string obstacle = kept_choices_obstacle();
  if (!obstacle.empty())
    observer_.warning("kernel choices are not kept (" + obstacle +
                      "): a rerun may choose others and differ in the last bits");
}

void Experiment::prepare(const std::string& command_line, bool resume) {
  threads_ = set_cpu_threads(options_.train.threads);
  set_choice_listener([this](const std::string& choice) { observer_.debug("kernel: " + choice); });
  device_ = resolve_device(options_.train.device);
  choose_cpu_kernels(resume);
  check_precision(options_.train.precision, device_);
  set_device_arithmetic(options_.train.precision, device_);
  run_.write("config.resolved.yaml", resolved_config_);
  run_.write("environment.json", environment_json(command_line, device_, threads_, options_));

  const DataOptions& data = options_.data;
  train_ = load_manifest(data, Split::kTrain, observer_);
  Manifest test = load_evaluated(data, Split::kTest, train_.class_names, "test set", observer_);
  refuse_shared_images(train_, test, "test set");
  if (!data.valid.empty()) {
    Manifest valid =
        load_evaluated(data, Split::kValid, train_.class_names, "validation set", observer_);
    refuse_shared_images(train_, valid, "validation set");
    valid_ = std::make_unique<EvaluationSet>(std::move(valid), data, observer_);
  }
  const PreparedTraining prepared = prepare_training_set(train_, options_, device_, observer_);
  if (knows_clean_labels(train_)) {
    run_.write("noise.json", noise_record(prepared.noise, data.noise, train_));
    run_.write("labels.csv", labels_csv(train_));
  }
  test_ = std::make_unique<EvaluationSet>(std::move(test), data, observer_);

  refuse_untrainable_batches(options_);
  if (train_.size() < 2) throw DataError(train_.name + ": expected at least 2 images to train on");
  images_ = std::make_unique<ImageStore>(train_, store_options(data), prepared.pack);
  {
    // A wrong root shows now and not after the first minutes.
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(images_->image_bytes()));
    images_->fill(0, pixels.data());
    test_->images.fill(0, pixels.data());
  }
  if (data.cache == DataCache::kGpu)
    device_images_ = keep_on_device(train_, data, prepared.pack, device_, observer_);
  loader_ = std::make_unique<BatchLoader>(*images_, data.workers);
  labels_ = std::make_unique<LabelStore>(train_);
  importance_.assign(train_.rows.size(), kNaN);

  method_ = make_method(options_.method, options_.model, train_.class_count(), options_.seed);
  if (!options_.model.weights.empty() && !resume)
    load_weights(method_->module(), options_.model, run_, observer_);
  move_to_device(method_->module(), device_);
  trainer_ = std::make_unique<Trainer>(
      TrainerParts{*method_, *loader_, *labels_, train_.size(), device_,
                   train_.distributions.empty() ? nullptr : &train_, device_images_.get()},
      options_.train, data.augment, data.normalize, options_.seed);
}

Checkpoint Experiment::checkpoint_texts() const {
  Checkpoint checkpoint;
  std::string metrics;
  for (const EpochRecord& record : records_) metrics += record.json() + "\n";
  checkpoint.texts = {{"config", resolved_config_},
                      {"method", method_name(options_.method)},
                      {"backbone", backbone_name(options_.model.backbone)},
                      {"stem", stem_name(options_.model.stem)},
                      {"class_names", ordered_json(train_.class_names).dump()},
                      {"metrics", metrics},
                      {"importance_histogram", importance_histogram_},
                      {"epochs_done", std::to_string(trainer_->epoch() - 1)},
                      {"training_set", training_set_fingerprint(train_)},
                      {"source_revision", source_revision()},
                      {"kernels", kernel_choices()},
                      {"computed_on", computed_on()}};
  return checkpoint;
}

void Experiment::save() const {
  Checkpoint checkpoint = checkpoint_texts();
  trainer_->save_state(checkpoint);
  checkpoint.texts["label_revision"] = std::to_string(labels_->revision());
  checkpoint.tensors["labels.history"] = history_tensor(labels_->history());
  checkpoint.tensors["labels.importance"] = at::tensor(importance_, at::kFloat);
  save_checkpoint(run_.checkpoint("last"), checkpoint);
}

/// Weights alone: the best epoch is for evaluation, not for going on.
void Experiment::save_best() const {
  Checkpoint checkpoint = checkpoint_texts();
  checkpoint.add_section("model.", module_state(method_->module()));
  save_checkpoint(run_.checkpoint("best"), checkpoint);
}

void Experiment::restore() {
  const Checkpoint checkpoint = load_checkpoint(run_.checkpoint("last"));
  if (checkpoint.text("training_set") != training_set_fingerprint(train_))
    throw RunError(run_.path().string() + ": the training set has changed since the checkpoint (" +
                   checkpoint.text("training_set") + " then, " + training_set_fingerprint(train_) +
                   " now)");
  trainer_->load_state(checkpoint);
  labels_->restore(history_vector(checkpoint.tensor("labels.history")),
                   std::stoll(checkpoint.text("label_revision")));
  const at::Tensor importance = checkpoint.tensor("labels.importance").contiguous();
  if (importance.numel() != static_cast<std::int64_t>(importance_.size()))
    throw CheckpointError("checkpoint: labels.importance has another length than the training set");
  std::copy_n(importance.data_ptr<float>(), importance_.size(), importance_.begin());
  importance_histogram_ = checkpoint.text("importance_histogram");
  std::istringstream metrics(checkpoint.text("metrics"));
  for (std::string line; std::getline(metrics, line);) {
    records_.push_back(EpochRecord::parse(line));
    // What was said before the stop is not said again.
    (void)monitor_.observe(records_.back());
  }
  if (checkpoint.text("computed_on") == computed_on())
    pin_kernel_choices(checkpoint.text("kernels"), "checkpoint: kernels");
  else
    observer_.warning("the checkpoint was computed on " + checkpoint.text("computed_on") +
                      ", this is " + computed_on() +
                      ": the results will differ in the last bits from a run without a stop");
  observer_.note("resuming at epoch " + std::to_string(trainer_->epoch()) + ", step " +
                 std::to_string(trainer_->step()));
}

EpochRecord Experiment::evaluate_epoch(int epoch) {
  EpochRecord record;
  if (epoch < options_.train.epochs && epoch % options_.train.evaluate_every != 0) return record;
  double seconds = 0;
  if (valid_) {
    const EvaluationResult valid = evaluate(*method_, valid_->manifest, valid_->loader,
                                            options_.data.normalize, device_, eval_batch_size());
    record.set("valid_accuracy", valid.confusion.accuracy());
    record.set("valid_mean_class_accuracy", valid.confusion.mean_class_accuracy());
    seconds += valid.seconds;
  }
  test_result_ = std::make_unique<EvaluationResult>(evaluate(*method_, test_->manifest,
                                                             test_->loader, options_.data.normalize,
                                                             device_, eval_batch_size()));
  record.set("test_accuracy", test_result_->confusion.accuracy());
  record.set("mean_class_accuracy", test_result_->confusion.mean_class_accuracy());
  record.set("evaluation_seconds", seconds + test_result_->seconds);
  return record;
}

void Experiment::end_epoch() {
  const int epoch = trainer_->epoch();
  EpochRecord record;
  record.set("epoch", epoch);
  record.set("lr", trainer_->learning_rate(epoch));
  const double wait_seconds = trainer_->epoch_wait_seconds();
  const StepProgress progress = trainer_->progress();
  const auto begin = std::chrono::steady_clock::now();
  const EpochTotals totals = trainer_->totals();  // waits for the device
  const double seconds =
      trainer_->epoch_seconds() +
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  EpochRecord accuracies;
  try {
    accuracies = evaluate_epoch(epoch);
  } catch (const DataError&) {
    save();  // a bad test image must not cost the epoch: the resume goes on from here
    throw;
  }
  trainer_->advance();

  record.set("train_loss", totals.loss);
  const std::vector<Statistic>& statistics = method_->statistics();
  for (std::size_t i = 0; i < statistics.size(); ++i)
    record.set(statistics[i].name, totals.statistics[i]);
  record.set("train_accuracy", totals.accuracy);
  for (std::size_t i = 0; i < totals.importance_rows.size(); ++i)
    importance_[static_cast<std::size_t>(totals.importance_rows[i])] = totals.importance[i];
  if (!totals.importance.empty()) {
    record_importance(record, totals.importance);
    importance_histogram_ += importance_histogram_lines(epoch, train_, importance_);
  }

  const std::vector<Relabel> changes =
      labels_->commit(epoch, totals.proposal_rows, totals.proposals);
  record.set("relabelled", static_cast<double>(changes.size()));
  std::int64_t differing = 0;
  for (std::size_t row = 0; row < train_.rows.size(); ++row)
    differing += labels_->label(static_cast<std::int64_t>(row)) != train_.rows[row].given;
  record.set("labels_changed", static_cast<double>(differing));
  const RelabelQuality quality = judge_relabels(train_, *labels_);
  record.set("relabel_precision", quality.precision);
  record.set("relabel_recall", quality.recall);
  record.set("alpha_auc", importance_auc(train_, importance_));

  for (const auto& [name, value] : accuracies.entries()) record.set(name, value);
  record.set("seconds", seconds);
  record.set("images_per_second", static_cast<double>(totals.samples) / seconds);
  record.set("data_wait_seconds", wait_seconds);
  records_.push_back(record);

  for (const std::string& warning : monitor_.observe(record)) observer_.warning(warning);
  // Before the checkpoint: a kill in between repeats this epoch, and with it what is logged.
  if (tensorboard_)
    tensorboard_->epoch({record, importance_, *labels_, changes,
                         accuracies.entries().empty() ? nullptr : &test_result_->confusion});
  // The best epoch first: a kill in between repeats this epoch and writes the same file again.
  if (!accuracies.entries().empty() && summarize(records_, choosing_metric()).best_epoch == epoch)
    save_best();
  save();
  write_views();
  observer_.epoch(record, progress);
}

void Experiment::write_views() const {
  std::string metrics;
  for (const EpochRecord& record : records_) metrics += record.json() + "\n";
  run_.write("metrics.jsonl", metrics);
  // For a rerun with the same bits: train.kernels takes this file.
  const std::string choices = kernel_choices();
  if (kernel_use() == KernelUse::kAuto && !choices.empty()) run_.write("kernels.txt", choices);
  run_.write("relabels.csv", relabels_csv(train_, *labels_));
  if (std::any_of(importance_.begin(), importance_.end(), [](float a) { return !std::isnan(a); }))
    run_.write("importance.csv", importance_csv(train_, *labels_, importance_));
  if (!importance_histogram_.empty())
    run_.write("importance_histogram.csv", kImportanceHistogramHeader + importance_histogram_);
  if (test_result_) {
    run_.write("predictions_test.csv", predictions_csv(*test_result_, test_->manifest));
    const ordered_json extra = {
        {"split", "test"}, {"checkpoint", "last"}, {"epoch", trainer_->epoch() - 1}};
    run_.write("evaluation_test.json",
               evaluation_json(*test_result_, test_->manifest.class_names, extra.dump()));
  }
}

ExperimentResult Experiment::finish() {
  if (!test_result_)  // resumed after the last epoch, before the end
    test_result_ = std::make_unique<EvaluationResult>(
        evaluate(*method_, test_->manifest, test_->loader, options_.data.normalize, device_,
                 eval_batch_size()));
  write_views();
  ExperimentResult result;
  result.class_names = train_.class_names;
  result.final_evaluation_text = evaluation_text(*test_result_, train_.class_names);
  result.test = summarize(records_, "test_accuracy");
  result.epochs = static_cast<int>(records_.size());
  const auto as_json = [](const AccuracySummary& s) {
    return ordered_json{{"last_epoch", s.last},
                        {"mean_of_last_five", s.mean_of_last_five},
                        {"best", s.best},
                        {"best_epoch", s.best_epoch}};
  };
  ordered_json summary = {
      {"name", options_.name},
      {"method", method_name(options_.method)},
      {"seed", options_.seed},
      {"epochs", result.epochs},
      {"test_accuracy", as_json(result.test)},
      {"test_mean_class_accuracy", as_json(summarize(records_, "mean_class_accuracy"))},
      {"best_chosen_on", valid_ ? "valid" : "test"}};
  if (valid_) {
    result.has_valid = true;
    result.valid = summarize(records_, "valid_accuracy");
    summary["valid_accuracy"] = as_json(result.valid);
    summary["test_accuracy_at_best_valid_epoch"] =
        records_[static_cast<std::size_t>(result.valid.best_epoch - 1)].get("test_accuracy");
  }
  double seconds = 0;
  for (const EpochRecord& record : records_) seconds += record.get("seconds");
  summary["training_seconds"] = seconds;
  summary["final"] = ordered_json::parse(records_.back().json());
  // Names of experiments need not be UTF-8.
  run_.write("summary.json",
             summary.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n");
  run_.write("DONE", "");
  return result;
}

ExperimentResult Experiment::run(const std::string& command_line, bool resume) {
  try {
    prepare(command_line, resume);
  } catch (const StoppedBySignal& stop) {
    ExperimentResult stopped;
    stopped.stopped_by = stop.signal;
    return stopped;
  }
  if (resume) {
    restore();
    write_views();
  }
  if (options_.logging.tensorboard)
    tensorboard_ = std::make_unique<TensorBoardLog>(
        run_.path() / "tensorboard",
        TensorBoardSubject{options_, resolved_config_, train_, *images_}, records_, observer_);
  while (trainer_->epoch() <= options_.train.epochs) {
    const bool complete = trainer_->run_epoch(observer_, [this] { save(); });
    if (complete) end_epoch();
    if (observer_.stop_signal() != 0 && trainer_->epoch() <= options_.train.epochs) {
      ExperimentResult stopped;
      stopped.stopped_by = observer_.stop_signal();
      return stopped;
    }
  }
  return finish();
}

}  // namespace

ExperimentResult run_experiment(const ExperimentOptions& options,
                                const std::string& resolved_config, const std::string& command_line,
                                const RunDirectory& run, bool resume, TrainingObserver& observer) {
  return Experiment(options, resolved_config, run, observer).run(command_line, resume);
}

CheckpointEvaluation evaluate_checkpoint(const Checkpoint& checkpoint,
                                         const std::filesystem::path& checkpoint_path,
                                         const ExperimentOptions& options, Split split,
                                         TrainingObserver& observer) {
  if (options.data.sources(split).empty())
    throw ConfigError(std::string("evaluate: the config names no ") + to_string(split) + " set");
  const auto trained_on =
      ordered_json::parse(checkpoint.text("class_names")).get<std::vector<std::string>>();
  // Before the aggregate: gcc 12 destroys its first members twice when a later one throws.
  Manifest loaded = with_classes_of(load_manifest(options.data, split, observer), trained_on,
                                    options.data.other_classes);
  CheckpointEvaluation evaluation{{ConfusionMatrix(1), {}, {}, {}, 0}, std::move(loaded), 0};
  Manifest& manifest = evaluation.manifest;
  if (manifest.class_names.size() != trained_on.size())
    throw CheckpointError(checkpoint_path.string() + ": trained on " +
                          std::to_string(trained_on.size()) + " classes (" +
                          join_strings(trained_on) + "), but " + manifest.name + " has " +
                          std::to_string(manifest.class_names.size()) + " (" +
                          join_strings(manifest.class_names) + ")" + classes_hint());
  if (manifest.class_names != trained_on)
    throw CheckpointError(checkpoint_path.string() + ": trained on the classes " +
                          join_strings(trained_on) + ", but " + manifest.name + " has " +
                          join_strings(manifest.class_names));
  evaluation.epoch = std::stoi(checkpoint.text("epochs_done"));
  const std::shared_ptr<const PixelPack> pack = prepare_images(manifest, options.data, observer);
  set_cpu_threads(options.train.threads);
  // A file of choices belongs to the training: it may be gone, and this may be another processor.
  const std::string& kernels = options.train.kernels;
  if (kernels != "libtorch" && kernels != "auto")
    observer.note("train.kernels: '" + kernels +
                  "' is for the training; this evaluation chooses by itself");
  use_cpu_kernels(kernels == "libtorch" ? "libtorch" : "auto");
  const c10::Device device = resolve_device(options.train.device);
  set_device_arithmetic(options.train.precision, device);
  const std::unique_ptr<Method> method =
      make_method(options.method, options.model, manifest.class_count(), options.seed);
  load_module_state(method->module(), checkpoint.section("model."));
  move_to_device(method->module(), device);
  const ImageStore images(manifest, store_options(options.data), pack);
  BatchLoader loader(images, options.data.workers);
  const std::int64_t batch_size =
      options.train.eval_batch_size > 0 ? options.train.eval_batch_size : options.train.batch_size;
  evaluation.result =
      evaluate(*method, manifest, loader, options.data.normalize, device, batch_size);
  return evaluation;
}

}  // namespace selfcure
