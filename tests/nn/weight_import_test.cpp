#include "selfcure/nn/weights/weight_import.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

using State = std::map<std::string, at::Tensor>;

/// A network of two layers with a classifier and an attention head, all zeros.
State small_state() {
  return {{"backbone.conv1.weight", at::zeros({2, 3})},
          {"backbone.bn1.num_batches_tracked", at::zeros({}, at::kLong)},
          {"backbone.layer1.0.conv1.weight", at::zeros({4})},
          {"fc.weight", at::zeros({7, 4})},
          {"attention.weight", at::zeros({1, 4})}};
}

StateDict source_with(const std::string& prefix) {
  return {{prefix + "conv1.weight", at::ones({2, 3})},
          {prefix + "bn1.num_batches_tracked", at::ones({}, at::kLong)},
          {prefix + "layer1.0.conv1.weight", at::full({4}, 2.0)},
          {prefix + "fc.weight", at::ones({7, 4})}};
}

std::string error_of(const StateDict& source, const WeightImportOptions& options = {}) {
  State state = small_state();
  try {
    import_weights(state, source, options, "w.pth");
  } catch (const CheckpointError& error) {
    return error.what();
  }
  return "";
}

TEST(ImportedWeights, AreFoundUnderAnyPrefix) {
  for (const std::string prefix : {"", "module.", "backbone.", "module.backbone.", "encoder.q."}) {
    State state = small_state();
    const ImportReport report = import_weights(state, source_with(prefix), {}, "w.pth");
    EXPECT_EQ(report.backbone_loaded, 2) << prefix;
    EXPECT_EQ(report.backbone_total, 2);
    EXPECT_EQ(state["backbone.layer1.0.conv1.weight"].sum().item<double>(), 8);
    EXPECT_EQ(state["backbone.bn1.num_batches_tracked"].item<std::int64_t>(), 1);
    EXPECT_EQ(state["fc.weight"].sum().item<double>(), 0) << "heads start afresh";
    EXPECT_EQ(report.count(ImportOutcome::kLeftOut), 1);
    EXPECT_EQ(report.rule,
              prefix.empty() ? "names as they are" : "without the prefix '" + prefix + "'");
  }
}

TEST(ImportedWeights, OfThePublishedCodeAreReadByPlaceInTheSequential) {
  State state = small_state();
  WeightImportOptions options;
  options.take_heads = true;
  const ImportReport report = import_weights(state,
                                             {{"module.features.0.weight", at::ones({2, 3})},
                                              {"module.features.4.0.conv1.weight", at::ones({4})},
                                              {"module.alpha.0.weight", at::ones({1, 4})},
                                              {"module.alpha.0.bias", at::ones({1})},
                                              {"module.fc.weight", at::ones({8, 4})}},
                                             options, "w.pth");
  EXPECT_EQ(report.backbone_loaded, 2);
  EXPECT_EQ(report.rule, "without the prefix 'module.', features.N read as torchvision's names");
  EXPECT_EQ(state["attention.weight"].sum().item<double>(), 4);
  EXPECT_EQ(report.count(ImportOutcome::kShapeMismatch), 1) << "fc has 8 classes there";
  EXPECT_EQ(report.count(ImportOutcome::kUnexpected), 1) << "alpha.0.bias";
  EXPECT_EQ(report.table(5),
            "missing: backbone.bn1.num_batches_tracked (old files have no such counters; nothing "
            "depends on it)\n"
            "shape mismatch: fc.weight from module.fc.weight (expected [7, 4], got [8, 4])\n"
            "unexpected: module.alpha.0.bias ([1])\n");
}

TEST(ImportedWeights, AreOfTheNetworksType) {
  State state = small_state();
  StateDict source = source_with("");
  source[0].value = source[0].value.to(at::kHalf);
  import_weights(state, source, {}, "w.pth");
  EXPECT_EQ(state["backbone.conv1.weight"].scalar_type(), at::kFloat);
}

TEST(ImportedWeights, ThatLackPartOfTheBackboneAreAnErrorWithTheNearestNames) {
  StateDict source = source_with("");
  source[2].name = "layer1.0.conv.weight";
  EXPECT_EQ(error_of(source),
            "w.pth: expected all 2 tensors of the backbone, got 1 (names as they are); "
            "'layer1.0.conv1.weight' is missing, nearest in the file: 'layer1.0.conv.weight', "
            "'conv1.weight' (model.weights_partial: true takes what fits)");
  source = source_with("");
  source[0].value = at::ones({3, 3});
  EXPECT_EQ(error_of(source),
            "w.pth: expected all 2 tensors of the backbone, got 1 (names as they are); "
            "'conv1.weight' expected [2, 3], got [3, 3] (model.weights_partial: true takes what "
            "fits)");
}

TEST(ImportedWeights, OfADeeperNetworkAreAnErrorUnlessAPartIsAskedFor) {
  for (const std::string more : {"layer1.2.conv1.weight", "conv1.bias", "layer1.0.se.fc1.weight"}) {
    StateDict source = source_with("module.");
    source.push_back({"module." + more, at::ones({4})});
    EXPECT_EQ(
        error_of(source),
        "w.pth: expected the network of model.backbone, got one with 1 tensors more inside of "
        "it: 'module." +
            more + "' (model.weights_partial: true leaves them out)");
    WeightImportOptions partial;
    partial.partial = true;
    EXPECT_EQ(error_of(source, partial), "");
  }
  StateDict source = source_with("module.");
  source.push_back({"module.feature.weight", at::ones({4})});
  source.push_back({"layer1.2.conv1.weight", at::ones({4})});
  EXPECT_EQ(error_of(source), "") << "layers beside the backbone are listed";
  source.push_back({"module.features.4.2.conv1.weight", at::ones({4})});
  EXPECT_NE(error_of(source), "") << "the same under the published code's names";
}

TEST(ImportedWeights, OfTwoWholeNetworksAreAQuestion) {
  StateDict source = source_with("encoder_q.");
  for (const NamedTensor& tensor : source_with("encoder_k.")) source.push_back(tensor);
  EXPECT_EQ(error_of(source),
            "w.pth: expected one network, got 2, under the prefixes 'encoder_k.', 'encoder_q.' "
            "(model.weights_prefix)");
  WeightImportOptions options;
  options.prefix = "encoder_q.";
  EXPECT_EQ(error_of(source, options), "");
}

TEST(ImportedWeights, OfTorchvisionsVggHaveTheirClassifierAmongTheLayers) {
  const StateDict source = {{"features.0.weight", at::ones({2, 3})},
                            {"classifier.0.weight", at::ones({4, 2})},
                            {"classifier.6.weight", at::ones({7, 4})}};
  for (const bool take_heads : {false, true}) {
    State state = {{"backbone.features.0.weight", at::zeros({2, 3})},
                   {"backbone.classifier.0.weight", at::zeros({4, 2})},
                   {"fc.weight", at::zeros({7, 4})}};
    WeightImportOptions options;
    options.take_heads = take_heads;
    const ImportReport report = import_weights(state, source, options, "w.pth");
    EXPECT_EQ(report.backbone_loaded, 2);
    EXPECT_EQ(state["fc.weight"].sum().item<double>(), take_heads ? 28 : 0);
    EXPECT_EQ(report.count(ImportOutcome::kLeftOut), take_heads ? 0 : 1);
  }
}

TEST(ImportedWeights, ThatAreTooLargeForTheNetworksTypeAreNamed) {
  StateDict source = source_with("");
  source[2].value = at::full({4}, 1e300, at::kDouble);
  EXPECT_EQ(error_of(source), "w.pth: 'layer1.0.conv1.weight' holds NaN or infinite weights");
}

TEST(ImportedWeights, AreTakenInPartOnlyWhenAskedForAndNeverWithoutAny) {
  WeightImportOptions partial;
  partial.partial = true;
  StateDict source = source_with("");
  source[2].name = "other";
  EXPECT_EQ(error_of(source, partial), "");
  EXPECT_NE(error_of({{"other", at::ones({1})}}, partial).find("got 0"), std::string::npos);
  WeightImportOptions wrong = partial;
  wrong.prefix = "module.";
  EXPECT_NE(error_of(source_with(""), wrong).find("got 0"), std::string::npos);
}

TEST(ImportedWeights, ThatAreNotFiniteAreNamed) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
    StateDict source = source_with("");
    source[2].value = at::full({4}, bad);
    EXPECT_EQ(error_of(source), "w.pth: 'layer1.0.conv1.weight' holds NaN or infinite weights");
  }
}

}  // namespace
}  // namespace selfcure
