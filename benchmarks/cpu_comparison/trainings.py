"""Sections on whole trainings from image files: time of an epoch, peak memory."""
import json
import os
import shutil
import statistics
import subprocess

from onnx_model import command
from results import Ratio, Section, Table, seconds_table
from rivals import Missing, rotated

EPOCH_BAR = 2.2    # python seconds / selfcure seconds, at least
MEMORY_BAR = 1.0   # selfcure bytes / python bytes, at most
BATCH = 32

CONFIG = """\
name: bench
seed: 1
data:
  dataset: raf_db
  root: ROOT
  image_size: 224
  workers: 1
  augment: {flip: 0.5, erase: 0.5}
model: {backbone: resnet18}
method: {name: scn, preset: published_code}
train:
  epochs: 1
  batch_size: BATCH
  device: cpu
  threads: THREADS
  optimizer: {name: adam, lr: 0.001, weight_decay: 0.0001}
"""


def rows_of(data, split):
    """Images of one split in a RAF-DB folder."""
    lines = (data / "EmoLabel" / "list_patition_label.txt").read_text().splitlines()
    return sum(line.startswith(split) for line in lines)


def with_the_same_batches(count):
    """As few images as have batches of the same sizes."""
    return count if count < BATCH else BATCH + count % BATCH


class Training:
    """The same epoch over the same JPEGs, by either rival."""

    def __init__(self, setting, images, data):
        self.setting = setting
        self.config = setting.work / "bench.yaml"
        self.run = setting.work / "run"
        self.data = data
        if data is None:
            # Both rivals train on the training images; selfcure alone evaluates, on a few.
            self.data = setting.work / f"data_{images}"
            if not self.data.exists():
                command(setting, "demo-data", self.data, "--train", images, "--test", 50)
        self.config.write_text(CONFIG.replace("BATCH", str(BATCH)).replace("THREADS", str(setting.threads))
                               .replace("ROOT", f"'{self.data}'"))
        self.choose_kernels()

    def choose_kernels(self):
        """A training of a few images, whose kernel choices those that are measured share."""
        few, run = self.setting.work / "few_images", self.setting.work / "few_images_run"
        if few.exists():
            return
        command(self.setting, "demo-data", few, "--train", with_the_same_batches(rows_of(self.data, "train")),
                "--test", with_the_same_batches(rows_of(self.data, "test")))
        command(self.setting, "train", self.config, "--out", run, "--set", f"data.root={few}",
                "--set", f"train.kernels={self.setting.kernels}")

    def command_of(self, rival):
        setting = self.setting
        if rival == "PyTorch":
            return [setting.python, str(setting.here / "python_scn.py"), "--root", str(self.data), "--epochs", "1",
                    "--batch", str(BATCH), "--size", "224", "--workers", "2", "--threads", str(setting.threads)]
        return [setting.program("selfcure"), "train", str(self.config), "--out", str(self.run),
                "--set", f"train.kernels={setting.kernels}"]

    def start(self, rival, prefix=()):
        """Trains to the end; returns the facts of the epoch, which both rivals write as a line of JSON."""
        shutil.rmtree(self.run, ignore_errors=True)
        run = subprocess.run([*prefix, *self.command_of(rival)], capture_output=True, text=True, check=False,
                             env={**os.environ, **self.setting.own_choices})
        if run.returncode != 0:
            raise Missing(f"{rival}: exit code {run.returncode}: {run.stderr.strip()[-300:]}")
        text = run.stdout if rival == "PyTorch" else (self.run / "metrics.jsonl").read_text()
        return json.loads([line for line in text.splitlines() if line.startswith("{")][-1])


def epoch(setting, images, data):
    training = Training(setting, images, data)
    section = Section("epoch", "One epoch over JPEGs of 100x100 pixels, SCN on ResNet-18, 224x224, batch 32. Inside on "
                      "both sides: reading, decoding, resizing, mirror, normalisation, random erasing, updates, "
                      "running loss. Outside on both sides: start of the program, imports, reading the list, building "
                      "the network, evaluation, saving. Outside too: choosing selfcure's kernels, once per machine, "
                      "which a training of a few images has done before. The script has a DataLoader with two "
                      "worker processes, which it starts inside; selfcure has one worker thread.")
    seconds = {"selfcure": [], "PyTorch": []}
    count = images
    for number in range(setting.repetitions(3, 1)):
        for rival in rotated(["PyTorch", "selfcure"], number):
            facts = training.start(rival)
            seconds[rival].append(facts["seconds"])
            count = facts.get("images", count)
    section.tables.append(seconds_table(f"epoch of {count} images", seconds, count))
    section.ratios.append(Ratio("epoch", "PyTorch / selfcure",
                                [p / s for p, s in zip(seconds["PyTorch"], seconds["selfcure"])], at_least=EPOCH_BAR))
    section.data = {"images": count, "seconds": seconds}
    return section


def memory(setting, images, data):
    training = Training(setting, images, data)
    section = Section("memory", "Peak of the summed PSS of all processes of a training, from start to end of the "
                      "program (selfcure also evaluates and saves); sampled every 0.1 s, in runs of its own. Choosing "
                      "selfcure's kernels, once per machine, is outside: a training of a few images has done it "
                      "before.")
    peaks = {"selfcure": [], "PyTorch": []}
    output = setting.work / "memory.json"
    for number in range(setting.repetitions(2, 1)):
        for rival in rotated(["PyTorch", "selfcure"], number):
            training.start(rival, [setting.python, str(setting.here / "process_tree_memory.py"), "--output",
                                   str(output), "--"])
            peaks[rival].append(json.loads(output.read_text())["peak_bytes"])
    table = Table("peak memory of a training", ["rival", "MiB median", "min", "max"])
    for rival, values in peaks.items():
        table.rows.append([rival] + [f"{bytes_ / 2**20:.0f}" for bytes_ in
                                     (statistics.median(values), min(values), max(values))])
    section.tables.append(table)
    section.ratios.append(Ratio("memory", "selfcure / PyTorch",
                                [s / p for s, p in zip(peaks["selfcure"], peaks["PyTorch"])], at_most=MEMORY_BAR))
    section.data = {"peak_bytes": peaks}
    return section
