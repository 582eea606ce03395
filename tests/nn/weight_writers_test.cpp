#include <ATen/ATen.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <limits>

#include "selfcure/core/errors.h"
#include "selfcure/nn/weights/state_dict.h"
#include "selfcure/nn/weights/tensor_difference.h"
#include "selfcure/nn/weights/weight_layout.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TemporaryDirectory;

const std::filesystem::path kFixtures =
    std::filesystem::path(SELFCURE_SOURCE_DIR) / "tests/data/weights";

void expect_equal(const StateDict& left, const StateDict& right, bool in_order) {
  ASSERT_EQ(left.size(), right.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    const NamedTensor* other = &right[i];
    if (!in_order)
      for (const NamedTensor& candidate : right)
        if (candidate.name == left[i].name) other = &candidate;
    EXPECT_EQ(left[i].name, other->name);
    EXPECT_EQ(describe_difference(left[i].value, other->value), "") << left[i].name;
  }
}

TEST(WeightWriters, GiveBackEveryBitOfEveryType) {
  const TemporaryDirectory folder;
  const StateDict tensors = read_state_dict(kFixtures / "every_type.pth");
  ASSERT_EQ(tensors.size(), 14U);
  const auto pth = folder.path() / "a.pth";
  const auto nested = folder.path() / "b.pth";
  const auto safe = folder.path() / "c.safetensors";
  write_pytorch(pth, tensors);
  write_pytorch(nested, tensors, "model_state_dict", {{"note", "n"}});
  write_safetensors(safe, tensors);
  expect_equal(tensors, read_state_dict(pth), true);
  expect_equal(tensors, read_state_dict(nested), true);
  expect_equal(tensors, read_state_dict(safe), false);
  EXPECT_EQ(find_weights(WeightFile(nested)), "model_state_dict");
}

TEST(WeightWriters, KeepWhatIsNotANumber) {
  const TemporaryDirectory folder;
  at::Tensor odd = at::zeros({3});
  const std::uint32_t bits = 0x7fc01234;  // a NaN with a payload
  std::memcpy(odd.data_ptr<float>() + 1, &bits, sizeof(bits));
  write_pytorch(folder.path() / "a.pth", {{"odd", odd}});
  const at::Tensor back = read_state_dict(folder.path() / "a.pth")[0].value;
  EXPECT_EQ(std::memcmp(back.data_ptr(), odd.data_ptr(), odd.nbytes()), 0);
}

TEST(WeightWriters, WriteAStorageThatTensorsShareOnce) {
  const TemporaryDirectory folder;
  const at::Tensor shared = at::rand({1000});
  write_pytorch(folder.path() / "a.pth",
                {{"a", shared}, {"b", shared}, {"c", shared.view({10, 100})}});
  const WeightFile file(folder.path() / "a.pth");
  EXPECT_EQ(file.index().storages.size(), 1U);
  const StateDict back = read_state_dict(file, "");
  EXPECT_EQ(back[0].value.data_ptr(), back[2].value.data_ptr());
}

TEST(WeightWriters, RefuseNamesThatTheirReadersCannotTake) {
  const TemporaryDirectory folder;
  for (const std::string name : {"\xff\xfe", "__metadata__"})
    EXPECT_THROW(write_safetensors(folder.path() / "a", {{name, at::zeros({1})}}), CheckpointError);
  EXPECT_THROW(write_pytorch(folder.path() / "a", {{"\xff\xfe", at::zeros({1})}}), CheckpointError);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(WeightWriters, MakeRepeatedAndTransposedTensorsPlain) {
  const TemporaryDirectory folder;
  const at::Tensor base = at::rand({3, 2});
  const StateDict tensors = {
      {"expanded", at::rand({3}).expand({2, 3})}, {"transposed", base.t()}, {"same", base}};
  write_pytorch(folder.path() / "a.pth", tensors);
  expect_equal(tensors, read_state_dict(folder.path() / "a.pth"), true);
}

TEST(WeightWriters, RefuseAFolderThatIsNotThere) {
  EXPECT_THROW(write_pytorch("/no/such/folder/a.pth", {{"a", at::zeros({1})}}), RunError);
  EXPECT_THROW(write_safetensors("/no/such/folder/a", {{"a", at::zeros({1})}}), RunError);
}

TEST(StateDictOfAFile, IsTheUsualSectionOrTheOneAskedFor) {
  const TemporaryDirectory folder;
  const auto path = folder.path() / "a.pth";
  write_pytorch(path, {{"a", at::zeros({1})}}, "generator");
  EXPECT_EQ(read_state_dict(path).size(), 1U);
  EXPECT_EQ(read_state_dict(path, "generator").size(), 1U);
  try {
    read_state_dict(path, "discriminator");
    FAIL() << "a section that is not there was taken";
  } catch (const CheckpointError& error) {
    EXPECT_EQ(error.what(), path.string() +
                                ": expected tensors under 'discriminator', got 'generator' (1 "
                                "tensors)");
  }
}

TEST(StateDictOfAFile, BeyondFourGigabytesIsRead) {
  // A sparse file: only what is written takes room on the disk.
  const TemporaryDirectory folder;
  const auto path = folder.path() / "big.safetensors";
  const std::uint64_t big = std::uint64_t{5} << 30;
  const std::string header = R"({"a":{"dtype":"U8","shape":[)" + std::to_string(big) +
                             R"(],"data_offsets":[0,)" + std::to_string(big) +
                             R"(]},"b":{"dtype":"F32","shape":[1],"data_offsets":[)" +
                             std::to_string(big) + "," + std::to_string(big + 4) + "]}}";
  const std::uint64_t size = header.size();
  const float number = 2.5F;
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT, 0644);
  ASSERT_GE(file, 0);
  ASSERT_EQ(::pwrite(file, &size, 8, 0), 8);
  ASSERT_EQ(::pwrite(file, header.data(), header.size(), 8), static_cast<ssize_t>(header.size()));
  ASSERT_EQ(::pwrite(file, &number, 4, static_cast<off_t>(8 + header.size() + big)), 4);
  ::close(file);
  const WeightFile weights(path);
  ASSERT_EQ(weights.index().tensors.size(), 2U);
  float back = 0;
  weights.read_storage(1, reinterpret_cast<std::uint8_t*>(&back));
  EXPECT_EQ(back, number);
}

TEST(TensorDifference, CountsNumbersThatDifferInABit) {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor first = at::tensor({0.0F, 1.0F, kNaN, 4.0F});
  const at::Tensor second = at::tensor({-0.0F, 1.0F, kNaN, 2.0F});
  EXPECT_EQ(describe_difference(first, second), "2 of 4 numbers, by at most 2 (mean 0.5)");
  EXPECT_EQ(describe_difference(first, first.clone()), "");
}

TEST(WeightLayouts, LeadFromOursToThePublishedCodesAndBack) {
  const StateDict own = {{"backbone.conv1.weight", at::ones({1})},
                         {"backbone.bn1.running_mean", at::ones({1})},
                         {"backbone.layer3.1.conv2.weight", at::ones({1})},
                         {"fc.weight", at::ones({7, 1})},
                         {"attention.weight", at::ones({1, 1})}};
  std::vector<std::string> dropped;
  const StateDict published = to_layout(own, WeightLayout::kPublishedScn, dropped, "w.pth");
  ASSERT_EQ(published.size(), 5U);
  EXPECT_EQ(published[0].name, "features.0.weight");
  EXPECT_EQ(published[1].name, "features.1.running_mean");
  EXPECT_EQ(published[2].name, "features.6.1.conv2.weight");
  EXPECT_EQ(published[3].name, "fc.weight");
  EXPECT_EQ(published[4].name, "alpha.0.weight");
  expect_equal(own, to_layout(published, WeightLayout::kOwn, dropped, "w.pth"), true);
  EXPECT_TRUE(dropped.empty());
  const StateDict torchvision = to_layout(published, WeightLayout::kTorchvision, dropped, "w.pth");
  EXPECT_EQ(torchvision[0].name, "conv1.weight");
  EXPECT_EQ(dropped, std::vector<std::string>{"alpha.0.weight"});
}

/// Names of a layout, with a space between them.
std::string names_in(const std::vector<std::string>& names, WeightLayout layout,
                     std::string* left_out = nullptr) {
  StateDict tensors;
  for (const std::string& name : names) tensors.push_back({name, at::ones({1})});
  std::vector<std::string> dropped;
  std::string text;
  for (const NamedTensor& tensor : to_layout(tensors, layout, dropped, "w.pth"))
    text += (text.empty() ? "" : " ") + tensor.name;
  if (left_out != nullptr)
    for (const std::string& name : dropped) *left_out += name;
  return text;
}

TEST(WeightLayouts, OfAVggKeepItsNumberedLayers) {
  const std::vector<std::string> torchvision = {"features.0.weight", "features.2.weight",
                                                "features.5.weight", "features.7.bias",
                                                "classifier.0.bias", "classifier.6.weight"};
  EXPECT_EQ(names_in(torchvision, WeightLayout::kOwn),
            "backbone.features.0.weight backbone.features.2.weight backbone.features.5.weight "
            "backbone.features.7.bias backbone.classifier.0.bias fc.weight");
  EXPECT_EQ(names_in({"backbone.features.0.weight", "backbone.features.2.weight", "fc.weight"},
                     WeightLayout::kTorchvision),
            "features.0.weight features.2.weight classifier.6.weight");
  EXPECT_THROW(names_in(torchvision, WeightLayout::kPublishedScn), CheckpointError);
}

TEST(WeightLayouts, OfAnIresnetKeepTheFcOfItsBackbone) {
  EXPECT_EQ(names_in({"conv1.weight", "layer1.0.prelu.weight", "fc.weight", "features.weight"},
                     WeightLayout::kOwn),
            "backbone.conv1.weight backbone.layer1.0.prelu.weight backbone.fc.weight "
            "backbone.features.weight");
  const std::vector<std::string> own = {"backbone.layer1.0.prelu.weight", "backbone.fc.weight",
                                        "fc.weight"};
  EXPECT_EQ(names_in(own, WeightLayout::kOwn),
            "backbone.layer1.0.prelu.weight backbone.fc.weight fc.weight");
  std::string left_out;
  EXPECT_EQ(names_in(own, WeightLayout::kTorchvision, &left_out),
            "layer1.0.prelu.weight fc.weight");
  EXPECT_EQ(left_out, "fc.weight");
  EXPECT_THROW(names_in(own, WeightLayout::kPublishedScn), CheckpointError);
}

}  // namespace
}  // namespace selfcure
