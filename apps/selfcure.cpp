// The selfcure command: parses the command line, runs one verb, turns errors into exit codes.

#include <c10/util/Exception.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>

#include "selfcure/core/errors.h"
#include "selfcure/core/version.h"
#include "selfcure/engine/cpu_kernels.h"
#include "selfcure/engine/cpu_memory.h"
#include "selfcure/engine/device.h"
#include "selfcure/nn/kernel_choice.h"
#include "verbs.h"

namespace {

constexpr int kUserErrorCode = 2;

/// Lets idle threads of a team sleep after a short look for work instead of spinning on, unless the
/// user has decided otherwise.
///
/// The loader's threads and other programs share the cores with the team; a spinning thread then
/// takes the core from the one that it waits for, and a step takes up to ten times as long. The
/// OpenMP runtime reads its environment when it is loaded, before main: start again with it set.
void let_idle_threads_sleep(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  setenv("OMP_WAIT_POLICY", "passive", 1);
  // Of GNU's runtime: about ten microseconds, less than a thread needs to wake up.
  setenv("GOMP_SPINCOUNT", "2000", 0);
  std::error_code error;
  // The link's target, so that the process keeps its name in lists.
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) execv(program.c_str(), argv);  // returns only if it fails, and then nothing is lost
}

std::string version_text() {
  std::string text = std::string("selfcure ") + selfcure::version() + "\nsource revision " +
                     selfcure::source_revision() + "\nLibTorch " + selfcure::libtorch_version();
  for (const std::string& device : selfcure::device_descriptions()) text += "\n" + device;
  return text;
}

std::string joined(int argc, char** argv) {
  std::string text;
  for (int i = 0; i < argc; ++i) text += (i ? " " : "") + std::string(argv[i]);
  return text;
}

int run(int argc, char** argv) {
  CLI::App app{
      "selfcure: facial expression recognition from labels that cannot be trusted.\n"
      "An experiment is a YAML file, a run is a directory."};
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of all verbs");
  app.set_version_flag("--version", version_text);
  app.footer(
      "Examples:\n"
      "  selfcure demo-data demo/data             draw a labelled set of faces to try things on\n"
      "  selfcure train configs/demo_scn.yaml     train on it; results go to runs/demo_scn\n"
      "  selfcure evaluate runs/demo_scn          accuracy, per-class table, confusion matrix\n"
      "  selfcure sweep SWEEP.yaml --jobs 2       many runs from one file\n"
      "  selfcure report runs/demo_scn            one HTML file with curves, faces, relabelling\n"
      "  selfcure bench CONFIG.yaml               how fast this machine is, and how long it will "
      "take\n"
      "  selfcure config explain train.schedule   what a config key means\n"
      "  selfcure data inspect DIR                what is in a data set, and what is wrong with "
      "it\n"
      "  selfcure weights inspect FILE.pth        what is in a weight file of PyTorch\n"
      "\nExit codes: 0 done, 2 something to mend in the input, 130/143 stopped by a signal (the\n"
      "training can be resumed), 1 anything else.");
  bool verbose = false;
  app.add_flag("-v,--verbose", verbose, "Say more: the kernel that each layer uses, for example");
  selfcure::apps::Action action;
  selfcure::apps::add_train(app, joined(argc, argv), action);
  selfcure::apps::add_evaluate(app, action);
  selfcure::apps::add_report(app, action);
  selfcure::apps::add_compare(app, action);
  selfcure::apps::add_config(app, action);
  selfcure::apps::add_demo_data(app, action);
  selfcure::apps::add_data(app, action);
  selfcure::apps::add_weights(app, action);
  selfcure::apps::add_export(app, action);
  selfcure::apps::add_sweep(app, argv[0], action);
  selfcure::apps::add_bench(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : kUserErrorCode;
  }
  if (verbose) spdlog::set_level(spdlog::level::debug);
  return action();
}

}  // namespace

int main(int argc, char** argv) {
  // Options may stand before the verb.
  int first = 1;
  while (first < argc && argv[first][0] == '-') ++first;
  for (const char* verb : {"train", "evaluate", "bench"})
    if (first < argc && std::strcmp(argv[first], verb) == 0) let_idle_threads_sleep(argv);
  selfcure::reuse_cpu_memory();
  selfcure::keep_heap_memory();
  selfcure::keep_kernel_choices(selfcure::kernel_choice_file());
  // Messages go to stderr; stdout carries the lines that programs read.
  spdlog::set_default_logger(spdlog::stderr_color_mt("selfcure"));
  spdlog::set_pattern("%^%l%$: %v");
  try {
    return run(argc, argv);
  } catch (const selfcure::UserError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return kUserErrorCode;
  } catch (const std::filesystem::filesystem_error& error) {
    std::fprintf(stderr, "%s: %s\n", error.path1().c_str(), error.code().message().c_str());
    return kUserErrorCode;
  } catch (const c10::Error& error) {
    std::fprintf(stderr, "selfcure: LibTorch: %s\n", error.what_without_backtrace());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "selfcure: %s\n", error.what());
  }
  return 1;
}
