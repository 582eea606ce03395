#include <ATen/ATen.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/core/version.h"
#include "traced_model.h"

namespace selfcure {
namespace {

using torch::jit::Node;
using torch::jit::Value;
using Integers = std::vector<std::int64_t>;

// Of the file format, not of the operators: ONNX 1.8, which knows opset 13.
constexpr std::int64_t kIrVersion = 7;

/// Turns a traced graph into ONNX's, an operation at a time.
class OnnxConverter {
 public:
  OnnxConverter(const torch::jit::Module& module, std::int64_t opset) : module_(module) {
    model_.set_ir_version(kIrVersion);
    model_.set_producer_name("selfcure");
    model_.set_producer_version(version());
    onnx::OperatorSetIdProto* set = model_.add_opset_import();
    set->set_domain("");
    set->set_version(opset);
    model_.mutable_graph()->set_name("selfcure");
  }

  onnx::ModelProto convert(const std::vector<std::string>& outputs) {
    const std::shared_ptr<torch::jit::Graph> graph = module_.get_method("forward").graph()->copy();
    torch::jit::Inline(*graph);
    torch::jit::EliminateDeadCode(graph);
    paths_[graph->inputs().at(0)] = "";
    names_[graph->inputs().at(1)] = "images";
    add_input(graph->inputs().at(1));
    for (const Node* node : graph->nodes()) convert_node(node);
    const Node* tuple = graph->outputs().at(0)->node();
    for (std::size_t i = 0; i < outputs.size(); ++i) add_output(tuple->input(i), outputs[i]);
    return std::move(model_);
  }

 private:
  using Handler = void (OnnxConverter::*)(const Node*);

  onnx::GraphProto& graph() { return *model_.mutable_graph(); }

  void add_shape(onnx::ValueInfoProto* info, const std::string& name, const Integers& sizes) {
    info->set_name(name);
    auto* type = info->mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    type->mutable_shape()->add_dim()->set_dim_param("batch");
    for (std::size_t i = 1; i < sizes.size(); ++i)
      type->mutable_shape()->add_dim()->set_dim_value(sizes[i]);
  }
  void add_input(const Value* value) { add_shape(graph().add_input(), "images", sizes_of(value)); }
  void add_output(const Value* value, const std::string& name) {
    add_node("Identity", {name_of(value)}, name);
    add_shape(graph().add_output(), name, sizes_of(value));
  }

  static Integers sizes_of(const Value* value) {
    const auto type = value->type()->cast<c10::TensorType>();
    const auto sizes = type ? type->sizes().concrete_sizes() : c10::optional<Integers>();
    if (!sizes) throw Error("onnx: a value's shape is not known: " + value->debugName());
    return *sizes;
  }

  // Values: results of operations by name, weights by path, everything else as constants.

  const std::string& name_of(const Value* value) {
    const auto known = names_.find(value);
    if (known != names_.end()) return known->second;
    const at::Tensor tensor = tensor_of(value);
    return names_[value] = add_initializer(paths_.at(value), tensor);
  }
  bool is_weight(const Value* value) const { return paths_.count(value) != 0; }
  at::Tensor tensor_of(const Value* value) const {
    const auto path = paths_.find(value);
    if (path == paths_.end())
      throw Error("onnx: expected a weight, got the result of " +
                  std::string(value->node()->kind().toQualString()));
    torch::jit::Module part = module_;
    std::string rest = path->second;
    for (std::size_t dot = rest.find('.'); dot != std::string::npos; dot = rest.find('.')) {
      part = part.attr(rest.substr(0, dot)).toModule();
      rest.erase(0, dot + 1);
    }
    return part.attr(rest).toTensor();
  }
  /// The weight [out, in] of a product with its transpose.
  const Value* weight_of(const Value* value) const {
    const auto entry = transposed_.find(value);
    if (entry == transposed_.end())
      throw Error("onnx: expected a product with a transposed weight, got another");
    return entry->second;
  }
  std::string add_constant(const at::Tensor& tensor) {
    return add_initializer("constant_" + std::to_string(next_++), tensor);
  }
  std::string add_initializer(const std::string& name, const at::Tensor& tensor) {
    if (!initializers_.insert(name).second) return name;
    const at::Tensor plain = tensor.detach().contiguous();
    onnx::TensorProto* proto = graph().add_initializer();
    proto->set_name(name);
    proto->set_data_type(plain.scalar_type() == at::kLong ? onnx::TensorProto::INT64
                                                          : onnx::TensorProto::FLOAT);
    for (const std::int64_t size : plain.sizes()) proto->add_dims(size);
    proto->set_raw_data(plain.data_ptr(), plain.nbytes());
    return name;
  }
  c10::IValue constant(const Value* value) const {
    if (value->node()->kind() == c10::prim::Constant) {
      const auto constant = torch::jit::toIValue(value);
      return constant ? *constant : c10::IValue();
    }
    if (value->node()->kind() == c10::prim::ListConstruct) {
      c10::List<std::int64_t> list;
      for (const Value* item : value->node()->inputs()) list.push_back(constant(item).toInt());
      return list;
    }
    throw Error("onnx: expected a constant, got the result of " +
                std::string(value->node()->kind().toQualString()));
  }
  Integers integers(const Value* value) const { return constant(value).toIntVector(); }

  // Operations.

  onnx::NodeProto* add_node(const std::string& type, const std::vector<std::string>& inputs,
                            const std::string& output) {
    onnx::NodeProto* node = graph().add_node();
    node->set_op_type(type);
    node->set_name(type + "_" + std::to_string(next_++));
    for (const std::string& input : inputs) node->add_input(input);
    node->add_output(output);
    return node;
  }
  /// An operation whose result is that of `source`.
  onnx::NodeProto* add(const Node* source, const std::string& type,
                       const std::vector<std::string>& inputs) {
    const std::string output = "value_" + std::to_string(next_++);
    names_[source->output()] = output;
    return add_node(type, inputs, output);
  }
  static void set(onnx::NodeProto* node, const std::string& name, const Integers& values) {
    onnx::AttributeProto* attribute = node->add_attribute();
    attribute->set_name(name);
    attribute->set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) attribute->add_ints(value);
  }
  static void set(onnx::NodeProto* node, const std::string& name, std::int64_t value) {
    onnx::AttributeProto* attribute = node->add_attribute();
    attribute->set_name(name);
    attribute->set_type(onnx::AttributeProto::INT);
    attribute->set_i(value);
  }
  static void set(onnx::NodeProto* node, const std::string& name, float value) {
    onnx::AttributeProto* attribute = node->add_attribute();
    attribute->set_name(name);
    attribute->set_type(onnx::AttributeProto::FLOAT);
    attribute->set_f(value);
  }
  static Integers twice(const Integers& values) {
    Integers all = values;
    all.insert(all.end(), values.begin(), values.end());
    return all;
  }

  void convert_node(const Node* node);
  void convolution(const Node* node);
  void batch_norm(const Node* node);
  void max_pool(const Node* node);
  void adaptive_pool(const Node* node);
  void mean(const Node* node);
  void linear(const Node* node);
  void affine(const Node* node);
  void matmul(const Node* node);
  void transpose(const Node* node);
  void prelu(const Node* node);
  void softmax(const Node* node);
  void flatten(const Node* node);
  void unsqueeze(const Node* node);
  void squeeze(const Node* node);
  void relu(const Node* node) { add(node, "Relu", {name_of(node->input(0))}); }
  void sigmoid(const Node* node) { add(node, "Sigmoid", {name_of(node->input(0))}); }
  void add_values(const Node* node);
  void multiply(const Node* node);
  /// Operations that change nothing in evaluation mode.
  void pass(const Node* node) { names_[node->output()] = name_of(node->input(0)); }
  void nothing(const Node* /*node*/) {}
  void attribute(const Node* node) {
    const std::string& outer = paths_.at(node->input(0));
    paths_[node->output()] = (outer.empty() ? "" : outer + ".") + node->s(c10::attr::name);
  }

  const torch::jit::Module& module_;
  onnx::ModelProto model_;
  std::map<const Value*, std::string> names_;
  std::map<const Value*, std::string> paths_;
  /// Weights that are transposed, and what they were before.
  std::map<const Value*, const Value*> transposed_;
  /// [B, 1] that a squeeze made [B].
  std::map<const Value*, std::string> columns_;
  std::set<std::string> initializers_;
  int next_ = 0;
};

void OnnxConverter::convert_node(const Node* node) {
  static const std::map<std::string, Handler> kHandlers = {
      {"prim::Constant", &OnnxConverter::nothing},
      {"prim::ListConstruct", &OnnxConverter::nothing},
      {"prim::TupleConstruct", &OnnxConverter::nothing},
      {"prim::GetAttr", &OnnxConverter::attribute},
      {"aten::_convolution", &OnnxConverter::convolution},
      {"aten::convolution", &OnnxConverter::convolution},
      {"aten::conv2d", &OnnxConverter::convolution},
      {"aten::batch_norm", &OnnxConverter::batch_norm},
      {"aten::max_pool2d", &OnnxConverter::max_pool},
      {"aten::adaptive_avg_pool2d", &OnnxConverter::adaptive_pool},
      {"aten::mean", &OnnxConverter::mean},
      {"aten::linear", &OnnxConverter::linear},
      {"aten::addmm", &OnnxConverter::affine},
      {"aten::matmul", &OnnxConverter::matmul},
      {"aten::mm", &OnnxConverter::matmul},
      {"aten::t", &OnnxConverter::transpose},
      {"aten::prelu", &OnnxConverter::prelu},
      {"aten::softmax", &OnnxConverter::softmax},
      {"aten::flatten", &OnnxConverter::flatten},
      {"aten::unsqueeze", &OnnxConverter::unsqueeze},
      {"aten::squeeze", &OnnxConverter::squeeze},
      {"aten::relu", &OnnxConverter::relu},
      {"aten::relu_", &OnnxConverter::relu},
      {"aten::sigmoid", &OnnxConverter::sigmoid},
      {"aten::add", &OnnxConverter::add_values},
      {"aten::add_", &OnnxConverter::add_values},
      {"aten::mul", &OnnxConverter::multiply},
      {"aten::dropout", &OnnxConverter::pass},
      {"aten::detach", &OnnxConverter::pass},
      {"aten::contiguous", &OnnxConverter::pass},
  };
  const std::string kind = node->kind().toQualString();
  const auto handler = kHandlers.find(kind);
  if (handler == kHandlers.end())
    throw Error("onnx: the operation " + kind + " has no counterpart in this program's ONNX");
  (this->*handler->second)(node);
}

void OnnxConverter::convolution(const Node* node) {
  // conv2d: input, weight, bias, stride, padding, dilation, groups;
  // (_)convolution: ..., dilation, transposed, output_padding, groups, ...
  const bool is_short = std::string(node->kind().toQualString()) == "aten::conv2d";
  std::vector<std::string> inputs = {name_of(node->input(0)), name_of(node->input(1))};
  if (is_weight(node->input(2))) inputs.push_back(name_of(node->input(2)));
  onnx::NodeProto* conv = add(node, "Conv", inputs);
  const Integers kernel = tensor_of(node->input(1)).sizes().slice(2).vec();
  set(conv, "kernel_shape", kernel);
  set(conv, "strides", integers(node->input(3)));
  set(conv, "pads", twice(integers(node->input(4))));
  set(conv, "dilations", integers(node->input(5)));
  set(conv, "group", constant(node->input(is_short ? 6 : 8)).toInt());
}

void OnnxConverter::batch_norm(const Node* node) {
  std::vector<std::string> inputs;
  for (std::size_t i = 0; i < 5; ++i) inputs.push_back(name_of(node->input(i)));
  set(add(node, "BatchNormalization", inputs), "epsilon",
      static_cast<float>(constant(node->input(7)).toDouble()));
}

void OnnxConverter::max_pool(const Node* node) {
  onnx::NodeProto* pool = add(node, "MaxPool", {name_of(node->input(0))});
  const Integers kernel = integers(node->input(1));
  const Integers stride = integers(node->input(2));
  set(pool, "kernel_shape", kernel);
  set(pool, "strides", stride.empty() ? kernel : stride);
  set(pool, "pads", twice(integers(node->input(3))));
}

/// Row i averages the pixels that bin i of `bins` covers: [bins, pixels].
at::Tensor pooling_matrix(std::int64_t pixels, std::int64_t bins) {
  at::Tensor matrix = at::zeros({bins, pixels});
  for (std::int64_t i = 0; i < bins; ++i) {
    const std::int64_t begin = i * pixels / bins;
    const std::int64_t end = ((i + 1) * pixels + bins - 1) / bins;
    matrix[i].slice(0, begin, end).fill_(1.0 / static_cast<double>(end - begin));
  }
  return matrix;
}

void OnnxConverter::adaptive_pool(const Node* node) {
  const Integers in = sizes_of(node->input(0));
  const Integers out = integers(node->input(1));
  if (in[2] == out[0] && in[3] == out[1]) return pass(node);
  if (in[2] % out[0] == 0 && in[3] % out[1] == 0) {
    const Integers kernel = {in[2] / out[0], in[3] / out[1]};
    onnx::NodeProto* pool = add(node, "AveragePool", {name_of(node->input(0))});
    set(pool, "kernel_shape", kernel);
    set(pool, "strides", kernel);
    return;
  }
  // Bins that overlap: rows and columns are averaged by two products of matrices.
  const std::string rows = add_constant(pooling_matrix(in[2], out[0]).t());
  const std::string columns = add_constant(pooling_matrix(in[3], out[1]).t());
  const auto turn = [&](const std::string& input, const std::string& output) {
    set(add_node("Transpose", {input}, output), "perm", Integers{0, 1, 3, 2});
  };
  std::vector<std::string> steps;
  for (int i = 0; i < 3; ++i) steps.push_back("value_" + std::to_string(next_++));
  add_node("MatMul", {name_of(node->input(0)), columns}, steps[0]);
  turn(steps[0], steps[1]);
  add_node("MatMul", {steps[1], rows}, steps[2]);
  set(add(node, "Transpose", {steps[2]}), "perm", Integers{0, 1, 3, 2});
}

void OnnxConverter::mean(const Node* node) {
  if (integers(node->input(1)) != Integers{2, 3} || constant(node->input(2)).toBool())
    throw Error("onnx: expected the mean over height and width, got another");
  const std::string pooled = "value_" + std::to_string(next_++);
  add_node("GlobalAveragePool", {name_of(node->input(0))}, pooled);
  set(add(node, "Flatten", {pooled}), "axis", std::int64_t{1});
}

void OnnxConverter::linear(const Node* node) {
  std::vector<std::string> inputs = {name_of(node->input(0)), name_of(node->input(1))};
  if (is_weight(node->input(2))) inputs.push_back(name_of(node->input(2)));
  set(add(node, "Gemm", inputs), "transB", std::int64_t{1});
}

void OnnxConverter::affine(const Node* node) {
  // bias, input, weight, beta, alpha
  for (const std::size_t factor : {std::size_t{3}, std::size_t{4}})
    if (constant(node->input(factor)).toScalar().toDouble() != 1.0)
      throw Error("onnx: expected an affine map without factors");
  set(add(node, "Gemm",
          {name_of(node->input(1)), name_of(weight_of(node->input(2))), name_of(node->input(0))}),
      "transB", std::int64_t{1});
}

void OnnxConverter::matmul(const Node* node) {
  set(add(node, "Gemm", {name_of(node->input(0)), name_of(weight_of(node->input(1)))}), "transB",
      std::int64_t{1});
}

void OnnxConverter::transpose(const Node* node) {
  (void)tensor_of(node->input(0));  // weights alone are transposed
  transposed_[node->output()] = node->input(0);
}

void OnnxConverter::prelu(const Node* node) {
  // ONNX spreads the slope over the last dimensions: [C, 1, 1] for images.
  Integers shape = {-1};
  shape.resize(sizes_of(node->input(0)).size() - 1, 1);
  const std::string slope = add_constant(tensor_of(node->input(1)).reshape(shape));
  add(node, "PRelu", {name_of(node->input(0)), slope});
}

void OnnxConverter::softmax(const Node* node) {
  set(add(node, "Softmax", {name_of(node->input(0))}), "axis", constant(node->input(1)).toInt());
}

void OnnxConverter::flatten(const Node* node) {
  if (constant(node->input(1)).toInt() != 1) throw Error("onnx: expected a flattening to [B, N]");
  set(add(node, "Flatten", {name_of(node->input(0))}), "axis", std::int64_t{1});
}

void OnnxConverter::squeeze(const Node* node) {
  const Integers in = sizes_of(node->input(0));
  if (in.size() != 2 || in[1] != 1 || constant(node->input(1)).toInt() != 1)
    throw Error("onnx: expected a squeeze of [B, 1] to [B]");
  const std::string column = name_of(node->input(0));
  const std::string shape = add_constant(at::full({1}, -1, at::kLong));
  add(node, "Reshape", {column, shape});
  columns_[node->output()] = column;
}

void OnnxConverter::unsqueeze(const Node* node) {
  const auto column = columns_.find(node->input(0));
  if (column == columns_.end() || constant(node->input(1)).toInt() != 1)
    throw Error("onnx: expected an unsqueeze of [B] to [B, 1]");
  names_[node->output()] = column->second;
}

void OnnxConverter::multiply(const Node* node) {
  std::vector<std::string> factors;
  for (std::size_t i = 0; i < 2; ++i) {
    const Integers sizes = sizes_of(node->input(i));
    const Integers others = sizes_of(node->input(1 - i));
    std::string factor = name_of(node->input(i));
    if (sizes != others && sizes.size() == 2 && others.size() == 2 && sizes[1] == 1) {
      // A column times ones: OpenCV does not spread a column over a matrix.
      const std::string ones = add_constant(at::ones({others[1], 1}));
      const std::string spread = "value_" + std::to_string(next_++);
      set(add_node("Gemm", {factor, ones}, spread), "transB", std::int64_t{1});
      factor = spread;
    }
    factors.push_back(factor);
  }
  add(node, "Mul", factors);
}

void OnnxConverter::add_values(const Node* node) {
  if (constant(node->input(2)).toScalar().toDouble() != 1.0)
    throw Error("onnx: expected a sum without a factor");
  add(node, "Add", {name_of(node->input(0)), name_of(node->input(1))});
}

}  // namespace

std::string onnx_bytes(const TracedModel& model, std::int64_t opset,
                       const std::map<std::string, std::string>& metadata) {
  onnx::ModelProto proto = OnnxConverter(model.module, opset).convert(model.outputs);
  for (const auto& [key, value] : metadata) {
    onnx::StringStringEntryProto* entry = proto.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
  }
  onnx::checker::check_model(proto);
  return proto.SerializeAsString();
}

}  // namespace selfcure
