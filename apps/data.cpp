#include "verbs.h"

namespace selfcure::apps {

void add_data(CLI::App& app, Action& action) {
  auto* data = app.add_subcommand("data", "Look at data sets, align faces, make labels wrong");
  data->require_subcommand(1);
  add_data_inspect(*data, action);
  add_data_preview(*data, action);
  add_data_corrupt(*data, action);
  add_data_align(*data, action);
}

}  // namespace selfcure::apps
