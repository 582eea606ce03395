// Selfcure's side of compare_cpu.sh. Task `step`: training steps of SCN (published-code preset,
// Adam) on one fixed random batch; `evaluate`: predictions of that batch; `peak`: how long the
// processor would take at its best for a training step's direct convolutions. Requests come on
// stdin, see server.h.

#include "kernel_choice.h"
#include "selfcure/engine/cpu_memory.h"
#include "selfcure/engine/device.h"
#include "selfcure/engine/machine_speed.h"
#include "selfcure/engine/network_speed.h"
#include "server.h"

int main(int argc, char** argv) {
  using selfcure::benchmarks::positive;
  selfcure::reuse_cpu_memory();
  selfcure::keep_heap_memory();  // as the command does
  const auto options = selfcure::benchmarks::options_of(
      argc, argv,
      {{"task", "step"}, {"batch", "32"}, {"size", "224"}, {"threads", "2"}, {"kernels", "auto"}});
  const std::string& task = options.at("task");
  if (task != "step" && task != "evaluate" && task != "peak") {
    std::fprintf(stderr, "--task: expected step, evaluate or peak, got '%s'\n", task.c_str());
    return 2;
  }
  const int threads = selfcure::set_cpu_threads(static_cast<int>(positive(options, "threads")));
  selfcure::benchmarks::choose_kernels(options.at("kernels"));

  selfcure::NetworkTimerOptions network;
  network.method = selfcure::scn_preset(selfcure::ScnPreset::kPublishedCode);
  network.batch_size = positive(options, "batch");
  network.image_size = positive(options, "size");
  network.optimizer.kind = selfcure::OptimizerKind::kAdam;
  network.optimizer.lr = 1e-3;
  network.optimizer.weight_decay = 1e-4;
  selfcure::NetworkTimer timer(network);
  const auto layers =
      selfcure::convolution_layers(timer.method(), network.image_size, network.device);
  const auto images = static_cast<double>(network.batch_size);
  const double training_flops = images * selfcure::training_flops(layers);

  const nlohmann::ordered_json ready = {
      {"program", "selfcure"},
      {"libtorch", selfcure::libtorch_version()},
      {"threads", threads},
      {"flops", task == "evaluate" ? images * selfcure::prediction_flops(layers) : training_flops}};
  return selfcure::benchmarks::serve(ready, [&] {
    if (task == "step") return timer.training_step();
    if (task == "evaluate") return timer.prediction();
    const auto peaks = selfcure::measure_fma_peaks(threads, /*quick=*/true);
    return training_flops / peaks.front().all_threads_flops;
  });
}
