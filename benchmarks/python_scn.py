#!/usr/bin/env python3
"""SCN on RAF-DB as a careful user would write it in plain PyTorch: the rival of compare_cpu.sh.

torchvision's ResNet-18, the published code's form of SCN, Adam, and a DataLoader with worker processes.
Augmentation is the published code's without its Gaussian noise, which would cost this script time: images
are decoded, resized and mirrored as PIL images, then normalised and randomly erased as tensors.
"""
import argparse
import json
import random
import sys
import time
from pathlib import Path

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "golden"))
from scn_reference import ScnOptions, SelfCureNetwork, losses, propose_labels  # noqa: E402

PUBLISHED_CODE = ScnOptions(bias_under_alpha=True, attention_bias=True, margin=0.07, loss="sum",
                            relabel_scope="batch")


class RafDb(Dataset):
    """Aligned faces of one split of RAF-DB basic; labels 0..6 and the row, so that a row can be relabelled."""

    def __init__(self, root, split, transform):
        root = Path(root)
        self.transform = transform
        self.paths, self.labels = [], []
        for line in (root / "EmoLabel" / "list_patition_label.txt").read_text().splitlines():
            name, code = line.split()
            if name.startswith(split):
                self.paths.append(root / "Image" / "aligned" / f"{Path(name).stem}_aligned.jpg")
                self.labels.append(int(code) - 1)
        if not self.paths:
            sys.exit(f"{root}: no {split} images in its list")

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, row):
        return self.transform(Image.open(self.paths[row]).convert("RGB")), self.labels[row], row


def training_transform(size):
    return transforms.Compose([
        transforms.Resize((size, size)),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
        transforms.RandomErasing(scale=(0.02, 0.25)),
    ])


def training_step(model, optimizer, images, labels, epoch):
    """One update; returns the loss and the labels that the samples should carry from the next epoch on."""
    optimizer.zero_grad(set_to_none=True)
    logits, alpha = model(images)
    loss, _, _ = losses(model, logits, alpha, labels)
    loss.backward()
    optimizer.step()
    return loss.item(), propose_labels(logits, alpha, labels, model.options, epoch)


def make_optimizer(model):
    """Adam in its fastest form here: all parameters at once."""
    return torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4, foreach=True)


def train_epochs(arguments, model, optimizer):
    """Times whole epochs: start of the workers, decoding, augmentation, updates; no import, no set-up."""
    dataset = RafDb(arguments.root, "train", training_transform(arguments.size))
    loader = DataLoader(dataset, batch_size=arguments.batch, shuffle=True, num_workers=arguments.workers,
                        drop_last=False)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
    for epoch in range(1, arguments.epochs + 1):
        start = time.perf_counter()
        loss_sum = 0.0
        proposed = list(dataset.labels)
        for images, labels, rows in loader:
            loss, new_labels = training_step(model, optimizer, images.to(arguments.device),
                                             labels.to(arguments.device), epoch)
            loss_sum += loss * len(rows)
            for row, label in zip(rows.tolist(), new_labels.tolist()):
                proposed[row] = label
        dataset.labels = proposed
        schedule.step()
        print(json.dumps({"epoch": epoch, "seconds": time.perf_counter() - start,
                          "loss": loss_sum / len(dataset), "images": len(dataset)}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="RAF-DB folder")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--size", type=int, default=224, help="side of the network's input in pixels")
    parser.add_argument("--workers", type=int, default=2, help="processes of the DataLoader")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of the updates")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    random.seed(arguments.seed)
    model = SelfCureNetwork(PUBLISHED_CODE).train().to(arguments.device)
    train_epochs(arguments, model, make_optimizer(model))


if __name__ == "__main__":
    main()
