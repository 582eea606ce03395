#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <map>
#include <string>
#include <vector>

namespace selfcure {

/// Arithmetic of the backbone in training steps. Parameters, importance weights, losses, updates
/// and evaluations are float32 with all of them but kTf32, which holds for the whole process.
enum class Precision {
  kFp32,
  /// float32 whose convolutions and matrix products round their factors to 10 bits; CUDA only.
  kTf32,
  /// bfloat16 through autocast.
  kBf16,
  /// float16 through autocast, with a scaled loss; CUDA only.
  kFp16,
};

/// As in configs: "bf16".
const char* precision_name(Precision precision);

/// Type that autocast gives the backbone; at::kFloat: no autocast.
at::ScalarType autocast_type(Precision precision);

/// @throws ConfigError for a precision that the device does not have
void check_precision(Precision precision, const c10::Device& device);

/// Sets LibTorch's global flags for a training: TF32 on or off (which LibTorch by default lets
/// convolutions use), and that cuDNN tries its algorithms for each new shape. No effect on the CPU.
void set_device_arithmetic(Precision precision, const c10::Device& device);

/// Factor of a float16 loss, so that small gradients do not become 0.
///
/// It halves after a step whose gradients overflowed, and doubles after kGrowthInterval steps
/// without. Nothing is copied to the host: all of it, the decision to skip an update included, is
/// tensors on the device. Source: torch.cuda.amp.GradScaler (same constants).
class LossScale {
 public:
  static constexpr double kFirst = 65536.0;
  static constexpr double kGrowth = 2.0;
  static constexpr double kBackoff = 0.5;
  static constexpr double kGrowthInterval = 2000;

  explicit LossScale(const c10::Device& device);

  /// The loss to call backward() on, 0-d.
  at::Tensor scaled(const at::Tensor& loss) const;
  /// Divides the gradients by the scale, in place, and adapts the scale for the next step.
  /// @return 0-d, float32: 1 if one of them is not finite, so that the update must be skipped
  at::Tensor unscale(std::vector<at::Tensor>& gradients);

  /// 0-d float32 each, "scale" and "good_steps": those since the scale last changed.
  std::map<std::string, at::Tensor> state() const;
  /// @throws CheckpointError when an entry is missing or superfluous
  void load_state(const std::map<std::string, at::Tensor>& state);

 private:
  at::Tensor scale_;
  at::Tensor good_steps_;
};

}  // namespace selfcure
