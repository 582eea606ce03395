// Draws what `compare_cpu.sh growth` measured: benchmark_plot growth.csv FOLDER writes
// growth_side.svg and growth_batch.svg into the folder.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/report/csv_reader.h"
#include "selfcure/report/svg_plot.h"

namespace {

using selfcure::PlotSeries;

/// A line of growth.csv.
struct Point {
  std::string vary;
  std::string rival;
  double side = 0;
  double batch = 0;
  std::int64_t threads = 1;
  double median = 0;
  double low = 0;
  double high = 0;
};

std::vector<Point> read_points(const std::filesystem::path& file) {
  selfcure::CsvReader csv(file);
  const std::size_t vary = csv.column("vary");
  const std::size_t rival = csv.column("rival");
  const std::size_t side = csv.column("image_side");
  const std::size_t batch = csv.column("batch_size");
  const std::size_t threads = csv.column("threads");
  const std::size_t median = csv.column("seconds_median");
  const std::size_t low = csv.column("seconds_min");
  const std::size_t high = csv.column("seconds_max");
  std::vector<Point> points;
  for (std::vector<std::string> fields; csv.next(fields);)
    points.push_back({fields[vary], fields[rival], csv.number(fields, side),
                      csv.number(fields, batch), csv.integer(fields, threads),
                      csv.number(fields, median), csv.number(fields, low),
                      csv.number(fields, high)});
  return points;
}

/// A line per rival and number of threads: milliseconds for an image over what varies.
std::vector<PlotSeries> series_of(const std::vector<Point>& points, const std::string& vary) {
  std::map<std::pair<std::string, std::int64_t>, PlotSeries> lines;
  std::vector<std::string> rivals;
  std::int64_t most_threads = 1;
  for (const Point& point : points) {
    if (point.vary != vary) continue;
    if (std::find(rivals.begin(), rivals.end(), point.rival) == rivals.end())
      rivals.push_back(point.rival);
    most_threads = std::max(most_threads, point.threads);
    PlotSeries& line = lines[{point.rival, point.threads}];
    const double unit = 1e3 / point.batch;
    line.x.push_back(vary == "side" ? point.side : point.batch);
    line.y.push_back(unit * point.median);
    line.low.push_back(unit * point.low);
    line.high.push_back(unit * point.high);
  }
  std::vector<PlotSeries> series;
  for (std::size_t place = 0; place < rivals.size(); ++place)
    for (auto& [key, line] : lines) {
      if (key.first != rivals[place]) continue;
      line.name = key.first + ", " + std::to_string(key.second) +
                  (key.second == 1 ? " thread" : " threads");
      line.band = true;
      line.dashed = key.second < most_threads;
      line.colour = static_cast<int>(place);
      series.push_back(std::move(line));
    }
  return series;
}

selfcure::LinePlot growth_plot(const std::vector<Point>& points, const std::string& vary) {
  selfcure::LinePlot plot;
  plot.series = series_of(points, vary);
  plot.width = 760;
  plot.height = 420;
  plot.y.label = "time for one training image (ms)";
  plot.y.low = 0;
  if (vary == "side") {
    plot.title = "Time for a training image over the side of the image";
    plot.x.label = "side of the image (pixels)";
  } else {
    plot.title = "Time for a training image over the batch size";
    plot.x.label = "images in a batch";
    plot.x.logarithmic = true;
  }
  std::set<double> measured;
  for (const PlotSeries& line : plot.series) measured.insert(line.x.begin(), line.x.end());
  for (const double x : measured) plot.x.ticks.emplace_back(x, selfcure::short_number(x));
  return plot;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: benchmark_plot growth.csv FOLDER\n");
    return 2;
  }
  try {
    const std::vector<Point> points = read_points(argv[1]);
    for (const std::string vary : {"side", "batch"}) {
      const std::filesystem::path file =
          std::filesystem::path(argv[2]) / ("growth_" + vary + ".svg");
      selfcure::write_file_atomically(
          file, selfcure::standalone_svg(selfcure::svg(growth_plot(points, vary))));
      std::printf("%s\n", file.c_str());
    }
  } catch (const selfcure::UserError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  return 0;
}
