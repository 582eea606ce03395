#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

/// The verbs of the command: each adds its options to the parser and says what to run.
/// A verb returns the exit code; it throws selfcure::UserError for what the user can mend.
namespace selfcure::apps {

using Action = std::function<int()>;

void add_train(CLI::App& app, const std::string& command_line, Action& action);
void add_evaluate(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);
void add_compare(CLI::App& app, Action& action);
void add_config(CLI::App& app, Action& action);
void add_demo_data(CLI::App& app, Action& action);
void add_data(CLI::App& app, Action& action);
void add_export(CLI::App& app, Action& action);
void add_sweep(CLI::App& app, const std::string& program, Action& action);
void add_report(CLI::App& app, Action& action);
void add_weights(CLI::App& app, Action& action);

// The verbs below `data`.
void add_data_inspect(CLI::App& data, Action& action);
void add_data_preview(CLI::App& data, Action& action);
void add_data_corrupt(CLI::App& data, Action& action);
void add_data_align(CLI::App& data, Action& action);

// The verbs below `weights`.
void add_weights_inspect(CLI::App& weights, Action& action);
void add_weights_convert(CLI::App& weights, Action& action);
void add_weights_diff(CLI::App& weights, Action& action);

}  // namespace selfcure::apps
