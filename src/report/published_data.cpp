#include "selfcure/report/published_figures.h"

#include <limits>

// The data of published_figures.cpp. docs/published_figures.yaml holds the same numbers; a test
// compares them.

namespace selfcure {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

std::vector<PublishedRow> table1_rows() {
  return {
      {{{"pretrain", "false"}, {"method", "curriculumnet"}, {"noise", "10"}},
       {{"raf_db", 68.5}, {"affectnet", kUnknown}, {"ferplus", kUnknown}}},
      {{{"pretrain", "false"}, {"method", "metacleaner"}, {"noise", "10"}},
       {{"raf_db", 68.45}, {"affectnet", kUnknown}, {"ferplus", kUnknown}}},
      {{{"pretrain", "false"}, {"method", "baseline"}, {"noise", "10"}},
       {{"raf_db", 61.43}, {"affectnet", 44.68}, {"ferplus", 77.15}}},
      {{{"pretrain", "false"}, {"method", "scn"}, {"noise", "10"}},
       {{"raf_db", 70.26}, {"affectnet", 45.23}, {"ferplus", 78.53}}},
      {{{"pretrain", "false"}, {"method", "curriculumnet"}, {"noise", "20"}},
       {{"raf_db", 61.23}, {"affectnet", kUnknown}, {"ferplus", kUnknown}}},
      {{{"pretrain", "false"}, {"method", "metacleaner"}, {"noise", "20"}},
       {{"raf_db", 61.35}, {"affectnet", kUnknown}, {"ferplus", kUnknown}}},
      {{{"pretrain", "false"}, {"method", "baseline"}, {"noise", "20"}},
       {{"raf_db", 55.5}, {"affectnet", 41.0}, {"ferplus", 71.88}}},
      {{{"pretrain", "false"}, {"method", "scn"}, {"noise", "20"}},
       {{"raf_db", 63.5}, {"affectnet", 41.63}, {"ferplus", 72.46}}},
      {{{"pretrain", "false"}, {"method", "curriculumnet"}, {"noise", "30"}},
       {{"raf_db", 57.52}, {"affectnet", kUnknown}, {"ferplus", kUnknown}}},
      {{{"pretrain", "false"}, {"method", "metacleaner"}, {"noise", "30"}},
       {{"raf_db", 58.89}, {"affectnet", kUnknown}, {"ferplus", kUnknown}}},
      {{{"pretrain", "false"}, {"method", "baseline"}, {"noise", "30"}},
       {{"raf_db", 46.81}, {"affectnet", 38.35}, {"ferplus", 68.54}}},
      {{{"pretrain", "false"}, {"method", "scn"}, {"noise", "30"}},
       {{"raf_db", 60.61}, {"affectnet", 39.42}, {"ferplus", 70.45}}},
      {{{"pretrain", "true"}, {"method", "baseline"}, {"noise", "10"}},
       {{"raf_db", 80.81}, {"affectnet", 57.18}, {"ferplus", 83.39}}},
      {{{"pretrain", "true"}, {"method", "scn"}, {"noise", "10"}},
       {{"raf_db", 82.18}, {"affectnet", 58.58}, {"ferplus", 84.28}}},
      {{{"pretrain", "true"}, {"method", "baseline"}, {"noise", "20"}},
       {{"raf_db", 78.18}, {"affectnet", 56.15}, {"ferplus", 82.24}}},
      {{{"pretrain", "true"}, {"method", "scn"}, {"noise", "20"}},
       {{"raf_db", 80.1}, {"affectnet", 57.25}, {"ferplus", 83.17}}},
      {{{"pretrain", "true"}, {"method", "baseline"}, {"noise", "30"}},
       {{"raf_db", 75.26}, {"affectnet", 52.58}, {"ferplus", 79.34}}},
      {{{"pretrain", "true"}, {"method", "scn"}, {"noise", "30"}},
       {{"raf_db", 77.46}, {"affectnet", 55.05}, {"ferplus", 82.47}}},
  };
}

std::vector<PublishedRow> table3_rows() {
  return {
      {{{"webemotion", "none"}, {"finetune_scn", "false"}},
       {{"raf_db", 72.0}, {"affectnet", 46.58}, {"ferplus", 82.4}}},
      {{{"webemotion", "without_scn"}, {"finetune_scn", "false"}},
       {{"raf_db", 78.97}, {"affectnet", 56.43}, {"ferplus", 84.2}}},
      {{{"webemotion", "without_scn"}, {"finetune_scn", "true"}},
       {{"raf_db", 80.42}, {"affectnet", 57.23}, {"ferplus", 85.13}}},
      {{{"webemotion", "with_scn"}, {"finetune_scn", "true"}},
       {{"raf_db", 82.45}, {"affectnet", 58.45}, {"ferplus", 85.97}}},
  };
}

std::vector<PublishedRow> table5_rows() {
  return {
      {{{"weight", "false"}, {"rank", "false"}, {"relabel", "false"}},
       {{"scratch", 72.0}, {"pretrain", 84.2}}},
      {{{"weight", "false"}, {"rank", "false"}, {"relabel", "true"}},
       {{"scratch", 71.25}, {"pretrain", 83.78}}},
      {{{"weight", "false"}, {"rank", "true"}, {"relabel", "false"}},
       {{"scratch", 74.15}, {"pretrain", 85.14}}},
      {{{"weight", "true"}, {"rank", "false"}, {"relabel", "false"}},
       {{"scratch", 76.26}, {"pretrain", 86.09}}},
      {{{"weight", "true"}, {"rank", "true"}, {"relabel", "false"}},
       {{"scratch", 76.57}, {"pretrain", 86.63}}},
      {{{"weight", "true"}, {"rank", "true"}, {"relabel", "true"}},
       {{"scratch", 78.31}, {"pretrain", 87.03}}},
  };
}

std::vector<PublishedRow> table6_rows() {
  return {
      {{{"gamma", "0.2"}}, {{"raf_db", 76.12}}}, {{{"gamma", "0.3"}}, {{"raf_db", 76.35}}},
      {{{"gamma", "0.5"}}, {{"raf_db", 78.31}}}, {{{"gamma", "0.6"}}, {{"raf_db", 76.57}}},
      {{{"gamma", "0.8"}}, {{"raf_db", 71.75}}},
  };
}

std::vector<PublishedRow> table7_rows() {
  return {
      {{{"method", "dlp_cnn"}}, {{"raf_db", 84.22}}},
      {{{"method", "ipa2lt"}}, {{"raf_db", 86.77}}},
      {{{"method", "gacnn"}}, {{"raf_db", 85.07}}},
      {{{"method", "ran"}}, {{"raf_db", 86.9}, {"affectnet", 52.97}, {"ferplus", 88.55}}},
      {{{"method", "scn_resnet18"}}, {{"raf_db", 87.03}, {"ferplus", 88.01}}},
      {{{"method", "scn_resnet18_joint_with_affectnet"}}, {{"raf_db", 88.14}}},
      {{{"method", "upsample"}}, {{"affectnet", 47.0}}},
      {{{"method", "weighted_loss"}}, {{"affectnet", 58.0}}},
      {{{"method", "ipa2lt_7_classes"}}, {{"affectnet", 55.71}}},
      {{{"method", "ran_oversampled"}}, {{"affectnet", 59.5}}},
      {{{"method", "scn_resnet18_oversampled"}}, {{"affectnet", 60.23}}},
      {{{"method", "pld"}}, {{"ferplus", 85.1}}},
      {{{"method", "resnet_vgg"}}, {{"ferplus", 87.4}}},
      {{{"method", "senet50"}}, {{"ferplus", 88.8}}},
      {{{"method", "ran_vgg16"}}, {{"ferplus", 89.16}}},
      {{{"method", "scn_ir50"}}, {{"ferplus", 89.35}}},
  };
}

std::vector<PublishedRow> anchors_rows() {
  return {
      {{{"method", "eac"}, {"noise", "0"}}, {{"raf_db", 89.99}}},
      {{{"method", "eac"}, {"noise", "10"}}, {{"raf_db", 88.02}}},
      {{{"method", "eac"}, {"noise", "20"}}, {{"raf_db", 86.05}}},
      {{{"method", "eac"}, {"noise", "30"}}, {{"raf_db", 84.42}}},
      {{{"method", "soft"}, {"noise", "0"}}, {{"raf_db", kUnknown}}},
      {{{"method", "soft"}, {"noise", "10"}}, {{"raf_db", 89.05}}},
      {{{"method", "soft"}, {"noise", "20"}}, {{"raf_db", 87.86}}},
      {{{"method", "soft"}, {"noise", "30"}}, {{"raf_db", 86.08}}},
      {{{"method", "resup"}, {"noise", "0"}}, {{"raf_db", 89.7}}},
      {{{"method", "resup"}, {"noise", "10"}}, {{"raf_db", 88.43}}},
      {{{"method", "resup"}, {"noise", "20"}}, {{"raf_db", kUnknown}}},
      {{{"method", "resup"}, {"noise", "30"}}, {{"raf_db", 86.86}}},
      {{{"method", "d3fer"}, {"noise", "0"}}, {{"raf_db", 90.71}, {"ferplus", 89.86}}},
      {{{"method", "d3fer"}, {"noise", "10"}}, {{"raf_db", 89.37}, {"ferplus", kUnknown}}},
      {{{"method", "d3fer"}, {"noise", "20"}}, {{"raf_db", 87.29}, {"ferplus", kUnknown}}},
      {{{"method", "d3fer"}, {"noise", "30"}}, {{"raf_db", 86.41}, {"ferplus", 87.57}}},
      {{{"method", "clex"}, {"noise", "0"}}, {{"raf_db", kUnknown}, {"ferplus", kUnknown}}},
      {{{"method", "clex"}, {"noise", "10"}}, {{"raf_db", 88.91}, {"ferplus", 88.24}}},
      {{{"method", "clex"}, {"noise", "20"}}, {{"raf_db", kUnknown}, {"ferplus", kUnknown}}},
      {{{"method", "clex"}, {"noise", "30"}}, {{"raf_db", 87.11}, {"ferplus", 87.12}}},
      {{{"method", "otp_ns"}, {"noise", "0"}}, {{"raf_db", kUnknown}}},
      {{{"method", "otp_ns"}, {"noise", "10"}}, {{"raf_db", 90.12}}},
      {{{"method", "otp_ns"}, {"noise", "20"}}, {{"raf_db", 88.91}}},
      {{{"method", "otp_ns"}, {"noise", "30"}}, {{"raf_db", 87.56}}},
      {{{"method", "eac_7_classes"}, {"noise", "0"}}, {{"ferplus", kUnknown}}},
      {{{"method", "eac_7_classes"}, {"noise", "10"}}, {{"ferplus", 87.03}}},
      {{{"method", "eac_7_classes"}, {"noise", "20"}}, {{"ferplus", kUnknown}}},
      {{{"method", "eac_7_classes"}, {"noise", "30"}}, {{"ferplus", 85.44}}},
      {{{"method", "idnfer"}, {"noise", "0"}}, {{"ferplus", kUnknown}}},
      {{{"method", "idnfer"}, {"noise", "10"}}, {{"ferplus", 88.05}}},
      {{{"method", "idnfer"}, {"noise", "20"}}, {{"ferplus", 86.9}}},
      {{{"method", "idnfer"}, {"noise", "30"}}, {{"ferplus", 86.42}}},
      {{{"method", "nla"}, {"noise", "0"}}, {{"ferplus", kUnknown}}},
      {{{"method", "nla"}, {"noise", "10"}}, {{"ferplus", 88.2}}},
      {{{"method", "nla"}, {"noise", "20"}}, {{"ferplus", kUnknown}}},
      {{{"method", "nla"}, {"noise", "30"}}, {{"ferplus", 86.97}}},
  };
}

}  // namespace

const std::vector<PublishedTable>& published_tables() {
  static const std::vector<PublishedTable> tables = {
      {"table1_synthetic_noise", "Table 1 of Wang et al., CVPR 2020 (SCN)",
       "Accuracy on RAF-DB and FERPlus, mean class accuracy on AffectNet, under synthetic label "
       "noise; ResNet-18 at 224x224, from scratch or from MS-Celeb-1M weights, 40 epochs of SGD "
       "with batches of 1024; one figure each, spread and choice of epoch not given",
       224, 40, table1_rows()},
      {"table3_webemotion_pretraining", "Table 3 of Wang et al., CVPR 2020 (SCN)",
       "Pretraining on WebEmotion, then fine-tuning; accuracy on RAF-DB and FERPlus, mean class "
       "accuracy on AffectNet; ResNet-18 at 224x224; one figure each, spread and choice of epoch "
       "not given",
       224, 40, table3_rows()},
      {"table5_modules_on_raf_db", "Table 5 of Wang et al., CVPR 2020 (SCN)",
       "Accuracy on RAF-DB with the modules of SCN switched on one by one; ResNet-18 at 224x224, "
       "from scratch or from MS-Celeb-1M weights, 40 epochs of SGD with batches of 1024; one "
       "figure each, spread and choice of epoch not given",
       224, 40, table5_rows()},
      {"table6_gamma_on_raf_db", "Table 6 of Wang et al., CVPR 2020 (SCN)",
       "Accuracy on RAF-DB over the weight gamma of the rank loss, from scratch; ResNet-18 at "
       "224x224, 40 epochs of SGD with batches of 1024; one figure each, spread and choice of "
       "epoch not given",
       224, 40, table6_rows()},
      {"table7_comparison", "Table 7 of Wang et al., CVPR 2020 (SCN)",
       "Comparison with the methods of the time; accuracy on RAF-DB and FERPlus, mean class "
       "accuracy on AffectNet; networks, weights and recipes differ between the rows; spread and "
       "choice of epoch not given",
       0, 0, table7_rows()},
      {"anchors_since", "secondary tables in public work after 2020",
       "Accuracy of later methods with ResNet-18 from MS-Celeb-1M weights under symmetric flips to "
       "another class, each with the recipe of its own authors: other augmentation, more epochs, "
       "often the best epoch on the test set; for orientation only",
       0, 0, anchors_rows()},
  };
  return tables;
}

}  // namespace selfcure
