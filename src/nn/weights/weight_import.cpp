#include "selfcure/nn/weights/weight_import.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>
#include <utility>

#include "selfcure/core/edit_distance.h"
#include "selfcure/core/errors.h"
#include "selfcure/nn/weights/tensor_statistics.h"

namespace selfcure {
namespace {

constexpr const char* kBackbone = "backbone.";
constexpr const char* kCounter = "num_batches_tracked";
constexpr std::size_t kNamesShown = 3;
constexpr std::size_t kNamesCompared = 5000;
// Longer names are no network's; they are listed as unexpected.
constexpr std::size_t kNameLimit = 512;

/// Children of torchvision's ResNet that have weights, by their place in the Sequential.
constexpr std::array<std::pair<const char*, const char*>, 6> kSequentialNames = {{
    {"features.0.", "conv1."},
    {"features.1.", "bn1."},
    {"features.4.", "layer1."},
    {"features.5.", "layer2."},
    {"features.6.", "layer3."},
    {"features.7.", "layer4."},
}};
// torchvision's VGG-16 counts its classifier among the layers before it.
constexpr std::pair<const char*, const char*> kVggNames = {"classifier.6.", "fc."};
constexpr std::pair<const char*, const char*> kAttentionNames = {"alpha.0.", "attention."};

bool starts_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}
bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool is_head_name(const std::string& theirs, const std::string& ours) {
  if (theirs == ours || torchvision_name(theirs) == ours) return true;
  return starts_with(theirs, kVggNames.first) &&
         kVggNames.second + theirs.substr(std::string(kVggNames.first).size()) == ours;
}

/// The part of a name before its first dot.
std::string first_part(const std::string& name) { return name.substr(0, name.find('.')); }

/// Positions in the file by the network's name.
using Matches = std::map<std::string, std::size_t>;

/// Every way to read the names of the file: prefix to what fits under it.
std::map<std::string, Matches> possible_matches(const std::set<std::string>& wanted,
                                                const StateDict& source) {
  std::map<std::string, Matches> all;
  for (const bool is_direct : {true, false}) {
    for (std::size_t i = 0; i < source.size(); ++i) {
      const std::string& name = source[i].name;
      if (name.size() > kNameLimit) continue;
      for (std::size_t at = 0; at != std::string::npos;) {
        const std::string tail = name.substr(at);
        const std::string ours = is_direct ? tail : torchvision_name(tail);
        if (wanted.count(ours) != 0) all[name.substr(0, at)].emplace(ours, i);
        const std::size_t dot = name.find('.', at);
        at = dot == std::string::npos ? dot : dot + 1;
      }
    }
  }
  return all;
}

/// The prefixes under which most fits, the shortest first.
std::vector<std::string> best_prefixes(const std::map<std::string, Matches>& all) {
  std::vector<std::string> best;
  std::size_t count = 0;
  for (const auto& [prefix, matches] : all) {
    if (matches.size() < count) continue;
    if (matches.size() > count) best.clear();
    count = matches.size();
    best.push_back(prefix);
  }
  std::stable_sort(best.begin(), best.end(),
                   [](const auto& a, const auto& b) { return a.size() < b.size(); });
  return best;
}

/// The prefix itself and what is left of it without its last parts: where heads may stand.
std::vector<std::string> outer_prefixes(std::string prefix) {
  std::vector<std::string> all = {prefix};
  while (!prefix.empty()) {
    const std::size_t dot =
        prefix.size() < 2 ? std::string::npos : prefix.rfind('.', prefix.size() - 2);
    prefix = dot == std::string::npos ? "" : prefix.substr(0, dot + 1);
    all.push_back(prefix);
  }
  return all;
}

std::string shape_text(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

class Import {
 public:
  Import(std::map<std::string, at::Tensor>& state, const StateDict& source,
         const WeightImportOptions& options, const std::string& where)
      : state_(state), source_(source), options_(options), where_(where) {}

  ImportReport run() {
    std::set<std::string> wanted;
    for (const auto& [name, tensor] : state_)
      if (starts_with(name, kBackbone)) wanted.insert(name.substr(std::string(kBackbone).size()));
    const auto all = possible_matches(wanted, source_);
    prefix_ = options_.prefix == "auto" ? choose_prefix(all, wanted) : options_.prefix;
    const auto found = all.find(prefix_);
    if (found != all.end()) matches_ = found->second;
    used_.assign(source_.size(), false);
    for (const std::string& name : wanted) take_backbone(name);
    for (const auto& [name, tensor] : state_)
      if (!starts_with(name, kBackbone)) take_head(name);
    for (std::size_t i = 0; i < source_.size(); ++i)
      if (!used_[i])
        add(ImportOutcome::kUnexpected, "", source_[i].name, shape_text(source_[i].value));
    describe_rule();
    if (report_.backbone_loaded == 0 ||
        (report_.backbone_loaded < report_.backbone_total && !options_.partial))
      refuse(wanted);
    if (!options_.partial) refuse_other_network(wanted);
    return std::move(report_);
  }

 private:
  void add(ImportOutcome outcome, const std::string& name, const std::string& source,
           const std::string& detail) {
    report_.rows.push_back({outcome, name, source, detail});
  }

  /// The prefix under which most fits. Two whole networks, such as a student and its teacher, are a
  /// question to the user.
  std::string choose_prefix(const std::map<std::string, Matches>& all,
                            const std::set<std::string>& wanted) const {
    const std::vector<std::string> best = best_prefixes(all);
    if (best.empty()) return "";
    const Matches& matches = all.at(best[0]);
    const auto is_there = [&](const std::string& name) {
      return ends_with(name, kCounter) || matches.count(name) != 0;
    };
    if (best.size() == 1 || !std::all_of(wanted.begin(), wanted.end(), is_there)) return best[0];
    std::string text;
    for (std::size_t i = 0; i < std::min(best.size(), kNamesShown); ++i)
      text += (i ? ", '" : "'") + best[i] + "'";
    throw CheckpointError(where_ +
                          one_line(": expected one network, got " + std::to_string(best.size()) +
                                   ", under the prefixes " + text + " (model.weights_prefix)"));
  }

  /// Refuses a file whose network has more inside of the backbone's own parts: a deeper ResNet has
  /// all tensors of a shallow one, and one with attention in its blocks those of one without.
  void refuse_other_network(const std::set<std::string>& wanted) const {
    std::set<std::string> parts;
    for (const std::string& name : wanted) parts.insert(first_part(name));
    std::string shown;
    std::size_t count = 0;
    for (const ImportRow& row : report_.rows) {
      if (row.outcome != ImportOutcome::kUnexpected || !starts_with(row.source, prefix_)) continue;
      const std::string name = row.source.substr(prefix_.size());
      if (starts_with(name, kVggNames.first) ||
          (parts.count(first_part(name)) == 0 &&
           parts.count(first_part(torchvision_name(name))) == 0))
        continue;
      if (count++ < kNamesShown) shown += (shown.empty() ? "'" : ", '") + row.source + "'";
    }
    if (count == 0) return;
    throw CheckpointError(where_ +
                          one_line(": expected the network of model.backbone, got one with " +
                                   std::to_string(count) + " tensors more inside of it: " + shown +
                                   (count > kNamesShown ? ", ..." : "") +
                                   " (model.weights_partial: true leaves them out)"));
  }

  /// Loads a tensor where the shapes agree.
  bool load(const std::string& name, std::size_t position) {
    at::Tensor& target = state_.at(name);
    const NamedTensor& source = source_[position];
    used_[position] = true;
    if (source.value.sizes() != target.sizes()) {
      add(ImportOutcome::kShapeMismatch, name, source.name,
          "expected " + shape_text(target) + ", got " + shape_text(source.value));
      return false;
    }
    at::Tensor value = source.value.to(target.device(), target.scalar_type());
    if (at::isFloatingType(value.scalar_type()) && count_not_finite(value) > 0)
      throw CheckpointError(where_ +
                            one_line(": '" + source.name + "' holds NaN or infinite weights"));
    const bool is_same_type = source.value.scalar_type() == target.scalar_type();
    add(ImportOutcome::kLoaded, name, source.name,
        is_same_type ? ""
                     : std::string(c10::toString(source.value.scalar_type())) + " to " +
                           c10::toString(target.scalar_type()));
    target = std::move(value);
    return true;
  }

  void take_backbone(const std::string& name) {
    const bool is_counter = ends_with(name, kCounter);
    const auto match = matches_.find(name);
    if (!is_counter) ++report_.backbone_total;
    if (match == matches_.end())
      return add(ImportOutcome::kMissing, kBackbone + name, "",
                 is_counter ? "old files have no such counters; nothing depends on it" : "");
    if (load(kBackbone + name, match->second) && !is_counter) ++report_.backbone_loaded;
  }

  void take_head(const std::string& name) {
    for (const std::string& prefix : outer_prefixes(prefix_)) {
      for (std::size_t i = 0; i < source_.size(); ++i) {
        const std::string& candidate = source_[i].name;
        if (used_[i] || !starts_with(candidate, prefix)) continue;
        const std::string tail = candidate.substr(prefix.size());
        if (!is_head_name(tail, name)) continue;
        if (options_.take_heads) {
          load(name, i);
          return;
        }
        used_[i] = true;
        return add(ImportOutcome::kLeftOut, name, candidate, "initial weights");
      }
    }
    add(ImportOutcome::kMissing, name, "", "initial weights");
  }

  void describe_rule() {
    std::string& rule = report_.rule;
    if (!prefix_.empty()) rule = "without the prefix '" + prefix_ + "'";
    for (const ImportRow& row : report_.rows) {
      if (row.outcome != ImportOutcome::kLoaded ||
          row.source.find("features.") == std::string::npos ||
          row.name.find("features.") != std::string::npos)
        continue;
      rule += (rule.empty() ? "" : ", ") + std::string("features.N read as torchvision's names");
      break;
    }
    if (rule.empty()) rule = "names as they are";
  }

  std::string nearest(const std::string& name) const {
    std::vector<std::pair<std::size_t, std::string>> ranked;
    for (std::size_t i = 0; i < std::min(source_.size(), kNamesCompared); ++i) {
      const std::string other = source_[i].name.substr(0, 200);
      ranked.emplace_back(edit_distance(name, other), other);
    }
    const std::size_t count = std::min<std::size_t>(ranked.size(), 2);
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(count),
                      ranked.end());
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += (i ? ", '" : "'") + ranked[i].second + "'";
    return text;
  }

  [[noreturn]] void refuse(const std::set<std::string>& wanted) const {
    std::string text = ": expected all " + std::to_string(report_.backbone_total) +
                       " tensors of the backbone, got " + std::to_string(report_.backbone_loaded) +
                       " (" + report_.rule + ")";
    std::size_t shown = 0;
    for (const ImportRow& row : report_.rows) {
      if (!starts_with(row.name, kBackbone) || ends_with(row.name, kCounter)) continue;
      const std::string name = row.name.substr(std::string(kBackbone).size());
      if (row.outcome == ImportOutcome::kShapeMismatch && shown++ < kNamesShown)
        text += "; '" + row.source + "' " + row.detail;
      if (row.outcome == ImportOutcome::kMissing && shown++ < kNamesShown)
        text += "; '" + name + "' is missing" +
                (source_.empty() ? "" : ", nearest in the file: " + nearest(prefix_ + name));
    }
    if (shown > kNamesShown) text += "; and " + std::to_string(shown - kNamesShown) + " more";
    if (report_.backbone_loaded > 0 && !wanted.empty())
      text += " (model.weights_partial: true takes what fits)";
    throw CheckpointError(where_ + one_line(text));
  }

  std::map<std::string, at::Tensor>& state_;
  const StateDict& source_;
  const WeightImportOptions& options_;
  const std::string& where_;
  std::string prefix_;
  Matches matches_;
  std::vector<bool> used_;
  ImportReport report_;
};

}  // namespace

const char* import_outcome_name(ImportOutcome outcome) {
  constexpr std::array<const char*, 5> kNames = {"loaded", "missing", "unexpected",
                                                 "shape mismatch", "left out"};
  return kNames.at(static_cast<std::size_t>(outcome));
}

std::int64_t ImportReport::count(ImportOutcome outcome) const {
  return std::count_if(rows.begin(), rows.end(),
                       [&](const ImportRow& row) { return row.outcome == outcome; });
}

std::string ImportReport::summary() const {
  std::string text = std::to_string(backbone_loaded) + " of " + std::to_string(backbone_total) +
                     " backbone tensors loaded (" + rule + ")";
  for (const ImportOutcome outcome : {ImportOutcome::kLeftOut, ImportOutcome::kMissing,
                                      ImportOutcome::kUnexpected, ImportOutcome::kShapeMismatch})
    if (const std::int64_t number = count(outcome); number > 0)
      text += ", " + std::to_string(number) + " " + import_outcome_name(outcome);
  std::string heads;
  for (const ImportRow& row : rows)
    if (row.outcome == ImportOutcome::kLoaded && !starts_with(row.name, kBackbone))
      heads += (heads.empty() ? "" : ", ") + row.name;
  return text + (heads.empty() ? "; the classifier starts afresh" : "; heads taken: " + heads);
}

std::string ImportReport::table(std::size_t limit) const {
  std::string text;
  for (const ImportOutcome outcome : {ImportOutcome::kMissing, ImportOutcome::kShapeMismatch,
                                      ImportOutcome::kLeftOut, ImportOutcome::kUnexpected}) {
    std::size_t shown = 0;
    for (const ImportRow& row : rows) {
      if (row.outcome != outcome || shown++ >= limit) continue;
      text += one_line(std::string(import_outcome_name(outcome)) + ": " +
                       (row.name.empty() ? row.source : row.name) +
                       (row.source.empty() || row.name.empty() ? "" : " from " + row.source) +
                       (row.detail.empty() ? "" : " (" + row.detail + ")")) +
              "\n";
    }
    if (shown > limit)
      text += std::string(import_outcome_name(outcome)) + ": and " + std::to_string(shown - limit) +
              " more\n";
  }
  return text;
}

std::string torchvision_name(const std::string& name) {
  for (const auto& [theirs, ours] : kSequentialNames)
    if (starts_with(name, theirs)) return ours + name.substr(std::string(theirs).size());
  if (starts_with(name, kAttentionNames.first))
    return kAttentionNames.second + name.substr(std::string(kAttentionNames.first).size());
  return name;
}

std::string published_scn_name(const std::string& name) {
  std::string own =
      starts_with(name, kBackbone) ? name.substr(std::string(kBackbone).size()) : name;
  for (const auto& [theirs, ours] : kSequentialNames)
    if (starts_with(own, ours)) return theirs + own.substr(std::string(ours).size());
  if (starts_with(own, kAttentionNames.second))
    return kAttentionNames.first + own.substr(std::string(kAttentionNames.second).size());
  return own;
}

ImportReport import_weights(std::map<std::string, at::Tensor>& state, const StateDict& source,
                            const WeightImportOptions& options, const std::string& where) {
  return Import(state, source, options, where).run();
}

}  // namespace selfcure
