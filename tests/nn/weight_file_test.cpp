#include "selfcure/nn/weights/weight_file.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "nn/weights/checksum.h"
#include "nn/weights/zip_writer.h"
#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryDirectory;
using testing::write_file;

const fs::path kFixtures = fs::path(SELFCURE_SOURCE_DIR) / "tests/data/weights";

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

const StoredTensor& tensor(const WeightFile& file, const std::string& name) {
  for (const StoredTensor& candidate : file.index().tensors)
    if (candidate.name == name) return candidate;
  throw std::out_of_range(name);
}

std::string value(const WeightFile& file, const std::string& name) {
  for (const StoredValue& candidate : file.index().values)
    if (candidate.name == name) return candidate.text;
  throw std::out_of_range(name);
}

/// The error of opening a file and reading all of it; empty when there is none.
std::string error_of(const fs::path& path) {
  try {
    const WeightFile file(path);
    for (std::size_t i = 0; i < file.index().storages.size(); ++i) {
      std::vector<std::uint8_t> bytes(file.index().storages[i].bytes);
      file.read_storage(i, bytes.data());
    }
    return "";
  } catch (const CheckpointError& error) {
    return error.what();
  }
}

std::string error_of_bytes(const std::string& bytes) {
  const TemporaryDirectory folder;
  write_file(folder.path() / "f", bytes);
  const std::string error = error_of(folder.path() / "f");
  const std::string prefix = (folder.path() / "f").string() + ": ";
  return error.compare(0, prefix.size(), prefix) == 0 ? error.substr(prefix.size()) : error;
}

/// A safetensors file of a header and so many bytes of data.
std::string safetensors(const std::string& header, std::size_t data_bytes) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return bytes + header + std::string(data_bytes, '\1');
}

/// A text of a pickle.
std::string pickled(const std::string& text) {
  std::string code = "X";
  for (int i = 0; i < 4; ++i) code += static_cast<char>(text.size() >> (8 * i) & 0xFF);
  return code + text;
}

std::string repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

/// A storage of three numbers, by its name.
std::string pickled_storage(const std::string& name) {
  return "(" + pickled("storage") + "ctorch\nFloatStorage\n" + pickled(name) + pickled("cpu") +
         "K\x03tQ";
}

/// A tensor over that storage: `shape` and `strides` as opcodes of tuples.
std::string pickled_tensor(const std::string& shape, const std::string& strides,
                           const std::string& more = "\x89N") {
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + pickled_storage("0") + std::string("K\0", 2) +
         shape + strides + more + "tR";
}

/// The archive of a pickle, with a storage '0' of three numbers.
void write_archive(const fs::path& path, const std::string& opcodes) {
  AtomicFile file(path);
  ZipWriter zip(file);
  zip.add("archive/data.pkl", "\x80\x02" + opcodes + ".");
  zip.add("archive/data/0", std::string(12, '\0'));
  zip.finish();
  file.commit();
}

std::string error_of_pickle(const std::string& opcodes) {
  const TemporaryDirectory folder;
  write_archive(folder.path() / "f", opcodes);
  return error_of(folder.path() / "f");
}

class EveryTypeFile : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryTypeFile, HasPytorchsTensorsWithTheirTypesShapesStridesAndSections) {
  const WeightFile file(kFixtures / GetParam());
  EXPECT_EQ(file.index().tensors.size(), 14U);
  EXPECT_EQ(file.index().storages.size(), 13U);
  for (const auto& [name, type] : {std::pair("row", ElementType::kFloat32),
                                   {"float16", ElementType::kFloat16},
                                   {"bfloat16", ElementType::kBFloat16},
                                   {"float64", ElementType::kFloat64},
                                   {"int8", ElementType::kInt8},
                                   {"uint8", ElementType::kUint8},
                                   {"int16", ElementType::kInt16},
                                   {"int32", ElementType::kInt32},
                                   {"int64", ElementType::kInt64},
                                   {"bool", ElementType::kBool}}) {
    EXPECT_EQ(tensor(file, name).type, type) << name;
    EXPECT_EQ(tensor(file, name).section, "model_state_dict");
  }
  const StoredTensor& row = tensor(file, "row");
  EXPECT_EQ(row.shape, std::vector<std::int64_t>{5});
  EXPECT_EQ(row.storage_offset, 5);
  const StoredTensor& transposed = tensor(file, "transposed");
  EXPECT_EQ(transposed.shape, (std::vector<std::int64_t>{5, 4}));
  EXPECT_EQ(transposed.strides, (std::vector<std::int64_t>{1, 5}));
  EXPECT_EQ(transposed.storage, row.storage) << "views of one tensor share its storage";
  EXPECT_TRUE(tensor(file, "scalar").shape.empty());
  EXPECT_EQ(tensor(file, "empty").shape, (std::vector<std::int64_t>{0, 3}));
  EXPECT_EQ(tensor(file, "parameter").shape, std::vector<std::int64_t>{2});
}

TEST_P(EveryTypeFile, GivesTheNumbersOfAStorage) {
  const WeightFile file(kFixtures / GetParam());
  std::vector<std::int16_t> numbers(20);
  ASSERT_EQ(file.index().storages[tensor(file, "int16").storage].bytes, 40U);
  file.read_storage(tensor(file, "int16").storage, reinterpret_cast<std::uint8_t*>(numbers.data()));
  for (std::int16_t i = 0; i < 20; ++i) EXPECT_EQ(numbers[static_cast<std::size_t>(i)], i);
}

TEST_P(EveryTypeFile, GivesThePlainValuesAsPythonPrintsThem) {
  const WeightFile file(kFixtures / GetParam());
  EXPECT_EQ(value(file, "epoch"), "7");
  EXPECT_EQ(value(file, "best"), "0.5");
  EXPECT_EQ(value(file, "name"), "h\xc3\xa9");
  EXPECT_EQ(value(file, "numpy"), "1.25");
  EXPECT_EQ(value(file, "numpy_int"), "-3");
  EXPECT_EQ(value(file, "flag"), "True");
  EXPECT_EQ(value(file, "none"), "None");
  EXPECT_EQ(value(file, "big"), "0x400000000000000000");
  EXPECT_EQ(value(file, "negative"), "-5");
  EXPECT_EQ(value(file, "device"), "cpu");
  EXPECT_EQ(value(file, "lr"), "0.001");
}

TEST_P(EveryTypeFile, IsRefusedWhereverItIsCutShort) {
  const std::string bytes = bytes_of(kFixtures / GetParam());
  const TemporaryDirectory folder;
  // At every place of the ends, where headers and directories are, and at every fifth between them.
  constexpr std::size_t kEnds = 300;
  for (std::size_t size = 0; size < bytes.size();
       size += size < kEnds || bytes.size() - size < kEnds ? 1 : 5) {
    write_file(folder.path() / "f", bytes.substr(0, size));
    ASSERT_NE(error_of(folder.path() / "f"), "") << size << " of " << bytes.size() << " bytes";
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, EveryTypeFile,
                         ::testing::Values("every_type.pth", "every_type_legacy.pth",
                                           "every_type_protocol4.pth"));

TEST(ChangedWeightFile, NeverGivesOtherNumbersWithoutAWordWhereTheFormatHasChecksums) {
  const std::string bytes = bytes_of(kFixtures / "every_type.pth");
  const WeightFile original(kFixtures / "every_type.pth");
  const TemporaryDirectory folder;
  int refused = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ (1 << at % 8));
    write_file(folder.path() / "f", changed);
    if (!error_of(folder.path() / "f").empty()) {
      ++refused;
      continue;
    }
    // Padding, dates and the like: everything that is read is as before.
    const WeightFile file(folder.path() / "f");
    ASSERT_EQ(file.index().tensors.size(), original.index().tensors.size()) << at;
    for (std::size_t i = 0; i < original.index().tensors.size(); ++i) {
      ASSERT_EQ(file.index().tensors[i].name, original.index().tensors[i].name) << at;
      ASSERT_EQ(file.index().tensors[i].shape, original.index().tensors[i].shape) << at;
    }
  }
  EXPECT_GT(refused, 2000) << "pickle, numbers and directory are most of the file";
}

TEST(HostileWeightFile, IsRefusedByTheNameThatItAsksFor) {
  for (const char* name : {"hostile.pth", "hostile_legacy.pth"})
    EXPECT_NE(error_of(kFixtures / name)
                  .find("the pickle asks for 'posix.system', which is "
                        "refused: expected tensors and plain values"),
              std::string::npos)
        << error_of(kFixtures / name);
  EXPECT_NE(error_of(kFixtures / "namespace.pth").find("'argparse.Namespace'"), std::string::npos);
  EXPECT_NE(error_of(kFixtures / "whole_module.pth").find("'torch.nn.modules.linear.Linear'"),
            std::string::npos);
}

TEST(HostileWeightFile, ThatRepeatsWhatItHoldsIsRefusedBeforeThatTakesMemory) {
  const std::string megabyte = pickled(std::string(1 << 20, 'x'));
  const auto expect_refused = [](const std::string& opcodes, const std::string& what) {
    const std::string error = error_of_pickle(opcodes);
    EXPECT_NE(error.find("expected at most " + what), std::string::npos) << error;
  };
  expect_refused("c_codecs\nencode\nq\1" + megabyte + pickled("latin1") + "\x86q\2(" +
                     repeat("h\1h\2R", 70) + "l",
                 "64 MB of items and repeated texts");
  expect_refused("cnumpy\ndtype\nq\1" + megabyte + "\x85q\2(" + repeat("h\1h\2R", 70) + "l",
                 "64 MB of items and repeated texts");
  expect_refused("(" + pickled("storage") + "ctorch\nFloatStorage\n" + megabyte + "K\1K\1tq\1(" +
                     repeat("h\1Q", 70) + "l",
                 "64 MB of items and repeated texts");
  expect_refused("ccollections\nOrderedDict\nq\1](" + repeat("K\1K\1\x86", 30000) + "e\x85q\2(" +
                     repeat("h\1h\2R", 300) + "l",
                 "64 MB of items and repeated texts");
  expect_refused("]N" + repeat("2", 5'000'000), "2,000,000 values");
  const std::string name_of_values = "}" + megabyte + "Nsq\1(" + repeat("h\1", 70) + "l";
  expect_refused(name_of_values, "64 MB of what repeats");
  const std::string name_of_lists = "}" + megabyte + "]sq\1(" + repeat("h\1", 70) + "l";
  expect_refused(name_of_lists, "64 MB of what repeats");
  expect_refused(
      "}" + megabyte + "}" + pickled_tensor(")", ")") + "q\1" + "0(" +
          [] {
            std::string entries;
            for (int i = 0; i < 70; ++i) entries += pickled(std::to_string(i)) + "h\1";
            return entries;
          }() +
          "us",
      "64 MB of what repeats");
}

TEST(HostileWeightFile, IsQuotedInOneLineOfBoundedLength) {
  const std::string error = error_of_pickle("cposix\x1b[31m\r\nsystem\n");
  EXPECT_NE(error.find("'posix?[31m?.system'"), std::string::npos) << error;
  EXPECT_LT(error_of_pickle(pickled(std::string(1 << 20, 'm')) + pickled("n") + "\x93").size(),
            500U);
}

TEST(PickledTensor, ThatExpandRepeatsIsReadUpToABound) {
  const TemporaryDirectory folder;
  write_archive(folder.path() / "f",
                "}" + pickled("a") +
                    pickled_tensor(std::string("K\4K\3\x86"), std::string("K\0K\1\x86", 5)) + "s");
  const WeightFile file(folder.path() / "f");
  EXPECT_EQ(tensor(file, "a").shape, (std::vector<std::int64_t>{4, 3}));
  EXPECT_EQ(tensor(file, "a").strides, (std::vector<std::int64_t>{0, 1}));
  const std::string much =
      pickled_tensor(std::string("J\0\0\x20\0\x85", 6), std::string("K\0\x85", 3));
  EXPECT_NE(error_of_pickle(much).find("does not fit in its storage"), std::string::npos);
  const std::string bounded =
      pickled_tensor(std::string("J\0\0\x10\0\x85", 6), std::string("K\0\x85", 3));
  EXPECT_EQ(error_of_pickle(bounded), "");
  EXPECT_NE(
      error_of_pickle(bounded + "q\1(" + repeat("h\1", 17) + "l").find("expected at most 64 MB"),
      std::string::npos);
  const std::string outside = pickled_tensor(std::string("K\4K\3\x86"), std::string("K\1K\1\x86"));
  EXPECT_NE(error_of_pickle(outside).find("does not fit"), std::string::npos);
}

TEST(PickledTensor, ThatIsStoredNegatedIsRefused) {
  const std::string flags = "\x89N}" + pickled("neg") + "\x88s";
  EXPECT_NE(error_of_pickle(pickled_tensor("K\3\x85", "K\1\x85", flags)).find("stored negated"),
            std::string::npos);
  EXPECT_EQ(error_of_pickle(pickled_tensor("K\3\x85", "K\1\x85", "\x89N}")), "");
}

TEST(LegacyWeightFile, OfALaterPickleProtocolIsRead) {
  for (const char* name : {"legacy_protocol3.pth", "legacy_protocol4.pth"})
    EXPECT_EQ(WeightFile(kFixtures / name).index().tensors.size(), 2U) << name;
}

TEST(HostileWeightFile, OfTorchScriptIsSaidToBeOne) {
  EXPECT_NE(error_of(kFixtures / "torchscript.pt").find("got a TorchScript program"),
            std::string::npos);
}

TEST(HostileWeightFile, OfAnotherKindIsNamed) {
  EXPECT_NE(error_of_bytes("").find("got an empty file"), std::string::npos);
  EXPECT_NE(error_of_bytes("<!DOCTYPE html>").find("got a web page"), std::string::npos);
  EXPECT_NE(error_of_bytes("version https://git-lfs.github.com/spec/v1\n").find("git-lfs pointer"),
            std::string::npos);
  EXPECT_NE(error_of_bytes("\x89HDF\r\n").find("HDF5"), std::string::npos);
  EXPECT_NE(error_of_bytes("hello, world").find("starts otherwise"), std::string::npos);
  const TemporaryDirectory folder;
  EXPECT_NE(error_of(folder.path()).find("got a folder"), std::string::npos);
  EXPECT_NE(error_of(folder.path() / "none").find("No such file"), std::string::npos);
}

TEST(ZipWeightFile, WithLyingSizesOrTricksIsRefused) {
  const std::string bytes = bytes_of(kFixtures / "every_type.pth");
  const std::size_t end = bytes.rfind("PK\x05\x06");
  const std::size_t central = bytes.find("PK\x01\x02");
  const auto with = [&](std::size_t at, const std::string& text) {
    std::string changed = bytes;
    changed.replace(at, text.size(), text);
    return error_of_bytes(changed);
  };
  const std::size_t name = central + 46;
  EXPECT_NE(with(name, "../").find("leads out of the archive"), std::string::npos);
  EXPECT_NE(with(name, "/").find("leads out of the archive"), std::string::npos);
  EXPECT_NE(with(name, "x").find("another name than the directory"), std::string::npos);
  EXPECT_NE(with(central + 20, std::string(8, '\x7f')).find("the archive has"), std::string::npos);
  EXPECT_NE(with(central + 8, "\x01").find("is encrypted"), std::string::npos);
  EXPECT_NE(with(central + 10, "\x08").find("is compressed"), std::string::npos);
  const auto own_header = [&](std::size_t at, const std::string& text) {
    std::string archive;
    {
      const TemporaryDirectory folder;
      write_archive(folder.path() / "f", "N");
      archive = bytes_of(folder.path() / "f");
    }
    return error_of_bytes(archive.replace(at, text.size(), text));
  };
  EXPECT_NE(own_header(14, "?").find("another size or checksum"), std::string::npos);
  EXPECT_NE(own_header(18, "?").find("another size or checksum"), std::string::npos);
  EXPECT_NE(with(end + 8, std::string("\xf0\xf0\xf0\xf0")).find("do not fit"), std::string::npos);
}

TEST(ZipWeightFile, OfZip64WithEntriesBeyondFourGigabytesIsRead) {
  const auto le = [](std::uint64_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xFF);
    return text;
  };
  constexpr std::uint64_t kIn64 = 0xFFFFFFFF, kBig = std::uint64_t{5} << 30;
  const TemporaryDirectory folder;
  std::ofstream out(folder.path() / "f", std::ios::binary);
  std::string directory;
  std::uint64_t place = 0;
  // A sparse file: the first entry is a hole.
  const auto add = [&](const std::string& name, const std::string& content, std::uint64_t bytes) {
    const std::uint64_t crc =
        ::crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size());
    const std::string size = le(std::min(bytes, kIn64), 4);
    const std::string sizes = bytes < kIn64 ? "" : le(bytes, 8) + le(bytes, 8);
    const std::string local_extra = sizes.empty() ? "" : le(1, 2) + le(16, 2) + sizes;
    const std::string start =
        le(45, 2) + le(0, 2) + le(0, 2) + le(0, 4) + le(crc, 4) + size + size + le(name.size(), 2);
    const std::string local = "PK\x03\x04" + start + le(local_extra.size(), 2) + name + local_extra;
    out.seekp(static_cast<std::streamoff>(place));
    out << local << content;
    const std::string values = sizes + (place < kIn64 ? "" : le(place, 8));
    const std::string extra = values.empty() ? "" : le(1, 2) + le(values.size(), 2) + values;
    directory += "PK\x01\x02" + le(45, 2) + start + le(extra.size(), 2) + le(0, 2) + le(0, 2) +
                 le(0, 2) + le(0, 4) + le(std::min(place, kIn64), 4) + name + extra;
    place += local.size() + bytes;
  };
  const std::string pickle =
      "\x80\x02}" + pickled("a") + pickled_tensor("K\3\x85", "K\1\x85") + "s.";
  add("archive/data/big", "", kBig);
  add("archive/data/0", "abcdefghijkl", 12);
  add("archive/data.pkl", pickle, pickle.size());
  out.seekp(static_cast<std::streamoff>(place));
  out << directory << "PK\x06\x06" << le(44, 8) << le(45, 2) << le(45, 2) << le(0, 8) << le(3, 8)
      << le(3, 8) << le(directory.size(), 8) << le(place, 8) << "PK\x06\x07" << le(0, 4)
      << le(place + directory.size(), 8) << le(1, 4) << "PK\x05\x06" << le(0, 4) << le(0xFFFF, 2)
      << le(0xFFFF, 2) << le(kIn64, 4) << le(kIn64, 4) << le(0, 2);
  out.close();
  const WeightFile file(folder.path() / "f");
  ASSERT_EQ(file.index().storages.size(), 1U);
  EXPECT_GT(file.index().storages[0].offset, kBig);
  std::string bytes(12, ' ');
  file.read_storage(0, reinterpret_cast<std::uint8_t*>(bytes.data()));
  EXPECT_EQ(bytes, "abcdefghijkl");
}

TEST(ZipChecksum, IsZlibsForEveryLengthAndAlignment) {
  std::vector<std::uint8_t> bytes(700);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>((i * i * 31 + i / 7) % 251);
  for (std::size_t begin = 0; begin < 17; ++begin)
    for (std::size_t size = 0; begin + size <= bytes.size(); ++size)
      ASSERT_EQ(zip_checksum(bytes.data() + begin, size),
                static_cast<std::uint32_t>(::crc32_z(0, bytes.data() + begin, size)))
          << begin << " " << size;
}

TEST(SafetensorsFile, GivesTensorsInTheOrderOfTheirBytes) {
  const TemporaryDirectory folder;
  write_file(folder.path() / "a.safetensors",
             safetensors(R"({"__metadata__":{"format":"pt"},)"
                         R"("b":{"dtype":"I64","shape":[],"data_offsets":[24,32]},)"
                         R"("a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})",
                         32));
  const WeightFile file(folder.path() / "a.safetensors");
  ASSERT_EQ(file.index().tensors.size(), 2U);
  EXPECT_EQ(file.index().tensors[0].name, "a");
  EXPECT_EQ(file.index().tensors[0].strides, (std::vector<std::int64_t>{3, 1}));
  EXPECT_EQ(file.index().tensors[1].type, ElementType::kInt64);
  EXPECT_EQ(value(file, "format"), "pt");
}

TEST(SafetensorsFile, WithAWrongHeaderIsRefused) {
  const auto error = [](const std::string& header, std::size_t bytes) {
    return error_of_bytes(safetensors(header, bytes));
  };
  const std::string a = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  EXPECT_NE(error(a + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})", 6)
                .find("'b': expected its data at 4, got 2: overlap or hole"),
            std::string::npos);
  EXPECT_NE(error(a + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})", 12)
                .find("overlap or hole"),
            std::string::npos);
  EXPECT_NE(error(a + "}", 3).find("are not within the 3 bytes of data"), std::string::npos);
  EXPECT_NE(error(a + "}", 5).find("expected the end of the file"), std::string::npos);
  EXPECT_NE(error(a + R"(,"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8)
                .find("the name 'a' comes twice"),
            std::string::npos);
  EXPECT_NE(error(R"({"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})", 1)
                .find("type 'F8_E4M3' is not supported"),
            std::string::npos);
  EXPECT_NE(error(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],)"
                  R"("data_offsets":[0,4]}})",
                  4)
                .find("need another number of bytes"),
            std::string::npos);
  EXPECT_NE(error(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4)
                .find("expected sizes of 0 or more"),
            std::string::npos);
  EXPECT_NE(error(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4)
                .find("'a': expected dtype, shape and two data_offsets"),
            std::string::npos);
  EXPECT_NE(error("{" + std::string(100, '['), 0).find("not JSON"), std::string::npos);
  EXPECT_NE(error_of_bytes(std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{", 9))
                .find("expected at most 100,000,000 bytes"),
            std::string::npos);
}

}  // namespace
}  // namespace selfcure
