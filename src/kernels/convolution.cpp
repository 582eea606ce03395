#include "selfcure/kernels/convolution.h"

#include "im2col.h"
#include "kernel_table.h"
#include "winograd.h"

namespace selfcure::kernels {

const char* convolution_method_name(ConvolutionMethod method) {
  return method == ConvolutionMethod::kWinograd ? "winograd" : "im2col";
}

bool has_convolution(ConvolutionMethod method, const ConvolutionShape& shape) {
  if (kernel_table() == nullptr) return false;
  return method == ConvolutionMethod::kWinograd ? winograd::supports(shape)
                                                : im2col::supports(shape);
}

std::size_t packed_weight_floats(ConvolutionMethod method, const ConvolutionShape& shape) {
  return method == ConvolutionMethod::kWinograd ? winograd::packed_weight_floats(shape)
                                                : im2col::packed_weight_floats(shape);
}

void pack_weights(ConvolutionMethod method, const ConvolutionShape& shape, const float* weight,
                  float* packed) {
  if (method == ConvolutionMethod::kWinograd)
    winograd::pack_weights(shape, weight, packed);
  else
    im2col::pack_weights(shape, weight, packed);
}

std::size_t forward_scratch_floats(ConvolutionMethod method, const ConvolutionShape& shape) {
  return method == ConvolutionMethod::kWinograd ? winograd::forward_scratch_floats(shape)
                                                : im2col::forward_scratch_floats(shape);
}

void convolution_forward(ConvolutionMethod method, const ConvolutionShape& shape,
                         const float* input, const float* packed, const Epilogue& epilogue,
                         float* output, float* scratch) {
  if (method == ConvolutionMethod::kWinograd)
    winograd::forward(shape, input, packed, epilogue, output, scratch);
  else
    im2col::forward(shape, input, packed, epilogue, output, scratch);
}

std::size_t unpacked_scratch_floats(ConvolutionMethod method, const ConvolutionShape& shape) {
  return method == ConvolutionMethod::kWinograd ? winograd::unpacked_scratch_floats(shape)
                                                : im2col::unpacked_scratch_floats(shape);
}

void convolution_forward_unpacked(ConvolutionMethod method, const ConvolutionShape& shape,
                                  const float* input, const float* weight, const Epilogue& epilogue,
                                  float* output, float* scratch) {
  if (method == ConvolutionMethod::kWinograd)
    winograd::forward_unpacked(shape, input, weight, epilogue, output, scratch);
  else
    im2col::forward_unpacked(shape, input, weight, epilogue, output, scratch);
}

std::size_t backward_data_scratch_floats(ConvolutionMethod method, const ConvolutionShape& shape) {
  return method == ConvolutionMethod::kWinograd ? winograd::backward_data_scratch_floats(shape)
                                                : im2col::backward_data_scratch_floats(shape);
}

void convolution_backward_data(ConvolutionMethod method, const ConvolutionShape& shape,
                               const float* output_gradient, const float* weight,
                               float* input_gradient, float* scratch) {
  if (method == ConvolutionMethod::kWinograd)
    winograd::backward_data(shape, output_gradient, weight, input_gradient, scratch);
  else
    im2col::backward_data(shape, output_gradient, weight, input_gradient, scratch);
}

std::size_t backward_weights_scratch_floats(ConvolutionMethod method,
                                            const ConvolutionShape& shape) {
  return method == ConvolutionMethod::kWinograd ? winograd::backward_weights_scratch_floats(shape)
                                                : im2col::backward_weights_scratch_floats(shape);
}

void convolution_backward_weights(ConvolutionMethod method, const ConvolutionShape& shape,
                                  const float* input, const float* output_gradient,
                                  float* weight_gradient, float* scratch) {
  if (method == ConvolutionMethod::kWinograd)
    winograd::backward_weights(shape, input, output_gradient, weight_gradient, scratch);
  else
    im2col::backward_weights(shape, input, output_gradient, weight_gradient, scratch);
}

}  // namespace selfcure::kernels
