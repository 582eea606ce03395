#include <ATen/ATen.h>

#include <utility>

#include "element_types.h"
#include "pickle_writer.h"
#include "selfcure/core/file_io.h"
#include "selfcure/nn/weights/state_dict.h"
#include "zip_writer.h"

namespace selfcure {
namespace {

constexpr const char* kFolder = "archive/";
constexpr const char* kVersion = "3\n";

/// The storages of an archive: the tensors over each whole one, by memory and type.
class Storages {
 public:
  /// @return name of the storage that holds the plain form of `tensor`
  std::string place(const at::Tensor& tensor) {
    at::Tensor plain = tensor.detach().to(at::kCPU).contiguous();
    const auto key = std::make_pair(static_cast<const void*>(plain.data_ptr()), plain.numel());
    // Memory that is shared by tensors of two types or sizes is written for each.
    const auto known = plain.numel() > 0 ? names_.find(key) : names_.end();
    if (known != names_.end() && tensors_[known->second].scalar_type() == plain.scalar_type())
      return std::to_string(known->second);
    names_[key] = tensors_.size();
    tensors_.push_back(std::move(plain));
    return std::to_string(tensors_.size() - 1);
  }
  const std::vector<at::Tensor>& tensors() const { return tensors_; }

 private:
  std::map<std::pair<const void*, std::int64_t>, std::size_t> names_;
  std::vector<at::Tensor> tensors_;
};

}  // namespace

void write_pytorch(const std::filesystem::path& path, const StateDict& tensors,
                   const std::string& section, const std::map<std::string, std::string>& texts) {
  PickleWriter pickle;
  Storages storages;
  if (!section.empty()) {
    pickle.begin_dict();
    for (const auto& [name, text] : texts) {
      pickle.text(name);
      pickle.text(text);
    }
    pickle.text(section);
  }
  pickle.begin_ordered_dict();
  for (const NamedTensor& tensor : tensors) {
    pickle.text(tensor.name);
    pickle.tensor(element_type(tensor.value.scalar_type(), tensor.name),
                  storages.place(tensor.value), tensor.value.numel(), tensor.value.sizes().vec());
  }
  pickle.end_dict();
  if (!section.empty()) pickle.end_dict();

  AtomicFile file(path);
  ZipWriter zip(file);
  zip.add(std::string(kFolder) + "data.pkl", pickle.finish());
  for (std::size_t i = 0; i < storages.tensors().size(); ++i) {
    const at::Tensor& plain = storages.tensors()[i];
    zip.add(std::string(kFolder) + "data/" + std::to_string(i), plain.data_ptr(), plain.nbytes());
  }
  zip.add(std::string(kFolder) + "version", kVersion);
  zip.finish();
  file.commit();
}

}  // namespace selfcure
