"""Ratios with their spread, tables for people, and the machine that they were measured on."""
import json
import os
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

BUSY_LOAD = 0.7  # one-minute load above which others disturb


@dataclass
class Ratio:
    """A quotient per round, and what its median has to reach."""
    section: str
    what: str      # "batch 32: PyTorch / selfcure"
    values: list
    at_least: float | None = None
    at_most: float | None = None

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def has_bar(self):
        return self.at_least is not None or self.at_most is not None

    @property
    def met(self):
        return ((self.at_least is None or self.median >= self.at_least) and
                (self.at_most is None or self.median <= self.at_most))

    @property
    def bar_text(self):
        if not self.has_bar:
            return "-"
        bar = f"at least {self.at_least:.2f}" if self.at_least is not None else f"at most {self.at_most:.2f}"
        return f"{bar}: {'met' if self.met else 'MISSED'}"


@dataclass
class Table:
    """Cells of text under headings; the first column is left-aligned, the others right."""
    title: str
    columns: list
    rows: list = field(default_factory=list)

    def text(self):
        lines = [self.columns] + self.rows
        widths = [max(len(str(line[i])) for line in lines) for i in range(len(self.columns))]

        def row(line):
            cells = [str(line[0]).ljust(widths[0])] + [str(c).rjust(w) for c, w in zip(line[1:], widths[1:])]
            return "  ".join(cells).rstrip()
        return "\n".join([self.title] + [row(line) for line in lines])

    def markdown(self):
        def row(line):
            return "| " + " | ".join(str(cell) for cell in line) + " |"
        rule = "|---" + "|---:" * (len(self.columns) - 1) + "|"
        return "\n".join([f"**{self.title}**", "", row(self.columns), rule] + [row(line) for line in self.rows])


@dataclass
class Section:
    """What one part of the comparison found out."""
    name: str
    about: str
    tables: list = field(default_factory=list)
    ratios: list = field(default_factory=list)
    data: dict = field(default_factory=dict)  # raw numbers, for the JSON file


def milliseconds(seconds):
    return f"{1e3 * seconds:.1f}"


def seconds_table(title, seconds, images):
    """A row per rival: time and images per second. `images` are those of one run."""
    table = Table(title, ["rival", "ms median", "min", "max", "images/s"])
    for name, values in seconds.items():
        median = statistics.median(values)
        table.rows.append([name, milliseconds(median), milliseconds(min(values)), milliseconds(max(values)),
                           f"{images / median:.1f}"])
    return table


def ratios_to(section, label, seconds, bars, ours="selfcure"):
    """Quotients of every rival's seconds and ours, round by round; `bars`: at_least by rival."""
    return [Ratio(section, f"{label}: {name} / {ours}",
                  [theirs / own for theirs, own in zip(values, seconds[ours])], at_least=bars.get(name))
            for name, values in seconds.items() if name != ours]


def ratio_table(ratios):
    table = Table("ratios", ["ratio", "median", "min", "max", "rounds", "bar"])
    for ratio in ratios:
        table.rows.append([f"{ratio.section}, {ratio.what}", f"{ratio.median:.2f}", f"{min(ratio.values):.2f}",
                           f"{max(ratio.values):.2f}", len(ratio.values), ratio.bar_text])
    return table


def cpu_name():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown CPU"


def environment(setting):
    """What the numbers depend on."""
    versions = subprocess.run(
        [setting.python, "-c", "import torch, torchvision; print(torch.__version__, torchvision.__version__)"],
        capture_output=True, text=True, check=False).stdout.split()
    told = subprocess.run([setting.program("selfcure"), "--version"], capture_output=True, text=True,
                          check=False).stdout.splitlines()
    return {"cpu": cpu_name(), "cores": len(os.sched_getaffinity(0)), "threads": setting.threads,
            "selfcure": told[:3], "pytorch": versions[0] if versions else None,
            "torchvision": versions[1] if len(versions) > 1 else None, "kernels": setting.kernels,
            "quick": setting.quick, "load_before": os.getloadavg()[0]}


def environment_text(facts):
    loads = f"load {facts['load_before']:.2f} before"
    if "load_after" in facts:
        loads += f", {facts['load_after']:.2f} after"
    return (f"{facts['cpu']}, {facts['cores']} cores, {facts['threads']} threads; {', '.join(facts['selfcure'])}; "
            f"PyTorch {facts['pytorch']}, torchvision {facts['torchvision']}; float32; {loads}")


def busy_warning(facts):
    """A sentence if other programs had the cores when the comparison began, else nothing.

    Threads that spin while they wait, PyTorch's, then hold up those that they wait for; threads that sleep do
    not: such ratios flatter the rival whose threads sleep.
    """
    if facts["load_before"] < BUSY_LOAD:
        return ""
    return (f"Other programs ran when this began (load {facts['load_before']:.2f}): they slow rivals whose threads "
            "spin more than others, and the ratios are not to be quoted.")


def write_reports(folder, facts, sections):
    """comparison.md and comparison.json."""
    folder.mkdir(parents=True, exist_ok=True)
    ratios = [ratio for section in sections for ratio in section.ratios]
    parts = ["# Selfcure on a CPU, compared", environment_text(facts)] + list(filter(None, [busy_warning(facts)]))
    for section in sections:
        parts += [f"## {section.name}", section.about] + [table.markdown() for table in section.tables]
    if ratios:
        parts += ["## Ratios", ratio_table(ratios).markdown()]
    (folder / "comparison.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    content = {"environment": facts,
               "ratios": [{"section": r.section, "what": r.what, "median": r.median, "min": min(r.values),
                           "max": max(r.values), "values": r.values, "at_least": r.at_least,
                           "at_most": r.at_most, "met": r.met if r.has_bar else None} for r in ratios],
               "sections": {section.name: section.data for section in sections}}
    (folder / "comparison.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
