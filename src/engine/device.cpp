#include "selfcure/engine/device.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <sched.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "selfcure/core/errors.h"
#include "selfcure/engine/device_stream.h"

namespace selfcure {
namespace {

std::string cuda_line(int index) {
  const std::string description = cuda_device_description(index);
  return "cuda:" + std::to_string(index) + (description.empty() ? "" : ": " + description);
}

}  // namespace

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  return "unknown CPU";
}

c10::Device resolve_device(const std::string& name) {
  const std::size_t count = torch::cuda::is_available() ? torch::cuda::device_count() : 0;
  if (name == "cpu" || (name == "auto" && count == 0)) return c10::Device(c10::kCPU);
  if (name == "auto") return c10::Device(c10::kCUDA, 0);
  std::size_t index = 0;
  if (name != "cuda") {
    const std::string digits = name.rfind("cuda:", 0) == 0 ? name.substr(5) : "";
    if (digits.empty() || digits.size() > 3 ||
        digits.find_first_not_of("0123456789") != std::string::npos)
      throw ConfigError("train.device: expected auto, cpu, cuda or cuda:<index>, got '" + name +
                        "'");
    index = static_cast<std::size_t>(std::atoi(digits.c_str()));
  }
  if (index >= count)
    throw ConfigError("train.device: '" + name + "' is not on this machine, which has " +
                      std::to_string(count) + " CUDA devices that this LibTorch can use");
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
}

void move_to_device(torch::nn::Module& module, const c10::Device& device) {
  module.to(device);
  if (!device.is_cuda()) return;
  const at::NoGradGuard no_grad;
  for (at::Tensor& parameter : module.parameters())
    if (parameter.dim() == 4)
      parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast).detach());
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
  const unsigned cores = std::thread::hardware_concurrency();
  return cores > 0 ? static_cast<int>(cores) : 1;
}

int set_cpu_threads(int threads) {
  at::set_num_threads(threads > 0 ? threads : usable_cores());
  return at::get_num_threads();
}

std::vector<std::string> device_descriptions() {
  std::vector<std::string> lines = {"cpu: " + cpu_model() + ", " + std::to_string(usable_cores()) +
                                    " cores"};
  if (torch::cuda::is_available())
    for (std::size_t i = 0; i < torch::cuda::device_count(); ++i)
      lines.push_back(cuda_line(static_cast<int>(i)));
  return lines;
}

std::string libtorch_version() { return TORCH_VERSION; }

}  // namespace selfcure
