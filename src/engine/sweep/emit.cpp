#include "selfcure/engine/sweep/emit.h"

#include <algorithm>
#include <map>

namespace selfcure {
namespace {

/// @param raw_option  put before --out as it stands: a shell's variable
std::string command(const SweepPlan& plan, const SweepJob& job, const EmitOptions& options,
                    const std::string& raw_option = "") {
  std::string text = shell_quoted(options.program.string());
  std::vector<std::string> arguments =
      train_arguments(plan, job, job.threads > 0 ? 0 : options.threads);
  constexpr std::size_t kAfterOptions = 3;  // --out DIR --resume
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (i + kAfterOptions == arguments.size()) text += raw_option;
    text += " " + shell_quoted(arguments[i]);
  }
  return text;
}

/// Absolute, so that it holds wherever a scheduler starts the shell.
std::string done_file(const SweepPlan& plan, const std::string& name,
                      const std::filesystem::path& working_directory) {
  return shell_quoted(
      (working_directory / plan.directory / "runs" / name / "DONE").lexically_normal().string());
}

/// Each run needs the one before it alone.
bool is_line(const std::vector<SweepJob>& jobs, const std::vector<std::size_t>& chain) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const std::vector<std::string>& after = jobs[chain[i]].after;
    if (i == 0 ? !after.empty() : after != std::vector<std::string>{jobs[chain[i - 1]].name})
      return false;
  }
  return true;
}

/// Jobs with their distance from the first of their chain, nearest first.
std::vector<std::vector<const SweepJob*>> levels_of(const std::vector<SweepJob>& jobs) {
  std::map<std::string, std::size_t> level_of;
  std::vector<std::vector<const SweepJob*>> levels;
  for (const SweepJob& job : jobs) {
    std::size_t level = 0;
    for (const std::string& needed : job.after) level = std::max(level, level_of.at(needed) + 1);
    level_of[job.name] = level;
    if (levels.size() <= level) levels.resize(level + 1);
    levels[level].push_back(&job);
  }
  return levels;
}

}  // namespace

std::string emit_commands(const SweepPlan& plan, const std::vector<SweepJob>& jobs,
                          const EmitOptions& options) {
  const std::string go = "cd " + shell_quoted(options.working_directory.string()) + " && ";
  std::string text;
  for (const std::vector<std::size_t>& chain : chains_of(jobs)) {
    const auto command_of = [&](std::size_t index) {
      const SweepJob& job = jobs[index];
      return command(plan, job, options);
    };
    std::string line = go;
    if (is_line(jobs, chain)) {
      for (std::size_t i = 0; i < chain.size(); ++i)
        line += (i > 0 ? " && " : "") + command_of(chain[i]);
    } else {
      // A failure must not keep runs from starting that do not need the failed one.
      line += "{ r=0; ";
      for (const std::size_t index : chain) {
        std::string needs;
        for (const std::string& name : jobs[index].after)
          needs += "[ -e " + done_file(plan, name, options.working_directory) + " ] && ";
        line += "{ " + needs + command_of(index) + "; } || r=1; ";
      }
      line += "(exit $r); }";
    }
    text += line + "\n";
  }
  return text;
}

std::string emit_slurm(const SweepPlan& plan, const std::vector<SweepJob>& jobs,
                       const EmitOptions& options) {
  const auto levels = levels_of(jobs);
  const std::string logs =
      (options.working_directory / plan.directory / "logs").lexically_normal().string();
  std::string text = "#!/bin/bash\n#SBATCH --job-name=" + plan.name + "\n";
  // sbatch has no quotes for these lines.
  if (shell_quoted(logs) == logs) text += "#SBATCH --output=" + logs + "/slurm-%A_%a.out\n";
  // The training saves and ends two minutes before its time is over; submit again to go on.
  text += "#SBATCH --signal=B:TERM@120\n";
  if (levels.size() == 1) text += "#SBATCH --array=0-" + std::to_string(jobs.size() - 1) + "\n";
  text += "#\n# " + std::to_string(jobs.size()) + " runs of the sweep " + plan.name +
          ". Submit them with\n#   bash SCRIPT [options of sbatch, such as --partition=gpu "
          "--gres=gpu:1 --cpus-per-task=8 --time=1-0]\n"
          "# Finished runs end at once, so that submitting again goes on with the others.\n"
          "levels=(";
  std::size_t first = 0;
  for (const auto& level : levels) {
    text += (first > 0 ? " " : "") + std::to_string(first) + "-" +
            std::to_string(first + level.size() - 1);
    first += level.size();
  }
  text +=
      ")\n\n"
      "if [ -z \"${SLURM_ARRAY_TASK_ID:-}\" ]; then\n"
      "  previous=\n"
      "  mkdir -p " +
      shell_quoted(logs) +
      " || exit 1\n"
      "  for tasks in \"${levels[@]}\"; do\n"
      "    id=$(sbatch --parsable ${previous:+--dependency=afterany:$previous} \"$@\" "
      "--array=\"$tasks\" \"$0\") || exit 1\n"
      "    previous=${id%%;*}\n"
      "    echo \"tasks $tasks are job $previous\"\n"
      "  done\n"
      "  exit 0\n"
      "fi\n\n"
      "needs() {\n"
      "  for file in \"$@\"; do\n"
      "    [ -e \"$file\" ] || { echo \"not run: $file is missing\" >&2; exit 1; }\n"
      "  done\n"
      "}\n\n"
      "cd " +
      shell_quoted(options.working_directory.string()) +
      " || exit 1\n"
      "case $SLURM_ARRAY_TASK_ID in\n";
  std::size_t task = 0;
  for (const auto& level : levels)
    for (const SweepJob* job : level) {
      text += std::to_string(task++) + ")  # " + job->name + "\n";
      std::string needed;
      for (const std::string& name : job->after)
        needed += " " + done_file(plan, name, options.working_directory);
      if (!needed.empty()) text += "  needs" + needed + "\n";
      const bool takes_cores = job->threads == 0 && options.threads == 0;
      const std::string threads =
          takes_cores ? " --set train.threads=\"${SLURM_CPUS_PER_TASK:-1}\"" : "";
      text += "  exec " + command(plan, *job, options, threads) + "\n  ;;\n";
    }
  text += "*)\n  echo \"expected a task of 0-" + std::to_string(jobs.size() - 1) +
          ", got $SLURM_ARRAY_TASK_ID\" >&2\n  exit 2\n  ;;\nesac\n";
  return text;
}

}  // namespace selfcure
