#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <memory>

namespace selfcure {

/// The kernels that a piece of work launches, recorded once and launched together from then on.
class StepGraph {
 public:
  StepGraph() = default;
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;
  virtual ~StepGraph() = default;

  /// Records what `work` launches on the current stream without running it. Tensors that it makes
  /// and that someone keeps hold the values of the last replay.
  ///
  /// @param work  waits for nothing, and its shapes follow from no value on the device
  /// @throws c10::Error when it cannot be recorded; nothing was run then
  virtual void capture(const std::function<void()>& work) = 0;
  /// Runs what was recorded, on the current stream.
  virtual void replay() = 0;
};

/// A CUDA graph. @return null where this program was built without CUDA
std::unique_ptr<StepGraph> make_cuda_graph();

}  // namespace selfcure
