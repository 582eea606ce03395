#include <algorithm>

#include "schema.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

constexpr int kMostEpochs = 100000;
const ConfigRange kShare{0, 1};

/// Safe as a folder name and as an argument of the command.
bool is_name(const std::string& text) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  constexpr std::size_t kLongest = 100;
  return text.size() <= kLongest && is_word(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_word(c) || c == '.' || c == '-'; });
}

bool is_device(const std::string& text) {
  if (text == "auto" || text == "cpu" || text == "cuda") return true;
  const std::string prefix = "cuda:";
  if (text.compare(0, prefix.size(), prefix) != 0) return false;
  const std::string index = text.substr(prefix.size());
  const auto number = parse_integer(index);
  return number && *number >= 0 && *number < 128 && std::to_string(*number) == index;
}

ConfigItems model_items(ModelOptions& model) {
  ConfigItemList list;
  list.choice("backbone", model.backbone,
              {{"resnet18", "ResNet-18, 512 features"},
               {"resnet34", "ResNet-34, 512 features"},
               {"resnet50", "ResNet-50, 2048 features"},
               {"vgg16", "VGG-16 up to its last linear layer, 4096 features"},
               {"ir50", "IR-50 of face.evoLVe (ArcFace), 512 features, data.image_size 112"},
               {"iresnet50",
                "iResNet-50 of insightface (ArcFace), 512 features, data.image_size "
                "112"}},
              "The network that makes features, without its classifier.")
      .selector = true;
  list.choice("stem", model.stem,
              {{"imagenet", "7x7 convolution of stride 2 and max pooling"},
               {"small", "3x3 convolution of stride 1, no pooling: images of 32 to 64 pixels"}},
              "How a ResNet begins.")
      .inactive = has_stem(model.backbone) ? "" : "belongs to ResNets";
  ConfigItem& weights = list.path(
      "weights", model.weights, true,
      "Weight file whose backbone is taken over: .pth, .pt, .th or .pth.tar of PyTorch, old "
      "or new, .safetensors, or a checkpoint of an earlier run; null: initial weights, drawn "
      "from the seed.");
  weights.default_note = "null";
  weights.selector = true;
  const std::string inactive =
      model.weights.empty() ? "belongs to model.weights, which is null" : "";
  list.text("weights_key", model.weights_key, "the name of a place in the file, or auto",
            "Place of the weights in the file, such as state_dict or a/b; auto: state_dict, "
            "model_state_dict, model, net or the top, whichever has tensors.")
      .inactive = inactive;
  list.text("weights_prefix", model.weights_import.prefix, "a prefix of names, or auto",
            "Text before the backbone's names in the file, such as 'module.backbone.'; auto: the "
            "one under which most names fit; a file with two whole networks is refused. What was "
            "taken is said and written to weights.csv.")
      .inactive = inactive;
  list.boolean("weights_heads", model.weights_import.take_heads,
               "Take the classifier and SCN's attention head too, where name and shape agree; "
               "otherwise they start afresh.")
      .inactive = inactive;
  list.boolean("weights_partial", model.weights_import.partial,
               "Take a file that has only a part of the backbone, or of another network what fits; "
               "otherwise that is an error.")
      .inactive = inactive;
  return list.take();
}

ConfigItems relabel_items(ScnOptions& scn) {
  ConfigItemList list;
  list.boolean("enabled", scn.relabel,
               "Module 3 of SCN: give doubtful samples the label that the network predicts.");
  list.real("threshold", scn.relabel_threshold, kShare,
            "delta_2: a label changes when the largest predicted probability exceeds that of the "
            "given label by more than this.");
  list.integer("start_epoch", scn.relabel_start_epoch, 1, kMostEpochs,
               "First epoch (from 1) that proposes labels; they are in force from the epoch after "
               "it. Beyond train.epochs: never.");
  list.choice("scope", scn.relabel_scope,
              {{"low_group", "the low group only, as in the paper"},
               {"batch", "every sample, as in the published code"}},
              "Which samples of a batch may get a new label. With weighting and rank both off no "
              "importance is learned, and it is the batch.");
  return list.take();
}

void add_scn_items(ConfigItemList& list, ScnOptions& scn) {
  list.choice_of(
          "preset",
          {{"paper", "CVPR 2020: gamma form, labels change in the low group"},
           {"published_code",
            "the authors' repository: sum, labels change in the batch, "
            "biases in attention and under alpha"}},
          [&scn] { return static_cast<std::size_t>(scn.preset); },
          [&scn](std::size_t index) { scn = scn_preset(static_cast<ScnPreset>(index)); },
          "Which description of SCN the defaults of the keys of this section come from. "
          "Keys that are given win over it.")
      .selector = true;
  list.boolean("weighting", scn.weighting,
               "Module 1 of SCN: scale the logits by the importance weight inside the "
               "cross-entropy.");
  list.boolean("rank", scn.rank,
               "Module 2 of SCN: rank regularization, which keeps the mean weight of the high "
               "group ahead of that of the low group.");
  list.section("relabel", "Changes of labels that the network doubts.",
               [&scn] { return relabel_items(scn); });
  list.real("beta", scn.beta, {0, 1, true, true},
            "Share of a batch in the high group: floor(beta * B) samples, at least 1 and at most "
            "B - 1.");
  list.real("margin", scn.margin, kShare,
            "delta_1: wanted gap of the mean weights of both groups. The authors advise 0.07 for "
            "batches of 64 and 0.15 for 1024.");
  list.boolean("learnable_margin", scn.learnable_margin,
               "Train delta_1 as a parameter that starts at 'margin', kept in [0, 1].");
  list.choice("loss", scn.loss,
              {{"gamma", "gamma * L_RR + (1 - gamma) * L_WCE, as in the paper"},
               {"sum", "L_RR + L_WCE, as in the published code; gamma is not used"}},
              "How rank term and weighted cross-entropy are put together.");
  list.real("gamma", scn.gamma, kShare, "Weight of the rank term with loss: gamma.");
  list.boolean("bias_under_alpha", scn.bias_under_alpha,
               "Scale the classifier's bias together with its weights, alpha * (W x + b), as the "
               "published code does; else alpha * W x + b.");
  list.boolean("attention_bias", scn.attention_bias,
               "Give the attention layer a bias, as the published code does; the paper's formula "
               "has none.");
}

ConfigItems method_items(MethodOptions& method, const std::shared_ptr<ScnOptions>& unused) {
  // In the order of the variant.
  const std::vector<ConfigChoice> names = {
      {"baseline", "plain cross-entropy; has no further keys"},
      {"scn", "Self-Cure Network: importance weights, rank regularization, relabelling"}};
  ConfigItemList list;
  list.choice_of(
          "name", names, [&method] { return method.index(); },
          [&method](std::size_t index) {
            if (index == 0) {
              method = BaselineOptions{};
            } else {
              method = scn_preset(ScnPreset::kPaper);
            }
          },
          "The training method. The keys of another method are mistakes: to switch with "
          "--set, replace the section, as in --set method='{name: baseline}'.")
      .selector = true;
  ScnOptions* scn = std::get_if<ScnOptions>(&method);
  ConfigItemList scn_list;
  add_scn_items(scn_list, scn != nullptr ? *scn : *unused);
  for (ConfigItem& item : scn_list.take()) {
    if (scn == nullptr) {
      item.inactive =
          "belongs to method 'scn', and method.name is '" + names[method.index()].name + "'";
    }
    list.add(item.key, "", "") = item;
  }
  return list.take();
}

ConfigItems optimizer_items(OptimizerOptions& optimizer) {
  ConfigItemList list;
  list.choice_of(
          "name", {{"sgd", "stochastic gradient descent with momentum"}, {"adam", "Adam"}},
          [&optimizer] { return static_cast<std::size_t>(optimizer.kind); },
          [&optimizer](std::size_t index) {
            optimizer = OptimizerOptions{};
            optimizer.kind = static_cast<OptimizerKind>(index);
            if (optimizer.kind == OptimizerKind::kAdam) optimizer.lr = 1e-3;
          },
          "Rule of the updates, with the formulas of torch.optim.")
      .selector = true;
  list.real("lr", optimizer.lr, {0, 1000, true}, "Learning rate before the schedule's factor.");
  list.real("momentum", optimizer.momentum, {0, 1, false, true},
            "Momentum of sgd; adam ignores it.");
  list.boolean("nesterov", optimizer.nesterov,
               "Nesterov's form of momentum, for sgd; wants a momentum above 0.");
  list.real("weight_decay", optimizer.weight_decay, {0, 10},
            "Times the parameter, added to its gradient (the L2 form, for adam too).");
  list.real("beta1", optimizer.beta1, {0, 1, false, true},
            "Decay of adam's mean of gradients; sgd ignores it.");
  list.real("beta2", optimizer.beta2, {0, 1, false, true},
            "Decay of adam's mean of squared gradients; sgd ignores it.");
  list.real("epsilon", optimizer.epsilon, {0, 1, true},
            "Keeps adam's division finite; sgd ignores it.");
  return list.take();
}

ConfigItems schedule_items(ScheduleOptions& schedule) {
  ConfigItemList list;
  list.choice_of(
          "name",
          {{"constant", "1"},
           {"step", "times 'factor' after each of the milestones"},
           {"exponential", "times 'factor' after each epoch"},
           {"cosine", "half a cosine from 1 to 0 over the steps after the warm-up"}},
          [&schedule] { return static_cast<std::size_t>(schedule.kind); },
          [&schedule](std::size_t index) {
            schedule = ScheduleOptions{};
            schedule.kind = static_cast<ScheduleKind>(index);
            if (schedule.kind == ScheduleKind::kExponential) schedule.factor = 0.9;
          },
          "Factor of the learning rate in the course of the training.")
      .selector = true;
  list.ascending("milestones", schedule.milestones, 1, kMostEpochs,
                 "Epochs (from 1) after which step multiplies the rate; others ignore them.");
  list.real("factor", schedule.factor, {0, 1, true},
            "What step and exponential multiply the rate by; others ignore it.");
  list.real("warmup_epochs", schedule.warmup_epochs, {0, kMostEpochs},
            "Epochs over which the rate grows linearly from 0 to its place in the schedule; may "
            "be a fraction; 0 is off.");
  return list.take();
}

bool makes_distributions(FerPlusLabels labels) {
  return labels == FerPlusLabels::kProbability || labels == FerPlusLabels::kCrossEntropy ||
         labels == FerPlusLabels::kMultiTarget;
}

ConfigItems train_items(TrainOptions& train) {
  ConfigItemList list;
  list.integer("epochs", train.epochs, 1, kMostEpochs, "Passes over the training set.");
  list.integer("batch_size", train.batch_size, 1, 1 << 20,
               "Samples per step. The groups of SCN are those of a batch, so that it decides about "
               "the ranking too.");
  list.choice(
      "sampling", train.sampling,
      {{"shuffle", "every image once"},
       {"inverse_frequency", "every class equally often"},
       {"inverse_sqrt_frequency", "a class of n images in proportion to the square root of n"},
       {"class_balanced", "every class equally often, and in every batch"}},
      "How often an epoch visits the images of each class, by the labels in force. An epoch has "
      "as many visits as there are images; the test set is never resampled.");
  list.integer("eval_batch_size", train.eval_batch_size, 0, 1 << 20,
               "Samples per evaluation batch; 0: as batch_size.")
      .runtime = true;
  list.section("optimizer", "How a gradient becomes an update.",
               [&train] { return optimizer_items(train.optimizer); })
      .check = [&train](const ConfigFail& fail) {
    if (train.optimizer.nesterov && train.optimizer.kind == OptimizerKind::kSgd &&
        train.optimizer.momentum == 0) {
      fail({"nesterov", "momentum"}, "expected false with a momentum of 0, got 'true'");
    }
  };
  list.section("schedule", "How the learning rate changes.",
               [&train] { return schedule_items(train.schedule); });
  list.text("device", train.device, "auto, cpu, cuda or cuda:<index>",
            "Where the training runs; auto: a CUDA device if there is one, else the CPU. Devices "
            "round differently.",
            is_device)
      .runtime = true;
  list.choice("precision", train.precision,
              {{"fp32", "float32"},
               {"tf32", "float32 with factors rounded to 10 bits; CUDA only"},
               {"bf16", "bfloat16 autocast; on the CPU too"},
               {"fp16", "float16 autocast with a scaled loss; CUDA only"}},
              "Arithmetic of the backbone in training steps. Weights, importance weights, losses, "
              "updates and evaluations are float32 with all of them but tf32, which holds for all "
              "matrix products; a run is resumed with the one that it began with.");
  list.boolean("cuda_graphs", train.cuda_graphs,
               "On a CUDA device, record the steps once and launch each as one; what cannot be "
               "recorded is said and launched as ever. No effect on the CPU.")
      .runtime = true;
  list.integer("threads", train.threads, 0, 1024,
               "CPU threads of a training step; 0: as many as there are cores.")
      .runtime = true;
  list.text(
          "kernels", train.kernels, "auto, libtorch or a file of choices",
          "Who computes the network on a CPU. auto: own kernels (AVX2 or AVX-512), and for each "
          "convolution whichever of them and LibTorch's is measured to be faster, once on a "
          "machine (kept in ~/.cache/selfcure, so that reruns have the same bits); kernels.txt of "
          "the run has what was chosen. libtorch: LibTorch's layers. The path of a kernels.txt: "
          "own kernels with these choices, which hold for one number of threads.")
      .runtime = true;
  list.real("checkpoint_minutes", train.checkpoint_minutes, {0, 1e6},
            "Save within an epoch when this many minutes have passed since the last checkpoint; "
            "0: only at the end of an epoch.")
      .runtime = true;
  list.integer(
      "evaluate_every", train.evaluate_every, 1, kMostEpochs,
      "Evaluate after every this many epochs, and after the last. The best epoch is one of "
      "those.");
  return list.take();
}

ConfigItems logging_items(LoggingOptions& logging) {
  ConfigItemList list;
  list.boolean("tensorboard", logging.tensorboard,
               "Write event files for TensorBoard to the folder 'tensorboard' of the run.")
      .runtime = true;
  list.integer(
          "images_every", logging.images_every, 0, kMostEpochs,
          "The event files get pictures after every this many epochs and after the last, up to "
          "1 MB each time; 0: none.")
      .runtime = true;
  return list.take();
}

}  // namespace

ConfigDraft::ConfigDraft() { options.method = scn_preset(ScnPreset::kPaper); }

ConfigItem experiment_schema(const std::shared_ptr<ConfigDraft>& draft) {
  // What the keys of SCN are bound to while another method is chosen: they are still explained.
  const auto unused_scn = std::make_shared<ScnOptions>();
  const auto name_given = std::make_shared<bool>(false);
  ConfigItem root;
  root.items = [draft, unused_scn, name_given] {
    ExperimentOptions& options = draft->options;
    ConfigItemList list;
    ConfigItem& name = list.text(
        "name", options.name,
        "letters, digits, '.', '_' and '-' (at most 100, the first a letter, digit or '_')",
        "Names the run directory.", is_name);
    name.runtime = true;
    name.given = name_given.get();
    name.default_note = "none: required";
    list.seed("seed", options.seed,
              "Seed of initial weights, shuffling and augmentation; label noise has its own.");
    ConfigItem& data = list.section("data", "What the experiment learns from and is tested on.",
                                    [draft] { return data_items(*draft); });
    data.finish = [draft](const ConfigFail& fail) { finish_data(*draft, fail); };
    data.check = [draft](const ConfigFail& fail) { check_data(*draft, fail); };
    list.section("model", "The network.", [draft] { return model_items(draft->options.model); });
    list.section("method", "How it learns from labels that may be wrong.",
                 [draft, unused_scn] { return method_items(draft->options.method, unused_scn); });
    list.section("train", "How long and how fast it learns, and on what.",
                 [draft] { return train_items(draft->options.train); })
        .check = [draft](const ConfigFail& fail) {
      const TrainOptions& train = draft->options.train;
      if (train.device == "cpu" &&
          (train.precision == Precision::kTf32 || train.precision == Precision::kFp16))
        fail({"precision", "device"}, std::string("expected fp32 or bf16 with train.device: cpu, "
                                                  "got '") +
                                          precision_name(train.precision) + "'");
    };
    list.section("logging", "What is written for other programs to look at.",
                 [draft] { return logging_items(draft->options.logging); });
    return list.take();
  };
  root.finish = [name_given](const ConfigFail& fail) {
    if (!*name_given) fail({}, "missing required key 'name'");
  };
  root.check = [draft](const ConfigFail& fail) {
    const std::int64_t wanted = backbone_input_size(draft->options.model.backbone);
    if (wanted != 0 && draft->options.data.image_size != wanted)
      fail({"data", "model"},
           "expected data.image_size: " + std::to_string(wanted) +
               " with model.backbone: " + backbone_name(draft->options.model.backbone) + ", got " +
               std::to_string(draft->options.data.image_size));
    if (std::holds_alternative<BaselineOptions>(draft->options.method)) return;
    for (const SourceOptions& source : draft->options.data.train) {
      if (!makes_distributions(source.labels)) continue;
      fail({"data", "method"}, "expected labels: majority or fer2013 with method.name: " +
                                   method_name(draft->options.method) +
                                   ", whose relabelling wants one label per image");
      return;
    }
  };
  return root;
}

}  // namespace selfcure
