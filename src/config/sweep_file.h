#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "selfcure/config/sweep_config.h"
#include "tree.h"

namespace selfcure {

/// A run that feeds another: a stage, a run's name, or values of axes.
struct SweepReference {
  /// Stage or run; empty: a run of the main grid with these values.
  std::string run;
  /// Values of axes that differ from those of the run at hand.
  SweepValues values;
  /// last or best
  std::string checkpoint = "last";
};

/// A key that a run overrides.
struct SweepSetting {
  std::string key;
  /// YAML on one line.
  std::string value;
  ConfigPlace place;
  std::optional<SweepReference> reference;
};

/// One value of an axis.
struct SweepValue {
  std::string name;
  ConfigPlace place;
  /// Another base config; empty: that of the grid.
  std::filesystem::path config;
  ConfigPlace config_place;
  std::vector<SweepSetting> settings;
};

struct SweepFileAxis {
  std::string name;
  std::string label;
  ConfigPlace place;
  std::vector<SweepValue> values;
};

struct SweepExclusion {
  ConfigPlace place;
  /// A run with all of these is left out; several values of an axis stand for any of them.
  std::vector<std::pair<std::string, std::vector<std::string>>> values;
};

/// A run that is written out instead of following from axes.
struct SweepFileRun {
  std::string name;
  ConfigPlace place;
  std::filesystem::path config;
  ConfigPlace config_place;
  std::vector<SweepSetting> settings;
  SweepValues values;
};

/// The product of axes, or a stage's.
struct SweepGrid {
  /// Name of the stage; empty: the grid of the table.
  std::string stage;
  ConfigPlace place;
  std::filesystem::path base;
  ConfigPlace base_place;
  std::vector<SweepSetting> set;
  std::vector<SweepFileAxis> axes;
  std::vector<SweepExclusion> exclude;
  std::vector<SweepFileRun> runs;
};

/// A sweep file as it is written.
struct SweepFile {
  std::string name;
  std::string title;
  std::string metric = "test_accuracy";
  SweepGrid grid;
  std::vector<SweepGrid> stages;
  std::vector<SweepFaces> faces;
  /// The section `report`, unread, and its place.
  ConfigNode report;
  ConfigPlace place;
};

/// Reads a document. @param folder  of the file, where base configs are looked for
SweepFile read_sweep_file(const ConfigNode& document, const std::filesystem::path& folder,
                          ConfigProblems& problems);

/// The document with the section `demo` in place of what it replaces; `demo.faces` moves to the
/// top.
ConfigNode with_demo(const ConfigNode& document, ConfigProblems& problems);

/// A value as YAML on one line, as --set takes it.
std::string flow_text(const ConfigNode& node);

/// Safe as a part of a folder's name.
bool is_safe_name(const std::string& text);

}  // namespace selfcure
