#include "selfcure/data/npy_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "selfcure/core/errors.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using namespace std::string_literals;

/// A file as numpy.save writes it.
std::string npy(const std::string& descr, const std::string& data,
                const std::string& shape = "()") {
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  return "\x93NUMPY\x01"s + '\0' + static_cast<char>(header.size()) + '\0' + header + data;
}

std::int64_t value_of(const std::string& bytes) { return parse_npy_integer(bytes, "7_exp.npy"); }

std::string complaint(const std::string& bytes) {
  try {
    (void)value_of(bytes);
  } catch (const DataError& error) {
    return error.what();
  }
  return "no complaint";
}

TEST(NpyFile, ReadsEveryFormOfTheSameNumber) {
  EXPECT_EQ(value_of(npy("<U1", "5\0\0\0"s)), 5);
  EXPECT_EQ(value_of(npy(">U1", "\0\0\0005"s)), 5);
  EXPECT_EQ(value_of(npy("<U3", "5\0\0\0\0\0\0\0\0\0\0\0"s)), 5);
  EXPECT_EQ(value_of(npy("|S2", "10")), 10);
  EXPECT_EQ(value_of(npy("<i8", "\x05\0\0\0\0\0\0\0"s)), 5);
  EXPECT_EQ(value_of(npy(">i4", "\0\0\0\x05"s)), 5);
  EXPECT_EQ(value_of(npy("|u1", "\x05")), 5);
  EXPECT_EQ(value_of(npy("|b1", "\x01")), 1);
  EXPECT_EQ(value_of(npy("<f4", "\0\0\xA0\x40"s)), 5);
  EXPECT_EQ(value_of(npy(">f8", "\x40\x14\0\0\0\0\0\0"s)), 5);
  EXPECT_EQ(value_of(npy("<i8", "\x05\0\0\0\0\0\0\0"s, "(1,)")), 5);
  EXPECT_EQ(value_of(npy("<i8", "\x05\0\0\0\0\0\0\0"s, "(1, 1)")), 5);
}

TEST(NpyFile, KeepsTheSignOfNarrowIntegers) {
  EXPECT_EQ(value_of(npy("|i1", "\xFE")), -2);
  EXPECT_EQ(value_of(npy("<i2", "\xFE\xFF")), -2);
}

TEST(NpyFile, RefusesWhatIsNoWholeNumber) {
  EXPECT_EQ(complaint(npy("<f4", "\0\0\xC0\x3F"s)),
            "7_exp.npy: expected a whole number, got 1.500000");
  EXPECT_EQ(complaint(npy("<f4", "\0\0\xC0\x7F"s)), "7_exp.npy: expected a whole number, got nan");
  EXPECT_EQ(complaint(npy("<U2", "a\0\0\0b\0\0\0"s)),
            "7_exp.npy: expected a whole number, got 'ab'");
  EXPECT_EQ(complaint(npy("<u8", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")),
            "7_exp.npy: expected a number below 2^63, got a greater one");
}

TEST(NpyFile, RefusesOtherTypesAndShapes) {
  EXPECT_EQ(complaint(npy("|O", "")),
            "7_exp.npy: expected an integer, a float or text, got type '|O'");
  EXPECT_EQ(complaint(npy("<i3", "abc")),
            "7_exp.npy: expected an integer, a float or text, got type '<i3'");
  EXPECT_EQ(complaint(npy("<U99999999999999999999", "")),
            "7_exp.npy: expected an integer, a float or text, got type '<U99999999999999999999'");
  EXPECT_EQ(complaint(npy("<i8", "", "(68, 2)")),
            "7_exp.npy: expected one number, got an array of shape (68, 2)");
  EXPECT_EQ(complaint(npy("<i8", "", "(0,)")),
            "7_exp.npy: expected one number, got an array of shape (0,)");
}

TEST(NpyFile, RefusesHostileHeaders) {
  EXPECT_EQ(complaint(""), "7_exp.npy: expected a NumPy file, got something else");
  EXPECT_EQ(complaint("\x93NUMPY\x01"), "7_exp.npy: expected a NumPy file, got something else");
  EXPECT_EQ(complaint("\x93NUMPY\x09\0abcd"s),
            "7_exp.npy: expected a NumPy file of version 1 to 3, got 9");
  EXPECT_EQ(complaint("\x93NUMPY\x02\0\xFF\xFF\xFF\xFF{"s),
            "7_exp.npy: expected a header of 4294967295 bytes, got the end of the file");
  EXPECT_EQ(complaint("\x93NUMPY\x01\0\x02\0{}"s),
            "7_exp.npy: expected a header with a simple type, got '{}'");
  EXPECT_EQ(complaint("\x93NUMPY\x01\0\x10\0{'descr':'<i8'} "s),
            "7_exp.npy: expected a header with a shape, got '{'descr':'<i8'} '");
}

TEST(NpyFile, EveryTruncationIsRefused) {
  const std::string whole = npy("<i8", "\x05\0\0\0\0\0\0\0"s);
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    EXPECT_THROW((void)value_of(whole.substr(0, bytes)), DataError) << bytes;
  }
  EXPECT_EQ(complaint(whole.substr(0, whole.size() - 1)),
            "7_exp.npy: expected 8 bytes of data, got 7");
}

TEST(NpyFile, AFileIsReadAndALargeOneIsNot) {
  const testing::TemporaryDirectory folder;
  const std::filesystem::path path = folder.path() / "1_exp.npy";
  std::ofstream(path, std::ios::binary) << npy("<U1", "3\0\0\0"s);
  EXPECT_EQ(read_npy_integer(path), 3);
  std::ofstream(path, std::ios::binary) << std::string(kMaxNpyScalarBytes + 1, 'x');
  EXPECT_THROW((void)read_npy_integer(path), DataError);
  try {
    (void)read_npy_integer(folder.path() / "2_exp.npy");
    FAIL();
  } catch (const DataError& error) {
    EXPECT_EQ(error.what(), (folder.path() / "2_exp.npy").string() +
                                ": expected a NumPy file, found nothing there");
  }
}

// A test that hangs here waits for somebody who writes to the pipe.
TEST(NpyFile, APipeAndAFolderAreRefused) {
  const testing::TemporaryDirectory folder;
  const std::filesystem::path pipe = folder.path() / "1_exp.npy";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const std::filesystem::path& path : {pipe, folder.path()}) {
    try {
      (void)read_npy_integer(path);
      FAIL() << path;
    } catch (const DataError& error) {
      EXPECT_EQ(error.what(), path.string() +
                                  ": expected a NumPy file, found something that is not a plain "
                                  "file");
    }
  }
}

}  // namespace
}  // namespace selfcure
