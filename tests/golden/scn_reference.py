"""Self-Cure Network in plain PyTorch, written from the paper's equations.

Source: Wang, Peng, Yang, Lu, Qiao, "Suppressing Uncertainties for Large-Scale Facial Expression
Recognition", CVPR 2020. The golden values of the C++ implementation and the speed comparison in
benchmarks/ both use this file.
"""
import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import resnet18

FEATURES = 512


@dataclass(frozen=True)
class ScnOptions:
    """Which modules are on, and the choices in which the paper and its published code differ."""
    classes: int = 7
    weighting: bool = True           # alpha scales the logits
    bias_under_alpha: bool = False   # alpha (W x + b) instead of alpha (W x) + b
    attention_bias: bool = False
    rank: bool = True
    beta: float = 0.7                # share of the batch in the high group
    margin: float = 0.15             # delta_1
    learnable_margin: bool = False   # margin is a parameter that starts at `margin`
    loss: str = "gamma"              # "gamma": gamma L_RR + (1 - gamma) L_WCE; "sum": L_RR + L_WCE
    gamma: float = 0.5
    relabel: bool = True
    relabel_scope: str = "low_group"  # or "batch"
    relabel_threshold: float = 0.2   # delta_2
    relabel_start_epoch: int = 10    # first epoch with proposals, counted from 1


class SelfCureNetwork(nn.Module):
    """ResNet-18 with an importance weight per sample."""

    def __init__(self, options):
        super().__init__()
        self.options = options
        self.backbone = resnet18(num_classes=options.classes)
        self.fc = self.backbone.fc
        self.backbone.fc = nn.Identity()
        self.attention = nn.Linear(FEATURES, 1, bias=options.attention_bias)
        if options.learnable_margin:
            self.margin = nn.Parameter(torch.tensor(options.margin))

    def forward(self, images):
        """[B, 3, H, W] -> logits [B, K], importance weights alpha [B] in (0, 1)."""
        features = self.backbone(images)
        alpha = torch.sigmoid(self.attention(features)).squeeze(1)
        if not self.options.weighting:
            return self.fc(features), alpha
        if self.options.bias_under_alpha:
            return alpha.unsqueeze(1) * self.fc(features), alpha
        return alpha.unsqueeze(1) * F.linear(features, self.fc.weight) + self.fc.bias, alpha

    def margin_value(self):
        return self.margin if self.options.learnable_margin else self.options.margin


def high_group_size(beta, batch):
    """floor(beta B), kept in [1, B - 1]; the 1e-9 undoes products such as 0.7 * 10 = 6.999..."""
    return min(max(math.floor(beta * batch + 1e-9), 1), batch - 1)


def rank_groups(alpha, beta):
    """Rows of the high and of the low group; equal weights rank in batch order. None for one sample."""
    batch = alpha.shape[0]
    if batch == 1:
        return None
    order = torch.sort(alpha.detach(), descending=True, stable=True).indices
    high = high_group_size(beta, batch)
    return order[:high], order[high:]


def rank_regularization(alpha, groups, margin):
    """L_RR = max(0, margin - (mean alpha of the high group - mean alpha of the low group))."""
    high, low = groups
    return F.relu(margin - (alpha[high].mean() - alpha[low].mean()))


def losses(model, logits, alpha, labels):
    """(total, L_WCE, L_RR); L_RR is None where no rank term exists."""
    options = model.options
    wce = F.cross_entropy(logits, labels)
    groups = rank_groups(alpha, options.beta) if options.rank else None
    if groups is None:
        return wce, wce, None
    rank = rank_regularization(alpha, groups, model.margin_value())
    if options.loss == "sum":
        return rank + wce, wce, rank
    return options.gamma * rank + (1 - options.gamma) * wce, wce, rank


def relabel_candidates(alpha, options):
    """Bool [B]: the samples that may be relabelled."""
    if options.relabel_scope == "batch":
        return torch.ones_like(alpha, dtype=torch.bool)
    candidates = torch.zeros_like(alpha, dtype=torch.bool)
    groups = rank_groups(alpha, options.beta)
    if groups is not None:
        candidates[groups[1]] = True
    return candidates


@torch.no_grad()
def propose_labels(logits, alpha, labels, options, epoch):
    """[B] labels: argmax P where a candidate's P_max - P_given exceeds the threshold, else unchanged."""
    if not options.relabel or epoch < options.relabel_start_epoch:
        return labels.clone()
    probabilities = F.softmax(logits, dim=1)
    most, proposed = probabilities.max(dim=1)
    given = probabilities.gather(1, labels.unsqueeze(1)).squeeze(1)
    change = relabel_candidates(alpha, options) & (most - given > options.relabel_threshold)
    return torch.where(change, proposed, labels)
