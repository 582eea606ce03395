"""Rivals as processes that run when they are asked to and sleep meanwhile, and taking them in turn."""
import json
import os
import select
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

START_SECONDS = 300  # for a program to load its libraries and build its network
RUN_SECONDS = 900    # for one answer
AS_THE_COMMAND = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "2000"}  # what selfcure sets for itself


class Missing(Exception):
    """Something that a comparison needs is not there or does not work: one line, exit code 2."""


@dataclass
class Setting:
    """Where programs are and how they are run."""
    build: Path
    python: str
    threads: int
    kernels: str
    quick: bool
    rounds: int | None  # None: the section decides
    work: Path          # for files that are needed during the comparison
    here: Path = Path(__file__).resolve().parent.parent

    def program(self, name):
        path = self.build / "bin" / name
        if not path.is_file():
            raise Missing(f"{path}: not there; build it first (scripts/build.sh), or set BUILD")
        return str(path)

    @property
    def own_choices(self):
        """Environment of selfcure's processes: they share kernel choices that are made in this comparison."""
        return {"XDG_CACHE_HOME": str(self.work / "cache")}

    def repetitions(self, normal, quick):
        if self.rounds is not None:
            return self.rounds
        return quick if self.quick else normal


@dataclass
class Rival:
    """A name for tables, a command, and what the command finds in its environment."""
    name: str
    command: list
    environment: dict = field(default_factory=dict)


def selfcure_rival(setting, task, batch, size=224, threads=None, kernels=None, name="selfcure"):
    """As the command runs: idle threads sleep, big blocks and kernel choices are kept."""
    return Rival(name, [setting.program("benchmark_server"), "--task", task, "--batch", str(batch), "--size",
                        str(size), "--threads", str(threads or setting.threads), "--kernels",
                        kernels or setting.kernels], {**AS_THE_COMMAND, **setting.own_choices})


def python_rival(setting, name, task, batch, size=224, threads=None, **options):
    """PyTorch; `options` become options of python_server.py."""
    command = [setting.python, str(setting.here / "python_server.py"), "--task", task, "--batch", str(batch),
               "--size", str(size), "--threads", str(threads or setting.threads)]
    for key, value in options.items():
        command += [f"--{key}", value]
    return Rival(name, command)


class Server:
    """A running rival."""

    def __init__(self, rival, log):
        self.name = rival.name
        self.command = rival.command
        self.log = log
        self.unread = b""
        with log.open("w") as errors:
            try:
                self.process = subprocess.Popen(rival.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                                stderr=errors, env={**os.environ, **rival.environment})
            except OSError as error:
                raise Missing(f"{rival.command[0]}: {error.strerror}") from error

    def next_line(self, limit):
        """The next line that the rival writes, without its end."""
        deadline = time.monotonic() + limit
        while b"\n" not in self.unread:
            readable, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            if not readable:
                raise Missing(f"{self.name}: no answer within {limit} s: {' '.join(self.command)}")
            # Not readline(): what it read ahead, select() would not know of.
            text = os.read(self.process.stdout.fileno(), 1 << 16)
            if not text:
                self.process.wait()
                errors = self.log.read_text(errors="replace").strip().splitlines()
                raise Missing(f"{self.name}: ended with exit code {self.process.returncode}: "
                              f"{errors[-1] if errors else ' '.join(self.command)}")
            self.unread += text
        line, _, self.unread = self.unread.partition(b"\n")
        return line.decode(errors="replace")

    def answer(self, limit):
        """The next line of JSON; libraries may write others."""
        while True:
            line = self.next_line(limit)
            if line.startswith("{"):
                return json.loads(line)

    def run(self, count=1):
        """Seconds of `count` runs."""
        try:
            self.process.stdin.write(f"run {count}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # answer() says how it ended
        return self.answer(RUN_SECONDS)["seconds"]

    def stop(self):
        try:
            self.process.stdin.close()
            self.process.wait(20)
        except BrokenPipeError:  # it has ended, with a request unread
            self.process.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def rotated(things, by):
    return things[by % len(things):] + things[:by % len(things)]


def alternate(setting, rivals, rounds, warm_up=2, runs=1, facts=None):
    """Lets rivals run one after the other, round after round, beginning with another one each time.

    Returns {name: [seconds of one run, the median of `runs`, per round]}. `facts`, if given, gets what each rival
    said of itself when it was ready, by name.
    """
    servers = []
    try:
        for rival in rivals:
            servers.append(Server(rival, setting.work / f"rival_{len(servers)}.log"))
            ready = servers[-1].answer(START_SECONDS)
            if facts is not None:
                facts[rival.name] = ready
        for server in servers:
            server.run(warm_up)
        seconds = {server.name: [] for server in servers}
        for number in range(rounds):
            for server in rotated(servers, number):
                times = server.run(runs)
                seconds[server.name].append(statistics.median(times))
        return seconds
    finally:
        for server in servers:
            server.stop()
