#include <spdlog/spdlog.h>
#include <cmath>
#include <csignal>
#include <cstdio>

#include "progress.h"
#include "selfcure/config/config.h"
#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/engine/experiment.h"
#include "signals.h"
#include "verbs.h"

namespace selfcure::apps {
namespace {

struct TrainArguments {
  std::string program;
  std::string config;
  std::vector<std::string> overrides;
  std::string out;
  bool resume = false;
};

/// One line per epoch on stdout, and a progress bar on a terminal.
class ConsoleObserver : public TrainingObserver {
 public:
  void debug(const std::string& message) override {
    if (!spdlog::should_log(spdlog::level::debug)) return;
    bar_.clear();
    spdlog::debug(message);
  }
  void note(const std::string& message) override {
    bar_.clear();
    spdlog::info(message);
  }
  void warning(const std::string& message) override {
    bar_.clear();
    spdlog::warn(message);
  }
  void step(const StepProgress& progress, const std::function<double()>& recent_loss) override {
    if (!bar_.due(progress.step, progress.steps)) return;
    char tail[128];
    std::snprintf(tail, sizeof(tail), "loss %.4f  %.1f images/s  %s left", recent_loss(),
                  progress.images_per_second, duration_text(progress.seconds_left).c_str());
    bar_.draw("epoch " + std::to_string(progress.epoch) + "/" + std::to_string(progress.epochs),
              progress.step, progress.steps, tail);
  }
  void epoch(const EpochRecord& record, const StepProgress& progress) override {
    bar_.clear();
    std::string line =
        "epoch=" + std::to_string(progress.epoch) + "/" + std::to_string(progress.epochs);
    for (const char* name :
         {"lr", "train_loss", "cross_entropy", "rank_loss", "train_accuracy", "test_accuracy",
          "mean_class_accuracy", "relabelled", "relabel_precision", "relabel_recall", "alpha_mean",
          "alpha_auc", "seconds", "images_per_second"}) {
      const double value = record.get(name);
      if (std::isnan(value)) continue;
      char text[64];
      std::snprintf(text, sizeof(text), " %s=%.5g", name, value);
      line += text;
    }
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  }
  void preparing(const std::string& what, std::int64_t done, std::int64_t total) override {
    if (bar_.due(done, total)) bar_.draw(what, done, total, "images");
  }
  int stop_signal() override { return apps::stop_signal(); }
  void clear() { bar_.clear(); }

 private:
  ProgressBar bar_;
};

/// A resumed run must be the same experiment.
void check_same_experiment(const std::filesystem::path& run, const ExperimentOptions& options) {
  const std::filesystem::path file = run / "config.resolved.yaml";
  if (!std::filesystem::exists(file)) return;
  const std::vector<KeyDifference> differences =
      differing_keys(load_config(file), options, /*ignore_runtime_keys=*/true);
  if (differences.empty()) return;
  std::string message = run.string() + ": --resume with another config:";
  for (const KeyDifference& difference : differences)
    message += "\n  " + difference.key + ": the run has " + difference.left + ", the config says " +
               difference.right;
  throw ConfigError(message);
}

/// An argument as a shell reads it.
std::string quoted(const std::string& text) {
  if (text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                             "_-./=:,+") == std::string::npos)
    return text;
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::string resume_command(const TrainArguments& arguments, const std::filesystem::path& out) {
  std::string command = quoted(arguments.program) + " train " + quoted(arguments.config);
  for (const std::string& text : arguments.overrides) command += " --set " + quoted(text);
  return command + " --out " + quoted(out.string()) + " --resume";
}

void print_result(const ExperimentResult& result, const std::filesystem::path& out) {
  std::printf("\nlast epoch on the test set\n%s", result.final_evaluation_text.c_str());
  std::printf("\ntest accuracy: last epoch %.2f %%, mean of the last five %.2f %%, ",
              100 * result.test.last, 100 * result.test.mean_of_last_five);
  std::printf("best %.2f %% (epoch %d, chosen on test)\n", 100 * result.test.best,
              result.test.best_epoch);
  if (result.has_valid)
    std::printf("validation accuracy: best %.2f %% (epoch %d), which checkpoints/best.pt holds\n",
                100 * result.valid.best, result.valid.best_epoch);
  std::printf("run directory: %s\n", out.c_str());
}

int train(const TrainArguments& arguments, const std::string& command_line) {
  const ExperimentOptions options = load_config(arguments.config, arguments.overrides);
  const std::filesystem::path out = arguments.out.empty()
                                        ? std::filesystem::path("runs") / options.name
                                        : std::filesystem::path(arguments.out);
  const bool resume = arguments.resume && std::filesystem::exists(out / "checkpoints" / "last.pt");
  if (resume) check_same_experiment(out, options);
  const RunDirectory run = resume ? RunDirectory::open(out) : RunDirectory::create(out);
  if (resume && run.has("DONE")) {
    spdlog::info("{}: this run is finished", out.string());
    return 0;
  }
  catch_stop_signals();
  ConsoleObserver observer;
  const ExperimentResult result =
      run_experiment(options, resolved_yaml(options), command_line, run, resume, observer);
  observer.clear();
  if (result.stopped_by != 0) {
    std::fprintf(stderr, "stopped by %s; resume with\n  %s\n",
                 result.stopped_by == SIGINT ? "SIGINT" : "SIGTERM",
                 resume_command(arguments, out).c_str());
    return 128 + result.stopped_by;
  }
  print_result(result, out);
  return 0;
}

}  // namespace

void add_train(CLI::App& app, const std::string& command_line, Action& action) {
  auto* verb = app.add_subcommand("train", "Train what a config file says");
  auto arguments = std::make_shared<TrainArguments>();
  arguments->program = command_line.substr(0, command_line.find(' '));
  verb->add_option("CONFIG", arguments->config, "Experiment file (YAML)")->required();
  verb->add_option("--set", arguments->overrides, "Override a key: key.path=value; repeatable")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  verb->add_option("--out", arguments->out, "Run directory (default: runs/<name>)")
      ->type_name("DIR");
  verb->add_flag("--resume", arguments->resume,
                 "Go on from the last checkpoint; a new run if there is none");
  verb->footer(
      "Examples:\n"
      "  selfcure train configs/demo_scn.yaml\n"
      "  selfcure train configs/ferplus_scn_paper.yaml --set data.root=/data/FERPlus\n"
      "  selfcure train configs/rafdb_scn_paper.yaml --set data.noise='{type: symmetric, rate: "
      "0.3}' \\\n"
      "                 --set seed=2 --out runs/rafdb_scn_30_seed2\n"
      "  selfcure train configs/demo_scn.yaml --resume");
  verb->callback([arguments, command_line, &action] {
    action = [arguments, command_line] { return train(*arguments, command_line); };
  });
}

}  // namespace selfcure::apps
