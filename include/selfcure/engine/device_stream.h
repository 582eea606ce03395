#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace selfcure {

/// A stream of a CUDA device for training steps, which cannot be recorded on the default stream. No
/// effect on the CPU.
class TrainingStream {
 public:
  explicit TrainingStream(const c10::Device& device);
  ~TrainingStream();
  TrainingStream(const TrainingStream&) = delete;
  TrainingStream& operator=(const TrainingStream&) = delete;

  /// While it lives, this thread's work goes to the stream, in order with what was queued on the
  /// current one before and is queued there after.
  class Use {
   public:
    explicit Use(TrainingStream& stream);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    struct State;
    std::unique_ptr<State> state_;
  };

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A second stream for copies to the device, so that those of a batch run beside the step of the
/// batch before. No effect on the CPU.
class UploadStream {
 public:
  explicit UploadStream(const c10::Device& device);
  ~UploadStream();
  UploadStream(const UploadStream&) = delete;
  UploadStream& operator=(const UploadStream&) = delete;

  /// Runs `copies` on the second stream and lets the current stream wait for it; the host waits for
  /// neither.
  /// @param copies  makes its tensors on the device; undefined ones are allowed
  /// @return what `copies` returned, for use on the current stream
  std::vector<at::Tensor> run(const std::function<std::vector<at::Tensor>()>& copies);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Memory of a device that is free, as its driver says; of the CPU, what the system has available.
std::int64_t free_device_bytes(const c10::Device& device);

/// Name and memory of a CUDA device, for example "NVIDIA H100, 79 GiB"; "" where this program was
/// built without CUDA.
std::string cuda_device_description(int index);

/// Makes every wait of the host for a CUDA device an error (c10::Error) in this process, or no
/// longer. No effect where this program was built without CUDA. @return whether it has an effect
bool forbid_device_waits(bool forbid);

}  // namespace selfcure
