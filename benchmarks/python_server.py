#!/usr/bin/env python3
"""PyTorch's side of compare_cpu.sh: the same network as selfcure's, torchvision's ResNet-18 under SCN.

Task `step`: training steps on one fixed random batch; `evaluate`: predictions of that batch, eager or as
TorchScript that was optimised for inference. Says {"program": ..., ...} when it is ready, then answers each
line "run N" with {"seconds": [N numbers]} until stdin ends; in between it sleeps.
"""
import argparse
import ctypes
import json
import sys
import time

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # malloc.h of glibc


def keep_freed_memory():
    """Makes malloc keep what a step frees: without it every step fetches about 1 GB of new pages."""
    libc = ctypes.CDLL("libc.so.6")
    libc.mallopt(M_MMAP_MAX, 0)
    libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    libc.mallopt(M_TOP_PAD, 256 << 20)


def training_task(torch, arguments, memory_format):
    """A function that makes one update: forward pass, loss, backward pass, Adam."""
    from python_scn import PUBLISHED_CODE, SelfCureNetwork, make_optimizer, training_step
    model = SelfCureNetwork(PUBLISHED_CODE).train().to(memory_format=memory_format)
    optimizer = make_optimizer(model)
    images = torch.randn(arguments.batch, 3, arguments.size, arguments.size).contiguous(memory_format=memory_format)
    labels = torch.arange(arguments.batch) % PUBLISHED_CODE.classes
    return lambda: training_step(model, optimizer, images, labels, epoch=1)


def evaluation_task(torch, arguments, memory_format):
    """A function that predicts the batch once."""
    from python_scn import PUBLISHED_CODE, SelfCureNetwork
    model = SelfCureNetwork(PUBLISHED_CODE).eval().to(memory_format=memory_format)
    images = torch.randn(arguments.batch, 3, arguments.size, arguments.size).contiguous(memory_format=memory_format)
    if arguments.mode == "torchscript":
        with torch.no_grad():
            model = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, images)))

    def predict():
        with torch.inference_mode():
            model(images)
    return predict


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=("step", "evaluate"), default="step")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--size", type=int, default=224, help="side of the images in pixels")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--allocator", choices=("stock", "tuned"), default="stock",
                        help="tuned: malloc keeps freed memory")
    parser.add_argument("--layout", choices=("contiguous", "channels_last"), default="contiguous")
    parser.add_argument("--mode", choices=("eager", "torchscript"), default="eager",
                        help="how predictions are computed")
    arguments = parser.parse_args()

    if arguments.allocator == "tuned":
        keep_freed_memory()  # before the first big block
    import torch
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    memory_format = torch.channels_last if arguments.layout == "channels_last" else torch.contiguous_format
    make_task = training_task if arguments.task == "step" else evaluation_task
    task = make_task(torch, arguments, memory_format)
    print(json.dumps({"program": "pytorch", "libtorch": torch.__version__, "threads": torch.get_num_threads()}),
          flush=True)
    for line in sys.stdin:
        word, count = line.split()
        if word != "run":
            sys.exit(f"expected 'run N', got {line!r}")
        seconds = []
        for _ in range(int(count)):
            start = time.perf_counter()
            task()
            seconds.append(time.perf_counter() - start)
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
