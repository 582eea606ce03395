// Whole trainings on a handful of small pictures: what the run directory holds, and that stopping,
// killing and resuming change nothing.

#include "selfcure/engine/experiment.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>

#include "selfcure/config/config.h"
#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/engine/device.h"
#include "selfcure/engine/run_files.h"
#include "selfcure/engine/tensorboard.h"
#include "selfcure/nn/kernel_choice.h"
#include "support/image_sets.h"
#include "support/kernel_settings.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryDirectory;

/// Asks for a stop after so many steps; 0: never.
class StoppingObserver : public TrainingObserver {
 public:
  explicit StoppingObserver(int stop_after = 0) : left_(stop_after) {}
  void warning(const std::string& message) override { warnings.push_back(message); }
  void note(const std::string& message) override { notes.push_back(message); }
  void debug(const std::string& message) override { details.push_back(message); }
  void step(const StepProgress&, const std::function<double()>&) override {
    if (left_ > 0 && --left_ == 0) signal_ = SIGTERM;
  }
  int stop_signal() override { return signal_; }
  std::vector<std::string> warnings;
  std::vector<std::string> notes;
  std::vector<std::string> details;

 private:
  int left_;
  int signal_ = 0;
};

/// Wants a stop from the start.
class StoppedObserver : public TrainingObserver {
 public:
  int stop_signal() override { return SIGINT; }
};

/// NaN is equal to NaN here: rows that no epoch has visited yet.
void expect_same_bits(const at::Tensor& a, const at::Tensor& b, const std::string& name) {
  ASSERT_EQ(a.scalar_type(), b.scalar_type()) << name;
  EXPECT_TRUE(a.isnan().equal(b.isnan())) << name;
  EXPECT_TRUE(a.nan_to_num().equal(b.nan_to_num())) << name;
}

class Experiments : public ::testing::Test {
 protected:
  Experiments() {
    at::set_num_threads(2);
    write_set(data_.path(), 20, 9);
    // As in the applications: runs of the same seed have the same bits. One file for all tests,
    // which takes seconds of measuring from each.
    static const TemporaryDirectory kept;
    keep_kernel_choices(kept.path() / "kernel_choices.txt");
  }
  ~Experiments() override {
    keep_kernel_choices("");
    forget_kernel_choices();
  }

  static void write_set(const fs::path& root, int train, int test) {
    fs::create_directories(root / "Image/aligned");
    fs::create_directories(root / "EmoLabel");
    std::string list;
    for (int i = 0; i < train + test; ++i) {
      const std::string stem = (i < train ? "train_" : "test_") + std::to_string(10000 + i);
      list += stem + ".jpg " + std::to_string(1 + i % 7) + "\n";
      cv::imwrite((root / "Image/aligned" / (stem + "_aligned.jpg")).string(),
                  testing::picture(i % 7, 32));
    }
    testing::write_file(root / "EmoLabel/list_patition_label.txt", list);
  }

  std::string config(
      const std::string& method = "{name: scn, relabel: {threshold: 0.0, start_epoch: 2}}") const {
    return "name: test\nseed: 3\ndata: {dataset: raf_db, root: " + data_.path().string() +
           ", image_size: 32, workers: 1, noise: {type: symmetric, rate: 0.4, seed: 2}, "
           "augment: {noise: 0.3, crop_padding: 2, erase: 0.3}}\nmethod: " +
           method +
           "\ntrain: {epochs: 3, batch_size: 8, device: cpu, threads: 2, "
           "optimizer: {name: sgd, lr: 0.01}, schedule: {name: cosine}}\n";
  }

  ExperimentResult train(const std::string& name, const std::string& text, bool resume = false,
                         int stop_after = 0, const std::vector<std::string>& overrides = {}) {
    const ExperimentOptions options = parse_config(text, "test.yaml", overrides);
    const fs::path out = runs_.path() / name;
    const RunDirectory run = resume ? RunDirectory::open(out) : RunDirectory::create(out);
    StoppingObserver observer(stop_after);
    const ExperimentResult result =
        run_experiment(options, resolved_yaml(options), "selfcure train", run, resume, observer);
    warnings_ = observer.warnings;
    notes_ = observer.notes;
    details_ = observer.details;
    return result;
  }

  /// Trains once with measured kernels, and returns what would be chosen where measuring says the
  /// opposite: LibTorch for our own kernels, our own ones for LibTorch.
  std::string opposite_kernels() {
    forget_kernel_choices();
    train("measured", config(), false, 0, {"train.epochs=1"});
    std::istringstream choices(read_file(out("measured") / "kernels.txt"));
    std::string opposite;
    for (std::string line; std::getline(choices, line);) {
      const std::size_t name = line.rfind(": ") + 2;
      const bool libtorch = line.substr(name) == "libtorch";
      const bool winograd = line.find("3x3/1, padding 1") != std::string::npos ||
                            line.find("3x3/2, padding 1") != std::string::npos;
      opposite += line.substr(0, name) +
                  (libtorch ? (winograd ? "winograd" : "im2col") : "libtorch") + "\n";
    }
    forget_kernel_choices();
    return opposite;
  }

  fs::path out(const std::string& name) const { return runs_.path() / name; }

  /// The metrics without what a clock says.
  std::vector<std::string> timeless_metrics(const std::string& name) const {
    std::vector<std::string> lines;
    std::istringstream text(read_file(out(name) / "metrics.jsonl"));
    for (std::string line; std::getline(text, line);) {
      nlohmann::json json = nlohmann::json::parse(line);
      for (const char* key :
           {"seconds", "images_per_second", "data_wait_seconds", "evaluation_seconds"})
        json.erase(key);
      lines.push_back(json.dump());
    }
    return lines;
  }

  void expect_same_run(const std::string& a, const std::string& b) const {
    EXPECT_EQ(timeless_metrics(a), timeless_metrics(b));
    for (const char* file : {"relabels.csv", "importance.csv", "importance_histogram.csv",
                             "predictions_test.csv", "labels.csv"})
      EXPECT_EQ(read_file(out(a) / file), read_file(out(b) / file)) << file;
    for (const char* name : {"last", "best"}) {
      const Checkpoint left = load_checkpoint(out(a) / "checkpoints" / (std::string(name) + ".pt"));
      const Checkpoint right =
          load_checkpoint(out(b) / "checkpoints" / (std::string(name) + ".pt"));
      ASSERT_EQ(left.tensors.size(), right.tensors.size());
      for (const auto& [key, tensor] : left.tensors)
        expect_same_bits(tensor, right.tensor(key), key);
    }
  }

  TemporaryDirectory data_;
  TemporaryDirectory runs_;
  std::vector<std::string> warnings_;
  std::vector<std::string> notes_;
  std::vector<std::string> details_;
};

TEST_F(Experiments, LeaveACompleteRunDirectory) {
  const ExperimentResult result = train("run", config());
  EXPECT_EQ(result.stopped_by, 0);
  for (const char* file :
       {"config.resolved.yaml", "environment.json", "noise.json", "labels.csv", "metrics.jsonl",
        "relabels.csv", "importance.csv", "predictions_test.csv", "evaluation_test.json",
        "summary.json", "DONE", "checkpoints/last.pt", "checkpoints/best.pt"})
    EXPECT_TRUE(fs::exists(out("run") / file)) << file;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(out("run")))
    EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
  const std::vector<std::string> lines = timeless_metrics("run");
  ASSERT_EQ(lines.size(), 3U);
  const nlohmann::json last = nlohmann::json::parse(lines[2]);
  for (const char* key :
       {"epoch", "lr", "train_loss", "cross_entropy", "rank_loss", "train_accuracy",
        "test_accuracy", "mean_class_accuracy", "relabelled", "relabel_precision", "relabel_recall",
        "alpha_auc", "alpha_high_mean", "alpha_high_min", "alpha_high_max", "alpha_low_mean",
        "alpha_low_min", "alpha_low_max"})
    EXPECT_TRUE(last.contains(key) && !last.at(key).is_null()) << key;
  EXPECT_GT(last.at("relabelled").get<int>(), 0);
  // The noise record is what the labels say.
  const nlohmann::json noise = nlohmann::json::parse(read_file(out("run") / "noise.json"));
  std::istringstream labels(read_file(out("run") / "labels.csv"));
  int changed = 0, rows = -1;
  for (std::string line; std::getline(labels, line); ++rows) {
    const std::size_t comma = line.rfind(','), before = line.rfind(',', comma - 1);
    if (rows >= 0 && line.substr(comma + 1) != line.substr(before + 1, comma - before - 1))
      ++changed;
  }
  EXPECT_EQ(rows, 20);
  EXPECT_EQ(changed, noise.at("changed").get<int>());
  EXPECT_GT(changed, 0);
}

TEST_F(Experiments, TheSameSeedGivesTheSameBitsWhateverTheWorkers) {
  train("one", config());
  train("two", config(), false, 0, {"data.workers=4", "data.memory_mb=0"});
  expect_same_run("one", "two");
  train("other", config(), false, 0, {"seed=4"});
  EXPECT_NE(timeless_metrics("one"), timeless_metrics("other"));
}

TEST_F(Experiments, StoppingAnywhereAndResumingChangesNoBit) {
  train("straight", config());
  // 20 rows in batches of 8: three steps an epoch. After a whole epoch, within the second and, with
  // proposals under way, within the third.
  for (const int stop_after : {3, 4, 8}) {
    const std::string name = "stopped" + std::to_string(stop_after);
    EXPECT_EQ(train(name, config(), false, stop_after).stopped_by, SIGTERM);
    EXPECT_FALSE(fs::exists(out(name) / "DONE"));
    EXPECT_EQ(train(name, config(), true).stopped_by, 0);
    expect_same_run("straight", name);
  }
}

TEST_F(Experiments, AKillBetweenTheFilesOfAnEpochIsHealedByTheResume) {
  train("run", config());
  const std::vector<std::string> metrics = timeless_metrics("run");
  const std::string relabels = read_file(out("run") / "relabels.csv");
  const std::string predictions = read_file(out("run") / "predictions_test.csv");
  // As if the kill had come in the last epoch, after last.pt and before the other files.
  for (const char* file :
       {"metrics.jsonl", "relabels.csv", "importance.csv", "importance_histogram.csv",
        "predictions_test.csv", "summary.json", "DONE"})
    fs::remove(out("run") / file);
  testing::write_file(out("run") / "checkpoints/last.pt.tmp", "half");
  train("run", config(), true);
  EXPECT_EQ(timeless_metrics("run"), metrics);
  EXPECT_EQ(read_file(out("run") / "relabels.csv"), relabels);
  EXPECT_EQ(read_file(out("run") / "predictions_test.csv"), predictions);
  EXPECT_TRUE(fs::exists(out("run") / "importance.csv"));
  EXPECT_TRUE(fs::exists(out("run") / "DONE"));
}

TEST_F(Experiments, LoggingForTensorBoardChangesNoBit) {
  train("plain", config());
  train("logged", config(), false, 0, {"logging.tensorboard=true"});
  expect_same_run("plain", "logged");
  EXPECT_FALSE(fs::exists(out("plain") / "tensorboard"));
}

TEST_F(Experiments, WhatWasLoggedBeforeAKillAndNotSavedIsNotLoggedTwice) {
  const std::vector<std::string> logging = {"logging.tensorboard=true"};
  train("run", config(), false, 3, logging);
  const std::string saved = read_file(out("run") / "checkpoints/last.pt");
  train("run", config(), true, 0, logging);
  // As if the kill had come after the last epoch was logged and before it was saved.
  write_file_atomically(out("run") / "checkpoints/last.pt", saved);
  fs::remove(out("run") / "DONE");
  train("run", config(), true, 0, logging);
  std::vector<std::pair<std::int64_t, std::string>> found, expected;
  for (const auto& entry : fs::directory_iterator(out("run") / "tensorboard")) {
    const std::string content = read_file(entry.path());
    for (const std::string_view message : tf_records(content)) {
      const EventHead head = read_event_head(message).value();
      if (head.has_scalars) found.emplace_back(head.step, head.summary);
    }
  }
  std::istringstream metrics(read_file(out("run") / "metrics.jsonl"));
  for (std::string line; std::getline(metrics, line);)
    expected.emplace_back(expected.size() + 1, scalar_summary(EpochRecord::parse(line)).message());
  EXPECT_EQ(expected.size(), 3U);
  EXPECT_EQ(found, expected);
}

TEST_F(Experiments, CheckpointsWithinAnEpochChangeNoBit) {
  train("straight", config());
  train("saving", config(), false, 0, {"train.checkpoint_minutes=1e-9"});
  expect_same_run("straight", "saving");
}

TEST_F(Experiments, ACacheOnTheGpuIsOneNoteOnTheCpuAndChangesNoBit) {
  train("plain", config());
  train("cached", config(), false, 0, {"data.cache=gpu"});
  expect_same_run("plain", "cached");
  EXPECT_EQ(std::count(notes_.begin(), notes_.end(),
                       "data.cache: gpu is not used: the training runs on the CPU"),
            1);
}

TEST_F(Experiments, Bfloat16ResumesWithTheSameBits) {
  const std::vector<std::string> bf16 = {"train.precision=bf16", "train.epochs=2"};
  train("straight", config(), false, 0, bf16);
  train("stopped", config(), false, 2, bf16);
  train("stopped", config(), true, 0, bf16);
  expect_same_run("straight", "stopped");
}

TEST_F(Experiments, ARerunWithTheKernelsOfARunHasItsBits) {
  if (!testing::has_kernels()) GTEST_SKIP() << "no kernels";
  const std::string opposite = opposite_kernels();
  EXPECT_FALSE(details_.empty());
  for (const std::string& line : details_) EXPECT_EQ(line.rfind("kernel: ", 0), 0U) << line;
  const std::string measured = "train.kernels=" + (out("measured") / "kernels.txt").string();
  train("again", config(), false, 0, {"train.epochs=1", measured});
  EXPECT_TRUE(details_.empty());
  expect_same_run("measured", "again");

  const fs::path file = runs_.path() / "opposite.txt";
  testing::write_file(file, opposite);
  forget_kernel_choices();
  train("opposite", config(), false, 0, {"train.epochs=1", "train.kernels=" + file.string()});
  EXPECT_TRUE(details_.empty());
  EXPECT_EQ(read_file(out("opposite") / "kernels.txt"), opposite);
  EXPECT_NE(timeless_metrics("opposite"), timeless_metrics("measured"));
}

TEST_F(Experiments, AResumeComputesWithTheKernelsOfItsCheckpoint) {
  if (!testing::has_kernels()) GTEST_SKIP() << "no kernels";
  const std::string opposite = opposite_kernels();
  const fs::path file = runs_.path() / "opposite.txt";
  testing::write_file(file, opposite);
  const std::vector<std::string> pinned = {"train.kernels=" + file.string()};
  train("straight", config(), false, 0, pinned);
  train("stopped", config(), false, 4, pinned);
  fs::remove(file);
  train("stopped", config(), true);
  EXPECT_EQ(kernel_choices(), opposite);
  EXPECT_TRUE(details_.empty());
  EXPECT_TRUE(warnings_.empty());
  expect_same_run("straight", "stopped");
}

TEST_F(Experiments, AResumeWithOtherKernelsSaysThatBitsWillDiffer) {
  if (!testing::has_kernels()) GTEST_SKIP() << "no kernels";
  train("run", config(), false, 4);
  train("run", config(), true, 0, {"train.kernels=libtorch"});
  const std::string set = kernels::instruction_set_name(kernels::instruction_set());
  EXPECT_EQ(std::count(warnings_.begin(), warnings_.end(),
                       "the checkpoint was computed on cpu with 2 CPU threads and " + set +
                           " kernels, this is cpu with 2 CPU threads and LibTorch: the results "
                           "will differ in the last bits from a run without a stop"),
            1);
}

TEST_F(Experiments, LibTorchAloneLeavesNoKernelChoices) {
  if (!testing::has_kernels()) GTEST_SKIP() << "no kernels";
  train("auto", config(), false, 0, {"train.epochs=1"});
  EXPECT_TRUE(fs::exists(out("auto") / "kernels.txt"));
  train("libtorch", config(), false, 0, {"train.epochs=1", "train.kernels=libtorch"});
  EXPECT_FALSE(fs::exists(out("libtorch") / "kernels.txt"));
  EXPECT_TRUE(details_.empty());
}

TEST_F(Experiments, AWrongKernelFileIsRefusedBeforeAnyWork) {
  const auto error_of = [this](const fs::path& file) {
    try {
      train("run" + file.stem().string(), config(), false, 0, {"train.kernels=" + file.string()});
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  for (const fs::path& path : {runs_.path() / "none.txt", runs_.path()})
    EXPECT_EQ(error_of(path), "train.kernels: expected auto, libtorch or a file of choices, got '" +
                                  path.string() + "', which cannot be read");
  const fs::path file = runs_.path() / "wrong.txt";
  testing::write_file(file, "# choices\nforward: cudnn\n");
  EXPECT_EQ(error_of(file).find(file.string() + ":2: expected a choice such as"), 0U);
}

TEST_F(Experiments, APrecisionThatTheCpuLacksIsRefusedBeforeAnyWork) {
  if (resolve_device("auto").is_cuda()) GTEST_SKIP() << "there is a CUDA device";
  try {
    train("run", config(), false, 0, {"train.device=auto", "train.precision=fp16"});
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_EQ(std::string(error.what()),
              "train.precision: expected fp32 or bf16 on the CPU, got 'fp16', which wants a CUDA "
              "device");
  }
}

TEST_F(Experiments, ABadTestImageCostsNoEpoch) {
  const fs::path image = data_.path() / "Image/aligned/test_10027_aligned.jpg";
  const std::string content = read_file(image);
  train("straight", config());
  fs::remove(image);
  EXPECT_THROW(train("mended", config()), DataError);
  testing::write_file(image, content);
  const Checkpoint saved = load_checkpoint(out("mended") / "checkpoints/last.pt");
  EXPECT_NE(saved.text("position").find("\"step\":3"), std::string::npos);
  train("mended", config(), true);
  expect_same_run("straight", "mended");
}

TEST_F(Experiments, ASkippedImageIsNeitherInTheNoiseRecordNorInTheLabels) {
  fs::remove(data_.path() / "Image/aligned/train_10005_aligned.jpg");
  train("run", config(), false, 0, {"data.on_error=skip"});
  EXPECT_EQ(nlohmann::json::parse(read_file(out("run") / "noise.json")).at("rows").get<int>(), 19);
  EXPECT_EQ(read_file(out("run") / "labels.csv").find("train_10005"), std::string::npos);
}

TEST_F(Experiments, ADamagedCheckpointIsRefusedByName) {
  train("run", config(), false, 4);
  const fs::path path = out("run") / "checkpoints/last.pt";
  std::string content = read_file(path);
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 4);
  write_file_atomically(path, content);
  try {
    train("run", config(), true);
    ADD_FAILURE() << "no error";
  } catch (const CheckpointError& error) {
    EXPECT_EQ(std::string(error.what()),
              path.string() + ": the checksum does not fit: the file was changed or damaged");
  }
}

TEST_F(Experiments, AChangedDataSetIsNoticedByAResume) {
  train("run", config(), false, 4);
  write_set(data_.path(), 21, 9);
  EXPECT_THROW(train("run", config(), true), RunError);
}

TEST_F(Experiments, AChangedTrueLabelIsNoticedByAResume) {
  Manifest manifest;
  manifest.class_names = {"a", "b"};
  manifest.rows = {ManifestRow{"1.png", 0, 1}};
  const std::string before = training_set_fingerprint(manifest);
  manifest.rows[0].clean = 0;
  EXPECT_NE(training_set_fingerprint(manifest), before);
  manifest.rows[0].clean = 1;
  EXPECT_EQ(training_set_fingerprint(manifest), before);
  manifest.class_names = {"b", "a"};
  EXPECT_NE(training_set_fingerprint(manifest), before);
}

TEST_F(Experiments, AStopBeforeTheFirstStepTakesEffectAtOnce) {
  const ExperimentOptions options =
      parse_config(config(), "test.yaml", {"data.pack=" + (runs_.path() / "packs").string()});
  const RunDirectory run = RunDirectory::create(out("run"));
  StoppedObserver observer;
  const ExperimentResult result =
      run_experiment(options, resolved_yaml(options), "selfcure train", run, false, observer);
  EXPECT_EQ(result.stopped_by, SIGINT);
  EXPECT_FALSE(fs::exists(out("run") / "checkpoints/last.pt"));
  EXPECT_FALSE(fs::exists(out("run") / "metrics.jsonl"));
}

TEST_F(Experiments, TrainingImagesMustNotBeTestedOn) {
  testing::write_file(data_.path() / "test.txt",
                      "Image/aligned/test_10020_aligned.jpg 0\n"
                      "Image/aligned/train_10003_aligned.jpg 1\n");
  std::string list;
  for (int i = 0; i < 20; ++i)
    list += "Image/aligned/train_" + std::to_string(10000 + i) + "_aligned.jpg " +
            std::to_string(i % 2) + "\n";
  testing::write_file(data_.path() / "train.txt", list);
  const std::string root = data_.path().string();
  const std::string text = "name: t\ndata: {dataset: list, root: " + root +
                           ", train_list: train.txt, test_list: test.txt, image_size: 32}\n"
                           "method: {name: baseline}\ntrain: {epochs: 1, device: cpu}\n";
  try {
    train("run", text);
    ADD_FAILURE() << "no error";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what())
                  .find("test set: expected other images than those of the training set, got 1 of "
                        "them, the first is Image/aligned/train_10003_aligned.jpg"),
              std::string::npos)
        << error.what();
  }
}

TEST_F(Experiments, TheBaselineHasNoWeightsAndNoRelabels) {
  train("run", config("{name: baseline}"));
  EXPECT_FALSE(fs::exists(out("run") / "importance.csv"));
  const nlohmann::json last = nlohmann::json::parse(timeless_metrics("run").back());
  EXPECT_EQ(last.at("relabelled").get<int>(), 0);
  EXPECT_TRUE(last.at("alpha_auc").is_null());
  EXPECT_FALSE(last.contains("rank_loss"));
}

TEST_F(Experiments, AMissingImageStopsOrIsSkippedAndCounted) {
  fs::remove(data_.path() / "Image/aligned/train_10005_aligned.jpg");
  try {
    train("stop", config());
    ADD_FAILURE() << "no error";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("train_10005_aligned.jpg: expected an image"),
              std::string::npos);
  }
  train("skip", config(), false, 0, {"data.on_error=skip"});
  ASSERT_GE(warnings_.size(), 2U);
  EXPECT_NE(warnings_[0].find("train_10005_aligned.jpg"), std::string::npos);
  EXPECT_NE(warnings_[1].find("skipped 1 unreadable images, 19 are left"), std::string::npos);
}

TEST_F(Experiments, ACheckpointIsEvaluatedAsItWasTrained) {
  train("run", config());
  const fs::path path = out("run") / "checkpoints/last.pt";
  const Checkpoint checkpoint = load_checkpoint(path);
  StoppingObserver observer;
  const ExperimentOptions options = parse_config(checkpoint.text("config"), "checkpoint");
  const CheckpointEvaluation evaluation =
      evaluate_checkpoint(checkpoint, path, options, Split::kTest, observer);
  const nlohmann::json last = nlohmann::json::parse(timeless_metrics("run").back());
  EXPECT_DOUBLE_EQ(evaluation.result.confusion.accuracy(), last.at("test_accuracy").get<double>());
  EXPECT_EQ(evaluation.epoch, 3);
  EXPECT_EQ(predictions_csv(evaluation.result, evaluation.manifest),
            read_file(out("run") / "predictions_test.csv"));
}

TEST_F(Experiments, ACheckpointOfAnotherClassCountIsRefused) {
  train("run", config());
  const fs::path path = out("run") / "checkpoints/last.pt";
  const Checkpoint checkpoint = load_checkpoint(path);
  StoppingObserver observer;
  const TemporaryDirectory ferplus;
  testing::write_file(ferplus.path() / "FER2013Test/label.csv",
                      "fer0000000.png,\"(0, 0, 48, 48)\",10,0,0,0,0,0,0,0,0,0\n");
  const ExperimentOptions options =
      parse_config(checkpoint.text("config"), "checkpoint",
                   {"data.test=[{dataset: ferplus, root: '" + ferplus.path().string() + "'}]"});
  try {
    evaluate_checkpoint(checkpoint, path, options, Split::kTest, observer);
    ADD_FAILURE() << "no error";
  } catch (const CheckpointError& error) {
    EXPECT_NE(std::string(error.what()).find("trained on 7 classes"), std::string::npos)
        << error.what();
    EXPECT_NE(std::string(error.what()).find("has 8"), std::string::npos);
  }
}

TEST_F(Experiments, ABackboneOfAnEarlierRunIsTakenOver) {
  train("first", config("{name: baseline}"));
  const std::string weights = (out("first") / "checkpoints/last.pt").string();
  train("second", config(), false, 3, {"model.weights=" + weights, "train.optimizer.lr=1e-12"});
  const at::Tensor a = load_checkpoint(weights).tensor("model.backbone.layer4.1.conv2.weight");
  const at::Tensor b = load_checkpoint(out("second") / "checkpoints/last.pt")
                           .tensor("model.backbone.layer4.1.conv2.weight");
  EXPECT_LT((a - b).abs().max().item<double>(), 1e-6);
}

TEST_F(Experiments, AValidationSetChoosesTheBestEpoch) {
  const TemporaryDirectory other;  // the validation set may not be the test set
  write_set(other.path(), 1, 9);
  const std::string root = other.path().string();
  const ExperimentResult result =
      train("run", config(), false, 0,
            {"data.valid=[{dataset: raf_db, root: '" + root + "', split: test}]"});
  EXPECT_TRUE(result.has_valid);
  EXPECT_EQ(nlohmann::json::parse(read_file(out("run") / "summary.json")).at("best_chosen_on"),
            "valid");
}

}  // namespace
}  // namespace selfcure
