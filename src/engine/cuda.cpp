// Everything that includes CUDA's headers. SELFCURE_CUDA is defined where the LibTorch has CUDA;
// elsewhere these are the stand-ins at the end.

#include <ATen/ATen.h>

#include "selfcure/data/image_store.h"
#include "selfcure/engine/device_stream.h"
#include "selfcure/engine/step_graph.h"

#ifdef SELFCURE_CUDA

#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAEvent.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/version.h>

namespace selfcure {
namespace {

/// Lets work queued on `second` from now on begin after that queued on `first` until now.
void order(const c10::cuda::CUDAStream& first, const c10::cuda::CUDAStream& second) {
  at::cuda::CUDAEvent done;
  done.record(first);
  done.block(second);
}

class CudaGraph : public StepGraph {
 public:
  void capture(const std::function<void()>& work) override {
    // Once for each recording, so that memory of the steps before is free when it needs it. By
    // CUDA's own call: this wait is no mistake of forbid_device_waits().
    C10_CUDA_CHECK(cudaStreamSynchronize(c10::cuda::getCurrentCUDAStream()));
    // A recording has memory of its own: what the steps before have left cached must be free for
    // it.
    c10::cuda::CUDACachingAllocator::emptyCache();
    TORCH_CHECK(graph_ != nullptr, "this graph could not be recorded");
    try {
      graph_->capture_begin(pool_);
      work();
      graph_->capture_end();
    } catch (...) {
      abandon();
      throw;
    }
  }
  void replay() override {
    TORCH_CHECK(graph_ != nullptr, "this graph could not be recorded");
    graph_->replay();
  }

 private:
  /// After a recording that failed, before its end or in it.
  void abandon() {
    // The stream records until it is told to stop; what this says about it is of no more use.
    try {
      graph_->capture_end();
      graph_.reset();  // with its memory
      return;
    } catch (const c10::Error&) {
      static_cast<void>(cudaGetLastError());
    }
    // A recording whose begin or end failed leaves the allocator asking the graph, for every block
    // from then on, whether it is still recorded: it must not be destroyed.
    static_cast<void>(graph_.release());
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 3)
    // While it asks, it gives no block back that two streams have used.
    try {
      c10::cuda::CUDACachingAllocator::endAllocateToPool(c10::cuda::current_device(), pool_);
    } catch (const c10::Error&) {
      // It has been told already.
    }
#endif
  }

  std::unique_ptr<at::cuda::CUDAGraph> graph_ = std::make_unique<at::cuda::CUDAGraph>();
  // The type's namespace differs between versions of LibTorch.
  decltype(at::cuda::graph_pool_handle()) pool_ = at::cuda::graph_pool_handle();
};

}  // namespace

struct TrainingStream::State {
  c10::cuda::CUDAStream stream;
};

TrainingStream::TrainingStream(const c10::Device& device) {
  if (device.is_cuda())
    state_ = std::make_unique<State>(
        State{c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index())});
}

TrainingStream::~TrainingStream() = default;

struct TrainingStream::Use::State {
  explicit State(const c10::cuda::CUDAStream& stream)
      : outer(c10::cuda::getCurrentCUDAStream(stream.device_index())),
        inner(stream),
        guard(stream) {
    order(outer, inner);
  }
  c10::cuda::CUDAStream outer;
  c10::cuda::CUDAStream inner;
  c10::cuda::CUDAStreamGuard guard;
};

TrainingStream::Use::Use(TrainingStream& stream) {
  if (stream.state_) state_ = std::make_unique<State>(stream.state_->stream);
}

TrainingStream::Use::~Use() {
  if (!state_) return;
  try {
    order(state_->inner, state_->outer);
  } catch (const c10::Error&) {
    // The device is lost; the next call to it says so.
  }
}

struct UploadStream::State {
  c10::cuda::CUDAStream stream;
};

UploadStream::UploadStream(const c10::Device& device) {
  if (device.is_cuda())
    state_ = std::make_unique<State>(
        State{c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index())});
}

UploadStream::~UploadStream() = default;

std::vector<at::Tensor> UploadStream::run(const std::function<std::vector<at::Tensor>()>& copies) {
  if (!state_) return copies();
  const c10::cuda::CUDAStream user = c10::cuda::getCurrentCUDAStream(state_->stream.device_index());
  std::vector<at::Tensor> tensors;
  {
    const c10::cuda::CUDAStreamGuard guard(state_->stream);
    tensors = copies();
  }
  order(state_->stream, user);
  // Their memory belongs to the second stream: it must not be given away while the first uses it.
  for (const at::Tensor& tensor : tensors)
    if (tensor.defined() && tensor.is_cuda()) tensor.record_stream(user.unwrap());
  return tensors;
}

std::unique_ptr<StepGraph> make_cuda_graph() { return std::make_unique<CudaGraph>(); }

std::int64_t free_device_bytes(const c10::Device& device) {
  if (!device.is_cuda()) return available_memory_bytes();
  const c10::cuda::CUDAGuard guard(device);
  std::size_t free = 0, total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return static_cast<std::int64_t>(free);
}

std::string cuda_device_description(int index) {
  constexpr double kGibibyte = 1 << 30;
  const cudaDeviceProp* const properties =
      at::cuda::getDeviceProperties(static_cast<c10::DeviceIndex>(index));
  return std::string(properties->name) + ", " +
         std::to_string(
             static_cast<int>(static_cast<double>(properties->totalGlobalMem) / kGibibyte)) +
         " GiB";
}

bool forbid_device_waits(bool forbid) {
  c10::cuda::warning_state().set_sync_debug_mode(forbid ? c10::cuda::SyncDebugMode::L_ERROR
                                                        : c10::cuda::SyncDebugMode::L_DISABLED);
  return true;
}

}  // namespace selfcure

#else

namespace selfcure {

struct TrainingStream::State {};
TrainingStream::TrainingStream(const c10::Device& /*device*/) {}
TrainingStream::~TrainingStream() = default;

struct TrainingStream::Use::State {};
TrainingStream::Use::Use(TrainingStream& /*stream*/) {}
TrainingStream::Use::~Use() = default;

struct UploadStream::State {};
UploadStream::UploadStream(const c10::Device& /*device*/) {}
UploadStream::~UploadStream() = default;

std::vector<at::Tensor> UploadStream::run(const std::function<std::vector<at::Tensor>()>& copies) {
  return copies();
}

std::unique_ptr<StepGraph> make_cuda_graph() { return nullptr; }

std::int64_t free_device_bytes(const c10::Device& /*device*/) { return available_memory_bytes(); }

std::string cuda_device_description(int /*index*/) { return ""; }

bool forbid_device_waits(bool /*forbid*/) { return false; }

}  // namespace selfcure

#endif
