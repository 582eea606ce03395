#include "selfcure/config/config.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

using Overrides = std::vector<std::string>;

/// The keys that every config needs.
const std::string kMinimal = "name: test\ndata: {dataset: raf_db, root: faces}\n";

ExperimentOptions parse(const std::string& text, const Overrides& overrides = {}) {
  return parse_config(text, "file.yaml", overrides);
}

TEST(ConfigOutput, ResolvedYamlReadsBackAsEqualOptions) {
  const std::vector<Overrides> variants = {
      {},
      {"method={name: baseline}", "train.optimizer={name: adam, lr: 0.012345678901234567}"},
      {"method={preset: published_code, margin: 0.3, relabel: {start_epoch: 3}}",
       "train.schedule={name: cosine, milestones: [], warmup_epochs: 0.5}"},
      {"data={dataset: ferplus, root: 'a \"b\": #c\\', pixels: csv, train_split: train,"
       " valid_split: valid}",
       "name='001'", "model.weights='null'"},
      {"data={train: [{dataset: raf_db, root: 'true'}, {dataset: ferplus, root: ünïcode}],"
       " valid: [], test: {dataset: raf_db, root: /z}}",
       "data.noise={type: symmetric, rate: 1e-7}"},
      {"data={dataset: list, root: r, train_list: a b.txt, test_list: 'c,d.csv', class_names: "
       "['a, b', '1', null_], class_map: ['a, b -> c', '1 ->']}",
       "data.noise={type: matrix, matrix: [[0.5, 0.5], [0.25, 0.75]]}", "data.pack=/tmp/p"},
      {"data={dataset: webemotion, root: r, valid_share: 0.25, split_seed: 9, clip_table: m.csv}",
       "data.noise={type: asymmetric, rate: 0.5, class_map: [a -> b]}", "data.memory_mb=5",
       "train.sampling=class_balanced"},
  };
  for (const Overrides& overrides : variants) {
    const ExperimentOptions options = parse(kMinimal, overrides);
    const std::string text = resolved_yaml(options);
    const ExperimentOptions again = parse(text);
    EXPECT_EQ(resolved_yaml(again), text);
    EXPECT_TRUE(differing_keys(options, again, false).empty()) << text;
    EXPECT_EQ(again.name, options.name);
    EXPECT_EQ(again.data.train[0].root, options.data.train[0].root);
    EXPECT_EQ(again.data.train[0].pixels, options.data.train[0].pixels);
    EXPECT_EQ(again.data.valid.size(), options.data.valid.size());
    EXPECT_EQ(again.method.index(), options.method.index());
    EXPECT_EQ(again.model.weights, options.model.weights);
    EXPECT_EQ(again.train.optimizer.lr, options.train.optimizer.lr);
    EXPECT_EQ(again.data.noise.rate, options.data.noise.rate);
    EXPECT_EQ(again.data.noise.matrix, options.data.noise.matrix);
    EXPECT_EQ(again.data.noise.class_map, options.data.noise.class_map);
    EXPECT_EQ(again.data.train[0].class_map, options.data.train[0].class_map);
    EXPECT_EQ(again.data.train[0].class_names, options.data.train[0].class_names);
    EXPECT_EQ(again.data.train[0].train_list, options.data.train[0].train_list);
    EXPECT_EQ(again.data.memory_mb, options.data.memory_mb);
    EXPECT_EQ(again.train.sampling, options.train.sampling);
  }
}

TEST(ConfigOutput, ResolvedYamlHasTheValuesInForce) {
  const std::string text = resolved_yaml(parse(kMinimal, {"method.preset=published_code"}));
  EXPECT_NE(text.find("  train:\n    - dataset: raf_db\n      root: faces\n      split: train\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("  valid: []\n"), std::string::npos);
  EXPECT_NE(text.find("  margin: 0.07\n"), std::string::npos);
  EXPECT_NE(text.find("    weight_decay: 1e-4\n"), std::string::npos);
  EXPECT_EQ(text.find("train_split"), std::string::npos);
}

TEST(ConfigOutput, DifferingKeysNameValuesOfBothSides) {
  const auto keys = [](const Overrides& left, const Overrides& right, bool ignore) {
    std::string text;
    for (const auto& difference :
         differing_keys(parse(kMinimal, left), parse(kMinimal, right), ignore)) {
      text += difference.key + " " + difference.left + " " + difference.right + "\n";
    }
    return text;
  };
  const Overrides other = {"name=b",
                           "data.workers=5",
                           "data.memory_mb=9",
                           "data.cache=gpu",
                           "train.device=cpu",
                           "train.precision=bf16",
                           "train.cuda_graphs=false",
                           "train.threads=3",
                           "train.eval_batch_size=7",
                           "train.checkpoint_minutes=0",
                           "logging.tensorboard=true",
                           "logging.images_every=0",
                           "train.epochs=3"};
  EXPECT_EQ(keys({}, other, true), "train.epochs 40 3\ntrain.precision fp32 bf16\n");
  EXPECT_EQ(keys({}, other, false),
            "name test b\ndata.workers 2 5\ndata.memory_mb auto 9\ndata.cache none gpu\n"
            "train.epochs 40 3\n"
            "train.eval_batch_size 0 7\ntrain.device auto cpu\ntrain.precision fp32 bf16\n"
            "train.cuda_graphs true false\ntrain.threads 0 3\n"
            "train.checkpoint_minutes 10 0\nlogging.tensorboard false true\n"
            "logging.images_every 1 0\n");
  EXPECT_EQ(keys({"method={relabel: {start_epoch: 3}}"}, {"method={name: baseline}"}, false),
            "method.name scn baseline\n");
  EXPECT_EQ(keys({}, {"data.valid={root: v, split: test}"}, false),
            "data.valid[0].dataset (none) raf_db\ndata.valid[0].root (none) v\n"
            "data.valid[0].split (none) test\ndata.valid[0].class_map (none) []\n");
  EXPECT_EQ(keys({}, {}, false), "");
}

TEST(ConfigOutput, ExplainCoversEveryKey) {
  const std::vector<std::string> keys = all_keys();
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), keys.size());
  const std::string all = "\n" + explain_keys("");
  for (const std::string& key : keys) {
    EXPECT_NE(all.find("\n" + key + "\n    "), std::string::npos) << key;
    const std::string one = explain_keys(key);
    EXPECT_EQ(one.compare(0, key.size() + 1, key + "\n"), 0) << one;
    EXPECT_NE(one.find("    expected: "), std::string::npos) << one;
    EXPECT_NE(one.find("    default:  "), std::string::npos) << one;
  }
}

TEST(ConfigOutput, EveryKeyOfAResolvedConfigIsListed) {
  const std::vector<std::string> keys = all_keys();
  for (const std::string key : {"name", "data.train_split", "data.train[].pixels",
                                "method.relabel.scope", "train.schedule.warmup_epochs"}) {
    EXPECT_EQ(std::count(keys.begin(), keys.end(), key), 1) << key;
  }
}

TEST(ConfigOutput, ExplainSaysRangeDefaultAndWhatItDependsOn) {
  EXPECT_EQ(explain_keys("method.margin"),
            "method.margin\n"
            "    delta_1: wanted gap of the mean weights of both groups. The authors advise 0.07 "
            "for batches\n"
            "    of 64 and 0.15 for 1024.\n"
            "    expected: a number in [0, 1]\n"
            "    default:  0.15; 0.07 with method.preset: published_code\n"
            "    only with method.name: scn\n");
  EXPECT_EQ(explain_keys("data.test[3].root"), explain_keys("data.test[].root"));
  EXPECT_NE(explain_keys("train.schedule").find("train.schedule.factor"), std::string::npos);
  EXPECT_EQ(explain_keys("train.schedule").find("train.epochs\n"), std::string::npos);
  try {
    explain_keys("train.epoch");
    FAIL() << "expected a ConfigError";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "unknown key 'train.epoch'; did you mean 'train.epochs'?");
  }
}

TEST(ConfigOutput, EveryFileOfConfigsIsReadAndHasTheNameOfItsFile) {
  const std::filesystem::path folder = std::filesystem::path(SELFCURE_SOURCE_DIR) / "configs";
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml") continue;
    ++count;
    const ExperimentOptions options = load_config(entry.path());
    EXPECT_EQ(options.name, entry.path().stem().string());
    EXPECT_TRUE(differing_keys(options, parse(resolved_yaml(options)), false).empty());
  }
  EXPECT_GE(count, 14);
}

TEST(ConfigOutput, BaselinesDifferFromTheirScnInTheMethodAlone) {
  const std::filesystem::path folder = std::filesystem::path(SELFCURE_SOURCE_DIR) / "configs";
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"rafdb_scn_published_code", "rafdb_baseline"},
      {"ferplus_scn_published_code", "ferplus_baseline"},
      {"affectnet_scn_published_code", "affectnet_baseline"},
      {"demo_scn", "demo_baseline"}};
  for (const auto& [scn, baseline] : pairs) {
    const auto differences = differing_keys(load_config(folder / (scn + ".yaml")),
                                            load_config(folder / (baseline + ".yaml")), true);
    ASSERT_EQ(differences.size(), 1U) << scn;
    EXPECT_EQ(differences[0].key, "method.name");
  }
}

}  // namespace
}  // namespace selfcure
