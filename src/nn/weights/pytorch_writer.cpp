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
    const std::size_t next = tensors_.size();
    tensors_.push_back(tensor.detach());
    if (tensor.numel() == 0 || !tensor.is_contiguous()) return std::to_string(next);
    const auto key = std::make_pair(static_cast<const void*>(tensor.data_ptr()), tensor.numel());
    // Memory that is shared by tensors of two types or sizes is written for each.
    const auto [known, is_new] = names_.emplace(key, next);
    if (is_new) return std::to_string(next);
    if (tensors_[known->second].scalar_type() == tensor.scalar_type()) {
      tensors_.pop_back();
      return std::to_string(known->second);
    }
    known->second = next;
    return std::to_string(next);
  }
  /// As they are: plain copies of all of them would take their memory once more.
  const std::vector<at::Tensor>& tensors() const { return tensors_; }

 private:
  std::map<std::pair<const void*, std::int64_t>, std::size_t> names_;
  std::vector<at::Tensor> tensors_;
};

}  // namespace

void write_pytorch(const std::filesystem::path& path, const StateDict& tensors,
                   const std::string& section, const std::map<std::string, std::string>& texts) {
  for (const NamedTensor& tensor : tensors) check_written_name(tensor.name, path.string());
  check_written_name(section, path.string());
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
    const at::Tensor plain = storages.tensors()[i].to(at::kCPU).contiguous();
    zip.add(std::string(kFolder) + "data/" + std::to_string(i), plain.data_ptr(), plain.nbytes());
  }
  zip.add(std::string(kFolder) + "version", kVersion);
  zip.finish();
  file.commit();
}

}  // namespace selfcure
