#include "selfcure/data/list_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "selfcure/core/errors.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TemporaryDirectory;
using testing::write_file;
using Names = std::vector<std::string>;

const Names kMoods = {"sad", "Happily Surprised"};

/// "path|label", or "none".
std::string split(std::string_view text, const Names& classes = {}) {
  const std::optional<ListLine> line = split_list_line(text, classes);
  if (!line) return "none";
  return std::string(line->path) + "|" + std::string(line->label);
}

TEST(ListLine, IsAPathAndALabelBetweenAnySeparators) {
  for (const char* const text : {"a.jpg 5", "a.jpg\t5", " \ta.jpg \t 5 \t", "a.jpg,5", "a.jpg;5",
                                 "a.jpg , 5", "a.jpg,\t5"}) {
    EXPECT_EQ(split(text), "a.jpg|5") << text;
  }
  EXPECT_EQ(split("no-ending 5"), "no-ending|5");
  EXPECT_EQ(split("a.jpg Surprise"), "a.jpg|Surprise");
  EXPECT_EQ(split("v.mp4;0"), "v.mp4|0");
}

TEST(ListLine, MayHaveAThirdPart) {
  for (const char* const text : {"a.jpg 5 0.9", "a.jpg,5,3", "a.jpg 5 b.jpg", "a.jpg;5;happy"}) {
    EXPECT_EQ(split(text), "a.jpg|5") << text;
  }
  EXPECT_EQ(split("a.jpg sad 0.9"), "a.jpg|sad");
  EXPECT_EQ(split("my a.jpg 5 b.jpg"), "my a.jpg|5");
}

TEST(ListLine, ThePathMayHoldBlanksAndCommas) {
  EXPECT_EQ(split("my  face.jpg 5"), "my  face.jpg|5");
  EXPECT_EQ(split("a.jpg b.jpg 5"), "a.jpg b.jpg|5");
  EXPECT_EQ(split("x.jpg - Copy.jpg 5 0.5"), "x.jpg - Copy.jpg|5");
  EXPECT_EQ(split("a, b; c.jpg,5"), "a, b; c.jpg|5");
  EXPECT_EQ(split("no ending 5"), "no ending|5");
  EXPECT_EQ(split("path,label 5"), "path,label|5");
}

TEST(ListLine, AClassMayHaveSeveralWords) {
  EXPECT_EQ(split("a.jpg Happily Surprised", kMoods), "a.jpg|Happily Surprised");
  EXPECT_EQ(split("a.jpg,happily surprised,0.3", kMoods), "a.jpg|happily surprised");
  EXPECT_EQ(split("a.jpg sad extra", kMoods), "a.jpg|sad");
  EXPECT_EQ(split("a.jpg Happily Surprised"), "none");
}

TEST(ListLine, IsNothingWithoutBoth) {
  for (const char* const text :
       {"", " ", ",", "a.jpg", "my face.jpg", "5", "5 a.jpg", "a.jpg 1 2 3", "a.jpg=5"}) {
    EXPECT_EQ(split(text), std::string(text) == "," ? "|" : "none") << text;
  }
  EXPECT_EQ(split("a.jpg,"), "a.jpg|");
  EXPECT_EQ(split("a.jpg,,5"), "a.jpg|");
}

class Table : public ::testing::Test {
 protected:
  std::string path() const { return (directory_.path() / "t.csv").string(); }
  TemporaryDirectory directory_;
};

TEST_F(Table, LeavesBadRowsOutAndCountsThemIfItMay) {
  write_file(path(), "a,b\n1,2\n3\n\"4,5\n \t\n6,7,8\n9,10");
  BadLines bad;
  CsvTable table(path(), &bad);
  EXPECT_EQ(table.columns(), (Names{"a", "b"}));
  Names rows;
  while (const std::optional<CsvTable::Row> row = table.next_row()) {
    rows.push_back(row->fields[0] + "|" + row->fields[1] + "|" + std::to_string(row->line.number));
  }
  EXPECT_EQ(rows, (Names{"1|2|2", "9|10|7"}));
  EXPECT_EQ(bad.count, 3);
  EXPECT_EQ(bad.messages,
            (Names{path() + ":3: expected 2 fields, got 1",
                   path() + ":4: expected a closing quote in field 1, got the end of the line",
                   path() + ":6: expected 2 fields, got 3"}));
}

TEST_F(Table, StopsAtABadRowUnlessToldOtherwise) {
  write_file(path(), "a,b\n1\n");
  CsvTable table(path());
  EXPECT_THROW((void)table.next_row(), DataError);
}

TEST(BadLines, KeepTheFirstMessagesAndCountAll) {
  BadLines bad;
  for (int i = 0; i < 25; ++i) {
    EXPECT_FALSE(read_or_skip(&bad, [i] { throw DataError(std::to_string(i)); }));
  }
  EXPECT_TRUE(read_or_skip(&bad, [] {}));
  EXPECT_EQ(bad.count, 25);
  EXPECT_EQ(bad.messages, (Names{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}));
}

TEST(BadLines, AreTooManyAtSomePoint) {
  BadLines bad;
  bad.count = kMostBadLines - 1;
  EXPECT_FALSE(read_or_skip(&bad, [] { throw DataError("the last one"); }));
  EXPECT_THROW(read_or_skip(&bad, [] { throw DataError("one more"); }), DataError);
  EXPECT_EQ(bad.count, kMostBadLines);
}

TEST(BadLines, AreNotOtherErrors) {
  BadLines bad;
  EXPECT_THROW(read_or_skip(&bad, [] { throw ConfigError("an option"); }), ConfigError);
  EXPECT_EQ(bad.count, 0);
}

}  // namespace
}  // namespace selfcure
