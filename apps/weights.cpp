#include "verbs.h"

namespace selfcure::apps {

void add_weights(CLI::App& app, Action& action) {
  auto* weights = app.add_subcommand("weights", "Weight files of PyTorch: look, convert, compare");
  weights->require_subcommand(1);
  add_weights_inspect(*weights, action);
  add_weights_convert(*weights, action);
  add_weights_diff(*weights, action);
}

}  // namespace selfcure::apps
