#include "selfcure/report/published_figures.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

/// "table | field=value ... | figure" -> percent, NaN for null.
using Flat = std::map<std::string, double>;

double figure_in(const YAML::Node& node) {
  return node.IsNull() ? std::nan("") : node.as<double>();
}

void add(Flat& flat, const std::string& table, std::set<std::string> fields,
         const std::string& figure, const YAML::Node& value) {
  std::string key = table;
  for (const std::string& field : fields) key += " " + field;
  EXPECT_TRUE(flat.emplace(key + " " + figure, figure_in(value)).second) << key << " " << figure;
}

Flat flat_yaml() {
  const YAML::Node root =
      YAML::LoadFile(std::string(SELFCURE_SOURCE_DIR) + "/docs/published_figures.yaml");
  const std::set<std::string> figures = {"raf_db", "affectnet", "ferplus", "scratch", "pretrain"};
  Flat flat;
  for (const auto& entry : root) {
    const auto table = entry.first.as<std::string>();
    if (entry.second.IsSequence()) {
      for (const YAML::Node& row : entry.second) {
        // Table 1 has a field of the name that is a figure in Table 5.
        const auto is_figure = [&](const std::string& name) {
          return figures.count(name) > 0 &&
                 !(name == "pretrain" && table == "table1_synthetic_noise");
        };
        std::set<std::string> fields;
        for (const auto& cell : row)
          if (!is_figure(cell.first.as<std::string>()))
            fields.insert(cell.first.as<std::string>() + "=" + cell.second.as<std::string>());
        for (const auto& cell : row)
          if (is_figure(cell.first.as<std::string>()))
            add(flat, table, fields, cell.first.as<std::string>(), cell.second);
      }
      continue;
    }
    for (const auto& row : entry.second) {
      const auto name = row.first.as<std::string>();
      if (row.second.IsScalar()) add(flat, table, {"gamma=" + name}, "raf_db", row.second);
      if (!row.second.IsMap()) continue;
      for (const auto& cell : row.second) {
        const std::string method = "method=" + cell.first.as<std::string>();
        if (cell.second.IsScalar()) add(flat, table, {method}, name, cell.second);
        if (!cell.second.IsSequence()) continue;
        for (std::size_t i = 0; i < cell.second.size(); ++i)
          add(flat, table, {method, "noise=" + std::to_string(10 * i)}, name, cell.second[i]);
      }
    }
  }
  return flat;
}

Flat flat_program() {
  Flat flat;
  for (const PublishedTable& table : published_tables())
    for (const PublishedRow& row : table.rows) {
      std::set<std::string> fields;
      for (const auto& [name, value] : row.fields) fields.insert(name + "=" + value);
      std::string key = table.name;
      for (const std::string& field : fields) key += " " + field;
      for (const auto& [name, value] : row.figures)
        EXPECT_TRUE(flat.emplace(key + " " + name, value).second) << key << " " << name;
    }
  return flat;
}

TEST(PublishedFigures, AreThoseOfTheFileInTheDocumentation) {
  const Flat expected = flat_yaml(), got = flat_program();
  ASSERT_GT(expected.size(), 100U);
  EXPECT_EQ(got.size(), expected.size());
  for (const auto& [key, value] : expected) {
    const auto found = got.find(key);
    ASSERT_NE(found, got.end()) << key;
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(found->second)) << key;
    else
      EXPECT_EQ(found->second, value) << key;
  }
}

TEST(PublishedFigures, EveryTableSaysWhereItIsFromAndHowItWasMade) {
  for (const PublishedTable& table : published_tables()) {
    EXPECT_FALSE(table.source.empty()) << table.name;
    EXPECT_FALSE(table.recipe.empty()) << table.name;
  }
}

TEST(PublishedFigures, AreFoundByTheValuesOfARow) {
  const Fields fields = {{"method", "scn"}, {"noise", "0.1"}, {"pretrain", "false"}};
  EXPECT_EQ(published_figure("table1_synthetic_noise", fields, "raf_db"), 70.26);
  EXPECT_EQ(published_figure("table1_synthetic_noise",
                             {{"method", "scn"}, {"noise", "30"}, {"pretrain", "true"}}, "ferplus"),
            82.47);
  EXPECT_EQ(published_figure("table6_gamma_on_raf_db", {{"gamma", "0.50"}}, ""), 78.31);
  EXPECT_EQ(published_figure("table7_comparison", {{"method", "scn_resnet18"}}, "ferplus"), 88.01);
  EXPECT_EQ(published_figure("anchors_since", {{"method", "eac"}, {"noise", "0.3"}}, "raf_db"),
            84.42);
}

TEST(PublishedFigures, UnreportedAndUnmatchedOnesAreUnknown) {
  EXPECT_FALSE(published_figure("table1_synthetic_noise",
                                {{"method", "metacleaner"}, {"noise", "10"}, {"pretrain", "false"}},
                                "ferplus"));
  EXPECT_FALSE(published_figure("table1_synthetic_noise", {{"noise", "0.4"}}, "raf_db"));
}

TEST(PublishedFigures, AWrongNameIsAnErrorThatListsTheRightOnes) {
  const auto message = [](const std::string& table, const Fields& fields,
                          const std::string& figure) -> std::string {
    try {
      published_figure(table, fields, figure);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message("table2", {}, "").find("table1_synthetic_noise"), std::string::npos);
  EXPECT_NE(message("table1_synthetic_noise", {{"ratio", "1"}}, "raf_db").find("noise"),
            std::string::npos);
  EXPECT_NE(message("table1_synthetic_noise", {}, "rafdb").find("raf_db"), std::string::npos);
  EXPECT_NE(message("table1_synthetic_noise", {}, "").find("raf_db"), std::string::npos);
}

// Without the field that tells them apart, the figure of the first row would be as good as any.
TEST(PublishedFigures, ValuesThatFitSeveralRowsAreAnError) {
  try {
    published_figure("table1_synthetic_noise", {{"method", "scn"}, {"noise", "10"}}, "raf_db");
    FAIL() << "expected an error";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("several rows with raf_db; its fields are pretrain"),
              std::string::npos)
        << error.what();
  }
}

TEST(SameValue, TakesTextsNumbersAndPercentages) {
  EXPECT_TRUE(same_value("scn", "scn"));
  EXPECT_TRUE(same_value("0.50", "0.5"));
  EXPECT_TRUE(same_value("0.3", "30"));
  EXPECT_TRUE(same_value("30", "30"));
  EXPECT_TRUE(same_value("0", "0"));
  EXPECT_FALSE(same_value("3", "30"));
  EXPECT_FALSE(same_value("0.1", "20"));
  EXPECT_FALSE(same_value("scn", "baseline"));
  EXPECT_FALSE(same_value("", "0"));
}

}  // namespace
}  // namespace selfcure
