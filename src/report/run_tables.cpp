#include <limits>

#include "selfcure/core/errors.h"
#include "selfcure/report/csv_reader.h"
#include "selfcure/report/run_record.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// A whole number that fits an epoch.
int epoch_of(const CsvReader& reader, const std::vector<std::string>& fields, std::size_t column) {
  const std::int64_t epoch = reader.integer(fields, column);
  if (epoch < 0 || epoch > 1'000'000'000) reader.fail("expected an epoch, got " + fields[column]);
  return static_cast<int>(epoch);
}

}  // namespace

bool read_relabels(const fs::path& run, const std::function<void(const RelabelRecord&)>& use) {
  const fs::path path = run / "relabels.csv";
  if (!fs::exists(path)) return false;
  CsvReader reader(path);
  const std::size_t epoch = reader.column("epoch");
  const std::size_t id = reader.column("id");
  const std::size_t image = reader.column("image");
  const std::size_t from = reader.column("from");
  const std::size_t to = reader.column("to");
  const std::size_t clean = reader.column("clean");
  for (std::vector<std::string> fields; reader.next(fields);)
    use({epoch_of(reader, fields, epoch), reader.integer(fields, id), fields[image], fields[from],
         fields[to], fields[clean]});
  return true;
}

bool read_importance(const fs::path& run, const std::function<void(const ImportanceRecord&)>& use) {
  const fs::path path = run / "importance.csv";
  if (!fs::exists(path)) return false;
  CsvReader reader(path);
  const std::size_t id = reader.column("id");
  const std::size_t image = reader.column("image");
  const std::size_t importance = reader.column("importance");
  const std::size_t label = reader.column("label");
  const std::size_t given = reader.column("given");
  const std::size_t clean = reader.column("clean");
  for (std::vector<std::string> fields; reader.next(fields);)
    use({reader.integer(fields, id), fields[image], reader.number(fields, importance),
         fields[label], fields[given], fields[clean]});
  return true;
}

bool read_importance_histogram(const fs::path& run,
                               const std::function<void(const ImportanceBin&)>& use) {
  const fs::path path = run / "importance_histogram.csv";
  if (!fs::exists(path)) return false;
  CsvReader reader(path);
  const std::size_t epoch = reader.column("epoch");
  const std::size_t group = reader.column("given_label");
  const std::size_t low = reader.column("low");
  const std::size_t high = reader.column("high");
  const std::size_t count = reader.column("count");
  for (std::vector<std::string> fields; reader.next(fields);) {
    const ImportanceBin bin = {epoch_of(reader, fields, epoch), fields[group],
                               reader.number(fields, low), reader.number(fields, high),
                               reader.integer(fields, count)};
    if (bin.group != "right" && bin.group != "wrong" && bin.group != "unknown")
      reader.fail("expected right, wrong or unknown as given_label, got '" + bin.group + "'");
    if (!(bin.low >= 0 && bin.low < bin.high && bin.high < 1.001) || bin.count < 0)
      reader.fail("expected 0 <= low < high <= 1 and a count");
    use(bin);
  }
  return true;
}

bool read_predictions(const fs::path& run, const std::function<void(const PredictionRecord&)>& use,
                      std::vector<std::string>* class_names, const std::string& split) {
  const fs::path path = run / ("predictions_" + split + ".csv");
  if (!fs::exists(path)) return false;
  CsvReader reader(path);
  const std::size_t image = reader.column("image");
  const std::size_t label = reader.column("label");
  const std::size_t predicted = reader.column("predicted");
  const auto& header = reader.header();
  // A class may be called "p_importance": the columns of probabilities follow the first three.
  const std::size_t first = 3;
  std::size_t last = first;
  while (last < header.size() && header[last].compare(0, 2, "p_") == 0) ++last;
  if (image != 0 || label != 1 || predicted != 2 || last == first ||
      (last < header.size() && header[last] != "importance"))
    throw DataError(path.string() +
                    ":1: expected the columns image, label, predicted, p_<class>..., importance");
  if (class_names != nullptr) {
    class_names->clear();
    for (std::size_t i = first; i < last; ++i) class_names->push_back(header[i].substr(2));
  }
  PredictionRecord record;
  std::vector<std::string> fields;
  for (; reader.next(fields); ++record.row) {
    record.image = fields[image];
    record.label = fields[label];
    record.predicted = fields[predicted];
    record.probabilities.clear();
    for (std::size_t i = first; i < last; ++i)
      record.probabilities.push_back(reader.number(fields, i));
    record.importance = last < header.size() ? reader.number(fields, last) : kNaN;
    use(record);
  }
  return true;
}

}  // namespace selfcure
