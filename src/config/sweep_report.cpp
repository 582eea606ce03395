#include "sweep_report.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "item.h"
#include "selfcure/data/text_file.h"
#include "sweep_reader.h"

namespace selfcure {
namespace {

using nlohmann::ordered_json;

class ReportReader {
 public:
  ReportReader(const std::vector<SweepAxis>& axes, ConfigProblems& problems)
      : axes_(axes), problems_(problems) {
    for (const SweepAxis& axis : axes) names_.push_back(axis.name);
  }

  SweepReport read(const ConfigNode& node) {
    SweepReport report;
    ordered_json json = ordered_json::object();
    SectionReader section(node, "report", problems_);
    std::map<std::string, std::string> place_of;  // axis -> the key that has it
    const auto take = [&](const ConfigNode& item, const std::string& key) {
      const SweepAxis* axis = axis_of(item, section.path_of(key));
      if (axis == nullptr) return std::string();
      const auto [earlier, is_new] = place_of.emplace(axis->name, key);
      if (!is_new)
        problems_.add(item.place, section.path_of(key) + ": axis " + in_quotes(axis->name) +
                                      " stands in report." + earlier->second + " already");
      return axis->name;
    };
    for (const char* key : {"rows", "columns"})
      if (const ConfigNode* list = section.list(key)) {
        json[key] = ordered_json::array();
        for (const ConfigNode& item : list->items)
          if (const std::string axis = take(item, key); !axis.empty()) json[key].push_back(axis);
      }
    if (const ConfigNode* repeat = section.find("repeat"))
      report.repeat = take(*repeat, "repeat");
    else if (std::find(names_.begin(), names_.end(), "seed") != names_.end() &&
             place_of.count("seed") == 0)
      report.repeat = "seed";
    if (!report.repeat.empty()) json["repeat"] = report.repeat;
    if (const ConfigNode* baseline = section.section("baseline")) {
      json["baseline"] = ordered_json::object();
      for (const ConfigNode::Entry& entry : baseline->entries)
        if (const SweepAxis* axis = axis_named(entry.key, entry.key_place, "report.baseline")) {
          if (axis->name == report.repeat)
            problems_.add(entry.key_place, "report.baseline: " + in_quotes(axis->name) +
                                               " is the axis of repetitions, which pairs the runs; "
                                               "expected another axis");
          if (is_value(*axis, entry.value, "report.baseline." + entry.key))
            json["baseline"][axis->name] = entry.value.text;
        }
    }
    if (const ConfigNode* published = section.section("published"))
      json["published"] = read_published(*published);
    if (const ConfigNode* faces = section.list("same_faces")) {
      json["same_faces"] = ordered_json::array();
      for (const ConfigNode& item : faces->items) {
        if (item.kind != ConfigNode::Kind::kScalar) {
          problems_.add(item.place,
                        "report.same_faces: expected the name of a run, got " + item.describe());
          continue;
        }
        json["same_faces"].push_back(item.text);
        report.same_faces.emplace_back(item.text, item.place);
      }
    }
    section.finish();
    report.json = json.dump();
    return report;
  }

 private:
  ordered_json read_published(const ConfigNode& node) {
    ordered_json json = ordered_json::object();
    SectionReader section(node, "report.published", problems_);
    for (const char* key : {"table", "figure"}) {
      std::string text;
      if (section.text(key, text)) json[key] = text;
    }
    if (!json.contains("table") && node.find("table") == nullptr)
      section.missing("table", "the name of a published table");
    // Where each column of the published table is a value of an axis.
    if (const ConfigNode* axis_node = section.find("figure_axis"))
      if (const SweepAxis* axis = axis_of(*axis_node, "report.published.figure_axis"))
        json["figure_axis"] = axis->name;
    if (const ConfigNode* match = section.section("match")) {
      json["match"] = ordered_json::object();
      for (const ConfigNode::Entry& entry : match->entries)
        if (const SweepAxis* axis = axis_of(entry.value, "report.published.match." + entry.key))
          json["match"][entry.key] = axis->name;
    }
    if (const ConfigNode* fixed = section.section("fixed")) {
      json["fixed"] = ordered_json::object();
      for (const ConfigNode::Entry& entry : fixed->entries) {
        if (entry.value.kind == ConfigNode::Kind::kScalar)
          json["fixed"][entry.key] = entry.value.text;
        else
          problems_.add(entry.value.place, "report.published.fixed." + entry.key +
                                               ": expected a value, got " + entry.value.describe());
      }
    }
    if (const ConfigNode* as = section.section("as")) {
      json["as"] = ordered_json::object();
      for (const ConfigNode::Entry& entry : as->entries)
        if (const SweepAxis* axis = axis_named(entry.key, entry.key_place, "report.published.as"))
          json["as"][axis->name] = read_translation(*axis, entry.value);
    }
    section.finish();
    return json;
  }

  ordered_json read_translation(const SweepAxis& axis, const ConfigNode& node) {
    ordered_json json = ordered_json::object();
    const std::string path = "report.published.as." + axis.name;
    if (node.kind != ConfigNode::Kind::kSection)
      problems_.add(node.place, path + ": expected a section, got " + node.describe());
    for (const ConfigNode::Entry& entry : node.entries) {
      if (std::find(axis.values.begin(), axis.values.end(), entry.key) == axis.values.end())
        problems_.add(entry.key_place, path + ": axis " + in_quotes(axis.name) + " has no value " +
                                           in_quotes(entry.key) +
                                           suggest_name(entry.key, axis.values));
      else if (entry.value.kind != ConfigNode::Kind::kScalar)
        problems_.add(entry.value.place,
                      path + "." + entry.key + ": expected a value, got " + entry.value.describe());
      else
        json[entry.key] = entry.value.text;
    }
    return json;
  }

  const SweepAxis* axis_of(const ConfigNode& node, const std::string& path) {
    if (node.kind == ConfigNode::Kind::kScalar) return axis_named(node.text, node.place, path);
    problems_.add(node.place, path + ": expected the name of an axis, got " + node.describe());
    return nullptr;
  }

  const SweepAxis* axis_named(const std::string& name, const ConfigPlace& place,
                              const std::string& path) {
    for (const SweepAxis& axis : axes_)
      if (axis.name == name) return &axis;
    problems_.add(place,
                  path + ": there is no axis " + in_quotes(name) + suggest_name(name, names_));
    return nullptr;
  }

  bool is_value(const SweepAxis& axis, const ConfigNode& node, const std::string& path) {
    if (node.kind != ConfigNode::Kind::kScalar) {
      problems_.add(node.place, path + ": expected a value of the axis, got " + node.describe());
      return false;
    }
    if (std::find(axis.values.begin(), axis.values.end(), node.text) != axis.values.end())
      return true;
    problems_.add(node.place, path + ": axis " + in_quotes(axis.name) + " has no value " +
                                  in_quotes(node.text) + suggest_name(node.text, axis.values));
    return false;
  }

  const std::vector<SweepAxis>& axes_;
  ConfigProblems& problems_;
  std::vector<std::string> names_;
};

}  // namespace

SweepReport read_sweep_report(const SweepFile& file, const std::vector<SweepAxis>& axes,
                              ConfigProblems& problems) {
  return ReportReader(axes, problems).read(file.report);
}

}  // namespace selfcure
