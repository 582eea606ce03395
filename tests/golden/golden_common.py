"""What the golden scripts share: weights from a formula, summaries of tensors, JSON files and their check.

The formula makes every weight and image out of its name alone, so that a C++ test builds the same
network without reading a weight file.
"""
import argparse
import json
import math
import platform
import sys

import numpy as np
import torch
import torchvision
from torch import nn

RELATIVE_TOLERANCE = 1e-9  # of --check
ABSOLUTE_TOLERANCE = 1e-12  # of --check, for sums that are zero in exact arithmetic
# Differ between machines by nature, so --check leaves them alone.
UNCHECKED_KEYS = ("versions", "float32_deviation")


def formula(name, count):
    """float64 [count] in [-1, 1): murmur3's finalizer over the index, seeded by FNV-1a of the name."""
    seed = 2166136261
    for byte in name.encode("utf-8"):
        seed = ((seed ^ byte) * 16777619) & 0xFFFFFFFF
    mask = np.uint64(0xFFFFFFFF)
    x = (np.arange(count, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(seed)) & mask
    x ^= x >> np.uint64(16)
    x = (x * np.uint64(0x85EBCA6B)) & mask
    x ^= x >> np.uint64(13)
    x = (x * np.uint64(0xC2B2AE35)) & mask
    x ^= x >> np.uint64(16)
    return 2.0 * (x.astype(np.float64) / 4294967296.0) - 1.0


def formula_tensor(name, shape):
    """The formula's values as a contiguous float64 tensor of `shape`, row-major."""
    return torch.from_numpy(formula(name, math.prod(shape))).reshape(shape)


def fill_by_formula(module, prefix=""):
    """Overwrites every weight and running statistic; names are torchvision's: `layer1.0.bn1.running_var`."""
    for name, child in module.named_modules():
        name = f"{prefix}{name}." if name else prefix

        def value(leaf, tensor):
            return formula_tensor(name + leaf, tensor.shape)

        with torch.no_grad():
            if isinstance(child, nn.Conv2d):
                fan_in = child.in_channels * child.kernel_size[0] * child.kernel_size[1]
                child.weight.copy_(value("weight", child.weight) * math.sqrt(6.0 / fan_in) * 0.7)
            elif isinstance(child, nn.BatchNorm2d):
                child.weight.copy_(1 + 0.1 * value("weight", child.weight))
                child.bias.copy_(0.1 * value("bias", child.bias))
                child.running_mean.copy_(0.1 * value("running_mean", child.running_mean))
                child.running_var.copy_(1 + 0.25 * value("running_var", child.running_var))
                child.num_batches_tracked.zero_()
            elif isinstance(child, nn.Linear):
                child.weight.copy_(value("weight", child.weight) / math.sqrt(child.in_features))
                if child.bias is not None:
                    child.bias.copy_(0.1 * value("bias", child.bias))


def formula_images(name, count, size):
    """[count, 3, size, size], float64, in [-1.5, 1.5)."""
    return formula_tensor(name, (count, 3, size, size)) * 1.5


def formula_labels(count, classes):
    """[count], int64: (3 i + floor(i / 5)) mod classes."""
    index = torch.arange(count)
    return (3 * index + index // 5) % classes


def summary(tensor, samples):
    """Sum, l2 norm and `samples` evenly spread elements (first and last among them) of a tensor."""
    flat = tensor.detach().double().reshape(-1)
    last = flat.numel() - 1
    picked = sorted({last * i // (samples - 1) for i in range(samples)})
    return {"sum": flat.sum().item(), "norm": flat.norm().item(),
            "samples": [[i, flat[i].item()] for i in picked]}


def parameter_norm_sum(module):
    """The l2 norms of all parameters, summed: one number that moves when any weight does."""
    return sum(p.detach().double().norm().item() for p in module.parameters())


def make_optimizer(parameters, options):
    """One parameter group (weight decay on everything) from {"name", "lr", "weight_decay", ...}."""
    rest = {key: value for key, value in options.items() if key != "name"}
    return {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[options["name"]](parameters, **rest)


def relative_deviation(got, expected):
    """Largest |got - expected| / |expected| over two lists of numbers."""
    return max(abs(a - b) / abs(b) for a, b in zip(got, expected))


def versions():
    return {"torch": torch.__version__, "torchvision": torchvision.__version__,
            "numpy": np.__version__, "python": platform.python_version()}


def to_json(value, indent=0):
    """JSON with one short value per line; floats as the shortest text that reads back as the same double."""
    flat = json.dumps(value, allow_nan=False)
    if len(flat) + indent <= 110 or not isinstance(value, (dict, list)):
        return flat
    pad = " " * (indent + 1)
    if isinstance(value, dict):
        lines = [f"{pad}{json.dumps(key)}: {to_json(item, indent + 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
    lines = [pad + to_json(item, indent + 1) for item in value]
    return "[\n" + ",\n".join(lines) + "\n" + " " * indent + "]"


def first_difference(expected, got, where=""):
    """Where two JSON values part beyond the tolerances, in words; None if nowhere."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in list(expected) + [key for key in got if key not in expected]:
            if key in UNCHECKED_KEYS:
                continue
            if key not in expected or key not in got:
                return f"{where}/{key}: only in the {'file' if key in expected else 'recomputation'}"
            difference = first_difference(expected[key], got[key], f"{where}/{key}")
            if difference:
                return difference
        return None
    if isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            return f"{where}: {len(expected)} elements in the file, {len(got)} recomputed"
        for i, (a, b) in enumerate(zip(expected, got)):
            difference = first_difference(a, b, f"{where}/{i}")
            if difference:
                return difference
        return None
    if isinstance(expected, float) and isinstance(got, float):
        allowed = max(ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE * max(abs(expected), abs(got)))
        same = abs(expected - got) <= allowed
    else:
        same = type(expected) is type(got) and expected == got
    return None if same else f"{where}: {expected!r} in the file, {got!r} recomputed"


def write_or_check(path, make_golden, configurations=()):
    """Command line of a golden script.

    `make_golden(with_float32, only)` returns the file's content as a dict. Where there are
    `configurations`, `only` lists those to compute; none listed means all.
    """
    parser = argparse.ArgumentParser(description=f"Writes {path.name}, or checks it.")
    parser.add_argument("--check", action="store_true",
                        help="recompute in float64 and compare; exit 1 at the first difference")
    if configurations:
        parser.add_argument("--only", nargs="+", choices=configurations, default=[],
                            help="with --check: these configurations alone")
    arguments = parser.parse_args()
    only = arguments.only if configurations else []
    if only and not arguments.check:
        parser.error("--only: expected --check with it")
    torch.set_num_threads(min(2, torch.get_num_threads()))
    if not arguments.check:
        path.write_text(to_json(make_golden(True, only)) + "\n", encoding="utf-8")
        print(f"{path.name}: {path.stat().st_size} bytes written")
        return
    if not path.exists():
        sys.exit(f"{path}: missing; run the script without --check")
    expected = json.loads(path.read_text(encoding="utf-8"))
    if only:
        expected["configurations"] = {name: expected["configurations"][name] for name in only}
    # Through text, so that tuples and keys compare as they do in the file.
    got = json.loads(to_json(make_golden(False, only)))
    difference = first_difference(expected, got)
    if difference:
        sys.exit(f"{path.name}:{difference}")
    print(f"{path.name}: agrees within {RELATIVE_TOLERANCE:g} relative")
