// Times training steps of SCN (published-code preset, Adam) on one fixed random batch, as
// python_scn.py --mode step does. Prints {"mode":"step","seconds":[...]}.

#include <ATen/ATen.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "selfcure/engine/cpu_memory.h"
#include "selfcure/engine/device.h"
#include "selfcure/engine/optimizer.h"
#include "selfcure/method/method.h"

namespace {

std::int64_t argument(int argc, char** argv, const std::string& name, std::int64_t fallback) {
  for (int i = 1; i + 1 < argc; ++i)
    if (argv[i] == name) return std::atoll(argv[i + 1]);
  return fallback;
}

}  // namespace

int main(int argc, char** argv) {
  selfcure::reuse_cpu_memory();  // as the command does
  const std::int64_t batch_size = argument(argc, argv, "--batch", 32);
  const std::int64_t side = argument(argc, argv, "--size", 224);
  const std::int64_t steps = argument(argc, argv, "--steps", 10);
  const std::int64_t warmup = argument(argc, argv, "--warmup", 2);
  selfcure::set_cpu_threads(static_cast<int>(argument(argc, argv, "--threads", 2)));

  const auto method =
      selfcure::make_method(selfcure::scn_preset(selfcure::ScnPreset::kPublishedCode), {}, 7, 1);
  selfcure::OptimizerOptions options;
  options.kind = selfcure::OptimizerKind::kAdam;
  options.lr = 1e-3;
  selfcure::Optimizer optimizer(options, method->module());
  method->module().train();
  const selfcure::Batch batch{at::randn({batch_size, 3, side, side}),
                              at::arange(batch_size, at::kLong).remainder(7)};
  std::string seconds;
  for (std::int64_t step = 0; step < warmup + steps; ++step) {
    const auto begin = std::chrono::steady_clock::now();
    optimizer.zero_grad();
    const selfcure::StepOutput output = method->step(batch, {1});
    output.loss.backward();
    optimizer.step(options.lr);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    if (step >= warmup) seconds += (seconds.empty() ? "" : ", ") + std::to_string(time.count());
  }
  std::printf("{\"mode\":\"step\",\"seconds\":[%s]}\n", seconds.c_str());
  return 0;
}
