#include "unpickler.h"

#include <array>
#include <cstring>
#include <iterator>
#include <limits>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace selfcure {
namespace {

// A state of a hundred thousand tensors has a tenth of it.
constexpr std::size_t kNodeLimit = 2'000'000;
// Of what opcodes of a few bytes can copy again and again: items of containers, texts, shapes.
constexpr std::uint64_t kCopyLimit = std::uint64_t{64} << 20;
constexpr std::size_t kNameLimit = 1024;

constexpr std::array<std::pair<std::string_view, ElementType>, 10> kStorageTypes = {{
    {"torch HalfStorage", ElementType::kFloat16},
    {"torch BFloat16Storage", ElementType::kBFloat16},
    {"torch FloatStorage", ElementType::kFloat32},
    {"torch DoubleStorage", ElementType::kFloat64},
    {"torch ByteStorage", ElementType::kUint8},
    {"torch CharStorage", ElementType::kInt8},
    {"torch ShortStorage", ElementType::kInt16},
    {"torch IntStorage", ElementType::kInt32},
    {"torch LongStorage", ElementType::kInt64},
    {"torch BoolStorage", ElementType::kBool},
}};

std::optional<ElementType> storage_type(std::string_view global) {
  for (const auto& [name, type] : kStorageTypes)
    if (name == global) return type;
  return std::nullopt;
}

/// What may be called.
const std::set<std::string_view>& callables() {
  static const std::set<std::string_view> kCallables = {
      "collections OrderedDict",
      "torch Size",
      "torch device",
      "torch._utils _rebuild_tensor",
      "torch._utils _rebuild_tensor_v2",
      "torch._utils _rebuild_parameter",
      "torch._utils _rebuild_parameter_with_state",
      "torch.jit._pickle restore_type_tag",
      "torch.jit._pickle build_intlist",
      "torch.jit._pickle build_doublelist",
      "torch.jit._pickle build_boollist",
      "torch.jit._pickle build_tensorlist",
      "numpy dtype",
      "numpy.core.multiarray scalar",
      "numpy._core.multiarray scalar",
      "_codecs encode",
  };
  return kCallables;
}

enum Opcode : std::uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kNone = 'N',
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kBinFloat = 'G',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kBinBytes8 = 0x8e,
  kEmptyList = ']',
  kEmptyTuple = ')',
  kEmptyDict = '}',
  kTuple = 't',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kList = 'l',
  kDict = 'd',
  kAppend = 'a',
  kAppends = 'e',
  kSetItem = 's',
  kSetItems = 'u',
  kGlobal = 'c',
  kStackGlobal = 0x93,
  kReduce = 'R',
  kBuild = 'b',
  kPut = 'p',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kMemoize = 0x94,
  kGet = 'g',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPersId = 'Q',
  kProto = 0x80,
  kFrame = 0x95,
};

/// A machine that runs the opcodes of one pickle.
class Machine {
 public:
  explicit Machine(FileCursor& cursor) : cursor_(cursor) {}

  Pickle run() {
    if (cursor_.byte() != kProto) cursor_.refuse("expected a pickle of protocol 2 or later");
    protocol();
    for (std::uint8_t opcode = cursor_.byte(); opcode != kStop; opcode = cursor_.byte())
      step(opcode);
    pickle_.root = pop();
    return std::move(pickle_);
  }

 private:
  void protocol() {
    const int version = cursor_.byte();
    if (version < 2 || version > 5)
      cursor_.refuse("expected pickle protocol 2 to 5, got " + std::to_string(version));
  }

  PickleId add(PickleNode node) {
    if (pickle_.nodes.size() == kNodeLimit)
      cursor_.refuse("expected at most 2,000,000 values, got more");
    pickle_.nodes.push_back(std::move(node));
    return static_cast<PickleId>(pickle_.nodes.size() - 1);
  }
  void push(PickleNode node) { stack_.push_back(add(std::move(node))); }
  void push_kind(PickleKind kind) {
    PickleNode node;
    node.kind = kind;
    push(std::move(node));
  }
  void push_integer(std::int64_t value, PickleKind kind = PickleKind::kInteger) {
    PickleNode node;
    node.kind = kind;
    node.integer = value;
    push(std::move(node));
  }
  void push_text(std::string text, PickleKind kind = PickleKind::kText) {
    PickleNode node;
    node.kind = kind;
    node.text = std::move(text);
    push(std::move(node));
  }
  /// Counts bytes that are made of values, which a pickle can name any number of times.
  void charge(std::uint64_t bytes) {
    copied_ += bytes;
    if (copied_ > kCopyLimit)
      cursor_.refuse("expected at most 64 MB of items and repeated texts, got more");
  }
  void push_again(PickleId id) {
    if (stack_.size() > 2 * kNodeLimit)
      cursor_.refuse("expected at most 2,000,000 values, got more");
    stack_.push_back(id);
  }
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  PickleId pop() {
    if (stack_.size() <= floor()) cursor_.refuse("an operation lacks its operand");
    const PickleId id = stack_.back();
    stack_.pop_back();
    return id;
  }
  PickleNode& top() {
    if (stack_.size() <= floor()) cursor_.refuse("an operation lacks its operand");
    return pickle_.nodes[stack_.back()];
  }
  std::vector<PickleId> pop_to_mark() {
    if (marks_.empty()) cursor_.refuse("a mark is missing");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleId> items(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }
  void push_items(PickleKind kind, std::vector<PickleId> items) {
    if (kind == PickleKind::kDict && items.size() % 2 != 0) cursor_.refuse("a key lacks its value");
    charge(items.size() * sizeof(PickleId));
    PickleNode node;
    node.kind = kind;
    node.items = std::move(items);
    push(std::move(node));
  }
  void push_tuple(std::size_t size) {
    std::vector<PickleId> items(size);
    for (std::size_t i = size; i-- > 0;) items[i] = pop();
    push_items(PickleKind::kTuple, std::move(items));
  }
  void extend(PickleKind kind, const std::vector<PickleId>& items) {
    PickleNode& container = top();
    if (container.kind != kind || (kind == PickleKind::kDict && items.size() % 2 != 0))
      cursor_.refuse("values are added to what cannot take them");
    charge(items.size() * sizeof(PickleId));
    container.items.insert(container.items.end(), items.begin(), items.end());
  }

  void step(std::uint8_t opcode);
  void push_long(std::uint64_t bytes);
  void push_real();
  void put(std::uint64_t key) {
    (void)top();
    memo_[key] = stack_.back();
    if (memo_.size() > kNodeLimit) cursor_.refuse("expected at most 2,000,000 values, got more");
  }
  void get(std::uint64_t key) {
    const auto entry = memo_.find(key);
    if (entry == memo_.end()) cursor_.refuse("refers to a value that was not stored");
    push_again(entry->second);
  }
  std::uint64_t line_number();
  void push_global(const std::string& module, const std::string& name);
  void reduce();
  void build();
  void persistent_load();

  // Arguments of calls.
  const PickleNode& argument(const std::vector<PickleId>& items, std::size_t position,
                             PickleKind kind, const char* what);
  std::int64_t integer(const PickleNode& node, const char* what);
  std::vector<std::int64_t> sizes(const PickleNode& node, const char* what);
  void rebuild_tensor(const std::vector<PickleId>& items);
  void ordered_dict(const std::vector<PickleId>& items);
  void numpy_number(const std::vector<PickleId>& items);
  void encode(const std::vector<PickleId>& items);

  FileCursor& cursor_;
  Pickle pickle_;
  std::vector<PickleId> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, PickleId> memo_;
  std::uint64_t copied_ = 0;
};

void Machine::step(std::uint8_t opcode) {
  switch (opcode) {
    case kProto:
      return protocol();
    case kFrame:
      return cursor_.skip(8);
    case kMark:
      if (marks_.size() == kNodeLimit)
        cursor_.refuse("expected at most 2,000,000 values, got more");
      return marks_.push_back(stack_.size());
    case kPop:
      if (!marks_.empty() && marks_.back() == stack_.size()) return marks_.pop_back();
      return static_cast<void>(pop());
    case kPopMark:
      return static_cast<void>(pop_to_mark());
    case kDup: {
      (void)top();
      return push_again(stack_.back());
    }
    case kNone:
      return push_kind(PickleKind::kNone);
    case kNewTrue:
      return push_integer(1, PickleKind::kBool);
    case kNewFalse:
      return push_integer(0, PickleKind::kBool);
    case kBinInt:
      return push_integer(static_cast<std::int32_t>(cursor_.number(4)));
    case kBinInt1:
      return push_integer(static_cast<std::int64_t>(cursor_.number(1)));
    case kBinInt2:
      return push_integer(static_cast<std::int64_t>(cursor_.number(2)));
    case kLong1:
      return push_long(cursor_.number(1));
    case kLong4:
      return push_long(cursor_.number(4));
    case kBinFloat:
      return push_real();
    case kShortBinUnicode:
    case kShortBinString:
      return push_text(cursor_.text(cursor_.number(1)));
    case kBinUnicode:
    case kBinString:
      return push_text(cursor_.text(cursor_.number(4)));
    case kBinUnicode8:
      return push_text(cursor_.text(cursor_.number(8)));
    case kShortBinBytes:
      return push_text(cursor_.text(cursor_.number(1)), PickleKind::kBytes);
    case kBinBytes:
      return push_text(cursor_.text(cursor_.number(4)), PickleKind::kBytes);
    case kBinBytes8:
      return push_text(cursor_.text(cursor_.number(8)), PickleKind::kBytes);
    case kEmptyList:
      return push_kind(PickleKind::kList);
    case kEmptyTuple:
      return push_kind(PickleKind::kTuple);
    case kEmptyDict:
      return push_kind(PickleKind::kDict);
    case kTuple:
      return push_items(PickleKind::kTuple, pop_to_mark());
    case kList:
      return push_items(PickleKind::kList, pop_to_mark());
    case kDict:
      return push_items(PickleKind::kDict, pop_to_mark());
    case kTuple1:
      return push_tuple(1);
    case kTuple2:
      return push_tuple(2);
    case kTuple3:
      return push_tuple(3);
    case kAppend: {
      const PickleId item = pop();
      return extend(PickleKind::kList, {item});
    }
    case kAppends:
      return extend(PickleKind::kList, pop_to_mark());
    case kSetItem: {
      const PickleId value = pop();
      const PickleId key = pop();
      return extend(PickleKind::kDict, {key, value});
    }
    case kSetItems:
      return extend(PickleKind::kDict, pop_to_mark());
    case kGlobal: {
      const std::string module = cursor_.line();
      return push_global(module, cursor_.line());
    }
    case kStackGlobal: {
      const PickleNode& name = pickle_.nodes[pop()];
      const PickleNode& module = pickle_.nodes[pop()];
      if (name.kind != PickleKind::kText || module.kind != PickleKind::kText)
        cursor_.refuse("expected the name of a global, got another value");
      return push_global(module.text, name.text);
    }
    case kReduce:
      return reduce();
    case kBuild:
      return build();
    case kPut:
      return put(line_number());
    case kBinPut:
      return put(cursor_.number(1));
    case kLongBinPut:
      return put(cursor_.number(4));
    case kMemoize:
      return put(memo_.size());
    case kGet:
      return get(line_number());
    case kBinGet:
      return get(cursor_.number(1));
    case kLongBinGet:
      return get(cursor_.number(4));
    case kBinPersId:
      return persistent_load();
    default: {
      static constexpr std::array<char, 17> kDigits = {"0123456789abcdef"};
      cursor_.refuse(std::string("pickle opcode 0x") + kDigits[opcode >> 4] + kDigits[opcode & 15] +
                     " is refused: state dictionaries do not need it");
    }
  }
}

void Machine::push_long(std::uint64_t bytes) {
  const std::string digits = cursor_.text(bytes);  // little-endian, two's complement
  if (bytes <= 8) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i)
      value |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(digits[i])) << (8 * i);
    if (bytes > 0 && bytes < 8 && (static_cast<std::uint8_t>(digits.back()) & 0x80) != 0)
      value |= ~std::uint64_t{0} << (8 * bytes);
    return push_integer(static_cast<std::int64_t>(value));
  }
  std::string text;
  static constexpr std::array<char, 17> kDigits = {"0123456789abcdef"};
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    const auto value = static_cast<std::uint8_t>(*digit);
    text += kDigits[value >> 4];
    text += kDigits[value & 15];
  }
  push_text(std::move(text), PickleKind::kBigInteger);
}

void Machine::push_real() {
  std::uint64_t bits = 0;
  for (int i = 0; i < 8; ++i) bits = bits << 8 | cursor_.byte();  // big-endian
  PickleNode node;
  node.kind = PickleKind::kReal;
  static_assert(sizeof(node.real) == sizeof(bits));
  std::memcpy(&node.real, &bits, sizeof(bits));
  push(std::move(node));
}

std::uint64_t Machine::line_number() {
  const std::string text = cursor_.line();
  if (text.empty() || text.size() > 10 || text.find_first_not_of("0123456789") != std::string::npos)
    cursor_.refuse("expected the number of a stored value");
  return std::stoull(text);
}

void Machine::push_global(const std::string& module, const std::string& name) {
  if (module.size() + name.size() > kNameLimit)
    cursor_.refuse("expected a name, got one of over 1,024 bytes");
  const std::string global = module + " " + name;
  if (callables().count(global) == 0 && !storage_type(global))
    cursor_.refuse("the pickle asks for '" + module + "." + name +
                   "', which is refused: expected tensors and plain values (in Python: "
                   "torch.save(model.state_dict(), FILE))");
  push_text(global, PickleKind::kGlobal);
}

const PickleNode& Machine::argument(const std::vector<PickleId>& items, std::size_t position,
                                    PickleKind kind, const char* what) {
  if (position >= items.size() || pickle_.nodes[items[position]].kind != kind)
    cursor_.refuse(std::string("expected ") + what + ", got another value");
  return pickle_.nodes[items[position]];
}

std::int64_t Machine::integer(const PickleNode& node, const char* what) {
  if (node.kind != PickleKind::kInteger || node.integer < 0)
    cursor_.refuse(std::string("expected ") + what + " of 0 or more, got another value");
  return node.integer;
}

std::vector<std::int64_t> Machine::sizes(const PickleNode& node, const char* what) {
  if (node.kind != PickleKind::kTuple && node.kind != PickleKind::kList)
    cursor_.refuse(std::string("expected ") + what + ", got another value");
  if (node.items.size() > 64) cursor_.refuse(std::string("expected ") + what + ", got too many");
  std::vector<std::int64_t> values;
  for (const PickleId item : node.items) values.push_back(integer(pickle_.nodes[item], what));
  return values;
}

void Machine::rebuild_tensor(const std::vector<PickleId>& items) {
  PickleTensor tensor;
  tensor.storage = static_cast<std::size_t>(
      argument(items, 0, PickleKind::kStorage, "a tensor's storage").integer);
  if (items.size() < 4) cursor_.refuse("expected a tensor's size and stride, got less");
  tensor.offset = integer(pickle_.nodes[items[1]], "a tensor's offset");
  tensor.shape = sizes(pickle_.nodes[items[2]], "a tensor's shape");
  tensor.strides = sizes(pickle_.nodes[items[3]], "a tensor's strides");
  if (tensor.shape.size() != tensor.strides.size())
    cursor_.refuse("expected as many strides as dimensions of a tensor");
  // Requires a gradient, its hooks, and since PyTorch 1.13: is it conjugated or negated?
  if (items.size() > 6 && !pickle_.nodes[items[6]].items.empty())
    cursor_.refuse("expected plain tensors, got one that is stored negated or conjugated");
  charge(sizeof(PickleTensor) + 2 * tensor.shape.size() * sizeof(std::int64_t));
  pickle_.tensors.push_back(std::move(tensor));
  push_integer(static_cast<std::int64_t>(pickle_.tensors.size()) - 1, PickleKind::kTensor);
}

void Machine::ordered_dict(const std::vector<PickleId>& items) {
  std::vector<PickleId> flat;
  if (!items.empty()) {
    for (const PickleId pair :
         argument(items, 0, PickleKind::kList, "pairs of an OrderedDict").items) {
      const PickleNode& entry = pickle_.nodes[pair];
      if ((entry.kind != PickleKind::kList && entry.kind != PickleKind::kTuple) ||
          entry.items.size() != 2)
        cursor_.refuse("expected pairs of an OrderedDict, got another value");
      flat.insert(flat.end(), entry.items.begin(), entry.items.end());
    }
  }
  push_items(PickleKind::kDict, std::move(flat));
}

void Machine::encode(const std::vector<PickleId>& items) {
  const std::string& text = argument(items, 0, PickleKind::kText, "a text to encode").text;
  if (argument(items, 1, PickleKind::kText, "an encoding").text != "latin1")
    cursor_.refuse("expected encoding latin1, got another");
  charge(text.size());
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<std::uint8_t>(text[i]);
    if (lead < 0x80) {
      bytes += text[i];
    } else if ((lead == 0xC2 || lead == 0xC3) && i + 1 < text.size()) {
      bytes += static_cast<char>((lead & 3) << 6 | (static_cast<std::uint8_t>(text[++i]) & 0x3F));
    } else {
      cursor_.refuse("expected a text in latin1, got another character");
    }
  }
  push_text(std::move(bytes), PickleKind::kBytes);
}

void Machine::numpy_number(const std::vector<PickleId>& items) {
  const std::string& type =
      argument(items, 0, PickleKind::kNumpyType, "a type of numpy number").text;
  const std::string& bytes = argument(items, 1, PickleKind::kBytes, "a numpy number").text;
  const auto size = type.size() == 2 && type[1] >= '1' && type[1] <= '8'
                        ? static_cast<std::size_t>(type[1] - '0')
                        : std::size_t{0};
  if (size == 0 || bytes.size() != size)
    cursor_.refuse("expected a numpy number, got type " + type);
  std::uint64_t bits = 0;
  std::memcpy(&bits, bytes.data(), size);
  if (type == "f8" || type == "f4") {
    PickleNode node;
    node.kind = PickleKind::kReal;
    if (type == "f8") {
      std::memcpy(&node.real, bytes.data(), sizeof(double));
    } else {
      float value = 0;
      std::memcpy(&value, bytes.data(), sizeof(value));
      node.real = static_cast<double>(value);
    }
    return push(std::move(node));
  }
  if (type[0] == 'b') return push_integer(bits != 0, PickleKind::kBool);
  if (type[0] != 'i' && type[0] != 'u') cursor_.refuse("expected a numpy number, got type " + type);
  if (type[0] == 'i' && size < 8 && (bits >> (8 * size - 1)) != 0)
    bits |= ~std::uint64_t{0} << (8 * size);
  push_integer(static_cast<std::int64_t>(bits));
}

void Machine::reduce() {
  // References hold until a value is added, which each call does last.
  const PickleNode& arguments = pickle_.nodes[pop()];
  const PickleNode& function = pickle_.nodes[pop()];
  if (function.kind != PickleKind::kGlobal || arguments.kind != PickleKind::kTuple)
    cursor_.refuse("expected the call of a known function, got another value");
  const std::vector<PickleId>& items = arguments.items;
  const std::string& name = function.text;
  if (name == "collections OrderedDict") return ordered_dict(items);
  if (name == "torch._utils _rebuild_tensor" || name == "torch._utils _rebuild_tensor_v2")
    return rebuild_tensor(items);
  if (name == "_codecs encode") return encode(items);
  if (name == "numpy dtype") {
    std::string type = argument(items, 0, PickleKind::kText, "a type of numpy number").text;
    charge(type.size());
    return push_text(std::move(type), PickleKind::kNumpyType);
  }
  if (name == "numpy.core.multiarray scalar" || name == "numpy._core.multiarray scalar")
    return numpy_number(items);
  if (storage_type(name)) cursor_.refuse("expected a tensor, got a call of " + name);
  // Sizes, devices, parameters and typed lists: the first argument is the value.
  if (items.empty()) cursor_.refuse("expected an argument of " + name + ", got none");
  stack_.push_back(items[0]);
}

void Machine::build() {
  (void)pop();  // attributes, such as the versions of a state dictionary's modules
  const PickleKind kind = top().kind;
  if (kind != PickleKind::kDict && kind != PickleKind::kNumpyType && kind != PickleKind::kTensor)
    cursor_.refuse("attributes are set on a value that has none");
}

void Machine::persistent_load() {
  const PickleNode& id = pickle_.nodes[pop()];
  if (id.kind != PickleKind::kTuple || id.items.size() < 5 ||
      argument(id.items, 0, PickleKind::kText, "a storage").text != "storage")
    cursor_.refuse("expected the description of a storage, got another value");
  PickleStorage storage;
  const std::string& type = argument(id.items, 1, PickleKind::kGlobal, "a type of storage").text;
  const std::optional<ElementType> element = storage_type(type);
  if (!element) cursor_.refuse("expected a type of storage, got " + type);
  storage.type = *element;
  storage.key = argument(id.items, 2, PickleKind::kText, "a storage's name").text;
  charge(sizeof(PickleStorage) + storage.key.size());
  storage.elements = integer(pickle_.nodes[id.items[4]], "a storage's size");
  if (id.items.size() > 5 && pickle_.nodes[id.items[5]].kind == PickleKind::kTuple) {
    const PickleNode& view = pickle_.nodes[id.items[5]];  // key, offset, size
    if (view.items.size() != 3) cursor_.refuse("expected a storage's view, got another value");
    storage.view_offset = integer(pickle_.nodes[view.items[1]], "a view's offset");
    const std::int64_t size = integer(pickle_.nodes[view.items[2]], "a view's size");
    if (storage.view_offset > storage.elements || size > storage.elements - storage.view_offset)
      cursor_.refuse("a storage's view is larger than the storage");
  }
  pickle_.storages.push_back(std::move(storage));
  push_integer(static_cast<std::int64_t>(pickle_.storages.size()) - 1, PickleKind::kStorage);
}

}  // namespace

Pickle read_pickle(FileCursor& cursor) { return Machine(cursor).run(); }

}  // namespace selfcure
