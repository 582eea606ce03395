#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

/// What the rivals of compare_cpu.sh have in common: options `--name value`, and a loop that
/// answers requests on stdin with a line of JSON each. Between requests a rival sleeps.
namespace selfcure::benchmarks {

/// Options of the command line by name; exits with code 2 at anything else than `--name value` with
/// a name in `defaults`.
inline std::map<std::string, std::string> options_of(int argc, char** argv,
                                                     std::map<std::string, std::string> defaults) {
  for (int i = 1; i < argc; i += 2) {
    const std::string argument = argv[i];
    const std::string name = argument.rfind("--", 0) == 0 ? argument.substr(2) : "";
    const auto known = defaults.find(name);
    if (known == defaults.end() || i + 1 == argc) {
      std::string names;
      for (const auto& entry : defaults) names += " [--" + entry.first + " VALUE]";
      std::fprintf(stderr, "%s: cannot use '%s'; usage:%s\n", argv[0], argv[i], names.c_str());
      std::exit(2);
    }
    known->second = argv[i + 1];
  }
  return defaults;
}

/// A whole number of at least 1, or exit code 2.
inline std::int64_t positive(const std::map<std::string, std::string>& options,
                             const std::string& name) {
  const std::string& text = options.at(name);
  char* end = nullptr;
  const std::int64_t value = std::strtoll(text.c_str(), &end, 10);
  if (end == text.c_str() || *end != '\0' || value < 1) {
    std::fprintf(stderr, "--%s: expected a positive whole number, got '%s'\n", name.c_str(),
                 text.c_str());
    std::exit(2);
  }
  return value;
}

/// Says `ready`, then answers "run N" with {"seconds": [N numbers]} until stdin ends.
///
/// @param ready  what the rival has to say of itself
/// @param run    one run, which returns its seconds
inline int serve(const nlohmann::ordered_json& ready, const std::function<double()>& run) {
  std::cout << ready.dump() << std::endl;
  for (std::string word; std::cin >> word;) {
    int count = 0;
    if (word != "run" || !(std::cin >> count)) {
      std::fprintf(stderr, "expected 'run N', got '%s'\n", word.c_str());
      return 2;
    }
    nlohmann::ordered_json seconds = nlohmann::ordered_json::array();
    for (int i = 0; i < count; ++i) seconds.push_back(run());
    std::cout << nlohmann::ordered_json{{"seconds", seconds}}.dump() << std::endl;
  }
  return 0;
}

}  // namespace selfcure::benchmarks
