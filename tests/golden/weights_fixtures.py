#!/usr/bin/env python3
"""Writes the small weight files of tests/data/weights with PyTorch's own torch.save.

Usage: weights_fixtures.py   (python3-torch 1.13.1)
every_type.pth and every_type_legacy.pth hold the same: every type of element, views that share a
storage, a scalar, an empty tensor, a parameter, an optimizer's state, and plain values.
"""
import argparse
import collections
import os
import pathlib

import numpy
import torch

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "data" / "weights"


class Hostile:
    def __reduce__(self):
        return (os.system, ("echo this must not run",))


def every_type():
    base = torch.arange(20.0)
    state = collections.OrderedDict(
        row=base[5:10], transposed=base.view(4, 5).t(), float16=base.half(), bfloat16=base.bfloat16(),
        float64=base.double(), int8=base.char(), uint8=base.byte(), int16=base.short(),
        int32=base.int(), int64=base.long(), bool=base > 10, scalar=torch.tensor(3.0),
        empty=torch.empty(0, 3), parameter=torch.nn.Parameter(torch.ones(2)))
    return {
        "epoch": 7, "best": 0.5, "name": "h\u00e9", "numpy": numpy.float64(1.25),
        "numpy_int": numpy.int32(-3), "flag": True, "none": None, "big": 2 ** 70, "negative": -5,
        "size": torch.Size([1, 2]), "device": torch.device("cpu"), "model_state_dict": state,
        "optimizer": torch.optim.Adam([torch.nn.Parameter(torch.ones(2))]).state_dict()}


def main():
    FOLDER.mkdir(exist_ok=True)
    content = every_type()
    torch.save(content, FOLDER / "every_type.pth")
    torch.save(content, FOLDER / "every_type_legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(content, FOLDER / "every_type_protocol4.pth", pickle_protocol=4)
    for protocol in (3, 4):
        torch.save({"a": torch.ones(2), "b": torch.zeros(3)}, FOLDER / f"legacy_protocol{protocol}.pth",
                   pickle_protocol=protocol, _use_new_zipfile_serialization=False)
    torch.save({"w": Hostile()}, FOLDER / "hostile.pth")
    torch.save({"w": Hostile()}, FOLDER / "hostile_legacy.pth", _use_new_zipfile_serialization=False)
    torch.save({"args": argparse.Namespace(lr=1)}, FOLDER / "namespace.pth")
    torch.save(torch.nn.Linear(2, 2), FOLDER / "whole_module.pth")
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(FOLDER / "torchscript.pt"))


if __name__ == "__main__":
    main()
