#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

#include "selfcure/core/errors.h"
#include "selfcure/core/metrics.h"
#include "selfcure/report/svg_plot.h"
#include "selfcure/report/table_formats.h"
#include "sweep_sections.h"

namespace selfcure {
namespace {

/// One training of the figure.
struct Training {
  std::string title;
  const SweepRun* run = nullptr;
};

/// One image as one training left it.
struct FaceState {
  double importance = 0;
  std::string label;
  std::string given;
};

/// One image as all trainings left it.
struct Face {
  std::int64_t row = 0;
  std::string image;
  std::string clean;
  std::vector<FaceState> states;
  /// In any of the trainings its given label is not the clean one.
  bool wrong = false;
};

std::string key_of(const ImportanceRecord& record) {
  return std::to_string(record.row) + "/" + record.image;
}

/// Images that all trainings have a weight of, in the order of the first one's file.
std::vector<Face> common_faces(const std::vector<Training>& trainings) {
  std::vector<Face> faces;
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < trainings.size(); ++i) {
    const bool there =
        read_importance(trainings[i].run->record.path, [&](const ImportanceRecord& record) {
          if (i == 0) {
            places.emplace(key_of(record), faces.size());
            faces.push_back({record.row, record.image, record.clean, {}, false});
          }
          const auto place = places.find(key_of(record));
          if (place == places.end()) return;
          Face& face = faces[place->second];
          if (face.states.size() != i) return;  // an earlier training lacks it
          face.states.push_back({record.importance, record.label, record.given});
          if (face.clean.empty()) face.clean = record.clean;
          if (!record.clean.empty() && record.given != record.clean) face.wrong = true;
        });
    if (!there)
      throw DataError(trainings[i].run->name + ": has no importance.csv, so no weights to show");
  }
  faces.erase(
      std::remove_if(faces.begin(), faces.end(),
                     [&](const Face& face) { return face.states.size() != trainings.size(); }),
      faces.end());
  return faces;
}

/// Evenly spaced places of the order by the first training's weight: nobody picks them.
std::vector<const Face*> evenly_chosen(const std::vector<Face>& faces, bool wrong,
                                       std::size_t count) {
  std::vector<const Face*> group;
  for (const Face& face : faces)
    if (face.wrong == wrong) group.push_back(&face);
  std::stable_sort(group.begin(), group.end(), [](const Face* a, const Face* b) {
    return a->states[0].importance < b->states[0].importance;
  });
  if (group.size() <= count) return group;
  std::vector<const Face*> chosen;
  for (std::size_t i = 0; i < count; ++i)
    chosen.push_back(group[(2 * i + 1) * group.size() / (2 * count)]);
  return chosen;
}

/// "2: alpha 0.41, as sad -> happy": the training's number, and the label where it is not the clean
/// one.
std::string face_line(std::size_t number, const FaceState& state, const std::string& clean) {
  std::string text = std::to_string(number) + ": \u03B1 " + decimal_text(state.importance, 2);
  if (state.given != clean || state.label != state.given) text += ", as " + state.given;
  if (state.label != state.given) text += " \u2192 " + state.label;
  return text;
}

void show_faces(ReportDocument& document, const std::vector<Training>& trainings,
                const std::vector<const Face*>& faces, FaceImages* pictures) {
  std::vector<PageImage> images;
  for (const Face* face : faces) {
    PageImage image;
    const auto bytes =
        pictures == nullptr ? std::nullopt : pictures->jpeg("train", face->row, face->image);
    if (bytes) image.bytes = *bytes;
    image.alt = face->image;
    if (!face->clean.empty()) image.lines.push_back(face->clean);
    for (std::size_t i = 0; i < trainings.size(); ++i)
      image.lines.push_back(face_line(i + 1, face->states[i], face->clean));
    images.push_back(std::move(image));
  }
  const bool all = std::none_of(images.begin(), images.end(),
                                [](const PageImage& image) { return image.bytes.empty(); });
  if (all) {
    document.page().images(images);
    return;
  }
  // Without the data at hand, the words alone.
  std::vector<std::string> items;
  for (const PageImage& image : images) {
    std::string text = image.alt;
    for (const std::string& line : image.lines) text += "; " + line;
    items.push_back(text);
  }
  document.page().list(items);
}

double group_mean(const std::vector<Face>& faces, std::size_t training, bool wrong) {
  std::vector<double> values;
  for (const Face& face : faces)
    if (face.wrong == wrong) values.push_back(face.states[training].importance);
  return mean(values);
}

double auc_of(const std::vector<Face>& faces, std::size_t training) {
  std::vector<float> scores;
  std::vector<char> right;
  for (const Face& face : faces) {
    scores.push_back(static_cast<float>(face.states[training].importance));
    right.push_back(face.wrong ? 0 : 1);
  }
  return roc_auc(scores, right);
}

ReportTable group_table(const std::vector<Training>& trainings, const std::vector<Face>& faces) {
  ReportTable table;
  table.name = "same_faces";
  table.caption = "Mean importance weight of the same " + std::to_string(faces.size()) +
                  " images in each training";
  table.columns.resize(5);
  const std::array<const char*, 5> titles = {"training", "run", "label stayed right",
                                             "label made wrong", "AUC"};
  for (std::size_t i = 0; i < titles.size(); ++i) {
    table.columns[i].title = titles[i];
    table.columns[i].number = i > 1;
    table.columns[i].group = i == 2 || i == 3 ? "mean \u03B1 of images whose" : "";
  }
  for (std::size_t i = 0; i < trainings.size(); ++i) {
    std::vector<ReportCell> cells(2);
    cells[0].text = trainings[i].title;
    cells[0].header = true;
    cells[1].text = trainings[i].run->name;
    for (const double value :
         {group_mean(faces, i, false), group_mean(faces, i, true), auc_of(faces, i)}) {
      cells.emplace_back();
      cells.back().text = decimal_text(value, 3);
      cells.back().values = {value};
    }
    table.rows.push_back(std::move(cells));
  }
  table.notes.push_back(
      "AUC: the chance that an image with a right label has a higher weight than one with a wrong "
      "label. Where the labels were clean, the same two groups of images are compared, and 0.5 is "
      "to be expected.");
  return table;
}

void plot_groups(ReportDocument& document, const Training& training, std::size_t index,
                 const std::vector<Face>& faces) {
  constexpr std::size_t kBins = 50;
  HistogramPlot plot;
  plot.title = "Importance weights, " + training.title;
  plot.x.label = "importance weight \u03B1";
  plot.width = 480;
  plot.groups = {{"label stayed right", std::vector<double>(kBins, 0)},
                 {"label made wrong", std::vector<double>(kBins, 0)}};
  for (const Face& face : faces) {
    const double place = face.states[index].importance * static_cast<double>(kBins);
    const auto bin = static_cast<std::size_t>(
        std::clamp(std::isnan(place) ? 0.0 : place, 0.0, static_cast<double>(kBins - 1)));
    ++plot.groups[face.wrong ? 1 : 0].counts[bin];
  }
  document.plot("same_faces_" + std::to_string(index + 1), svg(plot), training.title);
}

/// The trainings of the figure. @throws DataError that says which one is not there
std::vector<Training> trainings_of(const SweepRecord& sweep) {
  const std::array<const char*, 3> titles = {"clean labels", "noisy, no relabelling",
                                             "noisy, relabelling"};
  std::vector<Training> trainings;
  for (std::size_t i = 0; i < sweep.same_faces.size(); ++i) {
    const std::string& name = sweep.same_faces[i];
    const auto run = std::find_if(sweep.runs.begin(), sweep.runs.end(),
                                  [&](const SweepRun& known) { return known.name == name; });
    if (run == sweep.runs.end())
      throw DataError("The run " + name + " is not finished, and this figure needs it.");
    const std::string title = sweep.same_faces.size() == titles.size() ? titles[i] : name;
    trainings.push_back({std::to_string(i + 1) + ": " + title, &*run});
  }
  return trainings;
}

}  // namespace

void add_same_faces(ReportDocument& document, const SweepView& view) {
  if (view.sweep.same_faces.empty()) return;
  HtmlPage& page = document.page();
  page.section("Importance of the same faces under other labels");
  try {
    const std::vector<Training> trainings = trainings_of(view.sweep);
    const std::vector<Face> faces = common_faces(trainings);
    if (faces.empty())
      throw DataError("The trainings have no image in common, so there is nothing to compare.");
    std::unique_ptr<FaceImages> pictures;
    if (view.options.faces) pictures = view.options.faces(trainings[0].run->record);
    document.table(group_table(trainings, faces));
    page.begin_figures();
    for (std::size_t i = 0; i < trainings.size(); ++i)
      plot_groups(document, trainings[i], i, faces);
    page.end_figures();
    page.hint(
        "Which images are shown follows from a rule: the images of each group are sorted by their "
        "weight in the first training, and evenly spaced places of that order are taken. Below "
        "each "
        "image: the class that it shows, and for each training by its number the weight \u03B1 "
        "and, "
        "where it was another one, the given label and what it was changed to.");
    for (const bool wrong : {false, true}) {
      const auto chosen = evenly_chosen(faces, wrong, view.options.same_faces);
      if (chosen.empty()) continue;
      page.heading(wrong ? "Label made wrong in the noisy trainings"
                         : "Label stayed right in every training");
      show_faces(document, trainings, chosen, pictures.get());
    }
    if (pictures && !pictures->problem().empty()) page.note(pictures->problem());
  } catch (const UserError& error) {
    page.note(error.what());
  }
}

}  // namespace selfcure
