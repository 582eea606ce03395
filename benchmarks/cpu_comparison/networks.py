"""Sections on the network alone: training steps, evaluation, single images, layers, share of the peak, growth."""
import csv
import json
import os
import statistics
import subprocess

from onnx_model import exported_network
from results import Section, Table, milliseconds, ratios_to, seconds_table
from rivals import AS_THE_COMMAND, Missing, alternate, python_rival, selfcure_rival

# Medians have to reach these: rival's seconds / selfcure's.
STEP_BARS = {32: {"PyTorch": 2.3, "PyTorch, malloc tuned": 2.0}}
EVALUATION_BARS = {"PyTorch": 2.2}
SINGLE_BARS = {"PyTorch": 1.5}


def step(setting):
    section = Section("step", "One training step of SCN on ResNet-18, 224x224, Adam, on a fixed random batch in "
                      "memory: forward pass, loss, backward pass, update. Each round has one step of every rival.")
    for batch in (32,) if setting.quick else (16, 32, 64):
        facts = {}
        seconds = alternate(setting, [
            selfcure_rival(setting, "step", batch),
            python_rival(setting, "PyTorch", "step", batch),
            python_rival(setting, "PyTorch, malloc tuned", "step", batch, allocator="tuned"),
            python_rival(setting, "PyTorch, channels-last, malloc tuned", "step", batch, allocator="tuned",
                         layout="channels_last"),
            selfcure_rival(setting, "step", batch, kernels="libtorch", name="selfcure, LibTorch's kernels"),
        ], rounds=setting.repetitions(11, 2), warm_up=1 if setting.quick else 2, facts=facts)
        section.tables.append(seconds_table(f"training step, batch {batch}", seconds, batch))
        section.ratios += ratios_to("step", f"batch {batch}", seconds, STEP_BARS.get(batch, {}))
        section.data[f"batch_{batch}"] = {"seconds": seconds, "rivals": facts}
    return section


def predict(setting, name, about, batches, bars, runs, rounds):
    """Predictions of fixed random batches by all rivals."""
    section = Section(name, about)
    model = exported_network(setting)
    for batch in batches:
        opencv = [setting.program("benchmark_opencv_dnn"), "--model", str(model), "--batch", str(batch),
                  "--threads", str(setting.threads)]
        facts = {}
        rivals = [
            selfcure_rival(setting, "evaluate", batch),
            python_rival(setting, "PyTorch", "evaluate", batch),
            python_rival(setting, "PyTorch, malloc tuned", "evaluate", batch, allocator="tuned"),
            python_rival(setting, "PyTorch, channels-last, malloc tuned", "evaluate", batch, allocator="tuned",
                         layout="channels_last"),
            python_rival(setting, "TorchScript, optimized for inference", "evaluate", batch, mode="torchscript"),
            python_rival(setting, "TorchScript, optimized, channels-last", "evaluate", batch, mode="torchscript",
                         layout="channels_last"),
        ]
        rivals.append(type(rivals[0])("OpenCV dnn, exported ONNX", opencv))
        seconds = alternate(setting, rivals, rounds=rounds, warm_up=3, runs=runs, facts=facts)
        section.tables.append(seconds_table(f"prediction, batch {batch}", seconds, batch))
        section.ratios += ratios_to(name, f"batch {batch}", seconds, bars)
        section.data[f"batch_{batch}"] = {"seconds": seconds, "rivals": facts}
    return section


def evaluation(setting):
    return predict(setting, "evaluation", "Predictions of SCN on ResNet-18, 224x224, in evaluation mode without "
                   "gradients, on a fixed random batch in memory.", (32,) if setting.quick else (32, 64),
                   EVALUATION_BARS, runs=1, rounds=setting.repetitions(15, 2))


def single(setting):
    return predict(setting, "single", "Prediction of one image, network as in `evaluation`; a round is the median of "
                   "several predictions in a row.", (1,), SINGLE_BARS, runs=3 if setting.quick else 10,
                   rounds=setting.repetitions(25, 3))


def layers(setting):
    section = Section("layers", "The three passes of each distinct convolution of ResNet-18, 224x224, alone, on random "
                      "tensors; median milliseconds. LibTorch on NCHW tensors and on channels-last ones, and this "
                      "library's own kernels, in one process whose idle threads sleep; ratio: the better of LibTorch's "
                      "two / ours.")
    batch, rounds = (8, 2) if setting.quick else (32, 9)
    if setting.rounds is not None:
        rounds = setting.rounds
    run = subprocess.run([setting.program("benchmark_layers"), "--batch", str(batch), "--threads",
                          str(setting.threads), "--rounds", str(rounds), "--kernels", setting.kernels],
                         capture_output=True, text=True, check=False,
                         env={**os.environ, **AS_THE_COMMAND, **setting.own_choices})
    if run.returncode != 0:
        raise Missing(f"benchmark_layers: exit code {run.returncode}: {run.stderr.strip()[-300:]}")
    measured = json.loads(run.stdout)
    for name, title in (("forward", "forward"), ("backward_data", "backward, data"),
                        ("backward_weights", "backward, weights")):
        table = Table(f"{title}, batch {batch}", ["layer", "count", "NCHW", "channels-last", "ours", "ratio"])
        for layer in measured["layers"]:
            if name not in layer:
                continue
            medians = {rival: statistics.median(seconds) for rival, seconds in layer[name].items() if seconds}
            own = medians.get("selfcure")
            best = min(medians["libtorch"], medians["libtorch_channels_last"])
            table.rows.append([layer["layer"], layer["count"], milliseconds(medians["libtorch"]),
                               milliseconds(medians["libtorch_channels_last"]),
                               milliseconds(own) if own else "-", f"{best / own:.2f}" if own else "-"])
        section.tables.append(table)
    section.data = measured
    return section


def peak(setting):
    section = Section("peak", "Share of the processor's measured FMA peak that a training step reaches: operations of "
                      "direct convolution / seconds / peak. Kernels that need fewer operations (Winograd) can pass "
                      "100 %. Peak and steps are measured in turn.")
    batch = 32
    facts = {}
    seconds = alternate(setting, [
        selfcure_rival(setting, "peak", batch, name="peak"),
        selfcure_rival(setting, "step", batch),
        python_rival(setting, "PyTorch", "step", batch),
    ], rounds=setting.repetitions(9, 2), warm_up=1, facts=facts)
    flops = facts["peak"]["flops"]
    table = Table(f"training step, batch {batch}, {setting.threads} threads", ["", "GFLOP/s", "share of the peak"])
    for name, values in seconds.items():
        shares = [best / value for best, value in zip(seconds["peak"], values)]
        table.rows.append([name, f"{flops / statistics.median(values) / 1e9:.1f}",
                           f"{100 * statistics.median(shares):.0f} %"])
    section.tables.append(table)
    section.data = {"flops_per_step": flops, "seconds": seconds, "rivals": facts}
    return section


def growth_points(quick):
    """(what varies, side, batch)"""
    sides = (64, 128) if quick else (64, 96, 128, 160, 192, 224, 256, 288, 320)
    batches = (1, 4) if quick else (1, 2, 4, 8, 16, 32, 64, 128)
    fixed_batch, fixed_side = (8, 96) if quick else (32, 224)
    return [("side", side, fixed_batch) for side in sides] + [("batch", fixed_side, batch) for batch in batches]


def growth(setting):
    if setting.kernels not in ("auto", "libtorch"):
        raise Missing(f"growth: expected KERNELS=auto or libtorch, got '{setting.kernels}': a file of choices holds "
                      "for one number of threads")
    section = Section("growth", "How the time of a training step grows with the side of the images and with the batch, "
                      "on one thread and on all. Steps of selfcure and of PyTorch alternate.")
    rows = []
    table = Table("median seconds of a training step",
                  ["varies", "side", "batch", "threads", "selfcure", "PyTorch", "ratio"])
    for vary, side, batch in growth_points(setting.quick):
        for threads in sorted({1, setting.threads}):
            long_step = side * side * batch > 224 * 224 * 32
            seconds = alternate(setting, [
                selfcure_rival(setting, "step", batch, side, threads),
                python_rival(setting, "PyTorch", "step", batch, side, threads),
            ], rounds=setting.repetitions(3 if long_step else 7, 2), warm_up=1)
            medians = {name: statistics.median(values) for name, values in seconds.items()}
            table.rows.append([vary, side, batch, threads, f"{medians['selfcure']:.4f}", f"{medians['PyTorch']:.4f}",
                               f"{medians['PyTorch'] / medians['selfcure']:.2f}"])
            for name, values in seconds.items():
                rows.append({"vary": vary, "image_side": side, "batch_size": batch, "threads": threads, "rival": name,
                             "seconds_median": medians[name], "seconds_min": min(values),
                             "seconds_max": max(values), "images_per_second": batch / medians[name]})
    section.tables.append(table)
    section.data = {"points": rows}
    return section


def write_growth(setting, section, folder):
    """growth.csv, growth_side.svg and growth_batch.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = section.data["points"]
    with (folder / "growth.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    run = subprocess.run([setting.program("benchmark_plot"), str(folder / "growth.csv"), str(folder)],
                         capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise Missing(f"benchmark_plot: {run.stderr.strip()}")
