#include "selfcure/engine/evaluation.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "selfcure/core/file_io.h"
#include "selfcure/engine/upload.h"

namespace selfcure {
namespace {

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), pattern, value);
  return text;
}

std::string pad(const std::string& text, std::size_t width, bool left = false) {
  const std::string blanks(text.size() < width ? width - text.size() : 0, ' ');
  return left ? text + blanks : blanks + text;
}

}  // namespace

EvaluationResult evaluate(Method& method, const Manifest& manifest, BatchLoader& loader,
                          const NormalizeOptions& normalize, const c10::Device& device,
                          std::int64_t batch_size) {
  const auto begin = std::chrono::steady_clock::now();
  const at::NoGradGuard no_grad;
  const bool was_training = method.module().is_training();
  method.module().eval();
  const std::int64_t class_count = manifest.class_count();
  EvaluationResult result{ConfusionMatrix(class_count), {}, {}, {}, 0};
  const LabelStore labels(manifest);
  loader.start(sequential_plan(manifest.size(), batch_size), labels);
  for (HostBatch batch; loader.next(batch);) {
    const at::Tensor images = normalize_images(upload_pixels(batch, device), normalize);
    const Prediction prediction = method.predict(images);
    const at::Tensor probabilities =
        prediction.logits.softmax(1).to(at::kCPU, at::kFloat).contiguous();
    const at::Tensor best = probabilities.argmax(1).contiguous();
    const auto* predicted = best.data_ptr<std::int64_t>();
    const auto* p = probabilities.data_ptr<float>();
    result.probabilities.insert(result.probabilities.end(), p, p + probabilities.numel());
    for (std::size_t i = 0; i < batch.labels.size(); ++i) {
      result.predicted.push_back(static_cast<std::int32_t>(predicted[i]));
      result.confusion.add(batch.labels[i], predicted[i]);
    }
    if (prediction.importance.defined()) {
      const at::Tensor importance = prediction.importance.to(at::kCPU, at::kFloat).contiguous();
      const auto* a = importance.data_ptr<float>();
      result.importance.insert(result.importance.end(), a, a + importance.numel());
    }
  }
  method.module().train(was_training);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

std::string evaluation_text(const EvaluationResult& result,
                            const std::vector<std::string>& class_names) {
  const ConfusionMatrix& confusion = result.confusion;
  std::size_t width = 10;
  for (const std::string& name : class_names) width = std::max(width, name.size() + 1);
  std::string text = "accuracy             " + format("%.2f %%", 100 * confusion.accuracy()) +
                     "\nmean class accuracy  " +
                     format("%.2f %%", 100 * confusion.mean_class_accuracy()) + "\n\n";
  text += pad("class", width, true) + pad("precision", 10) + pad("recall", 10) + pad("F1", 10) +
          pad("support", 10) + "\n";
  const auto count = static_cast<std::int64_t>(class_names.size());
  const std::vector<ClassMetrics> classes = confusion.per_class();
  for (std::int64_t k = 0; k < count; ++k)
    text += pad(class_names[static_cast<std::size_t>(k)], width, true) +
            pad(format("%.2f", 100 * classes[static_cast<std::size_t>(k)].precision), 10) +
            pad(format("%.2f", 100 * classes[static_cast<std::size_t>(k)].recall), 10) +
            pad(format("%.2f", 100 * classes[static_cast<std::size_t>(k)].f1), 10) +
            pad(std::to_string(classes[static_cast<std::size_t>(k)].support), 10) + "\n";
  text +=
      "\nconfusion matrix (rows: true class, columns: predicted class)\n" + pad("", width, true);
  for (const std::string& name : class_names) text += pad(name.substr(0, 8), 10);
  text += "\n";
  for (std::int64_t t = 0; t < count; ++t) {
    text += pad(class_names[static_cast<std::size_t>(t)], width, true);
    for (std::int64_t p = 0; p < count; ++p) text += pad(std::to_string(confusion.count(t, p)), 10);
    text += "\n";
  }
  return text;
}

std::string evaluation_json(const EvaluationResult& result,
                            const std::vector<std::string>& class_names, const std::string& extra) {
  const ConfusionMatrix& confusion = result.confusion;
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(extra);
  json["samples"] = result.predicted.size();
  json["accuracy"] = confusion.accuracy();
  json["mean_class_accuracy"] = confusion.mean_class_accuracy();
  json["seconds"] = result.seconds;
  json["classes"] = nlohmann::ordered_json::array();
  json["confusion_matrix"] = nlohmann::ordered_json::array();
  const auto count = static_cast<std::int64_t>(class_names.size());
  const std::vector<ClassMetrics> classes = confusion.per_class();
  for (std::int64_t k = 0; k < count; ++k) {
    const ClassMetrics& metrics = classes[static_cast<std::size_t>(k)];
    json["classes"].push_back({{"name", class_names[static_cast<std::size_t>(k)]},
                               {"precision", metrics.precision},
                               {"recall", metrics.recall},
                               {"f1", metrics.f1},
                               {"support", metrics.support}});
    nlohmann::ordered_json row = nlohmann::ordered_json::array();
    for (std::int64_t p = 0; p < count; ++p) row.push_back(confusion.count(k, p));
    json["confusion_matrix"].push_back(row);
  }
  return json.dump(2) + "\n";
}

std::string predictions_csv(const EvaluationResult& result, const Manifest& manifest) {
  std::string csv = "image,label,predicted";
  for (const std::string& name : manifest.class_names) csv += "," + csv_field("p_" + name);
  csv += result.importance.empty() ? "\n" : ",importance\n";
  const std::size_t classes = manifest.class_names.size();
  for (std::size_t row = 0; row < result.predicted.size(); ++row) {
    const ManifestRow& sample = manifest.rows[row];
    csv += csv_field(sample.image) + "," +
           csv_field(manifest.class_names[static_cast<std::size_t>(sample.given)]) + "," +
           csv_field(manifest.class_names[static_cast<std::size_t>(result.predicted[row])]);
    for (std::size_t k = 0; k < classes; ++k)
      csv += format(",%.6g", static_cast<double>(result.probabilities[row * classes + k]));
    if (!result.importance.empty())
      csv += format(",%.6g", static_cast<double>(result.importance[row]));
    csv += "\n";
  }
  return csv;
}

}  // namespace selfcure
