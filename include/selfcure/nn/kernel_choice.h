#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "selfcure/kernels/convolution.h"

namespace selfcure {

/// Who computes the layers of networks on a CPU.
enum class KernelUse {
  /// LibTorch, everything.
  kLibTorch,
  /// Our own kernels where there are any; convolutions by whichever is measured to be faster.
  kAuto,
};

/// For the whole process; kLibTorch until it is set. Call it while no network runs.
void set_kernel_use(KernelUse use);
KernelUse kernel_use();

/// Sets the use and gives the old one back at the end of its scope.
class KernelUseScope {
 public:
  explicit KernelUseScope(KernelUse use) : before_(kernel_use()) { set_kernel_use(use); }
  KernelUseScope(const KernelUseScope&) = delete;
  KernelUseScope& operator=(const KernelUseScope&) = delete;
  ~KernelUseScope() { set_kernel_use(before_); }

 private:
  KernelUse before_;
};

/// What a convolution layer computes.
enum class ConvolutionPass {
  kForward,
  kBackwardData,
  kBackwardWeights,
  /// Forward with folded batch norm and kept weights.
  kInference,
};

/// Who computes a pass.
enum class ConvolutionKernel { kLibTorch, kWinograd, kIm2col };

/// A layer shape whose kernel is chosen. Batches of similar size share the choice: `batch` is
/// rounded up to a power of two.
struct ConvolutionKey {
  ConvolutionKey(ConvolutionPass which, const kernels::ConvolutionShape& of);

  ConvolutionPass pass;
  kernels::ConvolutionShape shape;
  /// Size of the thread team.
  int threads;

  /// "forward 32x64x56x56 to 64, 3x3/1, padding 1, 2 threads"
  std::string text() const;
};

/// A kernel of the layer and the way to try it.
struct KernelCandidate {
  ConvolutionKernel kernel;
  std::function<void()> run;
};

/// The kernel of a layer shape: as chosen before, pinned or kept, otherwise the fastest candidate.
/// Each is run once to warm up and at least twice more, in turns, for some ten milliseconds. All
/// threads get the same answer. A candidate must not choose a kernel itself.
///
/// What was measured is told to the listener of set_choice_listener().
///
/// @param candidates  LibTorch first: another one must be 3 % faster to be taken
ConvolutionKernel choose_kernel(const ConvolutionKey& key,
                                const std::vector<KernelCandidate>& candidates);

/// The name of the kernel chosen for a layer shape, "libtorch" where none has been.
std::string chosen_kernel_name(const ConvolutionKey& key);

/// All choices of the process, a line each in the order of the text:
/// "forward 32x64x56x56 to 64, 3x3/1, padding 1, 2 threads: winograd". Reruns that pin it compute
/// the same bits.
std::string kernel_choices();

/// Takes choices over in place of measuring; those for other shapes are still measured. Lines that
/// begin with '#' are comments.
///
/// @param where  named in errors
/// @throws ConfigError for a line that is none of kernel_choices()'s, or whose kernel this
/// processor
///         cannot run
void pin_kernel_choices(const std::string& text, const std::string& where);

/// Keeps choices in a file beyond the process: a shape without a choice is looked up there, and
/// what is measured is added. So processes that share the file choose alike, and compute the same
/// bits; while one of them measures, the others wait. Choices belong to a processor, a build and a
/// LibTorch, and so must the file. From one that cannot be written or locked choices are only read.
///
/// @param file  empty: none, as it is until this is called
void keep_kernel_choices(const std::filesystem::path& file);

/// Why nothing can be added to the file of keep_kernel_choices(): "FILE: Permission denied". Empty
/// if it can, or if there is none.
std::string kept_choices_obstacle();

/// Forgets choices and pins of this process; the file keeps its own.
void forget_kernel_choices();

/// Is called with a line for each choice as it is measured, for example
/// "forward 32x64x56x56 to 64, 3x3/1, padding 1, 2 threads: winograd (libtorch 17.3 ms,
/// winograd 6.5 ms)"; of a choice from keep_kernel_choices()'s file "(measured before)".
void set_choice_listener(std::function<void(const std::string&)> listener);

/// The clock that measuring reads, in seconds; empty: the machine's. A test's own clock makes
/// choices that no load of the machine changes.
void set_choice_clock(std::function<double()> clock);

}  // namespace selfcure
