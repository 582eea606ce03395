#include "sweep_expand.h"

#include <algorithm>
#include <set>

#include "item.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

/// A run with more has to be thought over, and its table is not read by anyone.
constexpr std::size_t kMostJobs = 20000;
constexpr std::size_t kLongestJobName = 100;

bool begins_with_letter(const std::string& text) {
  return (text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z');
}

/// Whether the value says by itself of which axis it is: words that no other axis has.
bool speaks_for_itself(const SweepFileAxis& axis, const SweepGrid& grid) {
  for (const SweepValue& value : axis.values) {
    if (!begins_with_letter(value.name) || value.name == "true" || value.name == "false")
      return false;
    for (const SweepFileAxis& other : grid.axes)
      if (other.name != axis.name)
        for (const SweepValue& theirs : other.values)
          if (theirs.name == value.name) return false;
  }
  return true;
}

/// The part of a run's name: "scn", "noise0.1", "rank-true".
std::string name_part(const SweepFileAxis& axis, const SweepValue& value, const SweepGrid& grid) {
  if (speaks_for_itself(axis, grid)) return value.name;
  return axis.name + (begins_with_letter(value.name) ? "-" : "") + value.name;
}

/// A job whose references are not resolved yet.
struct Draft {
  ExpandedJob expanded;
  std::vector<SweepSetting> settings;
};

class Expander {
 public:
  Expander(const SweepFile& file, const std::filesystem::path& directory, ConfigProblems& problems)
      : file_(file), directory_(directory), problems_(problems), before_(problems.count()) {}

  std::vector<ExpandedJob> expand(const std::string& repeat) {
    for (const SweepGrid& stage : file_.stages) add_grid(stage);
    add_grid(file_.grid);
    for (const SweepFileRun& run : file_.grid.runs) add_run(run);
    if (drafts_.empty())
      problems_.add(file_.place, "expected 'axes' or 'runs', found nothing that runs");
    repetitions_outermost(repeat);
    refuse_equal_names();
    refuse_equal_places();
    for (Draft& draft : drafts_) resolve(draft);
    return in_order();
  }

 private:
  void add_grid(const SweepGrid& grid) {
    if (grid.axes.empty() && grid.stage.empty() && !grid.runs.empty()) return;
    if (grid.axes.empty() && grid.stage.empty() && grid.base.empty()) return;
    const std::size_t before = drafts_.size();
    std::vector<std::size_t> counts(grid.axes.size(), 0);
    check_exclusions(grid);
    std::size_t product = 1;
    for (const SweepFileAxis& axis : grid.axes) {
      product *= std::max<std::size_t>(axis.values.size(), 1);
      if (product > kMostJobs) {
        problems_.add(grid.place, "expected at most " + std::to_string(kMostJobs) +
                                      " runs, the axes give more");
        return;
      }
      if (axis.values.empty()) return;  // a mistake in it has been said
    }
    for (std::size_t index = 0; index < product; ++index) {
      std::vector<const SweepValue*> values(grid.axes.size());
      std::size_t rest = index;
      for (std::size_t i = grid.axes.size(); i-- > 0;) {
        values[i] = &grid.axes[i].values[rest % grid.axes[i].values.size()];
        rest /= grid.axes[i].values.size();
      }
      if (!is_excluded(grid, values)) add_cell(grid, values);
    }
    if (drafts_.size() == before)
      problems_.add(grid.place, where(grid) + "every run is left out by 'exclude'");
  }

  static std::string where(const SweepGrid& grid) {
    return grid.stage.empty() ? "" : "stages." + grid.stage + ": ";
  }

  void add_cell(const SweepGrid& grid, const std::vector<const SweepValue*>& values) {
    Draft draft;
    SweepJob& job = draft.expanded.job;
    job.stage = grid.stage;
    job.name = grid.stage;
    job.config = grid.base;
    draft.expanded.place = grid.place;
    draft.expanded.config_place = grid.base_place;
    draft.settings = grid.set;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const SweepValue& value = *values[i];
      job.values.emplace_back(grid.axes[i].name, value.name);
      job.name += (job.name.empty() ? "" : "_") + name_part(grid.axes[i], value, grid);
      draft.settings.insert(draft.settings.end(), value.settings.begin(), value.settings.end());
      if (value.config.empty()) continue;  // as with keys, a later axis wins
      job.config = value.config;
      draft.expanded.config_place = value.config_place;
    }
    if (job.name.empty()) job.name = file_.name;
    add(std::move(draft));
  }

  void add_run(const SweepFileRun& run) {
    if (run.name.empty()) return;  // said already
    Draft draft;
    draft.expanded.place = run.place;
    draft.expanded.job.name = run.name;
    draft.expanded.job.values = run.values;
    if (run.values.empty() && file_.grid.axes.empty())
      draft.expanded.job.values.emplace_back("run", run.name);
    draft.expanded.job.config = run.config.empty() ? file_.grid.base : run.config;
    draft.expanded.config_place = run.config.empty() ? file_.grid.base_place : run.config_place;
    draft.settings = file_.grid.set;
    draft.settings.insert(draft.settings.end(), run.settings.begin(), run.settings.end());
    add(std::move(draft));
  }

  void add(Draft draft) {
    if (draft.expanded.job.config.empty())
      say_once(draft.expanded.place, "expected a base config for " +
                                         in_quotes(draft.expanded.job.name) +
                                         ": 'base', or 'config' of an axis value; there is none");
    if (draft.expanded.job.name.size() > kLongestJobName)
      say_once(draft.expanded.place, "expected names of runs of at most " +
                                         std::to_string(kLongestJobName) + " characters, got " +
                                         in_quotes(draft.expanded.job.name) +
                                         "; shorten the names of values");
    drafts_.push_back(std::move(draft));
  }

  void check_exclusions(const SweepGrid& grid) {
    for (const SweepExclusion& exclusion : grid.exclude)
      for (const auto& [axis, values] : exclusion.values) {
        std::vector<std::string> names;
        const SweepFileAxis* found = nullptr;
        for (const SweepFileAxis& each : grid.axes) {
          names.push_back(each.name);
          if (each.name == axis) found = &each;
        }
        if (found == nullptr) {
          problems_.add(exclusion.place,
                        "exclude: there is no axis " + in_quotes(axis) + suggest_name(axis, names));
          continue;
        }
        for (const std::string& value : values)
          check_value(*found, value, exclusion.place, "exclude");
      }
  }

  void check_value(const SweepFileAxis& axis, const std::string& value, const ConfigPlace& place,
                   const std::string& what) {
    std::vector<std::string> names;
    for (const SweepValue& each : axis.values) {
      if (each.name == value) return;
      names.push_back(each.name);
    }
    say_once(place, what + ": axis " + in_quotes(axis.name) + " has no value " + in_quotes(value) +
                        suggest_name(value, names));
  }

  static bool is_excluded(const SweepGrid& grid, const std::vector<const SweepValue*>& values) {
    return std::any_of(
        grid.exclude.begin(), grid.exclude.end(), [&](const SweepExclusion& exclusion) {
          return !exclusion.values.empty() &&
                 std::all_of(exclusion.values.begin(), exclusion.values.end(),
                             [&](const auto& one) {
                               for (std::size_t i = 0; i < values.size(); ++i)
                                 if (grid.axes[i].name == one.first)
                                   return std::find(one.second.begin(), one.second.end(),
                                                    values[i]->name) != one.second.end();
                               return false;
                             });
        });
  }

  /// A table is filled with one seed first, then with the next.
  void repetitions_outermost(const std::string& repeat) {
    const auto rank = [&](const Draft& draft) {
      const std::string value = value_of(draft.expanded.job.values, repeat);
      for (const SweepFileAxis& axis : file_.grid.axes)
        if (axis.name == repeat)
          for (std::size_t i = 0; i < axis.values.size(); ++i)
            if (axis.values[i].name == value) return i;
      return std::size_t{0};
    };
    std::stable_sort(drafts_.begin(), drafts_.end(), [&](const Draft& left, const Draft& right) {
      return rank(left) < rank(right);
    });
  }

  void refuse_equal_names() {
    std::map<std::string, const Draft*> names;
    for (const Draft& draft : drafts_) {
      const auto [first, is_new] = names.emplace(draft.expanded.job.name, &draft);
      if (!is_new)
        say_once(draft.expanded.place,
                 "two runs have the name " + in_quotes(draft.expanded.job.name) +
                     "; the first is at " + first->second->expanded.place.text());
    }
  }

  /// A cell of the table would take two trainings for repetitions.
  void refuse_equal_places() {
    std::map<SweepValues, const Draft*> places;
    for (const Draft& draft : drafts_) {
      SweepValues values = draft.expanded.job.values;
      if (!draft.expanded.job.stage.empty() || values.empty()) continue;
      std::sort(values.begin(), values.end());
      const auto [first, is_new] = places.emplace(values, &draft);
      if (!is_new)
        say_once(draft.expanded.place,
                 "runs " + in_quotes(first->second->expanded.job.name) + " and " +
                     in_quotes(draft.expanded.job.name) +
                     " have the same values of axes; expected each to have a place of its own");
    }
  }

  void resolve(Draft& draft) {
    SweepJob& job = draft.expanded.job;
    for (const SweepSetting& setting : draft.settings) {
      std::string value = setting.value;
      if (setting.reference) {
        const Draft* source = find_source(*setting.reference, draft, setting);
        if (source == nullptr) continue;
        const SweepJob& needed = source->expanded.job;
        job.inputs.push_back({setting.key, needed.name, job.overrides.size()});
        if (std::find(job.after.begin(), job.after.end(), needed.name) == job.after.end())
          job.after.push_back(needed.name);
        ConfigNode path;
        path.kind = ConfigNode::Kind::kScalar;
        path.text = (directory_ / "runs" / needed.name / "checkpoints" /
                     (setting.reference->checkpoint + ".pt"))
                        .string();
        value = flow_text(path);
      }
      job.overrides.push_back(setting.key + "=" + value);
      draft.expanded.override_places.push_back(setting.place);
    }
  }

  const Draft* find_source(const SweepReference& reference, const Draft& draft,
                           const SweepSetting& setting) {
    const std::string what = setting.key + ": ";
    for (const Draft& each : drafts_)
      if (!reference.run.empty() && each.expanded.job.name == reference.run &&
          reference.values.empty()) {
        if (&each == &draft) {
          say_once(setting.place, what + in_quotes(reference.run) + " would wait for itself");
          return nullptr;
        }
        return &each;
      }
    const SweepGrid* grid = reference.run.empty() ? &file_.grid : nullptr;
    for (const SweepGrid& stage : file_.stages)
      if (stage.stage == reference.run) grid = &stage;
    if (grid == nullptr) {
      std::vector<std::string> names;
      for (const SweepGrid& stage : file_.stages) names.push_back(stage.stage);
      for (const Draft& each : drafts_) names.push_back(each.expanded.job.name);
      say_once(setting.place, what + "there is no stage and no run " + in_quotes(reference.run) +
                                  suggest_name(reference.run, names));
      return nullptr;
    }
    return find_in_grid(*grid, reference, draft, setting);
  }

  /// The run of a grid that agrees with the run at hand in every axis but those that are named.
  const Draft* find_in_grid(const SweepGrid& grid, const SweepReference& reference,
                            const Draft& draft, const SweepSetting& setting) {
    const std::string what = setting.key + ": ";
    SweepValues wanted;
    for (const SweepFileAxis& axis : grid.axes) {
      std::string value = value_of(reference.values, axis.name);
      if (value.empty()) value = value_of(draft.expanded.job.values, axis.name);
      if (value.empty()) {
        say_once(setting.place, what + "which run of " +
                                    (grid.stage.empty() ? "the grid" : in_quotes(grid.stage)) +
                                    "? Its axis " + in_quotes(axis.name) +
                                    " has to be named in 'values'");
        return nullptr;
      }
      wanted.emplace_back(axis.name, value);
    }
    for (const auto& [axis, value] : reference.values) {
      std::vector<std::string> names;
      const SweepFileAxis* found = nullptr;
      for (const SweepFileAxis& each : grid.axes) {
        names.push_back(each.name);
        if (each.name == axis) found = &each;
      }
      if (found == nullptr) {
        say_once(setting.place,
                 what + "there is no axis " + in_quotes(axis) + suggest_name(axis, names));
        return nullptr;
      }
      check_value(*found, value, setting.place, setting.key);
    }
    for (const Draft& each : drafts_)
      if (each.expanded.job.stage == grid.stage && each.expanded.job.values == wanted) {
        if (&each != &draft) return &each;
        say_once(setting.place,
                 what + in_quotes(each.expanded.job.name) + " would wait for itself");
        return nullptr;
      }
    std::string text;
    for (const auto& [axis, value] : wanted)
      text.append(text.empty() ? "" : ", ").append(axis).append(" ").append(value);
    say_once(setting.place, what + "there is no run with " + text);
    return nullptr;
  }

  std::vector<ExpandedJob> in_order() {
    if (problems_.count() != before_) return {};
    std::vector<SweepJob> jobs;
    std::map<std::string, Draft*> drafts;
    for (Draft& draft : drafts_) {
      jobs.push_back(draft.expanded.job);
      drafts[draft.expanded.job.name] = &draft;
    }
    const std::vector<std::string> circle = order_jobs(jobs);
    if (!circle.empty()) {
      std::string text;
      for (const std::string& name : circle)
        text += (text.empty() ? "" : " needs ") + in_quotes(name);
      problems_.add(drafts.at(circle.front())->expanded.place,
                    "runs wait for each other in a circle: " + text);
      return {};
    }
    std::vector<ExpandedJob> expanded;
    expanded.reserve(jobs.size());
    for (const SweepJob& job : jobs) expanded.push_back(drafts.at(job.name)->expanded);
    return expanded;
  }

  /// A mistake of an axis comes up with every run.
  void say_once(const ConfigPlace& place, const std::string& message) {
    if (said_.insert(place.text() + message).second) problems_.add(place, message);
  }

  const SweepFile& file_;
  const std::filesystem::path& directory_;
  ConfigProblems& problems_;
  std::size_t before_;
  std::vector<Draft> drafts_;
  std::set<std::string> said_;
};

}  // namespace

std::vector<SweepAxis> axes_of(const SweepFile& file) {
  std::vector<SweepAxis> axes;
  for (const SweepFileAxis& axis : file.grid.axes) {
    SweepAxis plan_axis{axis.name, axis.label, {}};
    for (const SweepValue& value : axis.values) plan_axis.values.push_back(value.name);
    axes.push_back(plan_axis);
  }
  const auto add = [&](const std::string& name, const std::string& value) {
    auto found = std::find_if(axes.begin(), axes.end(),
                              [&](const SweepAxis& axis) { return axis.name == name; });
    if (found == axes.end()) found = axes.insert(axes.end(), SweepAxis{name, name, {}});
    if (std::find(found->values.begin(), found->values.end(), value) == found->values.end())
      found->values.push_back(value);
  };
  for (const SweepFileRun& run : file.grid.runs) {
    for (const auto& [name, value] : run.values) add(name, value);
    if (run.values.empty() && file.grid.axes.empty() && !run.name.empty()) add("run", run.name);
  }
  return axes;
}

std::vector<ExpandedJob> expand_sweep(const SweepFile& file, const std::filesystem::path& directory,
                                      const std::string& repeat, ConfigProblems& problems) {
  return Expander(file, directory, problems).expand(repeat);
}

}  // namespace selfcure
