#!/usr/bin/env python3
"""benchmarks/compare_cpu.sh without its measurements: turns, ratios, tables, and what it says of mistakes.

    compare_cpu_test.py SOURCE_FOLDER
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()
sys.path.insert(0, str(SOURCE / "benchmarks" / "cpu_comparison"))
import results  # noqa: E402
import rivals  # noqa: E402
import trainings  # noqa: E402

# Answers as a rival does and notes each request in a common file; "broken" ends at the first one.
FAKE_RIVAL = """
import sys
name, seconds, journal = sys.argv[1:]
print("a line that is not an answer")
print('{"program": "%s"}' % name, flush=True)
for line in sys.stdin:
    if name == "broken":
        sys.exit("no luck")
    count = int(line.split()[1])
    open(journal, "a").write(f"{name} {count}\\n")
    print('{"seconds": [' + ", ".join([seconds] * count) + "]}", flush=True)
"""


class Turns(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = pathlib.Path(folder.name)
        self.setting = rivals.Setting(build=self.work, python=sys.executable, threads=2, kernels="auto", quick=True,
                                      rounds=None, work=self.work)
        self.journal = self.work / "journal"

    def rival(self, name, seconds):
        return rivals.Rival(name, [sys.executable, "-c", FAKE_RIVAL, name, str(seconds), str(self.journal)])

    def test_every_round_begins_with_another_rival(self):
        facts = {}
        seconds = rivals.alternate(self.setting, [self.rival("a", 0.5), self.rival("b", 1.5)], rounds=3, warm_up=4,
                                   runs=2, facts=facts)
        self.assertEqual(seconds, {"a": [0.5] * 3, "b": [1.5] * 3})
        self.assertEqual(facts["b"], {"program": "b"})
        self.assertEqual(self.journal.read_text().split("\n"),
                         ["a 4", "b 4", "a 2", "b 2", "b 2", "a 2", "a 2", "b 2", ""])

    def test_a_rival_that_ends_is_named_with_its_last_words(self):
        with self.assertRaisesRegex(rivals.Missing, "broken: ended with exit code 1: no luck"):
            rivals.alternate(self.setting, [self.rival("a", 1), self.rival("broken", 1)], rounds=1)

    def test_a_program_that_is_not_there_is_named(self):
        with self.assertRaisesRegex(rivals.Missing, "no-such-program"):
            rivals.alternate(self.setting, [rivals.Rival("x", ["no-such-program"])], rounds=1)

    def test_selfcures_processes_share_kernel_choices_of_the_comparison_alone(self):
        server = self.work / "bin" / "benchmark_server"
        server.parent.mkdir()
        server.touch()
        folders = {rivals.selfcure_rival(self.setting, task, 8).environment["XDG_CACHE_HOME"]
                   for task in ("step", "evaluate")}
        self.assertEqual(folders, {self.setting.own_choices["XDG_CACHE_HOME"]})
        self.assertIn(self.work, pathlib.Path(folders.pop()).parents)

    def test_few_images_choose_kernels_for_the_batches_of_many(self):
        self.assertEqual([trainings.with_the_same_batches(count) for count in (20, 32, 96, 2000)], [20, 32, 32, 48])

    def test_rounds_follow_the_option_then_quickness(self):
        self.assertEqual(self.setting.repetitions(9, 2), 2)
        self.setting.rounds = 5
        self.assertEqual(self.setting.repetitions(9, 2), 5)


class Ratios(unittest.TestCase):
    def test_are_of_one_round_each_and_their_median_meets_the_bar(self):
        seconds = {"selfcure": [1.0, 2.0, 4.0], "PyTorch": [2.0, 6.0, 4.0], "other": [1.0, 1.0, 1.0]}
        first, second = results.ratios_to("step", "batch 8", seconds, {"PyTorch": 2.0})
        self.assertEqual(first.values, [2.0, 3.0, 1.0])
        self.assertEqual(first.median, 2.0)
        self.assertTrue(first.met)
        self.assertEqual(first.bar_text, "at least 2.00: met")
        self.assertFalse(second.has_bar)
        self.assertTrue(second.met)

    def test_bars_can_be_missed_from_either_side(self):
        self.assertFalse(results.Ratio("a", "b", [1.9, 1.9, 3.0], at_least=2.0).met)
        self.assertFalse(results.Ratio("a", "b", [1.1], at_most=1.0).met)
        self.assertEqual(results.Ratio("a", "b", [1.1], at_most=1.0).bar_text, "at most 1.00: MISSED")

    def test_reports_hold_tables_ratios_and_raw_numbers(self):
        section = results.Section("step", "About it.")
        section.tables.append(results.seconds_table("steps", {"selfcure": [0.5, 0.25, 1.0]}, 32))
        section.ratios.append(results.Ratio("step", "x / y", [2.5], at_least=2.0))
        section.data = {"seconds": [0.5]}
        facts = {"cpu": "a CPU", "cores": 2, "threads": 2, "selfcure": ["selfcure 0"], "pytorch": "1",
                 "torchvision": "2", "load_before": 0.1}
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "new"
            results.write_reports(out, facts, [section])
            text = (out / "comparison.md").read_text()
            content = json.loads((out / "comparison.json").read_text())
        self.assertIn("| selfcure | 500.0 | 250.0 | 1000.0 | 64.0 |", text)
        self.assertIn("| step, x / y | 2.50 | 2.50 | 2.50 | 1 | at least 2.00: met |", text)
        self.assertEqual(content["ratios"][0]["met"], True)
        self.assertEqual(content["sections"]["step"], {"seconds": [0.5]})


    def test_a_busy_machine_is_said(self):
        self.assertEqual(results.busy_warning({"load_before": 0.2}), "")
        self.assertIn("load 1.50", results.busy_warning({"load_before": 1.5}))


class Command(unittest.TestCase):
    def run_script(self, code, *arguments, **environment):
        run = subprocess.run([str(SOURCE / "benchmarks" / "compare_cpu.sh"), *arguments], capture_output=True,
                             text=True, env={**os.environ, "PYTHON": sys.executable, **environment}, check=False)
        self.assertEqual(run.returncode, code, run.stderr)
        return run

    def test_help_has_examples(self):
        text = self.run_script(0, "--help").stdout
        self.assertIn("examples:", text)
        self.assertIn("growth", text)

    def test_mistakes_are_one_line_and_exit_code_2(self):
        self.assertIn("got 'stp'", self.run_script(2, "stp").stderr)
        for environment, words in (({"THREADS": "two"}, "THREADS: expected a positive whole number, got 'two'"),
                                   ({"BUILD": "/nowhere"}, "/nowhere/bin/selfcure: not there")):
            errors = self.run_script(2, "step", **environment).stderr
            self.assertIn(words, errors)
            self.assertEqual(len(errors.splitlines()), 1)
        self.assertIn("not there", self.run_script(2, PYTHON="/no/python").stderr)


if __name__ == "__main__":
    unittest.main()
