#include "selfcure/engine/run_files.h"

#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "selfcure/core/file_io.h"
#include "selfcure/core/version.h"
#include "selfcure/engine/device.h"

namespace selfcure {
namespace {

using nlohmann::ordered_json;

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string name_of(const Manifest& manifest, std::int32_t label) {
  return label == kUnknownLabel ? ""
                                : csv_field(manifest.class_names[static_cast<std::size_t>(label)]);
}

}  // namespace

std::string environment_json(const std::string& command_line, const c10::Device& device,
                             int threads, const ExperimentOptions& options) {
  char host[256] = "";
  ::gethostname(host, sizeof(host) - 1);
  const ordered_json json = {{"selfcure", version()},
                             {"source_revision", source_revision()},
                             {"libtorch", libtorch_version()},
                             {"device", device.str()},
                             {"devices", device_descriptions()},
                             {"cpu_threads", threads},
                             {"host", host},
                             {"started", utc_now()},
                             {"command_line", command_line},
                             {"seed", options.seed},
                             {"noise_seed", options.data.noise.seed}};
  // Paths on the command line need not be UTF-8.
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string labels_csv(const Manifest& manifest) {
  std::string csv = "id,image,clean,noisy\n";
  for (std::size_t row = 0; row < manifest.rows.size(); ++row)
    csv += std::to_string(row) + "," + csv_field(manifest.rows[row].image) + "," +
           name_of(manifest, manifest.rows[row].clean) + "," +
           name_of(manifest, manifest.rows[row].given) + "\n";
  return csv;
}

std::string relabels_csv(const Manifest& manifest, const LabelStore& labels) {
  std::string csv = "epoch,id,image,from,to,clean\n";
  for (const Relabel& change : labels.history()) {
    const ManifestRow& row = manifest.rows[static_cast<std::size_t>(change.row)];
    csv += std::to_string(change.epoch) + "," + std::to_string(change.row) + "," +
           csv_field(row.image) + "," + name_of(manifest, change.from) + "," +
           name_of(manifest, change.to) + "," + name_of(manifest, row.clean) + "\n";
  }
  return csv;
}

std::string weights_csv(const ImportReport& report) {
  std::string csv = "outcome,name,source,detail\n";
  for (const ImportRow& row : report.rows)
    csv += std::string(import_outcome_name(row.outcome)) + "," + csv_field(row.name) + "," +
           csv_field(row.source) + "," + csv_field(row.detail) + "\n";
  return csv;
}

std::string importance_csv(const Manifest& manifest, const LabelStore& labels,
                           const std::vector<float>& importance) {
  std::string csv = "id,image,importance,label,given,clean\n";
  char number[32];
  for (std::size_t row = 0; row < importance.size(); ++row) {
    if (std::isnan(importance[row])) continue;
    std::snprintf(number, sizeof(number), "%.6g", static_cast<double>(importance[row]));
    const ManifestRow& sample = manifest.rows[row];
    csv += std::to_string(row) + "," + csv_field(sample.image) + "," + number + "," +
           name_of(manifest, labels.label(static_cast<std::int64_t>(row))) + "," +
           name_of(manifest, sample.given) + "," + name_of(manifest, sample.clean) + "\n";
  }
  return csv;
}

GivenLabel given_label_of(const ManifestRow& row) {
  if (row.clean == kUnknownLabel) return GivenLabel::kUnknown;
  return row.given == row.clean ? GivenLabel::kRight : GivenLabel::kWrong;
}

const char* given_label_text(GivenLabel label) {
  return label == GivenLabel::kRight ? "right" : label == GivenLabel::kWrong ? "wrong" : "unknown";
}

int importance_bin(float importance) {
  return std::clamp(static_cast<int>(importance * static_cast<float>(kImportanceBins)), 0,
                    kImportanceBins - 1);
}

std::string importance_histogram_lines(int epoch, const Manifest& manifest,
                                       const std::vector<float>& importance) {
  constexpr std::array kGroups = {GivenLabel::kRight, GivenLabel::kWrong, GivenLabel::kUnknown};
  std::array<std::array<std::int64_t, kImportanceBins>, kGroups.size()> counts = {};
  for (std::size_t row = 0; row < importance.size(); ++row) {
    if (std::isnan(importance[row])) continue;
    const auto group = static_cast<std::size_t>(given_label_of(manifest.rows[row]));
    ++counts[group][static_cast<std::size_t>(importance_bin(importance[row]))];
  }
  std::string lines;
  char text[80];
  for (const GivenLabel group : kGroups)
    for (int bin = 0; bin < kImportanceBins; ++bin) {
      const std::int64_t count =
          counts[static_cast<std::size_t>(group)][static_cast<std::size_t>(bin)];
      if (count == 0) continue;
      std::snprintf(text, sizeof(text), "%d,%s,%.2f,%.2f,%lld\n", epoch, given_label_text(group),
                    bin / static_cast<double>(kImportanceBins),
                    (bin + 1) / static_cast<double>(kImportanceBins),
                    static_cast<long long>(count));
      lines += text;
    }
  return lines;
}

std::string training_set_fingerprint(const Manifest& manifest) {
  XXH3_state_t* state = XXH3_createState();
  XXH3_64bits_reset(state);
  for (const std::string& name : manifest.class_names)
    XXH3_64bits_update(state, name.data(), name.size() + 1);
  XXH3_64bits_update(state, &manifest.frames_per_video, sizeof(manifest.frames_per_video));
  for (const ManifestRow& row : manifest.rows) {
    XXH3_64bits_update(state, row.image.data(), row.image.size() + 1);
    XXH3_64bits_update(state, &row.given, sizeof(row.given));
    // What relabelling is judged by must not change on the way.
    XXH3_64bits_update(state, &row.clean, sizeof(row.clean));
    if (!row.box.empty()) XXH3_64bits_update(state, &row.box, sizeof(row.box));
    if (row.frame >= 0) XXH3_64bits_update(state, &row.frame, sizeof(row.frame));
  }
  if (!manifest.distributions.empty())
    XXH3_64bits_update(state, manifest.distributions.data(),
                       manifest.distributions.size() * sizeof(float));
  const XXH64_hash_t hash = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  return std::to_string(manifest.size()) + " rows, " + std::to_string(hash);
}

}  // namespace selfcure
