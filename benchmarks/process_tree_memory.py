#!/usr/bin/env python3
"""Runs a command and measures the memory of its whole process tree.

    process_tree_memory.py [--interval S] [--output FILE] -- COMMAND [ARGUMENT...]

The sum of the processes' PSS (proportional set size: a page shared by n of them counts 1/n in each) is
sampled every 0.1 s. Prints {"peak_bytes", "wall_seconds", "samples", "exit_code"} as one JSON line, to FILE
if given (so that the command keeps stdout for itself), and exits with the command's exit code.
"""
import argparse
import json
import subprocess
import sys
import time
from pathlib import Path


def process_tree(root):
    """The process and all its descendants, by id."""
    children = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # "id (name) state parent ...": the name may hold blanks and brackets.
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # ended between listing and reading
            continue
        children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        found.append(waiting.pop())
        waiting.extend(children.get(found[-1], []))
    return found


def pss_bytes(process):
    """PSS of one process; 0 if it has ended."""
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interval", type=float, default=0.1, help="seconds between samples (default 0.1)")
    parser.add_argument("--output", type=Path, help="file for the JSON line (default: stdout)")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        parser.error("no command given")

    start = time.perf_counter()
    try:
        child = subprocess.Popen(command)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")
    peak = samples = 0
    while child.poll() is None:
        peak = max(peak, sum(pss_bytes(process) for process in process_tree(child.pid)))
        samples += 1
        try:
            child.wait(arguments.interval)
        except subprocess.TimeoutExpired:
            pass
    wall_seconds = time.perf_counter() - start
    if peak == 0 and child.returncode == 0:
        sys.exit("no memory could be read: /proc/<pid>/smaps_rollup is missing, or the command was too short")
    # A signal's negative code becomes what a shell would report.
    exit_code = child.returncode if child.returncode >= 0 else 128 - child.returncode
    line = json.dumps({"peak_bytes": peak, "wall_seconds": wall_seconds, "samples": samples,
                       "exit_code": exit_code})
    if arguments.output:
        arguments.output.write_text(line + "\n", encoding="utf-8")
    else:
        print(line, flush=True)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
