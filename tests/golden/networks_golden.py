#!/usr/bin/env python3
"""Golden values of the other backbones in float64: features, gradients, loss curves.

ResNets and VGG-16 are torchvision's. IR-50 and iResNet-50 are defined here, with the names of
face.evoLVe's `IR_50` and insightface's `iresnet50`.
"""
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torchvision import models

from golden_common import (fill_by_formula, formula_images, formula_labels, formula_tensor,
                           parameter_norm_sum, summary, versions, write_or_check)

CLASSES = 7


def conv3x3(inputs, outputs, stride):
    return nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)


def ir_unit(inputs, width, stride):
    unit = nn.Module()
    unit.shortcut_layer = nn.MaxPool2d(1, stride) if inputs == width else nn.Sequential(
        nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))
    unit.res_layer = nn.Sequential(nn.BatchNorm2d(inputs), conv3x3(inputs, width, 1), nn.PReLU(width),
                                   conv3x3(width, width, stride), nn.BatchNorm2d(width))
    unit.forward = lambda x: unit.res_layer(x) + unit.shortcut_layer(x)
    return unit


STAGES = ((64, 64, 3), (64, 128, 4), (128, 256, 14), (256, 512, 3))


class IR50(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layer = nn.Sequential(conv3x3(3, 64, 1), nn.BatchNorm2d(64), nn.PReLU(64))
        self.output_layer = nn.Sequential(nn.BatchNorm2d(512), nn.Dropout(0.5), nn.Flatten(),
                                          nn.Linear(512 * 7 * 7, 512), nn.BatchNorm1d(512))
        self.body = nn.Sequential(*[
            ir_unit(inputs if i == 0 else width, width, 2 if i == 0 else 1)
            for inputs, width, count in STAGES for i in range(count)])

    def forward(self, x):
        return self.output_layer(self.body(self.input_layer(x)))


class IBasicBlock(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = conv3x3(inputs, width, 1)
        self.bn2 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        self.conv2 = conv3x3(width, width, stride)
        self.bn3 = nn.BatchNorm2d(width)
        self.downsample = nn.Sequential(
            nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width)) if stride == 2 else None

    def forward(self, x):
        out = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x))))))
        return out + (x if self.downsample is None else self.downsample(x))


class IResNet50(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = conv3x3(3, 64, 1)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU(64)
        for k, (inputs, width, count) in enumerate(STAGES):
            self.add_module(f"layer{k + 1}", nn.Sequential(*[
                IBasicBlock(inputs if i == 0 else width, width, 2 if i == 0 else 1)
                for i in range(count)]))
        self.bn2 = nn.BatchNorm2d(512)
        self.fc = nn.Linear(512 * 7 * 7, 512)
        self.features = nn.BatchNorm1d(512)
        self.features.weight.requires_grad = False

    def forward(self, x):
        x = self.prelu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.features(self.fc(torch.flatten(self.bn2(x), 1)))


def without_classifier(model):
    if hasattr(model, "classifier"):
        model.classifier = model.classifier[:-1]
    else:
        model.fc = nn.Identity()
    return model


def small_stem(model):
    model.conv1 = conv3x3(3, 64, 1)
    model.maxpool = nn.Identity()
    return model


# name: model, image size, steps of the loss curve, learning rate. ResNet-50's gradients are so
# large here that greater steps magnify rounding until curves of two machines part.
NETWORKS = {
    "resnet18_small": (lambda: small_stem(without_classifier(models.resnet18())), 48, 10, 0.001),
    "resnet34": (lambda: without_classifier(models.resnet34()), 64, 10, 0.001),
    "resnet50": (lambda: without_classifier(models.resnet50()), 64, 10, 1e-5),
    "vgg16": (lambda: without_classifier(models.vgg16()), 64, 3, 0.001),
    "ir50": (IR50, 112, 3, 0.001),
    "iresnet50": (IResNet50, 112, 3, 0.001),
}


def fill(model):
    fill_by_formula(model)
    with torch.no_grad():
        for name, child in model.named_modules():
            if isinstance(child, nn.PReLU):
                child.weight.copy_(0.25 * (1 + 0.1 * formula_tensor(name + ".weight", child.weight.shape)))
            elif isinstance(child, nn.Conv2d) and child.bias is not None:
                child.bias.copy_(0.1 * formula_tensor(name + ".bias", child.bias.shape))
            elif isinstance(child, nn.BatchNorm1d):
                child.weight.copy_(1 + 0.1 * formula_tensor(name + ".weight", child.weight.shape))
                child.bias.copy_(0.1 * formula_tensor(name + ".bias", child.bias.shape))
                child.running_mean.copy_(0.1 * formula_tensor(name + ".running_mean", child.bias.shape))
                child.running_var.copy_(1 + 0.25 * formula_tensor(name + ".running_var", child.bias.shape))
            elif isinstance(child, nn.Dropout):
                child.p = 0.0


def names_hash(model):
    """FNV-1a, 32 bit, of the lines "name [sizes]" of the state dictionary in sorted order."""
    value = 2166136261
    lines = sorted(f"{name} {list(tensor.shape)}\n" for name, tensor in model.state_dict().items())
    for byte in "".join(lines).encode():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return {"count": len(lines), "fnv1a": value}


def golden_of(name):
    make, size, steps, lr = NETWORKS[name]
    torch.manual_seed(0)
    backbone = make().double()
    fill(backbone)
    images = formula_images("images", 3, size)
    labels = formula_labels(3, CLASSES)
    backbone.eval()
    with torch.no_grad():
        features = backbone(images)
    head = nn.Linear(features.shape[1], CLASSES).double()
    fill_by_formula(head, "head.")
    backbone.train()
    parameters = [p for p in [*backbone.parameters(), *head.parameters()] if p.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=lr)
    losses, gradients, training_features = [], {}, None
    for step in range(steps):
        optimizer.zero_grad()
        out = backbone(images)
        loss = F.cross_entropy(head(out), labels)
        loss.backward()
        if step == 0:
            training_features = summary(out, 8)
            gradients = {n: p.grad.norm().item() for n, p in backbone.named_parameters()
                         if p.grad is not None}
        losses.append(loss.item())
        optimizer.step()
    return {"size": size, "lr": lr, "names": names_hash(backbone), "eval_features": summary(features, 8),
            "training_features": training_features, "gradient_norms": gradients, "losses": losses,
            "final_parameter_norm_sum": parameter_norm_sum(backbone)}


def make_golden(_with_float32, only):
    return {"versions": versions(),
            "configurations": {name: golden_of(name) for name in (only or NETWORKS)}}


if __name__ == "__main__":
    write_or_check(Path(__file__).with_suffix(".json"), make_golden, tuple(NETWORKS))
