#include "selfcure/config/config.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "../support/temporary_directory.h"
#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

using Overrides = std::vector<std::string>;

/// The keys that every config needs; tests add theirs below.
const std::string kMinimal = "name: test\ndata: {dataset: raf_db, root: faces}\n";

ExperimentOptions parse(const std::string& text, const Overrides& overrides = {}) {
  return parse_config(text, "file.yaml", overrides);
}

/// What parse_config says about a text; "accepted" when it has no complaint.
std::string complaint(const std::string& text, const Overrides& overrides = {}) {
  try {
    parse(text, overrides);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

/// The same for one key below the minimal config, without the place.
std::string value_complaint(const std::string& setting) {
  const std::string text = complaint(kMinimal, {setting});
  const std::string prefix = "--set " + setting + ": ";
  return text.compare(0, prefix.size(), prefix) == 0 ? text.substr(prefix.size()) : text;
}

const ScnOptions& scn_of(const ExperimentOptions& options) {
  return std::get<ScnOptions>(options.method);
}

TEST(Config, MinimalFileHasTheDefaultsOfTheStructs) {
  const ExperimentOptions options = parse(kMinimal);
  EXPECT_EQ(options.name, "test");
  EXPECT_EQ(options.seed, 1U);
  ASSERT_EQ(options.data.train.size(), 1U);
  EXPECT_EQ(options.data.train[0].dataset, Dataset::kRafDb);
  EXPECT_EQ(options.data.train[0].root, "faces");
  EXPECT_EQ(options.data.train[0].splits, std::vector<Split>{Split::kTrain});
  EXPECT_TRUE(options.data.valid.empty());
  ASSERT_EQ(options.data.test.size(), 1U);
  EXPECT_EQ(options.data.test[0].splits, std::vector<Split>{Split::kTest});
  EXPECT_EQ(options.data.image_size, DataOptions{}.image_size);
  EXPECT_DOUBLE_EQ(scn_of(options).margin, ScnOptions{}.margin);
  EXPECT_DOUBLE_EQ(options.train.optimizer.lr, OptimizerOptions{}.lr);
  const TrainOptions defaults;
  EXPECT_EQ(options.train.epochs, defaults.epochs);
}

TEST(Config, ReadsEveryKindOfValue) {
  const ExperimentOptions options = parse(R"(
name: run-1.b_c
seed: 18446744073709551615
data:
  dataset: ferplus
  root: "with blank/fer"
  pixels: csv
  train_split: train+valid
  test_split: test
  image_size: 64
  on_error: skip
  noise: {type: symmetric, rate: .3, seed: 7}
  augment: {flip_or_noise: true, erase: 5e-1}
  normalize: {mean: [0, 0.5, 1], std: [1, 1, 1e-3]}
model: {weights: start.pt}
method: {margin: 0, relabel: {enabled: false, scope: batch}, loss: sum}
train:
  optimizer: {name: adam}
  schedule: {name: step, milestones: [2, 4], factor: 1}
  device: cuda:3
)");
  EXPECT_EQ(options.seed, ~std::uint64_t{0});
  const SourceOptions& train = options.data.train.at(0);
  EXPECT_EQ(train.dataset, Dataset::kFerPlus);
  EXPECT_EQ(train.root, "with blank/fer");
  EXPECT_EQ(train.pixels, FerPlusPixels::kCsv);
  EXPECT_EQ(train.splits, (std::vector<Split>{Split::kTrain, Split::kValid}));
  EXPECT_EQ(options.data.on_error, OnError::kSkip);
  EXPECT_EQ(options.data.noise.type, NoiseType::kSymmetric);
  EXPECT_DOUBLE_EQ(options.data.noise.rate, 0.3);
  EXPECT_EQ(options.data.noise.seed, 7U);
  EXPECT_TRUE(options.data.augment.flip_or_noise);
  EXPECT_DOUBLE_EQ(options.data.augment.erase, 0.5);
  EXPECT_EQ(options.data.normalize.mean, (std::array<double, 3>{0, 0.5, 1}));
  EXPECT_EQ(options.model.weights, "start.pt");
  EXPECT_DOUBLE_EQ(scn_of(options).margin, 0);
  EXPECT_FALSE(scn_of(options).relabel);
  EXPECT_EQ(scn_of(options).relabel_scope, RelabelScope::kBatch);
  EXPECT_EQ(scn_of(options).loss, LossForm::kSum);
  EXPECT_EQ(options.train.schedule.kind, ScheduleKind::kStep);
  EXPECT_EQ(options.train.schedule.milestones, (std::vector<int>{2, 4}));
  EXPECT_EQ(options.train.device, "cuda:3");
}

TEST(Config, ByteOrderMarkAndWindowsLineEndsAreFine) {
  EXPECT_EQ(complaint("\xEF\xBB\xBFname: test\r\ndata: {dataset: raf_db, root: faces}\r\n"),
            "accepted");
}

TEST(Config, UnknownKeysAreNamedWithTheNearestOnes) {
  EXPECT_EQ(complaint(kMinimal + "train:\n  epoch: 3\n"),
            "file.yaml:4:3: unknown key 'train.epoch'; did you mean 'train.epochs'?");
  EXPECT_EQ(complaint(kMinimal + "epochs: 3\n"),
            "file.yaml:3:1: unknown key 'epochs'; did you mean 'train.epochs'?");
  EXPECT_EQ(complaint(kMinimal + "train: {lr: 3}\n"),
            "file.yaml:3:9: unknown key 'train.lr'; did you mean 'train.optimizer.lr'?");
  EXPECT_EQ(complaint(kMinimal + "trian: {epochs: 3}\n"),
            "file.yaml:3:1: unknown key 'trian'; did you mean 'train'?");
  EXPECT_EQ(complaint(kMinimal + "train: {batch: 3}\n"),
            "file.yaml:3:9: unknown key 'train.batch'; did you mean 'train.batch_size'?");
  EXPECT_EQ(complaint(kMinimal + "zzzzzzzz: 3\n"), "file.yaml:3:1: unknown key 'zzzzzzzz'");
  EXPECT_EQ(complaint("name: a\ndata:\n  train:\n    - {dataset: raf_db, roat: x, root: y}\n"
                      "  test: {dataset: raf_db, root: y}\n"),
            "file.yaml:4:25: unknown key 'data.train[0].roat'; did you mean "
            "'data.train[0].root'?");
}

TEST(Config, AllMistakesAreListedAtOnceInTheOrderOfTheFile) {
  EXPECT_EQ(complaint("name: my run\n"
                      "data:\n"
                      "  root: ~/x\n"
                      "train:\n"
                      "  epochs: many\n"
                      "  batch_size: 0\n"
                      "  epochs: 5\n"
                      "modle: 1\n",
                      {"train.threads=x", "nonsense"}),
            "file.yaml:1:7: name: expected letters, digits, '.', '_' and '-' (at most 100, the "
            "first a letter, digit or '_'), got 'my run'\n"
            "file.yaml:2:1: missing required key 'data.dataset' (not needed beside 'data.train' "
            "and 'data.test')\n"
            "file.yaml:3:9: data.root: expected a path, got '~/x'; '~' is not replaced by the home "
            "folder here\n"
            "file.yaml:5:11: train.epochs: expected an integer in [1, 100000], got 'many'\n"
            "file.yaml:6:15: train.batch_size: expected an integer in [1, 1048576], got '0'\n"
            "file.yaml:7:3: duplicate key 'train.epochs'; first given at file.yaml:5:3\n"
            "file.yaml:8:1: unknown key 'modle'; did you mean 'model'?\n"
            "--set train.threads=x: train.threads: expected an integer in [0, 1024], got 'x'\n"
            "--set nonsense: expected KEY=VALUE");
}

TEST(Config, DuplicateKeysCiteBothPlaces) {
  EXPECT_EQ(complaint(kMinimal + "seed: 1\nseed: 2\n"),
            "file.yaml:4:1: duplicate key 'seed'; first given at file.yaml:3:1");
  EXPECT_EQ(
      complaint("name: a\ndata:\n  test: {dataset: raf_db, root: y}\n  train:\n"
                "    - {dataset: raf_db, root: y}\n    - {root: x, root: y, dataset: raf_db}\n"),
      "file.yaml:6:17: duplicate key 'data.train[1].root'; first given at file.yaml:6:8");
}

TEST(Config, RequiredKeysAreAskedFor) {
  EXPECT_EQ(complaint("seed: 1\n"),
            "file.yaml: missing required key 'data.dataset' (not needed beside 'data.train' and "
            "'data.test')\n"
            "file.yaml: missing required key 'data.root' (not needed beside 'data.train' and "
            "'data.test')\n"
            "file.yaml: missing required key 'name'");
  EXPECT_EQ(complaint("name: a\ndata: {train: {dataset: raf_db}, test: {root: x}}\n"),
            "file.yaml:2:15: missing required key 'data.train[0].root' or 'data.root'\n"
            "file.yaml:2:40: missing required key 'data.test[0].dataset' or 'data.dataset'");
}

TEST(Config, IntegersAreDecimalAndInRange) {
  const std::string expected = "train.epochs: expected an integer in [1, 100000], got ";
  EXPECT_EQ(value_complaint("train.epochs=0"), expected + "'0'");
  EXPECT_EQ(value_complaint("train.epochs=100001"), expected + "'100001'");
  EXPECT_EQ(value_complaint("train.epochs=99999999999999999999"),
            expected + "'99999999999999999999'");
  EXPECT_EQ(value_complaint("train.epochs=010"),
            expected + "'010'; a leading zero is ambiguous in YAML");
  for (const std::string text : {"1.0", "1e3", "0x10", "+3", "1_000", "many", "true"}) {
    EXPECT_EQ(value_complaint("train.epochs=" + text), expected + "'" + text + "'");
  }
  EXPECT_EQ(value_complaint("train.epochs=\"10\""), expected + "the quoted text \"10\"");
  EXPECT_EQ(value_complaint("train.epochs="), expected + "nothing");
  EXPECT_EQ(value_complaint("train.epochs=[1]"), expected + "a list");
  EXPECT_EQ(value_complaint("train.epochs={a: 1}"), expected + "a section");
  EXPECT_EQ(value_complaint("seed=-1"),
            "seed: expected an integer in [0, 18446744073709551615], got '-1'");
  EXPECT_EQ(value_complaint("seed=18446744073709551616"),
            "seed: expected an integer in [0, 18446744073709551615], got '18446744073709551616'");
}

TEST(Config, NumbersAreFiniteAndInRange) {
  const std::string expected = "train.optimizer.lr: expected a number in (0, 1000], got ";
  for (const std::string text :
       {"nan", ".nan", "inf", ".inf", "-inf", "0", "-1", "1e4", "1e999", "1,5", "0.1x"}) {
    EXPECT_EQ(value_complaint("train.optimizer.lr=" + text), expected + "'" + text + "'");
  }
  EXPECT_DOUBLE_EQ(parse(kMinimal, {"train.optimizer.lr=1e-3"}).train.optimizer.lr, 1e-3);
  EXPECT_DOUBLE_EQ(parse(kMinimal, {"train.optimizer.lr=1"}).train.optimizer.lr, 1);
  EXPECT_EQ(value_complaint("method.beta=1"), "method.beta: expected a number in (0, 1), got '1'");
  EXPECT_EQ(value_complaint("data.normalize.std=[1, 0, 1]"),
            "data.normalize.std: expected a number in (0, 1], got '0'");
  EXPECT_EQ(value_complaint("data.normalize.mean=[1, 0]"),
            "data.normalize.mean: expected a list of 3 numbers in [0, 1], got a list of 2");
  EXPECT_EQ(value_complaint("data.normalize.mean=1"),
            "data.normalize.mean: expected a list of 3 numbers in [0, 1], got '1'");
}

TEST(Config, OnlyTrueAndFalseAreTruthValues) {
  const std::string expected = "method.rank: expected true or false, got ";
  for (const std::string text : {"yes", "No", "on", "off", "True", "1"}) {
    EXPECT_EQ(value_complaint("method.rank=" + text),
              expected + "'" + text + "'; no other spelling is a truth value here");
  }
  EXPECT_EQ(value_complaint("method.rank=maybe"), expected + "'maybe'");
  EXPECT_EQ(value_complaint("method.rank='true'"), expected + "the quoted text \"true\"");
}

TEST(Config, ChoicesTextsAndPathsAreChecked) {
  EXPECT_EQ(value_complaint("train.optimizer.name=sdg"),
            "train.optimizer.name: expected one of sgd, adam, got 'sdg'; did you mean 'sgd'?");
  EXPECT_EQ(value_complaint("train.optimizer.name=[sgd]"),
            "train.optimizer.name: expected one of sgd, adam, got a list");
  EXPECT_EQ(value_complaint("train={device: cpu, precision: fp16}"),
            "train.precision: expected fp32 or bf16 with train.device: cpu, got 'fp16'");
  EXPECT_EQ(value_complaint("data.cache=cuda"),
            "data.cache: expected one of none, gpu, got 'cuda'");
  for (const std::string text : {"cuda:", "cuda:01", "cuda:-1", "gpu"}) {
    EXPECT_EQ(value_complaint("train.device=\"" + text + "\""),
              "train.device: expected auto, cpu, cuda or cuda:<index>, got the quoted text \"" +
                  text + "\"");
  }
  EXPECT_EQ(value_complaint("data.root="), "data.root: expected a path, got nothing");
  EXPECT_EQ(value_complaint("data.root=\"a\\nb\""),
            "data.root: expected a path, got the quoted text \"a?b\"");
  for (const std::string text : {"..", "-x", "a/b", "\"\"", "name with blank"}) {
    EXPECT_NE(complaint(kMinimal, {"name=" + text}), "accepted") << text;
  }
  EXPECT_EQ(value_complaint("data.train_split=train+train"),
            "data.train_split: expected train, valid, test or several joined by '+', got "
            "'train+train'");
  EXPECT_EQ(value_complaint("data.train_split=none"),
            "data.train_split: expected train, valid, test or several joined by '+', got 'none'");
}

TEST(Config, SectionsAndListsMustBeWhatTheyAre) {
  EXPECT_EQ(complaint(kMinimal + "train: 3\n"),
            "file.yaml:3:8: train: expected a section, got '3'");
  EXPECT_EQ(complaint(kMinimal + "train:\n  schedule: [cosine]\n"),
            "file.yaml:4:13: train.schedule: expected a section, got a list");
  EXPECT_EQ(complaint("name: a\ndata: {dataset: raf_db, root: x, train: y}\n"),
            "file.yaml:2:41: data.train: expected a list of sources, got 'y'");
  EXPECT_EQ(complaint("name: a\ndata: {dataset: raf_db, root: x, train: []}\n"),
            "file.yaml:2:41: data.train: expected a list of sources, got an empty list");
  EXPECT_EQ(complaint(kMinimal + "train:\n"), "accepted");
}

TEST(Config, DocumentsThatAreNoConfigAreRefused) {
  EXPECT_EQ(complaint(""),
            "file.yaml: expected keys such as 'name' and 'data', found an empty document");
  EXPECT_EQ(complaint("# nothing\n"),
            "file.yaml: expected keys such as 'name' and 'data', found an empty document");
  EXPECT_EQ(complaint("- a\n"),
            "file.yaml:1:1: expected keys such as 'name' and 'data', got a list");
  EXPECT_EQ(complaint("word\n"),
            "file.yaml:1:1: expected keys such as 'name' and 'data', got 'word'");
  EXPECT_EQ(complaint(kMinimal + "---\nname: b\n"),
            "file.yaml:4:1: expected one YAML document, found a second one");
  EXPECT_EQ(complaint("name: a: b\n"), "file.yaml:1:8: not valid YAML: illegal map value");
  EXPECT_NE(complaint("name: [" + std::string(5000, '[')), "accepted");
}

TEST(Config, AnchorsAliasesMergeKeysAndTagsAreRefused) {
  EXPECT_EQ(complaint(kMinimal + "train: &a {epochs: 3}\n"),
            "file.yaml:3:8: anchors (&name) are not supported");
  EXPECT_EQ(complaint("name: &a test\ndata: {dataset: raf_db, root: *a}\n"),
            "file.yaml:1:7: anchors (&name) are not supported\n"
            "file.yaml:2:31: aliases (*name) are not supported; write the value out\n"
            "file.yaml:2:31: data.root: expected a path, got nothing");
  EXPECT_EQ(complaint(kMinimal + "train: {<<: {epochs: 3}}\n"),
            "file.yaml:3:9: merge keys (<<) are not supported; write the keys out");
  EXPECT_EQ(complaint(kMinimal + "seed: !!int 3\n"),
            "file.yaml:3:7: tags ('tag:yaml.org,2002:int') are not supported");
  EXPECT_EQ(complaint(kMinimal + "[1]: 3\n"), "file.yaml:3:1: expected a word as key, got a list");
}

TEST(Config, FilesThatCannotBeReadAreNamed) {
  const testing::TemporaryDirectory folder;
  const std::filesystem::path file = folder.path() / "a.yaml";
  const auto message = [](const std::filesystem::path& path) -> std::string {
    try {
      load_config(path);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message(file), file.string() + ": expected a config file, found nothing there");
  EXPECT_EQ(message(folder.path()),
            folder.path().string() + ": expected a config file, found a folder");
  testing::write_file(file, std::string((1 << 20) + 1, '#'));
  EXPECT_EQ(message(file), file.string() + ": expected at most 1048576 bytes, got more");
  testing::write_file(file, kMinimal + "sed: 1\n");
  EXPECT_EQ(message(file), file.string() + ":3:1: unknown key 'sed'; did you mean 'seed'?");
  testing::write_file(file, kMinimal);
  EXPECT_EQ(load_config(file, {"seed=5"}).seed, 5U);
}

TEST(Config, ValuesMustFitEachOther) {
  EXPECT_EQ(complaint(kMinimal + "train: {schedule: {name: step, milestones: [20, 10]}}\n"),
            "file.yaml:3:49: train.schedule.milestones: expected an ascending list of integers in "
            "[1, 100000], got '10' after '20'");
  EXPECT_EQ(value_complaint("data.noise.rate=0.3"),
            "data.noise.rate: expected 0 with data.noise.type: none, got '0.3'; did you mean type: "
            "symmetric?");
  EXPECT_EQ(value_complaint("data.augment={erase_area_max: 0.01}"),
            "data.augment.erase_area_min: expected at most "
            "data.augment.erase_area_max, which is 0.01, got '0.02'");
  EXPECT_EQ(value_complaint("train.optimizer={nesterov: true, momentum: 0}"),
            "train.optimizer.nesterov: expected false with a momentum of 0, got 'true'");
  EXPECT_EQ(value_complaint("data.pixels=csv"),
            "data.pixels: belongs to data set 'ferplus', and no source is of that");
  EXPECT_EQ(value_complaint("data.valid_split=valid"),
            "data.valid_split: expected train or test, the splits of raf_db, got 'valid'");
  EXPECT_EQ(complaint(kMinimal + "train: {optimizer: {nesterov: true}}\n",
                      {"train.optimizer.momentum=0"}),
            "--set train.optimizer.momentum=0: train.optimizer.nesterov: expected false with a "
            "momentum of 0, got 'true'");
  EXPECT_EQ(value_complaint("data.train_split=test"),
            "data.test_split: expected other images than those of data.train_split, got the split "
            "'test' in both");
  EXPECT_EQ(value_complaint("data.test_split=train"),
            "data.test_split: expected other images than those of data.train_split, got the split "
            "'train' in both");
}

TEST(Config, KeysOfAnotherMethodAreMistakes) {
  EXPECT_EQ(complaint(kMinimal + "method:\n  name: baseline\n  beta: 0.5\n  relabel: {scope: x}\n"),
            "file.yaml:5:3: key 'method.beta' belongs to method 'scn', and method.name is "
            "'baseline'\n"
            "file.yaml:6:3: key 'method.relabel' belongs to method 'scn', and method.name is "
            "'baseline'");
  const auto options =
      parse(kMinimal + "method: {name: scn, beta: 0.5}\n", {"method={name: baseline}"});
  EXPECT_TRUE(std::holds_alternative<BaselineOptions>(options.method));
}

TEST(Config, PresetsSetDefaultsAndGivenKeysWin) {
  const ScnOptions code =
      scn_of(parse(kMinimal + "method: {gamma: 0.25, margin: 0.2, preset: published_code}\n"));
  EXPECT_EQ(code.preset, ScnPreset::kPublishedCode);
  EXPECT_DOUBLE_EQ(code.margin, 0.2);
  EXPECT_DOUBLE_EQ(code.gamma, 0.25);
  EXPECT_EQ(code.loss, LossForm::kSum);
  EXPECT_EQ(code.relabel_scope, RelabelScope::kBatch);
  EXPECT_TRUE(code.bias_under_alpha);
  EXPECT_TRUE(code.attention_bias);
  EXPECT_DOUBLE_EQ(scn_of(parse(kMinimal + "method: {preset: published_code}\n")).margin, 0.07);
}

TEST(Config, OptimizerAndScheduleSetDefaultsAndGivenKeysWin) {
  EXPECT_DOUBLE_EQ(parse(kMinimal, {"train.optimizer.name=adam"}).train.optimizer.lr, 1e-3);
  EXPECT_DOUBLE_EQ(parse(kMinimal, {"train.optimizer={lr: 0.5, name: adam}"}).train.optimizer.lr,
                   0.5);
  EXPECT_DOUBLE_EQ(parse(kMinimal, {"train.schedule.name=step"}).train.schedule.factor, 0.1);
  EXPECT_DOUBLE_EQ(parse(kMinimal, {"train.schedule.name=exponential"}).train.schedule.factor, 0.9);
}

TEST(Config, OverridesReplaceAndTheLastWins) {
  const ExperimentOptions options =
      parse(kMinimal + "train: {epochs: bad, schedule: {milestones: [1]}}\n",
            {"train.epochs=3", "train.epochs=4", "train.schedule.milestones=[10,20]",
             "data.noise={type: symmetric, rate: 0.3}", "data.noise.seed=9", "method.rank=false"});
  EXPECT_EQ(options.train.epochs, 4);
  EXPECT_EQ(options.train.schedule.milestones, (std::vector<int>{10, 20}));
  EXPECT_DOUBLE_EQ(options.data.noise.rate, 0.3);
  EXPECT_EQ(options.data.noise.seed, 9U);
  EXPECT_FALSE(scn_of(options).rank);
}

TEST(Config, OverrideMistakesCiteTheOption) {
  EXPECT_EQ(complaint(kMinimal, {"train.epoch=3"}),
            "--set train.epoch=3: unknown key 'train.epoch'; did you mean 'train.epochs'?");
  EXPECT_EQ(complaint(kMinimal, {"data.noise={type: symmetric, rate: 2}"}),
            "--set data.noise={type: symmetric, rate: 2}: data.noise.rate: expected a number in "
            "[0, 1], got '2'");
  EXPECT_EQ(complaint(kMinimal, {"train.epochs"}), "--set train.epochs: expected KEY=VALUE");
  EXPECT_EQ(complaint(kMinimal, {"=3"}),
            "--set =3: expected a key such as train.epochs or data.train[0].root before '=', got "
            "''");
  EXPECT_EQ(complaint(kMinimal, {"train..epochs=3"}),
            "--set train..epochs=3: expected a key such as train.epochs or data.train[0].root "
            "before '=', got 'train..epochs'");
  EXPECT_EQ(complaint(kMinimal, {"train.epochs=[1"}),
            "--set train.epochs=[1: not valid YAML: end of sequence flow not found");
  EXPECT_EQ(complaint(kMinimal, {"name.x=3"}),
            "--set name.x=3: 'name' has the single value 'test' at file.yaml:1:7, so it has no key "
            "'x'");
  EXPECT_EQ(complaint(kMinimal, {"data.train[2].root=x"}),
            "--set data.train[2].root=x: 'data.train' is a list of 0: expected an index in [0, 0], "
            "got '2'");
  EXPECT_EQ(complaint(kMinimal, {"train={epochs: 1, epochs: 2}"}),
            "--set train={epochs: 1, epochs: 2}: duplicate key 'epochs'; first given at --set "
            "train={epochs: 1, epochs: 2}");
}

TEST(Config, ListsOfSourcesReplaceTheShortFormAndFallBackOnIt) {
  const std::string text = R"(
name: joined
data:
  dataset: raf_db
  root: raf
  train:
    - {}
    - {dataset: ferplus, root: fer, split: train+valid, pixels: csv}
  test: {root: other}
)";
  const DataOptions data = parse(text).data;
  ASSERT_EQ(data.train.size(), 2U);
  EXPECT_EQ(data.train[0].root, "raf");
  EXPECT_EQ(data.train[0].splits, std::vector<Split>{Split::kTrain});
  EXPECT_EQ(data.train[1].dataset, Dataset::kFerPlus);
  EXPECT_EQ(data.train[1].pixels, FerPlusPixels::kCsv);
  EXPECT_EQ(data.train[1].splits, (std::vector<Split>{Split::kTrain, Split::kValid}));
  EXPECT_TRUE(data.valid.empty());
  ASSERT_EQ(data.test.size(), 1U);
  EXPECT_EQ(data.test[0].root, "other");
  EXPECT_EQ(data.test[0].splits, std::vector<Split>{Split::kTest});

  const DataOptions changed =
      parse(text, {"data.train.1.root=b", "data.train[2].root=c", "data.test[0].root=d"}).data;
  ASSERT_EQ(changed.train.size(), 3U);
  EXPECT_EQ(changed.train[0].root, "raf");
  EXPECT_EQ(changed.train[1].root, "b");
  EXPECT_EQ(changed.train[2].root, "c");
  EXPECT_EQ(changed.test[0].root, "d");
  EXPECT_EQ(complaint(text, {"data.train[0].pixels=csv"}),
            "--set data.train[0].pixels=csv: key 'data.train[0].pixels' belongs to data set "
            "'ferplus', and this source is of another");
}

TEST(Config, RefusesNoiseKeysThatTheTypeWouldIgnore) {
  const auto refuses = [](const std::string& noise, const std::string& part) {
    const std::string text = value_complaint("data.noise={" + noise + "}");
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  refuses(
      "type: symmetric, rate: 0.1, class_map: [a -> b]",
      "data.noise.class_map: belongs to data.noise.type: asymmetric, and the type is symmetric");
  refuses("type: pair, rate: 0.1, file: a.txt", "data.noise.file: belongs to");
  refuses("type: pair, rate: 0.1, require_complete: false", "data.noise.require_complete: belongs");
  refuses("type: symmetric", "expected data.noise.rate beside type: symmetric, got none");
  refuses("type: matrix, matrix: [[1]], exactness: exact", "expected iid or per_class");
  refuses("exactness: per_class", "expected iid with data.noise.type: none");
  refuses("type: matrix, matrix: [[0.5, 0.5], [1]]", "expected 2 entries in row 1");
  refuses("type: matrix, matrix: [[0.5, 0.4], [0, 1]]", "expected row 0 to sum to 1, got 0.9");
  EXPECT_EQ(value_complaint("data.noise={type: symmetric, rate: 0}"), "accepted");
}

TEST(Config, RefusesAShortFormThatNoSourceTakesOver) {
  const std::string text = R"(
name: resolved
data:
  train: {dataset: ferplus, root: fer, labels: majority, class_map: []}
  test: {dataset: ferplus, root: fer, labels: majority, class_map: []}
)";
  EXPECT_NO_THROW(parse(text));
  EXPECT_EQ(complaint(text, {"data.root=other"}),
            "--set data.root=other: data.root: has no effect, since every source has a root of "
            "its own: expected data.train[0].root, data.test[0].root");
  EXPECT_NE(complaint(text, {"data.labels=probability"}).find("data.train[0].labels"),
            std::string::npos);
  EXPECT_NE(complaint(text, {"data.class_map=[sad ->]"}).find("data.train[0].class_map"),
            std::string::npos);
  EXPECT_NE(complaint(text, {"data.train_split=train+valid"}).find("data.train[0].split"),
            std::string::npos);
  EXPECT_EQ(parse(kMinimal, {"data.train={dataset: ferplus, root: a}",
                             "data.test={dataset: ferplus, root: b}"})
                .data.test[0]
                .root,
            "b");
  EXPECT_EQ(parse(text, {"data.pixels=csv"}).data.train[0].pixels, FerPlusPixels::kCsv);
}

TEST(Config, FindsTheSameImagesUnderAnotherSpelling) {
  const auto message = [](const std::string& train, const std::string& test) {
    return complaint("name: x\ndata:\n  train: {" + train + "}\n  test: {" + test + "}\n", {});
  };
  const std::string both = "in both";
  EXPECT_NE(message("dataset: raf_db, root: raf", "dataset: raf_db, root: ./raf/, split: train")
                .find(both),
            std::string::npos);
  EXPECT_NE(message("dataset: list, root: r, train_list: a.txt",
                    "dataset: list, root: r/, test_list: ./a.txt")
                .find(both),
            std::string::npos);
  EXPECT_NE(message("dataset: webemotion, root: w, split_seed: 1",
                    "dataset: webemotion, root: w, split_seed: 2")
                .find("training clips would be in the test"),
            std::string::npos);
}

TEST(Config, IrNetworksWantTheirImageSize) {
  EXPECT_NE(complaint(kMinimal, {"model.backbone=ir50", "data.image_size=64"})
                .find("expected data.image_size: 112 with model.backbone: ir50, got 64"),
            std::string::npos);
  EXPECT_EQ(parse(kMinimal, {"model.backbone=ir50", "data.image_size=112"}).model.backbone,
            Backbone::kIr50);
}

TEST(Config, KeysOfAReaderBelongToItsDataSets) {
  const DataOptions data =
      parse(
          "name: lists\ndata: {dataset: list, root: r, train_list: a.txt, test_list: b.csv, "
          "class_names: [happy, sad], first_label: 1, paths: name}\n")
          .data;
  EXPECT_EQ(data.train[0].train_list, "a.txt");
  EXPECT_EQ(data.train[0].class_names, (std::vector<std::string>{"happy", "sad"}));
  EXPECT_EQ(data.train[0].paths, ListJoin::kName);
  EXPECT_EQ(data.test[0].first_label, 1);
  EXPECT_EQ(value_complaint("data.frames_per_video=4"),
            "data.frames_per_video: belongs to data set 'webemotion', and no source is of that");
  EXPECT_EQ(value_complaint("data.class_names=[a]"),
            "data.class_names: belongs to data sets 'webemotion', 'folders' and 'list', and no "
            "source is of those");
  EXPECT_EQ(complaint("name: a\ndata: {dataset: webemotion, root: r, valid_share: 0.6, "
                      "test_share: 0.6}\n"),
            "file.yaml:2:68: data.test_share: expected at most 1 together with valid_share, got "
            "'0.6' and '0.6'");
}

TEST(Config, ClassesAreNamesAndMapsAreArrows) {
  const ExperimentOptions options =
      parse(kMinimal, {"data.classes=[Happy, Sad]", "data.other_classes=leave_out",
                       "data.class_map=[Surprise -> Happy, 'Fear ->']"});
  EXPECT_EQ(options.data.classes, (std::vector<std::string>{"Happy", "Sad"}));
  EXPECT_EQ(options.data.other_classes, UnmappedClasses::kLeaveOut);
  const std::vector<std::pair<std::string, std::string>> arrows = {{"Surprise", "Happy"},
                                                                   {"Fear", ""}};
  EXPECT_EQ(options.data.train[0].class_map, arrows);
  EXPECT_EQ(value_complaint("data.classes=[a, a]"),
            "data.classes: expected a list of different names, got 'a' twice");
  EXPECT_EQ(value_complaint("data.class_map=[a]"),
            "data.class_map: expected 'from -> to', or 'from ->' to leave it out, got 'a'");
  EXPECT_EQ(value_complaint("data.class_map={a: b}"),
            "data.class_map: expected a list of 'from -> to', or 'from ->' to leave it out, got "
            "a section");
}

TEST(Config, NoiseTypesWantWhatTheyNeed) {
  EXPECT_EQ(value_complaint("data.noise={type: asymmetric, rate: 0.2}"),
            "data.noise.class_map: expected a value with data.noise.type: asymmetric, got nothing");
  EXPECT_EQ(value_complaint("data.noise={type: file}"),
            "data.noise.file: expected a value with data.noise.type: file, got nothing");
  EXPECT_EQ(value_complaint("data.noise={type: matrix, rate: 0.5, matrix: [[1]]}"),
            "data.noise.rate: expected 0 with data.noise.type: matrix, got '0.5'");
  EXPECT_EQ(value_complaint("data.noise={type: matrix, matrix: [[1, 2]]}"),
            "data.noise.matrix: expected a number in [0, 1], got '2'");
  EXPECT_EQ(value_complaint("data.noise={type: asymmetric, class_map: [a ->]}"),
            "data.noise.class_map: expected 'from -> to', got 'a ->'");
  const NoiseOptions noise =
      parse(kMinimal, {"data.noise={type: asymmetric, rate: 0.2, exactness: per_class, class_map: "
                       "[Fear -> Surprise]}"})
          .data.noise;
  EXPECT_EQ(noise.exactness, NoiseExactness::kPerClass);
  EXPECT_EQ(noise.class_map.at("Fear"), "Surprise");
}

TEST(Config, VotesAsTargetsWantAMethodThatLearnsThem) {
  const std::string text = "name: a\nmethod: {name: scn}\ndata: {dataset: ferplus, root: r}\n";
  EXPECT_EQ(complaint(text, {"data.labels=crossentropy"}),
            "file.yaml:3:7: data: expected labels: majority or fer2013 with method.name: scn, "
            "whose relabelling wants one label per image");
  EXPECT_EQ(parse(text, {"data.labels=fer2013"}).data.train[0].labels, FerPlusLabels::kFer2013);
  EXPECT_EQ(parse(text, {"data.labels=probability", "method={name: baseline}"}).data.test[0].labels,
            FerPlusLabels::kProbability);
}

TEST(Config, MemoryIsANumberOrAuto) {
  EXPECT_EQ(parse(kMinimal).data.memory_mb, -1);
  EXPECT_EQ(parse(kMinimal, {"data.memory_mb=0"}).data.memory_mb, 0);
  EXPECT_EQ(value_complaint("data.memory_mb=much"),
            "data.memory_mb: expected auto or an integer in [0, 16777216], got 'much'");
}

}  // namespace
}  // namespace selfcure
