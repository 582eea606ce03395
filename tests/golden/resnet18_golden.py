#!/usr/bin/env python3
"""Golden values of torchvision's ResNet-18 in float64: logits, gradients, statistics, loss curves."""
import math
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import resnet18

from golden_common import (fill_by_formula, formula, formula_images, formula_labels, make_optimizer,
                           parameter_norm_sum, relative_deviation, summary, versions, write_or_check)

CLASSES = 7
BATCH = 4
SIZE = 64
STEPS = 10
OPTIMIZERS = {
    "sgd": {"name": "sgd", "lr": 0.01, "momentum": 0.9, "weight_decay": 1e-4},
    "adam": {"name": "adam", "lr": 1e-5, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 1e-4},
}


def make_model(dtype):
    model = resnet18(num_classes=CLASSES).to(torch.float64)
    fill_by_formula(model)
    return model.to(dtype)


def make_batch(dtype):
    return formula_images("images", BATCH, SIZE).to(dtype), formula_labels(BATCH, CLASSES)


def forward_and_gradients(dtype):
    """Everything that one forward pass in each mode and one backward pass give."""
    images, labels = make_batch(dtype)
    model = make_model(dtype)
    model.eval()
    with torch.no_grad():
        eval_logits = model(images)
    model.train()
    training_logits = model(images)
    loss = F.cross_entropy(training_logits, labels)
    loss.backward()
    running = {name: buffer for name, buffer in model.named_buffers() if "running" in name}
    counted = {name: int(buffer) for name, buffer in model.named_buffers() if "tracked" in name}
    assert len(set(counted.values())) == 1
    return {
        "eval_logits": eval_logits.tolist(),
        "training_logits": training_logits.tolist(),
        "loss": loss.item(),
        "gradients": {name: summary(p.grad, 4) for name, p in model.named_parameters()},
        "running_statistics_after_one_forward": {name: summary(b, 2) for name, b in running.items()},
        "num_batches_tracked_after_one_forward": next(iter(counted.values())),
    }


def loss_curve(dtype, options):
    """Losses before each of ten steps on one batch in training mode, and the weights' size after them."""
    images, labels = make_batch(dtype)
    model = make_model(dtype).train()
    optimizer = make_optimizer(model.parameters(), options)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"optimizer": options, "losses": losses, "final_parameter_norm_sum": parameter_norm_sum(model)}


def initialisation():
    """What torchvision draws for a fresh network: theory, not a sample."""
    convolutions = {}
    for name, module in resnet18(num_classes=CLASSES).named_modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels * module.kernel_size[0] * module.kernel_size[1]
            convolutions[name + ".weight"] = {"shape": list(module.weight.shape), "fan_out": fan_out,
                                              "std": math.sqrt(2.0 / fan_out)}
    return {
        "convolution": {"distribution": "normal, mean 0, std sqrt(2 / fan_out)", "layers": convolutions},
        "batch_norm": {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0},
        "fc": {"distribution": "uniform in [-bound, bound], weight and bias",
               "bound": 1.0 / math.sqrt(512.0)},
    }


def float32_deviation(golden):
    """How far the same computation in float32 lands from the float64 values: the floor for a tolerance."""
    single = forward_and_gradients(torch.float32)
    double = golden["forward"]
    deviation = {}
    for key in ("eval_logits", "training_logits"):
        a, b = torch.tensor(single[key], dtype=torch.float64), torch.tensor(double[key], dtype=torch.float64)
        deviation[key + "_max_absolute"] = (a - b).abs().max().item()
    deviation["loss_relative"] = relative_deviation([single["loss"]], [double["loss"]])
    norms = {name: relative_deviation([single["gradients"][name]["norm"]], [entry["norm"]])
             for name, entry in double["gradients"].items()}
    deviation["gradient_norm_max_relative"] = max(norms.values())
    deviation["gradient_sample_max_relative_to_norm"] = max(
        abs(a[1] - b[1]) / entry["norm"] for name, entry in double["gradients"].items()
        for a, b in zip(single["gradients"][name]["samples"], entry["samples"]))
    for name, options in OPTIMIZERS.items():
        curve = loss_curve(torch.float32, options)
        deviation[f"{name}_losses_relative"] = [
            relative_deviation([a], [b]) for a, b in zip(curve["losses"], golden["curves"][name]["losses"])]
        deviation[f"{name}_final_parameter_norm_sum_relative"] = relative_deviation(
            [curve["final_parameter_norm_sum"]], [golden["curves"][name]["final_parameter_norm_sum"]])
    return deviation


def make_golden(with_float32, _only):
    golden = {
        "script": "tests/golden/resnet18_golden.py",
        "versions": versions(),
        "classes": CLASSES, "batch": BATCH, "size": SIZE, "images": "images",
        "formula_example": {"name": "conv1.weight", "first": formula("conv1.weight", 4).tolist()},
        "forward": forward_and_gradients(torch.float64),
        "curves": {name: loss_curve(torch.float64, options) for name, options in OPTIMIZERS.items()},
        "init": initialisation(),
    }
    if with_float32:
        golden["float32_deviation"] = float32_deviation(golden)
    return golden


if __name__ == "__main__":
    write_or_check(Path(__file__).with_name("resnet18_golden.json"), make_golden)
