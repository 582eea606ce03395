// OpenCV's dnn module as a rival of compare_cpu.sh: predictions of one fixed random batch with an
// ONNX file that `selfcure export` wrote. Requests come on stdin, see server.h.

#include <chrono>
#include <opencv2/core.hpp>
#include <opencv2/dnn.hpp>

#include "server.h"

int main(int argc, char** argv) {
  using selfcure::benchmarks::positive;
  const auto options = selfcure::benchmarks::options_of(
      argc, argv, {{"model", ""}, {"batch", "1"}, {"size", "224"}, {"threads", "2"}});
  const auto batch = static_cast<int>(positive(options, "batch"));
  const auto side = static_cast<int>(positive(options, "size"));
  const auto threads = static_cast<int>(positive(options, "threads"));
  cv::setNumThreads(threads);
  try {
    cv::dnn::Net net = cv::dnn::readNetFromONNX(options.at("model"));
    net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
    net.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
    const int shape[] = {batch, 3, side, side};
    cv::Mat images(4, shape, CV_32F);
    cv::randn(images, 0.0, 1.0);
    const nlohmann::ordered_json ready = {
        {"program", "opencv"}, {"opencv", CV_VERSION}, {"threads", threads}};
    return selfcure::benchmarks::serve(ready, [&] {
      const auto begin = std::chrono::steady_clock::now();
      net.setInput(images);
      (void)net.forward("logits");
      const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
      return time.count();
    });
  } catch (const cv::Exception& error) {
    std::fprintf(stderr, "benchmark_opencv_dnn: %s\n", error.what());
    return 1;
  }
}
