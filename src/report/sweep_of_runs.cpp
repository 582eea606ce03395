#include <algorithm>
#include <charconv>
#include <set>

#include "selfcure/core/errors.h"
#include "selfcure/report/sweep_record.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

bool is_seed(const std::string& key) {
  return key == "seed" || (key.size() > 5 && key.compare(key.size() - 5, 5, ".seed") == 0);
}

bool is_number(const std::string& text) {
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && result.ec == std::errc() && result.ptr == text.data() + text.size();
}

double number_of(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool all_numbers(const std::vector<std::string>& values) {
  return std::all_of(values.begin(), values.end(), is_number);
}

/// Values in the order of the runs, numbers in ascending order.
std::vector<std::string> values_of(const std::vector<SweepRun>& runs, const std::string& key) {
  std::vector<std::string> values;
  for (const SweepRun& run : runs) {
    const std::string value = find_text(run.record.config, key);
    if (!value.empty() && std::find(values.begin(), values.end(), value) == values.end())
      values.push_back(value);
  }
  if (all_numbers(values))
    std::sort(values.begin(), values.end(),
              [](const auto& a, const auto& b) { return number_of(a) < number_of(b); });
  return values;
}

/// Keys that do not have the same value in every run, "" standing for none.
std::vector<std::string> varying_keys(const std::vector<SweepRun>& runs,
                                      const ConfigAccess& configs) {
  std::vector<std::string> keys;
  std::set<std::string> seen;
  for (const SweepRun& run : runs)
    for (const auto& entry : run.record.config) {
      const std::string& key = entry.first;
      if (configs.is_runtime(key) || !seen.insert(key).second) continue;
      const bool varies = std::any_of(runs.begin(), runs.end(), [&](const SweepRun& other) {
        return find_text(other.record.config, key) != entry.second;
      });
      if (varies) keys.push_back(key);
    }
  return keys;
}

/// Whether runs of the same value of `first` always have the same value of `second`.
bool follows(const std::vector<SweepRun>& runs, const std::string& first,
             const std::string& second) {
  std::map<std::string, std::string> seen;
  for (const SweepRun& run : runs) {
    const std::string value = find_text(run.record.config, second);
    if (seen.emplace(find_text(run.record.config, first), value).first->second != value)
      return false;
  }
  return true;
}

/// Whether runs of the same values of all `first` always have the same value of `second`.
bool follows(const std::vector<SweepRun>& runs, const std::vector<std::string>& first,
             const std::string& second) {
  std::map<std::vector<std::string>, std::string> seen;
  for (const SweepRun& run : runs) {
    std::vector<std::string> values;
    values.reserve(first.size());
    for (const std::string& key : first) values.push_back(find_text(run.record.config, key));
    const std::string value = find_text(run.record.config, second);
    if (seen.emplace(values, value).first->second != value) return false;
  }
  return true;
}

/// Whether a key names files, such as weights that an earlier run left.
bool names_files(const std::vector<SweepRun>& runs, const std::string& key) {
  const std::vector<std::string> values = values_of(runs, key);
  return !values.empty() && std::all_of(values.begin(), values.end(), [](const std::string& value) {
    return value.find('/') != std::string::npos;
  });
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : "', '") + name;
  return text;
}

/// The method leads; then what has most values, which says the others with it.
std::vector<std::string> by_importance(const std::vector<SweepRun>& runs,
                                       std::vector<std::string> keys) {
  const auto rank = [&](const std::string& key) {
    return key == "method.name" ? 1000 : static_cast<int>(values_of(runs, key).size());
  };
  std::stable_sort(keys.begin(), keys.end(),
                   [&](const auto& a, const auto& b) { return rank(a) > rank(b); });
  return keys;
}

/// "method.relabel.threshold" -> "threshold", as long as no other key ends so.
std::string short_label(const std::string& key, const std::vector<std::string>& keys) {
  if (key == "method.name") return "method";
  const auto last = [](const std::string& text) { return text.substr(text.rfind('.') + 1); };
  const auto same = std::count_if(
      keys.begin(), keys.end(), [&](const std::string& other) { return last(other) == last(key); });
  if (key == "data.noise.rate") return "noise";
  return same > 1 ? key : last(key);
}

void find_dimensions(SweepRecord& sweep, const ConfigAccess& configs) {
  std::vector<std::string> seeds, others;
  for (const std::string& key : varying_keys(sweep.runs, configs))
    (is_seed(key) ? seeds : others).push_back(key);
  // One of the seeds numbers the repetitions; the others follow it or are dimensions of their own.
  const auto seed = std::find(seeds.begin(), seeds.end(), "seed");
  if (!seeds.empty()) sweep.repeat = seed != seeds.end() ? *seed : seeds.front();
  std::vector<std::string> kept;
  others = by_importance(sweep.runs, others);
  std::stable_partition(others.begin(), others.end(),
                        [&](const std::string& key) { return !names_files(sweep.runs, key); });
  for (const std::string& key : others) {
    const auto leader = std::find_if(kept.begin(), kept.end(), [&](const std::string& other) {
      return follows(sweep.runs, other, key);
    });
    if (leader == kept.end()) {
      std::vector<std::string> known = kept;
      if (!sweep.repeat.empty()) known.push_back(sweep.repeat);
      // Each repetition of a chain starts from its own file, and is a repetition all the same.
      if (names_files(sweep.runs, key) && follows(sweep.runs, known, key))
        sweep.notes.push_back("'" + key + "' is another file for other values of '" +
                              joined(known) + "': a difference may come from it.");
      else
        kept.push_back(key);
    } else if (values_of(sweep.runs, key).size() > 1)  // else it is there or not, as with a method
      sweep.notes.push_back("'" + key + "' changes together with '" + *leader +
                            "': a difference may come from either.");
  }
  for (const std::string& key : seeds)
    if (key != sweep.repeat && !follows(sweep.runs, sweep.repeat, key)) kept.push_back(key);
  if (!sweep.repeat.empty()) kept.push_back(sweep.repeat);
  for (const std::string& key : kept)
    sweep.dimensions.push_back({key, short_label(key, kept), values_of(sweep.runs, key)});
  for (SweepRun& run : sweep.runs)
    for (const std::string& key : kept) {
      const std::string value = find_text(run.record.config, key);
      if (!value.empty()) run.point[key] = value;
    }
}

/// Says which runs cannot be told apart by what the sweep varies: means count each of them, but
/// pairs take one.
void name_copies(SweepRecord& sweep) {
  constexpr std::size_t kMostNamed = 5;
  std::map<SweepPoint, std::string> first;
  std::vector<std::string> copies;
  for (const SweepRun& run : sweep.runs) {
    const auto [known, is_new] = first.emplace(run.point, run.name);
    if (!is_new) copies.push_back(run.name + " repeats " + known->second);
  }
  if (copies.empty()) return;
  std::string text = "Several runs have the same settings and the same seed: ";
  for (std::size_t i = 0; i < std::min(copies.size(), kMostNamed); ++i)
    text += (i == 0 ? "" : ", ") + copies[i];
  if (copies.size() > kMostNamed)
    text += " and " + std::to_string(copies.size() - kMostNamed) + " more";
  sweep.notes.push_back(text +
                        ". Means count each of them; a paired difference takes one run per seed.");
}

/// The shortest ends of the paths that tell the runs apart.
void name_runs(std::vector<SweepRun>& runs) {
  std::map<std::string, int> uses;
  const auto last = [](const fs::path& path) {
    const fs::path clean = path.lexically_normal();
    return (clean.has_filename() ? clean.filename() : clean.parent_path().filename()).string();
  };
  for (const SweepRun& run : runs) ++uses[last(run.record.path)];
  for (SweepRun& run : runs) {
    const std::string name = last(run.record.path);
    run.name = uses[name] > 1 ? run.record.path.lexically_normal().string() : name;
  }
}

}  // namespace

SweepRecord sweep_of_runs(const std::vector<fs::path>& directories, const ConfigAccess& configs) {
  SweepRecord sweep;
  sweep.name = "runs";
  std::set<std::string> seen;
  for (const fs::path& directory : directories) {
    std::error_code error;
    const fs::path whole = fs::weakly_canonical(directory, error);
    if (!seen.insert(error ? directory.string() : whole.string()).second) continue;
    const std::string name = directory.lexically_normal().string();
    SweepRun run;
    try {
      run.record = read_run(directory);
      configs.fill(run.record);
    } catch (const UserError& problem) {
      const std::string message = problem.what();
      sweep.left_out.push_back({name, message.substr(0, message.find('\n'))});
      continue;
    }
    if (run.record.epochs.has(sweep.metric))
      sweep.runs.push_back(std::move(run));
    else
      sweep.left_out.push_back({name, name + ": has no " + sweep.metric});
  }
  sweep.title = "Comparison of " + std::to_string(sweep.runs.size()) + " runs";
  if (sweep.runs.empty()) return sweep;
  name_runs(sweep.runs);
  find_dimensions(sweep, configs);
  const SweepDimension* method = sweep.dimension("method.name");
  if (method != nullptr &&
      std::find(method->values.begin(), method->values.end(), "baseline") != method->values.end())
    sweep.baseline["method.name"] = "baseline";
  complete_layout(sweep);
  return sweep;
}

void complete_layout(SweepRecord& sweep) {
  name_copies(sweep);
  std::vector<const SweepPoint*> points;
  for (const SweepRun& run : sweep.runs) points.push_back(&run.point);
  for (const SweepPoint& point : sweep.missing) points.push_back(&point);
  // Values that the list of the dimension lacks come last.
  for (SweepDimension& dimension : sweep.dimensions)
    for (const SweepPoint* point : points) {
      const auto found = point->find(dimension.name);
      if (found != point->end() && std::find(dimension.values.begin(), dimension.values.end(),
                                             found->second) == dimension.values.end())
        dimension.values.push_back(found->second);
    }
  if (sweep.repeat.empty() && sweep.dimension("seed") != nullptr) sweep.repeat = "seed";
  const auto placed = [&](const std::string& name) {
    const auto in = [&](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    return name == sweep.repeat || in(sweep.rows) || in(sweep.columns);
  };
  const auto several = [&](const SweepDimension& dimension) {
    std::set<std::string> values;
    for (const SweepPoint* point : points) {
      const auto found = point->find(dimension.name);
      values.insert(found == point->end() ? "" : found->second);
    }
    return values.size() > 1;
  };
  std::vector<std::string> left;
  for (const SweepDimension& dimension : sweep.dimensions)
    if (!placed(dimension.name) && several(dimension)) left.push_back(dimension.name);
  if (sweep.rows.empty() && sweep.columns.empty()) {
    // The paper's order: methods down, the number that is varied across.
    const auto number = std::find_if(left.rbegin(), left.rend(), [&](const std::string& name) {
      return all_numbers(sweep.dimension(name)->values);
    });
    if (left.size() > 1 && number != left.rend()) {
      sweep.columns.push_back(*number);
      left.erase(std::next(number).base());
    }
  }
  sweep.rows.insert(sweep.rows.end(), left.begin(), left.end());
}

}  // namespace selfcure
