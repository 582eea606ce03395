#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "selfcure/data/manifest.h"

namespace selfcure {

/// How injected noise picks the wrong label; K is the number of classes.
enum class NoiseType {
  /// Labels stay as the data set gives them.
  kNone,
  /// Another class, uniformly among the K-1 others.
  kSymmetric,
  /// Any class, uniformly among all K: the rate of wrong labels is rate * (K-1) / K.
  /// Source: Li et al., ICLR 2020 (DivideMix), section 4.1.
  kSymmetricWithSelf,
  /// The next class, k -> k + 1 mod K. Source: Han et al., NeurIPS 2018 (Co-teaching), figure 2.
  kPair,
  /// NoiseOptions::class_map says which class a class is taken for.
  kAsymmetric,
  /// NoiseOptions::matrix says how often each class is taken for each other one.
  kMatrix,
  /// The wrong label depends on the image; see inject_instance_noise().
  kInstance,
  /// The labels of a list made elsewhere; see read_noise_file().
  kFile,
};

/// How closely the noise keeps to what is asked for.
enum class NoiseExactness {
  /// Each row is drawn by itself; the share that comes out varies around the rate.
  kIid,
  /// Exactly round(rate * N) of N rows, halves rounded up.
  kExact,
  /// Exactly round(rate * N_c) of the N_c rows of each class.
  kPerClass,
};

/// "none", "symmetric", "symmetric_with_self", "pair", "asymmetric", "matrix", "instance", "file".
const char* to_string(NoiseType type);
/// "iid", "exact", "per_class".
const char* to_string(NoiseExactness exactness);

/// Noise to inject into the labels of a training set.
///
/// What a type does not use is ignored, but for a rate and an exactness that it cannot honour:
/// - none: neither rate nor exactness.
/// - symmetric, pair: rows are changed.
/// - symmetric_with_self: rows are redrawn; 1 of K redrawn rows keeps its label.
/// - asymmetric: rows are changed. Only rows of classes in the map count: round(rate * N) of the N
///   rows of all these classes with kExact.
/// - matrix: no rate. With kPerClass, of the N_c rows of class c, N_c * matrix[c][k] become k,
///   rounded by largest remainders. No kExact.
/// - instance: a rate, kIid only.
/// - file: neither rate nor exactness.
struct NoiseOptions {
  /// Default kNone, which also leaves clean labels unknown: nothing vouches for the data set's own.
  NoiseType type = NoiseType::kNone;
  /// Share of rows that are changed (or redrawn), in [0, 1], default 0. With kIid it is the
  /// probability of each row by itself; NoiseReport says what came out.
  double rate = 0.0;
  /// Default 0. Chooses the rows and their wrong labels; apart from the training seed, so that
  /// several trainings can share one noisy set. Rows wrong at a rate are wrong, in the same way, at
  /// every higher rate of the same seed, type and exactness. With a matrix, which has no rate, this
  /// holds under kIid between matrices whose rows are alike but for the diagonal and a common
  /// factor of the rest; under kPerClass the same rows stay wrong, but may become so in another
  /// way.
  std::uint64_t seed = 0;
  /// Default kIid, the protocol of the literature.
  NoiseExactness exactness = NoiseExactness::kIid;
  /// Of kAsymmetric: from a class to the one that it is taken for, by name (see find_class); a
  /// class that is not here keeps its labels. No default.
  std::map<std::string, std::string> class_map = {};
  /// Of kMatrix: P(given | true), [K][K], row of the true class, column of the given one, in the
  /// manifest's class order; each row sums to 1 within 1e-6. "True" is the label before this noise.
  /// cleanlab's noise_matrix is the transpose of this. No default.
  std::vector<std::vector<double>> matrix = {};
  /// Of kInstance: checkpoint whose network gives the features. Used by the engine alone.
  std::filesystem::path features_from = {};
  /// Of kFile: the list. No default; a relative path starts at the working directory.
  std::filesystem::path file = {};
  /// Of kFile: the integer that stands for the first class in the list, 0 (default) or 1.
  int first_label = 0;
  /// Of kFile: true (default) wants a label for every row; false lets rows that the list lacks keep
  /// theirs.
  bool require_complete = true;
};

/// What noise did to a manifest; K is its number of classes.
struct NoiseReport {
  /// [K][K], rows per true and given label. Rows whose true label is unknown (possible with kNone
  /// only) count as right.
  std::vector<std::vector<std::int64_t>> transitions;
  /// Rows whose given label this injection changed.
  std::int64_t changed = 0;
  /// Share of rows whose given label is not the true one, in [0, 1]; 0 for no rows.
  double realised_rate = 0.0;
  /// Of kFile: rows that the list lacks, and lines of test images that the manifest lacks.
  std::int64_t rows_kept = 0;
  std::int64_t lines_ignored = 0;
};

/// Confusions of RAF-DB's classes, for kAsymmetric: Surprise to Anger, Fear to Surprise, Disgust to
/// Anger, Happiness to Neutral, Sadness to Neutral, Anger to Happiness, Neutral to Surprise.
std::map<std::string, std::string> raf_db_class_map();

/// Makes labels wrong on purpose and records the right ones; every type but kInstance.
///
/// What changes is `given`, and apply_noisy_labels() says what else. With kIid, what happens to row
/// i depends on (seed, i, its label, K) alone: not on other rows, their number or the training
/// seed. Inject before joining or subsetting if the noise must not depend on these. Under kExact
/// and kPerClass the chosen rows are the first of the N (or N_c) in an order that (seed, i) fixes;
/// what a chosen row becomes still depends on (seed, i, its label, K) alone.
///
/// @param manifest  a training set; every row has a given label. Unchanged if this throws
/// @throws ConfigError as check_noise() does, and for kInstance, which needs features
/// @throws DataError as check_noise() and read_noise_file() do
/// Source: Wang et al., CVPR 2020, the experiments on synthetic noise of 10, 20 and 30 %; each row
/// is drawn by itself, as the realised rates of the authors' lists suggest.
NoiseReport inject_noise(Manifest& manifest, const NoiseOptions& options);

/// Says what is wrong with options, or with the labels that they are to change.
///
/// @throws ConfigError if the rate is not in [0, 1], the type cannot honour the rate or the
///         exactness, the class map is empty, names a class twice, an unknown one or one for
///         itself, the matrix is not K x K and row-stochastic, no file is given, or first_label is
///         neither 0 nor 1
/// @throws DataError if a row has no label or one outside the classes, or K < 2 with a type other
///         than kNone
void check_noise(const Manifest& manifest, const NoiseOptions& options);

/// Gives the rows these labels and records what was right.
///
/// A row's clean label becomes the label that it had unless it was known already. Where rows have
/// label distributions, that of a changed row gives all to the new label.
/// @param labels  [size()], each a class
NoiseReport apply_noisy_labels(Manifest& manifest, const std::vector<std::int32_t>& labels);

/// Counts the noise that a manifest holds now, for example after rows were left out; `changed` is
/// the number of rows whose given label is not the true one.
NoiseReport report_noise(const Manifest& manifest);

/// Divides each row of counts by its sum: P(given | true), [K][K]. A row of zeros stays zero.
std::vector<std::vector<double>> row_normalised(
    const std::vector<std::vector<std::int64_t>>& counts);

/// A JSON object of the options that the type uses, the manifest's name and root, and of what came
/// out: counts and shares per true (row) and given class, rows, changed rows and the realised rate.
std::string noise_record(const NoiseReport& report, const NoiseOptions& options,
                         const Manifest& manifest);

/// The same for people: a line about the options, one about the labels that changed, and the table
/// of shares in percent, true classes down and given ones across. Ends in a line break.
std::string noise_report_text(const NoiseReport& report, const NoiseOptions& options,
                              const Manifest& manifest);

}  // namespace selfcure
