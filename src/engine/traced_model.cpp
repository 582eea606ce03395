#include "traced_model.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/frontend/tracer.h>

#include <memory>
#include <utility>

namespace selfcure {
namespace {

// Two images, so that no dimension of the batch is taken for a constant 1.
constexpr std::int64_t kTraceBatch = 2;

/// The same tree of modules, with the same tensors, as a class of the program.
torch::jit::Module scripted(const torch::nn::Module& source, const std::string& class_name,
                            const std::shared_ptr<torch::jit::CompilationUnit>& unit) {
  torch::jit::Module module(c10::QualifiedName("__torch__." + class_name), unit, true);
  for (const auto& item : source.named_parameters(/*recurse=*/false))
    module.register_parameter(item.key(), item.value(), /*is_buffer=*/false);
  for (const auto& item : source.named_buffers(/*recurse=*/false))
    module.register_buffer(item.key(), item.value());
  for (const auto& item : source.named_children())
    module.register_module(item.key(), scripted(*item.value(), "Part", unit));
  module.register_attribute("training", c10::BoolType::get(), false);
  return module;
}

}  // namespace

TracedModel trace_prediction(Method& method, std::int64_t image_size) {
  const at::NoGradGuard no_grad;
  method.module().to(at::kCPU);
  method.module().eval();
  TracedModel model{
      scripted(method.module(), "Model", std::make_shared<torch::jit::CompilationUnit>()),
      {"logits", "probabilities"}};
  const at::Tensor images = at::zeros({kTraceBatch, 3, image_size, image_size});
  const auto predict = [&](torch::jit::Stack inputs) -> torch::jit::Stack {
    const Prediction prediction = method.predict(inputs.at(0).toTensor());
    std::vector<c10::IValue> outputs = {prediction.logits, prediction.logits.softmax(1)};
    if (prediction.importance.defined()) {
      outputs.emplace_back(prediction.importance);
      model.outputs.emplace_back("importance");
    }
    return {c10::ivalue::Tuple::create(std::move(outputs))};
  };
  const auto traced = torch::jit::tracer::trace(
      {images}, predict, [](const at::Tensor&) { return std::string(); }, /*strict=*/true,
      /*force_outplace=*/false, &model.module, {"images"});
  const c10::QualifiedName name(*model.module.type()->name(), "forward");
  model.module.type()->addMethod(
      model.module._ivalue()->compilation_unit()->create_function(name, traced.first->graph));
  return model;
}

}  // namespace selfcure
