#include "selfcure/engine/checkpoint.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <xxhash.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "nn/weights/zip_writer.h"
#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TemporaryDirectory;

Checkpoint sample() {
  Checkpoint checkpoint;
  checkpoint.tensors["model.weight"] = at::arange(12, at::kFloat).view({3, 4});
  checkpoint.tensors["model.view"] = at::arange(100, at::kDouble).narrow(0, 5, 3);
  checkpoint.tensors["steps"] = at::full({}, 7, at::kLong);
  checkpoint.tensors["empty"] = at::empty({0, 4}, at::kInt);
  checkpoint.texts["config"] = "name: x\n";
  return checkpoint;
}

std::string refusal(const std::filesystem::path& path) {
  try {
    load_checkpoint(path);
  } catch (const CheckpointError& error) {
    return error.what();
  }
  return "";
}

TEST(CheckpointFile, ComesBackAsItWas) {
  const TemporaryDirectory folder;
  const auto path = folder.path() / "last.pt";
  save_checkpoint(path, sample());
  const Checkpoint loaded = load_checkpoint(path);
  EXPECT_EQ(loaded.tensors.size(), 4U);
  for (const auto& [name, tensor] : sample().tensors) {
    EXPECT_TRUE(loaded.tensor(name).equal(tensor)) << name;
    EXPECT_EQ(loaded.tensor(name).scalar_type(), tensor.scalar_type());
  }
  EXPECT_EQ(loaded.text("config"), "name: x\n");
  EXPECT_EQ(loaded.section("model.").size(), 2U);
  EXPECT_EQ(loaded.section("model.").count("weight"), 1U);
  EXPECT_LT(std::filesystem::file_size(path), 4000U);  // a view does not drag its storage along
}

TEST(CheckpointFile, AnyChangedByteIsRefusedByName) {
  const TemporaryDirectory folder;
  const auto path = folder.path() / "last.pt";
  save_checkpoint(path, sample());
  const std::string whole = read_file(path);
  for (std::size_t at = 0; at < whole.size(); at += 7) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    write_file_atomically(path, changed);
    EXPECT_EQ(refusal(path).rfind(path.string() + ": ", 0), 0U) << at;
  }
  write_file_atomically(path, whole);
  EXPECT_EQ(refusal(path), "");
}

TEST(CheckpointFile, AnyTruncationIsRefusedByName) {
  const TemporaryDirectory folder;
  const auto path = folder.path() / "last.pt";
  save_checkpoint(path, sample());
  const std::string whole = read_file(path);
  for (std::size_t size = 0; size < whole.size(); size += 11) {
    write_file_atomically(path, whole.substr(0, size));
    EXPECT_NE(refusal(path).find("last.pt: expected a selfcure checkpoint"), std::string::npos)
        << size;
  }
}

TEST(CheckpointFile, AMissingFileAFolderAndAForeignFileAreNamed) {
  const TemporaryDirectory folder;
  EXPECT_NE(refusal(folder.path() / "none.pt").find("none.pt"), std::string::npos);
  EXPECT_NE(refusal(folder.path()).find("is a folder"), std::string::npos);
  write_file_atomically(folder.path() / "a.pt", std::string(5000, 'x'));
  EXPECT_NE(refusal(folder.path() / "a.pt").find("a file of another kind"), std::string::npos);
}

/// An archive of these opcodes, with the checksum of a checkpoint.
void write_pickle_as_checkpoint(const std::filesystem::path& path, const std::string& opcodes) {
  const std::string start = "selfcure xxh3-128 ";
  {
    AtomicFile file(path);
    ZipWriter zip(file);
    zip.add("archive/data.pkl", "\x80\x02" + opcodes + ".");
    zip.finish(start + std::string(32, '0'));
    file.commit();
  }
  std::string bytes = read_file(path);
  bytes.resize(bytes.size() - 32);
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size() - start.size());
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx",
                static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  write_file_atomically(path, bytes + text.data());
}

TEST(CheckpointFile, AHostilePickleWithTheRightChecksumIsRefused) {
  const TemporaryDirectory folder;
  const auto path = folder.path() / "a.pt";
  // The second and the third crash LibTorch's own reader or throw std::out_of_range there.
  for (const std::string opcodes : {"cposix\nsystem\n", "Nb", "h\x05", "}", "N", "", "t"}) {
    write_pickle_as_checkpoint(path, opcodes);
    EXPECT_EQ(refusal(path).rfind(path.string() + ": ", 0), 0U) << opcodes << refusal(path);
    EXPECT_EQ(refusal(path).find("checksum"), std::string::npos) << opcodes;
  }
  write_pickle_as_checkpoint(path, "}");
  EXPECT_NE(refusal(path).find("expected format 'selfcure checkpoint 1', got none"),
            std::string::npos);
}

TEST(CheckpointFile, AFolderThatCannotBeWrittenIsNamed) {
  EXPECT_THROW(save_checkpoint("/proc/none/last.pt", sample()), RunError);
}

TEST(CheckpointFile, PythonReadsIt) {
  if (std::system("/usr/bin/python3 -c 'import torch' 2>/dev/null") != 0)
    GTEST_SKIP() << "python3-torch is not installed";
  const TemporaryDirectory folder;
  const auto path = folder.path() / "last.pt";
  save_checkpoint(path, sample());
  const std::string script = "import torch, zipfile; c = torch.load('" + path.string() +
                             "'); assert zipfile.ZipFile('" + path.string() +
                             "').testzip() is None; assert c['texts']['config'] == 'name: x\\n'; "
                             "assert c['tensors']['model.weight'].tolist()[2] == [8, 9, 10, 11]; "
                             "assert c['tensors']['model.view'].dtype == torch.float64";
  EXPECT_EQ(std::system(("/usr/bin/python3 -c \"" + script + "\"").c_str()), 0);
}

TEST(WriteFileAtomically, AWriteThatFailsInTheMiddleLeavesTheOldFile) {
  const TemporaryDirectory folder;
  const auto path = folder.path() / "file";
  write_file_atomically(path, "old");
  // A limit on the file size fails as a full disk does: after a part was written.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 4096;
  setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    write_file_atomically(path, std::string(100000, 'x'));
  } catch (const RunError& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(message, path.string() + ": cannot be written: File too large");
  EXPECT_EQ(read_file(path), "old");
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".tmp"));
}

}  // namespace
}  // namespace selfcure
