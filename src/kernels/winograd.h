// Winograd convolution: tiles dealt to threads in blocks. The functions of convolution.h for it.
#pragma once

#include "selfcure/kernels/convolution.h"

namespace selfcure::kernels::winograd {

bool supports(const ConvolutionShape& shape);
std::size_t packed_weight_floats(const ConvolutionShape& shape);
void pack_weights(const ConvolutionShape& shape, const float* weight, float* packed);
std::size_t forward_scratch_floats(const ConvolutionShape& shape);
void forward(const ConvolutionShape& shape, const float* input, const float* packed,
             const Epilogue& epilogue, float* output, float* scratch);
std::size_t unpacked_scratch_floats(const ConvolutionShape& shape);
void forward_unpacked(const ConvolutionShape& shape, const float* input, const float* weight,
                      const Epilogue& epilogue, float* output, float* scratch);
std::size_t backward_data_scratch_floats(const ConvolutionShape& shape);
void backward_data(const ConvolutionShape& shape, const float* output_gradient, const float* weight,
                   float* input_gradient, float* scratch);
std::size_t backward_weights_scratch_floats(const ConvolutionShape& shape);
void backward_weights(const ConvolutionShape& shape, const float* input,
                      const float* output_gradient, float* weight_gradient, float* scratch);

}  // namespace selfcure::kernels::winograd
