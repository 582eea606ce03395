"""Selfcure on a CPU against PyTorch and OpenCV, in one run.

Rivals are long-running processes that take turns: neighbouring runs compare, whatever else the machine does.
Each ratio belongs to one round; median, minimum and maximum over the rounds are printed. All in float32.
"""
import argparse
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import networks
import trainings
from results import busy_warning, environment, environment_text, ratio_table, write_reports
from rivals import Missing, Setting

SECTIONS = {
    "step": "training step of SCN, ResNet-18, 224x224, batch 16, 32, 64: PyTorch as it comes (bar at batch 32: 2.3), "
            "with malloc tuned (2.0), and channels-last; selfcure with LibTorch's kernels",
    "epoch": "whole epoch over JPEGs: a plain PyTorch script with a DataLoader (2.2)",
    "evaluation": "predictions in batches of 32 and 64: PyTorch as it comes (2.2), with malloc tuned, and "
                  "channels-last; TorchScript, OpenCV dnn",
    "single": "prediction of one image: the same rivals; PyTorch as it comes (1.5)",
    "memory": "peak memory of a training: selfcure / PyTorch (at most 1.0)",
    "layers": "every distinct convolution alone, forward and both backward passes",
    "peak": "share of the measured FMA peak that training reaches",
    "growth": "cost over image side 64 to 320 and batch 1 to 128; with --out: growth.csv and two SVG plots",
}
DEFAULT = ["step", "epoch", "evaluation", "single", "memory", "peak"]

EPILOGUE = "sections:\n" + "\n".join(f"  {name:11} {about}" for name, about in SECTIONS.items()) + """

environment:
  THREADS=2                 CPU threads of every rival
  BUILD=build               build folder with bin/selfcure and the benchmarks' programs
  PYTHON=/usr/bin/python3   a Python that has torch, torchvision and PIL
  KERNELS=auto              selfcure's kernels: auto, libtorch, or a file of choices
  ONEDNN_MAX_CPU_ISA=       AVX2: PyTorch and selfcure as on a processor without AVX-512
  IMAGES=2000               training images that `selfcure demo-data` draws for epoch and memory
  DATA=                     use this RAF-DB folder instead

exit code: 0 if every median meets its bar, 1 if one does not, 2 if something is missing or fails

examples:
  benchmarks/compare_cpu.sh                                  all sections with a bar, and the peak
  benchmarks/compare_cpu.sh step single --quick              minutes, few rounds
  benchmarks/compare_cpu.sh step evaluation --out results    results/comparison.md and comparison.json
  benchmarks/compare_cpu.sh growth --out docs/speed          the data and the plots of the documentation
  THREADS=1 benchmarks/compare_cpu.sh step --rounds 21       one thread, more rounds
"""


def positive(name, text):
    """A whole number of at least 1 from an option or a variable of the environment."""
    if not text.isdigit() or int(text) < 1:
        raise Missing(f"{name}: expected a positive whole number, got '{text}'")
    return int(text)


def read_arguments():
    parser = argparse.ArgumentParser(prog="benchmarks/compare_cpu.sh", description=__doc__, epilog=EPILOGUE,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"default: {' '.join(DEFAULT)}")
    parser.add_argument("--out", type=Path, metavar="DIR", help="also write comparison.md and comparison.json there")
    parser.add_argument("--quick", action="store_true", help="few rounds and small sizes: tries everything out")
    parser.add_argument("--rounds", metavar="N", help="rounds of every section (default: as many as it needs)")
    arguments = parser.parse_args()
    for name in arguments.sections:
        if name not in SECTIONS:
            parser.error(f"expected {', '.join(SECTIONS)}, got '{name}'")
    arguments.sections = arguments.sections or DEFAULT
    return arguments


def make_setting(arguments, work):
    here = Path(__file__).resolve().parent.parent
    setting = Setting(build=Path(os.environ.get("BUILD") or here.parent / "build").resolve(), python=sys.executable,
                      threads=positive("THREADS", os.environ.get("THREADS", "2")),
                      kernels=os.environ.get("KERNELS", "auto"), quick=arguments.quick,
                      rounds=positive("--rounds", arguments.rounds) if arguments.rounds else None, work=work)
    for program in ("selfcure", "benchmark_server"):
        setting.program(program)
    imported = subprocess.run([setting.python, "-c", "import torch, torchvision, PIL"], capture_output=True,
                              check=False)
    if imported.returncode != 0:
        raise Missing(f"{setting.python}: cannot import torch, torchvision and PIL; on Debian install python3-torch, "
                      "python3-torchvision and python3-pil, or set PYTHON")
    return setting


def measure(name, setting):
    """Runs one section."""
    if name in ("epoch", "memory"):
        images = positive("IMAGES", os.environ.get("IMAGES") or ("96" if setting.quick else "2000"))
        data = Path(os.environ["DATA"]).resolve() if os.environ.get("DATA") else None
        if data is not None and not data.is_dir():
            raise Missing(f"DATA: no folder '{data}'")
        return getattr(trainings, name)(setting, images, data)
    return getattr(networks, name)(setting)


def compare(arguments):
    with tempfile.TemporaryDirectory(prefix="selfcure_compare.") as work:
        setting = make_setting(arguments, Path(work))
        facts = environment(setting)
        print(environment_text(facts), flush=True)
        if busy_warning(facts):
            print(busy_warning(facts), file=sys.stderr, flush=True)
        sections = []
        for name in arguments.sections:
            section = measure(name, setting)
            sections.append(section)
            for table in section.tables:
                print("\n" + table.text(), flush=True)
            facts["load_after"] = os.getloadavg()[0]
            if arguments.out:  # after every section: what is measured is kept
                write_reports(arguments.out, facts, sections)
                if name == "growth":
                    networks.write_growth(setting, section, arguments.out)
        ratios = [ratio for section in sections for ratio in section.ratios]
        if ratios:
            print("\n" + ratio_table(ratios).text())
        return 0 if all(ratio.met for ratio in ratios) else 1


def main():
    arguments = read_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through `finally`: rivals and files go
    try:
        return compare(arguments)
    except Missing as error:
        print(f"compare_cpu: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"compare_cpu: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
