#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "run_sections.h"

namespace selfcure {
namespace {

/// Smaller changes of an accuracy are not worth a sentence.
constexpr double kNotable = 0.02;
constexpr double kCollapsedSpread = 1e-3;
constexpr double kAllTrusted = 0.99;

std::optional<double> number_of(const std::string& text) {
  if (text.empty()) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end != text.c_str() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

std::string method_text(const RunRecord& run) {
  const std::string method = run.method.empty() ? find_text(run.config, "method.name") : run.method;
  if (method.empty()) return "A method that no file names";
  return method == "scn" ? "SCN" : method == "baseline" ? "The plain baseline" : upper(method);
}

std::string points(double difference) {
  return fixed_text(100 * std::abs(difference), 2) + " points";
}

/// The value of the last epoch that has one.
double last_of(const RunRecord& run, const std::string& name) {
  const std::vector<double> values = run.epochs.column(name);
  for (auto value = values.rbegin(); value != values.rend(); ++value)
    if (!std::isnan(*value)) return *value;
  return std::nan("");
}

std::string epoch_name(const RunRecord& run, std::size_t row) {
  return "epoch " + fixed_text(run.epochs.value(row, "epoch"), 0);
}

std::string training_sentence(const RunRecord& run) {
  std::string text = method_text(run) + " was trained for " +
                     counted(static_cast<std::int64_t>(run.epochs.size()), "epoch", "epochs");
  const std::string data = find_text(run.noise, "data");
  const std::string dataset = find_text(run.config, "data.train[0].dataset");
  if (!data.empty())
    text += " on " + data + " (" + find_text(run.noise, "rows", "?") + " images)";
  else if (!dataset.empty())
    text += " on " + dataset;
  text += run.finished ? "." : "; it is not finished.";
  const std::string type = find_text(run.noise, "type");
  const auto rate = number_of(find_text(run.noise, "realised_rate"));
  if (rate && *rate > 0)
    text += " " + percent_text(*rate) + " of its training labels are wrong" +
            (type.empty() || type == "none" ? "." : ", made so by " + type + " noise.");
  return text;
}

/// "the last five epochs", or how many there are.
std::string last_five_words(const RunRecord& run) {
  const std::vector<double> test = run.epochs.column("test_accuracy");
  const auto evaluated = std::count_if(test.begin(), test.end(),
                                       [](double accuracy) { return !std::isnan(accuracy); });
  if (evaluated == 1) return "the only one";
  return evaluated < 5 ? "all " + std::to_string(evaluated) : "the last five";
}

void add_accuracy_sentences(const RunRecord& run, std::vector<std::string>& items) {
  const RunAccuracy test = run.accuracy("test_accuracy");
  if (std::isnan(test.last)) {
    items.emplace_back("No epoch was evaluated on the test set.");
    return;
  }
  std::string text = "Test accuracy is " + percent_text(test.last) + " after the last epoch, " +
                     percent_text(test.mean_of_last_five) + " as the mean of " +
                     last_five_words(run) + " evaluated " +
                     (last_five_words(run) == "the only one" ? "epoch" : "epochs") + ", and " +
                     percent_text(test.best) + " at best (epoch " + std::to_string(test.best_epoch);
  text += run.best_chosen_on == "test" ? ", chosen on the test set itself, so that it flatters)."
                                       : "; the kept checkpoint was chosen on the validation set).";
  items.push_back(text);
  if (test.best - test.last > kNotable)
    items.push_back("It ended " + points(test.best - test.last) + " below its best epoch.");
  const RunAccuracy classes = run.accuracy("mean_class_accuracy");
  if (!std::isnan(classes.last))
    items.push_back("Mean class accuracy, in which every class counts alike, is " +
                    percent_text(classes.last) + " after the last epoch.");
}

void add_class_sentence(const RunRecord& run, std::vector<std::string>& items) {
  const std::vector<ClassScore> scores = class_scores(run.confusion);
  std::size_t worst = scores.size();
  for (std::size_t k = 0; k < scores.size(); ++k)
    if (scores[k].support > 0 &&
        (worst == scores.size() || scores[k].recall < scores[worst].recall))
      worst = k;
  if (worst == scores.size() || scores.size() < 2) return;
  std::size_t taken_for = worst == 0 ? 1 : 0;
  for (std::size_t k = 0; k < scores.size(); ++k)
    if (k != worst && run.confusion[worst][k] > run.confusion[worst][taken_for]) taken_for = k;
  std::string text = "The class recognised worst is " + run.class_names[worst] + ": " +
                     percent_text(scores[worst].recall) + " of its " +
                     counted(scores[worst].support, "test image", "test images");
  if (run.confusion[worst][taken_for] > 0)
    text += "; " + std::to_string(run.confusion[worst][taken_for]) + " were taken for " +
            run.class_names[taken_for];
  items.push_back(text + ".");
}

void add_importance_sentences(const RunRecord& run, std::vector<std::string>& items) {
  if (!run.has_importance()) return;
  const double low = last_of(run, "alpha_min");
  const double high = last_of(run, "alpha_max");
  const double spread = last_of(run, "alpha_spread");
  const std::string range = "from " + fixed_text(low, 3) + " to " + fixed_text(high, 3) +
                            ", standard deviation " + fixed_text(spread, 4);
  if (low > kAllTrusted)
    items.push_back(
        "The importance weights collapsed: all are above 0.99, so that no sample is "
        "doubted.");
  else if (spread < kCollapsedSpread)
    items.push_back("The importance weights collapsed: they lie " + range +
                    ", so that the ranking is noise.");
  else
    items.push_back("The importance weights did not collapse: they lie " + range + ".");
  const double auc = last_of(run, "alpha_auc");
  if (std::isnan(auc)) return;
  const char* verdict = auc >= 0.9    ? "they tell wrong labels from right ones well"
                        : auc >= 0.7  ? "they tell wrong labels from right ones in part"
                        : auc > 0.55  ? "they hardly tell wrong labels from right ones"
                        : auc >= 0.45 ? "they do not tell wrong labels from right ones"
                                      : "wrong labels have the higher weights";
  items.push_back("The AUC of the weights for right against wrong given labels is " +
                  fixed_text(auc, 3) + ": " + verdict + ".");
}

void add_relabel_sentences(const RunRecord& run, std::vector<std::string>& items) {
  const std::vector<double> relabelled = run.epochs.column("relabelled");
  const auto first =
      std::find_if(relabelled.begin(), relabelled.end(), [](double count) { return count > 0; });
  if (first == relabelled.end()) {
    if (run.method == "scn") items.emplace_back("No label was changed.");
    return;
  }
  double changes = 0;
  for (const double count : relabelled) changes += std::isnan(count) ? 0 : count;
  const auto begin = static_cast<std::size_t>(first - relabelled.begin());
  std::string text = "Relabelling began in " + epoch_name(run, begin) + " and made " +
                     counted(std::llround(changes), "change", "changes");
  const double differing = last_of(run, "labels_changed");
  if (!std::isnan(differing))
    text += "; " + counted(std::llround(differing), "label differs", "labels differ") +
            " from the given one at the end";
  const double precision = last_of(run, "relabel_precision");
  if (!std::isnan(precision)) text += ". Of these, " + percent_text(precision) + " are right now";
  const double recall = last_of(run, "relabel_recall");
  if (!std::isnan(recall))
    text += ", and " + percent_text(recall) + " of the wrong given labels are mended";
  items.push_back(text + ".");
  const std::vector<double> test = run.epochs.column("test_accuracy");
  for (std::size_t row = begin + 1; row-- > 0;) {
    if (std::isnan(test[row])) continue;
    const bool is_last = std::all_of(test.begin() + static_cast<std::ptrdiff_t>(row) + 1,
                                     test.end(), [](double value) { return std::isnan(value); });
    if (is_last) break;
    const double change = run.accuracy("test_accuracy").last - test[row];
    items.push_back("Test accuracy was " + percent_text(test[row]) + " in " + epoch_name(run, row) +
                    ", before changed labels were trained on, and is " + points(change) +
                    (change < 0 ? " lower" : " higher") +
                    " at the end. What else changed in these epochs, such as the learning rate, "
                    "has its share in that.");
    break;
  }
}

/// Where accuracy fell most between two evaluated epochs, and whether wrong labels were learned.
void add_harm_sentences(const RunRecord& run, std::vector<std::string>& items) {
  const std::vector<double> test = run.epochs.column("test_accuracy");
  std::size_t before = test.size();
  std::size_t from = 0;
  std::size_t to = 0;
  double fall = 0;
  for (std::size_t row = 0; row < test.size(); ++row) {
    if (std::isnan(test[row])) continue;
    if (before < test.size() && test[before] - test[row] > fall) {
      fall = test[before] - test[row];
      from = before;
      to = row;
    }
    before = row;
  }
  if (fall > kNotable)
    items.push_back("The largest fall of test accuracy was " + points(fall) + ", from " +
                    epoch_name(run, from) + " to " + epoch_name(run, to) + ".");
  const auto rate = number_of(find_text(run.noise, "realised_rate"));
  const double train = last_of(run, "train_accuracy");
  const double changed = last_of(run, "labels_changed");
  if (rate && *rate > 0.02 && !(changed > 0) && train > 1 - *rate + 0.05)
    items.push_back("Training accuracy is " + percent_text(train) + ", but only " +
                    percent_text(1 - *rate) +
                    " of the training labels are right: wrong labels were learned by heart.");
  const std::vector<double> loss = run.epochs.column("train_loss");
  for (std::size_t row = 0; row < loss.size(); ++row)
    if (std::isnan(loss[row]) && run.epochs.has("train_loss")) {
      items.push_back("The training loss was not finite in " + epoch_name(run, row) +
                      ": the training diverged.");
      break;
    }
}

void add_time_sentence(const RunRecord& run, std::vector<std::string>& items) {
  double seconds = 0;
  double waited = 0;
  for (std::size_t row = 0; row < run.epochs.size(); ++row) {
    const double one = run.epochs.value(row, "seconds");
    const double wait = run.epochs.value(row, "data_wait_seconds");
    seconds += std::isnan(one) ? 0 : one;
    waited += std::isnan(wait) ? 0 : wait;
  }
  if (!(seconds > 0)) return;
  std::string text = "Training took " + duration_text(seconds);
  const double rate = last_of(run, "images_per_second");
  if (!std::isnan(rate))
    text += ", " + fixed_text(rate, 0) + " images per second in the last epoch";
  items.push_back(text + "; " + percent_text(waited / seconds, 1) + " of it was waiting for data.");
}

void add_tiles(HtmlPage& page, const RunRecord& run) {
  const RunAccuracy test = run.accuracy("test_accuracy");
  const RunAccuracy classes = run.accuracy("mean_class_accuracy");
  std::vector<PageTile> tiles;
  if (!std::isnan(test.last)) {
    tiles.push_back({"test accuracy, last epoch", percent_text(test.last)});
    tiles.push_back({"mean of " + last_five_words(run), percent_text(test.mean_of_last_five),
                     "evaluated epochs"});
    tiles.push_back(
        {"best epoch", percent_text(test.best),
         "epoch " + std::to_string(test.best_epoch) + ", chosen on " + run.best_chosen_on});
    if (run.best_chosen_on != "test")
      tiles.back().hint = "epoch " + std::to_string(test.best_epoch) + ", best on test";
  }
  if (!std::isnan(classes.last))
    tiles.push_back({"mean class accuracy", percent_text(classes.last), "last epoch"});
  const double auc = last_of(run, "alpha_auc");
  if (run.has_importance() && !std::isnan(auc))
    tiles.push_back({"AUC of alpha", fixed_text(auc, 3), "right against wrong given labels"});
  const double precision = last_of(run, "relabel_precision");
  const double changed = last_of(run, "labels_changed");
  if (changed > 0)
    tiles.push_back({"labels changed", fixed_text(changed, 0),
                     std::isnan(precision) ? "" : percent_text(precision) + " of them right now"});
  page.tiles(tiles);
}

}  // namespace

void add_run_overview(ReportDocument& document, const RunRecord& run) {
  HtmlPage& page = document.page();
  page.section("What happened");
  page.paragraph(training_sentence(run));
  add_tiles(page, run);
  std::vector<std::string> items;
  add_accuracy_sentences(run, items);
  add_class_sentence(run, items);
  add_importance_sentences(run, items);
  add_relabel_sentences(run, items);
  add_harm_sentences(run, items);
  add_time_sentence(run, items);
  page.list(items);
  for (const std::string& note : run.notes) page.note(note + ".");
}

}  // namespace selfcure
