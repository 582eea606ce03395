#include "selfcure/data/text_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "selfcure/core/errors.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TemporaryDirectory;
using testing::write_file;
using Lines = std::vector<std::pair<std::int64_t, std::string>>;

class TextFileTest : public ::testing::Test {
 protected:
  std::filesystem::path file(std::string_view text) {
    write_file(path(), text);
    return path();
  }
  std::filesystem::path path() const { return directory_.path() / "list.txt"; }

  Lines lines_of(std::string_view text) {
    TextFile in(file(text));
    Lines lines;
    while (const std::optional<TextLine> line = in.next_line()) {
      lines.emplace_back(line->number, line->text);
    }
    return lines;
  }

  std::vector<std::string> fields_of(std::string_view text) {
    TextFile in(file(text));
    return in.csv_fields(in.next_line().value());
  }

  std::string csv_error(std::string_view text) {
    try {
      (void)fields_of(text);
    } catch (const DataError& error) {
      return error.what();
    }
    return "no DataError";
  }

  TemporaryDirectory directory_;
};

std::string open_error(const std::filesystem::path& path,
                       std::uintmax_t max_bytes = kMaxTextFileBytes) {
  try {
    TextFile in(path, max_bytes);
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

TEST_F(TextFileTest, NumbersLinesFromOne) {
  EXPECT_EQ(lines_of("a\nb\n\nc\n"), (Lines{{1, "a"}, {2, "b"}, {3, ""}, {4, "c"}}));
}

TEST_F(TextFileTest, ReadsALastLineWithoutItsEnd) {
  EXPECT_EQ(lines_of("a\nb"), (Lines{{1, "a"}, {2, "b"}}));
}

TEST_F(TextFileTest, TakesOffCarriageReturns) {
  EXPECT_EQ(lines_of("a\r\nb\r\n\r\nc\r"), (Lines{{1, "a"}, {2, "b"}, {3, ""}, {4, "c"}}));
}

TEST_F(TextFileTest, SkipsAByteOrderMarkAtTheStartOnly) {
  EXPECT_EQ(lines_of("\xEF\xBB\xBF"
                     "a\n\xEF\xBB\xBF"
                     "b\n"),
            (Lines{{1, "a"},
                   {2,
                    "\xEF\xBB\xBF"
                    "b"}}));
  EXPECT_EQ(lines_of("\xEF\xBB\xBF"), Lines{});
}

TEST_F(TextFileTest, AnEmptyFileHasNoLines) { EXPECT_EQ(lines_of(""), Lines{}); }

TEST_F(TextFileTest, NamesAMissingFile) {
  EXPECT_EQ(open_error(path()), path().string() + ": expected a text file, found nothing there");
}

TEST_F(TextFileTest, NamesAFileBelowAFile) {
  const std::filesystem::path below = file("a") / "b.txt";
  EXPECT_EQ(open_error(below).rfind(below.string() + ": ", 0), 0U) << open_error(below);
}

TEST_F(TextFileTest, NamesAFolder) {
  EXPECT_EQ(open_error(directory_.path()),
            directory_.path().string() + ": expected a text file, found a folder");
}

TEST_F(TextFileTest, NamesADevice) {
  EXPECT_EQ(open_error("/dev/null"),
            "/dev/null: expected a text file, found something that is not a plain file");
}

TEST_F(TextFileTest, NamesAFileThatMayNotBeRead) {
  file("a");
  std::filesystem::permissions(path(), std::filesystem::perms::none);
  if (std::ifstream(path())) GTEST_SKIP() << "this user may read everything";
  EXPECT_EQ(open_error(path()), path().string() + ": cannot be opened for reading");
}

TEST_F(TextFileTest, RejectsAFileAboveTheSizeCap) {
  file("12345");
  EXPECT_EQ(open_error(path(), 4), path().string() + ": expected at most 4 bytes, got 5");
  EXPECT_EQ(open_error(path(), 5), "no DataError");
}

TEST_F(TextFileTest, SplitsPlainFieldsAndKeepsEmptyOnes) {
  EXPECT_EQ(fields_of("a,b c,,d\n"), (std::vector<std::string>{"a", "b c", "", "d"}));
  EXPECT_EQ(fields_of("a,\n"), (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(fields_of(",\n"), (std::vector<std::string>{"", ""}));
  EXPECT_EQ(fields_of("\n"), (std::vector<std::string>{""}));
}

TEST_F(TextFileTest, KeepsCommasInsideQuotes) {
  EXPECT_EQ(fields_of("fer.png,\"(0, 0, 48, 48)\",4\n"),
            (std::vector<std::string>{"fer.png", "(0, 0, 48, 48)", "4"}));
}

TEST_F(TextFileTest, HalvesDoubledQuotes) {
  EXPECT_EQ(fields_of("\"say \"\"hi\"\"\",\"\",\"\"\"\"\n"),
            (std::vector<std::string>{"say \"hi\"", "", "\""}));
}

TEST_F(TextFileTest, NamesTheLineOfAnOpenQuote) {
  EXPECT_EQ(csv_error("a,\"b,c\n"), path().string() +
                                        ":1: expected a closing quote in field 2, got the end of "
                                        "the line");
}

TEST_F(TextFileTest, NamesTheLineOfTextAfterAQuote) {
  EXPECT_EQ(csv_error("\"a\"b,c\n"),
            path().string() + ":1: expected a comma after the closing quote of field 1, got 'b,c'");
}

TEST_F(TextFileTest, FailSaysFileAndLine) {
  TextFile in(file("a\nb\n"));
  in.next_line();
  const TextLine second = in.next_line().value();
  try {
    in.fail(second, "expected c, got b");
    FAIL() << "no DataError";
  } catch (const DataError& error) {
    EXPECT_EQ(error.what(), path().string() + ":2: expected c, got b");
  }
}

TEST_F(TextFileTest, TellsFoldersFromFilesAndNothing) {
  file("a");
  EXPECT_TRUE(folder_exists(directory_.path()));
  EXPECT_FALSE(folder_exists(path()));
  EXPECT_TRUE(path_exists(path()));
  EXPECT_FALSE(path_exists(directory_.path() / "absent"));
  EXPECT_FALSE(path_exists(path() / "below a file"));
  EXPECT_FALSE(path_exists(std::string(5000, 'x')));  // too long a name for any file system
}

TEST(ParseInteger, TakesDecimalDigitsAndAMinusSign) {
  EXPECT_EQ(parse_integer("0"), 0);
  EXPECT_EQ(parse_integer("007"), 7);
  EXPECT_EQ(parse_integer("-12"), -12);
  EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
}

TEST(ParseInteger, RefusesEverythingElse) {
  for (const char* const text :
       {"", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "one", "--1", "9223372036854775808"}) {
    EXPECT_EQ(parse_integer(text), std::nullopt) << text;
  }
}

TEST(InQuotes, CutsLongTextAndHidesControlCharacters) {
  EXPECT_EQ(in_quotes("abc"), "'abc'");
  EXPECT_EQ(in_quotes("a\tb\x7F"), "'a?b?'");
  EXPECT_EQ(in_quotes(std::string(60, 'x')), "'" + std::string(60, 'x') + "'");
  EXPECT_EQ(in_quotes(std::string(61, 'x')), "'" + std::string(60, 'x') + "...'");
}

TEST(SplitBlanks, GivesThePartsBetweenRunsOfBlanks) {
  using Parts = std::vector<std::string_view>;
  EXPECT_EQ(split_blanks("a b"), (Parts{"a", "b"}));
  EXPECT_EQ(split_blanks(" \ta  b\t\tc "), (Parts{"a", "b", "c"}));
  EXPECT_EQ(split_blanks(" \t"), Parts{});
  EXPECT_EQ(split_blanks(""), Parts{});
}

}  // namespace
}  // namespace selfcure
