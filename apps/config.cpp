#include <cstdio>

#include "selfcure/config/config.h"
#include "verbs.h"

namespace selfcure::apps {

void add_config(CLI::App& app, Action& action) {
  auto* verb = app.add_subcommand("config", "Check a config file, or explain its keys");
  verb->require_subcommand(1);

  struct CheckArguments {
    std::string file;
    std::vector<std::string> overrides;
  };
  auto* check = verb->add_subcommand("check", "Say everything that is wrong with a config file");
  auto check_arguments = std::make_shared<CheckArguments>();
  check->add_option("CONFIG", check_arguments->file, "Experiment file (YAML)")->required();
  check
      ->add_option("--set", check_arguments->overrides,
                   "Override a key: key.path=value; repeatable")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  check->footer(
      "Prints the config with every key and the value in force.\n"
      "Examples:\n"
      "  selfcure config check configs/rafdb_scn_paper.yaml\n"
      "  selfcure config check my.yaml --set train.epochs=5");
  check->callback([check_arguments, &action] {
    action = [check_arguments] {
      const ExperimentOptions options =
          load_config(check_arguments->file, check_arguments->overrides);
      std::printf("%s", resolved_yaml(options).c_str());
      return 0;
    };
  });

  auto* explain =
      verb->add_subcommand("explain", "Meaning, type, range and default of config keys");
  auto key = std::make_shared<std::string>();
  explain->add_option("KEY", *key, "A key or a section; all keys without it");
  explain->footer(
      "Examples:\n"
      "  selfcure config explain\n"
      "  selfcure config explain method\n"
      "  selfcure config explain train.optimizer.lr");
  explain->callback([key, &action] {
    action = [key] {
      std::printf("%s", explain_keys(*key).c_str());
      return 0;
    };
  });
}

}  // namespace selfcure::apps
