#include "selfcure/engine/export_model.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/serialization/import.h>

#include <nlohmann/json.hpp>
#include <opencv2/dnn.hpp>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/engine/trainer.h"
#include "selfcure/method/method.h"
#include "support/golden.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TemporaryDirectory;

struct Case {
  const char* name;
  Backbone backbone;
  bool is_scn;
  bool bias_under_alpha;
  int image_size;
  Stem stem = Stem::kImageNet;
};

class ExportedModelOf : public ::testing::TestWithParam<Case> {
 protected:
  ExportedModelOf() {
    const Case& wanted = GetParam();
    options_.name = "small";
    options_.model.backbone = wanted.backbone;
    options_.model.stem = wanted.stem;
    options_.data.image_size = wanted.image_size;
    if (wanted.is_scn) {
      ScnOptions scn =
          scn_preset(wanted.bias_under_alpha ? ScnPreset::kPublishedCode : ScnPreset::kPaper);
      options_.method = scn;
    }
    method_ = make_method(options_.method, options_.model, 7, 5);
    testing::fill_by_formula(method_->module());
    method_->module().eval();
    checkpoint_.add_section("model.", module_state(method_->module()));
    checkpoint_.texts = {{"class_names", R"(["a","b","c","d","e","f","g"])"},
                         {"epochs_done", "3"},
                         {"source_revision", "r"}};
  }

  at::Tensor images(std::int64_t count) const {
    const std::int64_t size = GetParam().image_size;
    return testing::formula("images", count * 3 * size * size)
        .view({count, 3, size, size})
        .to(at::kFloat);
  }

  std::vector<at::Tensor> expected(const at::Tensor& input) {
    const at::NoGradGuard no_grad;
    const Prediction prediction = method_->predict(input);
    std::vector<at::Tensor> outputs = {prediction.logits, prediction.logits.softmax(1)};
    if (prediction.importance.defined()) outputs.push_back(prediction.importance);
    return outputs;
  }

  static void expect_near(const at::Tensor& got, const at::Tensor& wanted, double tolerance) {
    ASSERT_EQ(got.numel(), wanted.numel());
    const double scale = std::max(1.0, wanted.abs().max().item<double>());
    EXPECT_LE((got.flatten() - wanted.flatten()).abs().max().item<double>(), tolerance * scale);
  }

  TemporaryDirectory folder_;
  ExperimentOptions options_;
  std::unique_ptr<Method> method_;
  Checkpoint checkpoint_;
};

TEST_P(ExportedModelOf, TorchScriptGivesTheSameOutputsForAnyBatch) {
  const auto path = folder_.path() / "model.pt";
  const ExportedModel model =
      export_model(checkpoint_, "last.pt", options_, {ExportFormat::kTorchScript, 13}, path);
  EXPECT_EQ(model.outputs.size(), GetParam().is_scn ? 3U : 2U);
  std::unordered_map<std::string, std::string> extra = {{"selfcure.json", ""}};
  torch::jit::Module loaded = torch::jit::load(path.string(), c10::kCPU, extra);
  const auto metadata = nlohmann::json::parse(extra.at("selfcure.json"));
  EXPECT_EQ(metadata.at("class_names").size(), 7U);
  EXPECT_EQ(metadata.at("image_size"), GetParam().image_size);
  EXPECT_EQ(metadata.at("mean").size(), 3U);
  EXPECT_EQ(metadata.at("epoch"), 3);
  for (const std::int64_t count : {1, 2}) {
    const at::Tensor input = images(count);
    const auto outputs = loaded.forward({input}).toTuple()->elements();
    const std::vector<at::Tensor> wanted = expected(input);
    ASSERT_EQ(outputs.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_EQ(outputs[i].toTensor().sizes(), wanted[i].sizes());
      expect_near(outputs[i].toTensor(), wanted[i], 1e-5);
    }
  }
}

TEST_P(ExportedModelOf, OnnxGivesTheSameOutputsInOpencv) {
  const auto path = folder_.path() / "model.onnx";
  std::vector<std::int64_t> opsets = {kLowestOpset};
  // What differs between versions does not depend on the network.
  if (GetParam().is_scn && GetParam().backbone == Backbone::kResNet18)
    opsets.push_back(kHighestOpset);
  for (const std::int64_t opset : opsets) {
    const ExportedModel model =
        export_model(checkpoint_, "last.pt", options_, {ExportFormat::kOnnx, opset}, path);
    for (const std::int64_t count : {1, 2}) {
      cv::dnn::Net net = cv::dnn::readNetFromONNX(path.string());
      at::Tensor input = images(count).contiguous();
      const std::array<int, 4> sizes = {static_cast<int>(count), 3, GetParam().image_size,
                                        GetParam().image_size};
      net.setInput(cv::Mat(4, sizes.data(), CV_32F, input.data_ptr()), "images");
      const std::vector<at::Tensor> wanted = expected(input);
      std::vector<cv::Mat> outputs;
      net.forward(outputs, std::vector<cv::String>(model.outputs.begin(), model.outputs.end()));
      ASSERT_EQ(outputs.size(), wanted.size());
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        cv::Mat plain = outputs[i].clone();
        expect_near(at::from_blob(plain.data, {static_cast<std::int64_t>(plain.total())}),
                    wanted[i], 1e-4);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Networks, ExportedModelOf,
    ::testing::Values(Case{"scn_paper", Backbone::kResNet18, true, false, 64},
                      Case{"scn_published", Backbone::kResNet18, true, true, 64},
                      Case{"baseline", Backbone::kResNet18, false, false, 64},
                      Case{"small_stem", Backbone::kResNet18, true, false, 48, Stem::kSmall},
                      Case{"resnet34", Backbone::kResNet34, false, false, 64},
                      Case{"resnet50", Backbone::kResNet50, false, false, 64},
                      Case{"vgg16", Backbone::kVgg16, false, false, 64},
                      Case{"ir50", Backbone::kIr50, true, false, 112},
                      Case{"iresnet50", Backbone::kIresnet50, false, false, 112}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

TEST(ExportModel, RefusesBareWeightsAndAFolderThatIsNotThere) {
  ExperimentOptions options;
  Checkpoint checkpoint;
  EXPECT_THROW(export_model(checkpoint, "a.pt", options, {}, "/tmp/none"), CheckpointError);
  const auto method = make_method(options.method, options.model, 2, 1);
  checkpoint.add_section("model.", module_state(method->module()));
  checkpoint.texts = {
      {"class_names", R"(["a","b"])"}, {"epochs_done", "1"}, {"source_revision", "r"}};
  options.data.image_size = 32;
  EXPECT_THROW(export_model(checkpoint, "a.pt", options, {}, "/no/such/folder/a.pt"), RunError);
}

}  // namespace
}  // namespace selfcure
