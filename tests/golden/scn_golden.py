#!/usr/bin/env python3
"""Golden values of SCN in float64: twenty training steps with relabelling, in four configurations."""
from dataclasses import asdict
from pathlib import Path

import torch
from torch.nn import functional as F

from golden_common import (fill_by_formula, formula_images, formula_labels, make_optimizer,
                           parameter_norm_sum, relative_deviation, summary, versions, write_or_check)
from scn_reference import (ScnOptions, SelfCureNetwork, high_group_size, losses, propose_labels,
                           relabel_candidates)

CLASSES = 7
SAMPLES = 64
SIZE = 40  # the last stage is 2x2: at 1x1 its statistics over 16 values magnify float32's rounding
BATCH = 16
EPOCHS = 5
RECORDED_GRADIENTS = ("backbone.conv1.weight", "backbone.layer4.1.conv2.weight", "fc.weight", "fc.bias",
                      "attention.weight", "attention.bias", "margin")

# Formula weights memorise 64 samples within an epoch at the paper's learning rates, and float32 then
# parts from float64. These rates keep the two together; the margins keep the rank term above zero in
# some steps and at zero in others; the thresholds leave relabels to be made, none of them a close call.
CONFIGURATIONS = {
    "paper": (
        ScnOptions(margin=0.14, relabel_threshold=0.06, relabel_start_epoch=3),
        {"name": "sgd", "lr": 2e-5, "momentum": 0.9, "weight_decay": 1e-4}),
    "published_code": (
        ScnOptions(bias_under_alpha=True, attention_bias=True, margin=0.157, loss="sum",
                   relabel_scope="batch", relabel_threshold=0.1, relabel_start_epoch=3),
        {"name": "adam", "lr": 5e-7, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 1e-4}),
    "learnable_margin": (
        ScnOptions(learnable_margin=True, margin=0.155, relabel_threshold=0.06, relabel_start_epoch=3),
        {"name": "sgd", "lr": 2e-5, "momentum": 0.9, "weight_decay": 1e-4}),
    "rank_without_weighting": (
        ScnOptions(weighting=False, margin=0.14, relabel_threshold=0.15, relabel_start_epoch=3),
        {"name": "sgd", "lr": 2e-5, "momentum": 0.9, "weight_decay": 1e-4}),
}


def decision_gaps(logits, alpha, labels, options, margin, epoch):
    """How far the step's yes-or-no decisions are from going the other way.

    `rank_gap`: weights on both sides of the group border; `hinge_gap`: the rank term's argument from
    zero; `threshold_gap`: P_max - P_given from the threshold, over the candidates; `argmax_gap`: the
    two largest P, over the relabelled.
    """
    ranked = alpha.sort(descending=True).values
    high = high_group_size(options.beta, len(alpha))
    gaps = {"rank_gap": (ranked[high - 1] - ranked[high]).item(),
            "hinge_gap": abs(margin - (ranked[:high].mean() - ranked[high:].mean()).item())}
    if epoch >= options.relabel_start_epoch:
        probabilities = F.softmax(logits, dim=1)
        top = probabilities.topk(2, dim=1).values
        given = probabilities.gather(1, labels.unsqueeze(1)).squeeze(1)
        excess = top[:, 0] - given - options.relabel_threshold
        candidates = relabel_candidates(alpha, options)
        gaps["threshold_gap"] = excess[candidates].abs().min().item()
        changed = candidates & (excess > 0)
        if changed.any():
            gaps["argmax_gap"] = (top[:, 0] - top[:, 1])[changed].min().item()
    return gaps


def train(options, optimizer_options, dtype):
    """Five epochs over four fixed batches; proposals are committed at the end of each epoch."""
    model = SelfCureNetwork(options).to(torch.float64)
    fill_by_formula(model.backbone)
    fill_by_formula(model.fc, "fc.")
    fill_by_formula(model.attention, "attention.")
    if options.learnable_margin:
        with torch.no_grad():
            model.margin.fill_(options.margin)  # exact: the constructor rounded it to float32
    model = model.to(dtype).train()
    optimizer = make_optimizer(model.parameters(), optimizer_options)
    images = formula_images("scn_images", SAMPLES, SIZE).to(dtype)
    labels = formula_labels(SAMPLES, CLASSES)

    steps, commits, first_gradients, smallest = [], [], {}, {}
    for epoch in range(1, EPOCHS + 1):
        proposals = labels.clone()
        for start in range(0, SAMPLES, BATCH):
            rows = slice(start, start + BATCH)
            optimizer.zero_grad()
            logits, alpha = model(images[rows])
            total, wce, rank = losses(model, logits, alpha, labels[rows])
            total.backward()
            proposals[rows] = propose_labels(logits, alpha, labels[rows], options, epoch)
            steps.append({
                "epoch": epoch, "first_row": start, "loss": total.item(), "wce": wce.item(),
                "rank": rank.item(), "alpha": alpha.tolist(), "labels": labels[rows].tolist(),
                "proposed": proposals[rows].tolist()})
            gaps = decision_gaps(logits.detach(), alpha.detach(), labels[rows], options,
                                 float(model.margin_value()), epoch)
            for name, gap in gaps.items():
                smallest[name] = min(gap, smallest.get(name, gap))
            if not first_gradients:
                first_gradients = {name: summary(p.grad, 4) for name, p in model.named_parameters()
                                   if name in RECORDED_GRADIENTS}
            optimizer.step()
        commits.append(int((proposals != labels).sum()))
        labels = proposals
    return {"first_step_gradients": first_gradients, "steps": steps, "relabels_per_epoch": commits,
            "final_labels": labels.tolist(), "final_margin": float(model.margin_value()),
            "final_parameter_norm_sum": parameter_norm_sum(model), "smallest_decision_gaps": smallest}


def float32_deviation(double, single):
    """How far float32 lands from float64, and whether every decision came out the same."""
    pairs = list(zip(single["steps"], double["steps"]))
    return {
        "loss_max_relative": max(relative_deviation([a["loss"]], [b["loss"]]) for a, b in pairs),
        "wce_max_relative": max(relative_deviation([a["wce"]], [b["wce"]]) for a, b in pairs),
        "rank_max_absolute": max(abs(a["rank"] - b["rank"]) for a, b in pairs),
        "alpha_max_absolute": max(abs(x - y) for a, b in pairs for x, y in zip(a["alpha"], b["alpha"])),
        "final_margin_absolute": abs(single["final_margin"] - double["final_margin"]),
        "final_parameter_norm_sum_relative": relative_deviation(
            [single["final_parameter_norm_sum"]], [double["final_parameter_norm_sum"]]),
        "same_proposals": all(a["proposed"] == b["proposed"] for a, b in pairs),
    }


def make_golden(with_float32, only):
    golden = {
        "script": "tests/golden/scn_golden.py",
        "versions": versions(),
        "samples": SAMPLES, "size": SIZE, "batch": BATCH, "epochs": EPOCHS, "images": "scn_images",
        "initial_labels": formula_labels(SAMPLES, CLASSES).tolist(),
        "configurations": {},
    }
    for name, (options, optimizer_options) in CONFIGURATIONS.items():
        if only and name not in only:
            continue
        double = train(options, optimizer_options, torch.float64)
        entry = {"options": asdict(options), "optimizer": optimizer_options, **double}
        if with_float32:
            entry["float32_deviation"] = float32_deviation(
                double, train(options, optimizer_options, torch.float32))
        golden["configurations"][name] = entry
    return golden


if __name__ == "__main__":
    write_or_check(Path(__file__).with_name("scn_golden.json"), make_golden, tuple(CONFIGURATIONS))
