#include "selfcure/report/csv_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "selfcure/core/errors.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TemporaryDirectory;
using testing::write_file;
using Fields = std::vector<std::string>;

class CsvReaderTest : public ::testing::Test {
 protected:
  std::filesystem::path file(const std::string& text) {
    write_file(directory_.path() / "table.csv", text);
    return directory_.path() / "table.csv";
  }
  /// Message of the error that reading all of a text ends with, or "".
  std::string error_of(const std::string& text) {
    try {
      CsvReader reader(file(text));
      for (Fields fields; reader.next(fields);) {
      }
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  }
  TemporaryDirectory directory_;
};

TEST_F(CsvReaderTest, ReadsQuotesCommasAndLineBreaks) {
  CsvReader reader(file("\xEF\xBB\xBFid,name\r\n1,\"a, \"\"b\"\"\nc\"\n2,\n3,last"));
  EXPECT_EQ(reader.header(), (Fields{"id", "name"}));
  Fields fields;
  ASSERT_TRUE(reader.next(fields));
  EXPECT_EQ(fields, (Fields{"1", "a, \"b\"\nc"}));
  ASSERT_TRUE(reader.next(fields));
  EXPECT_EQ(fields, (Fields{"2", ""}));
  ASSERT_TRUE(reader.next(fields));
  EXPECT_EQ(fields, (Fields{"3", "last"}));
  EXPECT_FALSE(reader.next(fields));
}

TEST_F(CsvReaderTest, NamesTheLineOfAMistake) {
  EXPECT_NE(error_of("a,b\n1,2\n\"x\ny\",2\n3\n").find("table.csv:5: expected 2 fields, got 1"),
            std::string::npos);
  EXPECT_NE(error_of("a,b\n1,\"2\n").find(":2: expected a closing quote"), std::string::npos);
  EXPECT_NE(error_of("a,b\n\"1\"x,2\n").find(":2: expected a comma behind the closing quote"),
            std::string::npos);
  EXPECT_NE(error_of("").find("got an empty file"), std::string::npos);
}

TEST_F(CsvReaderTest, RefusesARecordWithoutEnd) {
  EXPECT_NE(error_of("a\n\"" + std::string(CsvReader::kMaxRecordBytes, 'x')).find(":2: expected a"),
            std::string::npos);
}

TEST_F(CsvReaderTest, NumbersAreWholeFields) {
  CsvReader reader(file("n\n1.5\n1.5x\nnan\n"));
  Fields fields;
  ASSERT_TRUE(reader.next(fields));
  EXPECT_EQ(reader.number(fields, 0), 1.5);
  EXPECT_THROW(reader.integer(fields, 0), DataError);
  ASSERT_TRUE(reader.next(fields));
  EXPECT_THROW(reader.number(fields, 0), DataError);
  ASSERT_TRUE(reader.next(fields));
  EXPECT_TRUE(reader.number(fields, 0) != reader.number(fields, 0));
}

TEST_F(CsvReaderTest, AFolderIsNoTable) {
  EXPECT_THROW(CsvReader(directory_.path()), DataError);
  EXPECT_THROW(CsvReader(directory_.path() / "nothing.csv"), DataError);
  EXPECT_THROW(CsvReader(file("a\n")).column("b"), DataError);
}

}  // namespace
}  // namespace selfcure
