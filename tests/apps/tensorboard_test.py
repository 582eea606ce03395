#!/usr/bin/env python3
"""Event files of a small training, read by a strict reader that shares nothing with the writer.

Checks: TFRecord framing with both checksums; every protobuf field against the types in TensorBoard's
event.proto, summary.proto, histogram.proto and tensor.proto; scalars equal to metrics.jsonl, alpha
histograms to importance_histogram.csv, the PNGs decode to the size they state; one value per tag and
step whatever stopped the run. Needs Python and Pillow alone.
"""
import collections
import csv
import glob
import io
import json
import math
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

from PIL import Image

SELFCURE = sys.argv[1]


def crc_of_byte(byte):
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
    return byte


CRC_OF_BYTES = [crc_of_byte(byte) for byte in range(256)]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC_OF_BYTES[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def records(content):
    place = 0
    while place < len(content):
        head = content[place:place + 12]
        assert len(head) == 12, "a record is cut short"
        (size,) = struct.unpack("<Q", head[:8])
        assert struct.unpack("<I", head[8:])[0] == masked(head[:8]), "checksum of a length"
        data = content[place + 12:place + 12 + size]
        tail = content[place + 12 + size:place + 16 + size]
        assert len(data) == size and len(tail) == 4, "a record is cut short"
        assert struct.unpack("<I", tail)[0] == masked(data), "checksum of a record"
        yield data
        place += 16 + size


# Field number: name, type; "*" marks repeated fields. From TensorBoard's .proto files.
SCHEMA = {
    "Event": {1: ("wall_time", "double"), 2: ("step", "int"), 3: ("file_version", "string"),
              5: ("summary", "Summary"), 7: ("session_log", "SessionLog"), 10: ("source", "Source")},
    "Source": {1: ("writer", "string")},
    "SessionLog": {1: ("status", "int")},
    "Summary": {1: ("value*", "Value")},
    "Value": {1: ("tag", "string"), 2: ("scalar", "float"), 4: ("image", "Image"),
              5: ("histogram", "Histogram"), 8: ("tensor", "Tensor"), 9: ("metadata", "Metadata")},
    "Image": {1: ("height", "int"), 2: ("width", "int"), 3: ("colorspace", "int"), 4: ("png", "bytes")},
    "Histogram": {1: ("min", "double"), 2: ("max", "double"), 3: ("num", "double"), 4: ("sum", "double"),
                  5: ("sum_squares", "double"), 6: ("limits", "doubles"), 7: ("counts", "doubles")},
    "Tensor": {1: ("dtype", "int"), 2: ("shape", "Shape"), 5: ("floats", "bytes"), 8: ("strings*", "bytes")},
    "Shape": {2: ("dim*", "Dim")},
    "Dim": {1: ("size", "int")},
    "Metadata": {1: ("plugin", "Plugin")},
    "Plugin": {1: ("name", "string"), 2: ("content", "bytes")},
    "HParams": {3: ("start", "Start")},
    "Start": {1: ("hparams*", "Entry"), 5: ("time", "double")},
    "Entry": {1: ("key", "string"), 2: ("value", "JsonValue")},
    "JsonValue": {2: ("number", "double"), 3: ("text", "string"), 4: ("flag", "int")},
}
WIRE = {"double": 1, "float": 5, "int": 0}


def varint(data, place):
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
        assert shift < 64


def parse(message, data):
    result, place = {}, 0
    while place < len(data):
        key, place = varint(data, place)
        assert key >> 3 in SCHEMA[message], f"{message} has no field {key >> 3}"
        name, kind = SCHEMA[message][key >> 3]
        assert key & 7 == WIRE.get(kind, 2), f"{message}.{name} is of wire type {key & 7}"
        if kind == "int":
            value, place = varint(data, place)
        else:
            size = {"double": 8, "float": 4}.get(kind)
            if size is None:
                size, place = varint(data, place)
            value = data[place:place + size]
            assert len(value) == size, f"{message}.{name} is cut short"
            place += size
            if kind in ("double", "float"):
                (value,) = struct.unpack("<d" if kind == "double" else "<f", value)
            elif kind == "doubles":
                value = list(struct.unpack(f"<{size // 8}d", value))
            elif kind == "string":
                value = value.decode("utf-8")
            elif kind != "bytes":
                value = parse(kind, value)
        if name.endswith("*"):
            result.setdefault(name[:-1], []).append(value)
        else:
            assert name not in result, f"{message}.{name} comes twice"
            result[name] = value
    return result


def read_run(run):
    """{tag: {step: value}}, {tag: kind}, {step: wall time}; each tag and step once."""
    files = sorted(glob.glob(os.path.join(run, "tensorboard", "*")))
    assert all(os.path.basename(file).startswith("events.out.tfevents.") for file in files), files
    # At most one emptied file, of the session before.
    assert [os.path.getsize(file) > 0 for file in files] in ([True], [False, True]), files
    with open(files[-1], "rb") as file:
        events = [parse("Event", data) for data in records(file.read())]
    assert events[0]["file_version"] == "brain.Event:2"
    assert events[1]["session_log"] == {"status": 1} and events[1].get("step", 0) == 0
    values, kinds, times, last_step = collections.defaultdict(dict), {}, {}, 0
    for event in events[2:]:
        step = event.get("step", 0)
        assert step >= last_step, "steps go back: readers drop what was before"
        last_step = step
        assert abs(event["wall_time"] - time.time()) < 3600
        times.setdefault(step, event["wall_time"])
        for value in event["summary"]["value"]:
            (kind,) = [key for key in value if key not in ("tag", "metadata")]
            tag = value["tag"]
            assert kinds.setdefault(tag, kind) == kind, f"{tag} changes its kind"
            assert step not in values[tag], f"{tag} comes twice at step {step}"
            values[tag][step] = value
    return values, kinds, times


def as_float32(number):
    return struct.unpack("<f", struct.pack("<f", number))[0]


def check_scalars(run, values, kinds):
    with open(os.path.join(run, "metrics.jsonl")) as file:
        metrics = [json.loads(line) for line in file]
    expected = {(name, line["epoch"]): as_float32(number) for line in metrics
                for name, number in line.items() if name != "epoch" and number is not None}
    found = {(tag.split("/")[-1], step): value["scalar"] for tag, steps in values.items()
             if kinds[tag] == "scalar" for step, value in steps.items()}
    assert found == expected, (sorted(found.items()), sorted(expected.items()))
    for tag in ("loss/train_loss", "lr", "accuracy/train_accuracy", "accuracy/test_accuracy",
                "speed/images_per_second"):
        assert kinds[tag] == "scalar", tag
    return metrics


def check_histograms(run, values, kinds, epochs):
    counts = collections.defaultdict(dict)
    with open(os.path.join(run, "importance_histogram.csv")) as file:
        for line in csv.DictReader(file):
            key = (int(line["epoch"]), line["given_label"])
            counts[key][line["high"]] = int(line["count"])
    found = [(tag, step) for tag in kinds if kinds[tag] == "histogram" for step in values[tag]]
    groups = {group for _, group in counts}
    assert groups == {"right", "wrong"}
    assert sorted(found) == sorted(
        [("alpha_histogram/all", e) for e in epochs] +
        [(f"alpha_histogram/given_label_{g}", e) for g in groups for e in epochs])
    for tag, step in found:
        histogram = values[tag][step]["histogram"]
        if tag.endswith("/all"):
            expected = collections.Counter()
            for group in groups:
                expected.update(counts[(step, group)])
        else:
            expected = counts[(step, tag.rsplit("_", 1)[1])]
        bins = {f"{limit:.2f}": int(count)
                for limit, count in zip(histogram["limits"], histogram["counts"]) if count}
        assert bins == dict(expected), (tag, step, bins, expected)
        total = sum(expected.values())
        assert histogram["num"] == total
        assert histogram["limits"] == sorted(histogram["limits"])
        assert len(histogram["limits"]) == len(histogram["counts"])
        # The exact sum lies between those of the lower and the upper ends of the bins.
        upper = sum(float(high) * count for high, count in expected.items())
        assert upper - 0.01 * total - 1e-6 <= histogram["sum"] <= upper + 1e-6
        assert histogram["min"] * total <= histogram["sum"] <= histogram["max"] * total
        assert histogram["sum"] ** 2 / total <= histogram["sum_squares"] * (1 + 1e-12)
    # At the last epoch every row was visited: the weights themselves are known.
    with open(os.path.join(run, "importance.csv")) as file:
        rows = list(csv.DictReader(file))
    for group, wanted in (("all", rows),
                          ("given_label_right", [r for r in rows if r["given"] == r["clean"]]),
                          ("given_label_wrong", [r for r in rows if r["given"] != r["clean"]])):
        weights = [float(row["importance"]) for row in wanted]
        histogram = values["alpha_histogram/" + group][max(epochs)]["histogram"]
        for key, number in (("num", len(weights)), ("sum", sum(weights)), ("min", min(weights)),
                            ("max", max(weights)), ("sum_squares", sum(w * w for w in weights))):
            assert math.isclose(histogram[key], number, rel_tol=1e-5), (group, key)


def check_pictures(values, kinds, expected):
    found = {tag: sorted(values[tag]) for tag in kinds if kinds[tag] == "image"}
    assert found == expected, (found, expected)
    for tag, steps in found.items():
        for step in steps:
            stated = values[tag][step]["image"]
            picture = Image.open(io.BytesIO(stated["png"]))
            picture.load()
            assert (picture.format, picture.mode) == ("PNG", "RGB")
            assert picture.size == (stated["width"], stated["height"]) and stated["colorspace"] == 3
            assert len(picture.getcolors(1 << 24)) > 20, f"{tag} at step {step} is blank"


def check_texts(run, values):
    (value,) = values["config"].values()
    assert value["metadata"]["plugin"] == {"name": "text"}
    assert value["tensor"]["dtype"] == 7 and value["tensor"]["shape"] == {}
    with open(os.path.join(run, "config.resolved.yaml")) as file:
        assert value["tensor"]["strings"] == [("```yaml\n" + file.read() + "```\n").encode()]
    (value,) = values["_hparams_/session_start_info"].values()
    assert value["metadata"]["plugin"]["name"] == "hparams"
    start = parse("HParams", value["metadata"]["plugin"]["content"])["start"]
    entries = {entry["key"]: entry["value"] for entry in start["hparams"]}
    assert entries["method.name"] == {"text": "scn"} and entries["method.rank"] == {"flag": 1}
    assert entries["train.batch_size"] == {"number": 8} and entries["data.noise.rate"] == {"number": 0.3}


def selfcure(*arguments, expect=0):
    done = subprocess.run([SELFCURE, *arguments], capture_output=True, text=True)
    assert done.returncode == expect, (arguments, done.returncode, done.stderr)
    return done.stderr


def kill_after(lines, arguments):
    """Kills a training once metrics.jsonl of its --out has so many lines."""
    metrics = os.path.join(arguments[arguments.index("--out") + 1], "metrics.jsonl")
    run = subprocess.Popen([SELFCURE, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        assert run.poll() is None, "the training ended before it was killed"
        if os.path.exists(metrics):
            with open(metrics) as file:
                if len(file.readlines()) >= lines:
                    break
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    run.wait()


def relabelled_epochs(run):
    with open(os.path.join(run, "relabels.csv")) as file:
        return sorted({int(line["epoch"]) for line in csv.DictReader(file)})


def main():
    selfcure("demo-data", "set", "--train", "28", "--test", "14", "--side", "32")
    with open("base.yaml", "w") as file:
        file.write("""name: small
data: {dataset: raf_db, root: set, image_size: 32, workers: 1, noise: {type: symmetric, rate: 0.3, seed: 1}}
method: {name: scn, relabel: {start_epoch: 1, threshold: 0.0}}
train: {epochs: 3, batch_size: 8, device: cpu, threads: 1, optimizer: {name: sgd, lr: 0.01}}
logging: {tensorboard: true}
""")

    selfcure("train", "base.yaml", "--out", "run")
    values, kinds, _ = read_run("run")
    epochs = [line["epoch"] for line in check_scalars("run", values, kinds)]
    assert epochs == [1, 2, 3]
    check_histograms("run", values, kinds, epochs)
    check_pictures(values, kinds, {
        "faces/training_batch": [0], "faces/lowest_alpha": epochs, "faces/highest_alpha": epochs,
        "faces/relabelled": relabelled_epochs("run"), "confusion_matrix/test": epochs})
    assert relabelled_epochs("run"), "nothing was relabelled: the test shows too little"
    check_texts("run", values)

    # A run that was killed without it and resumed with it; a file has taken its folder at first.
    arguments = ["train", "base.yaml", "--out", "off", "--set", "train.epochs=6"]
    kill_after(2, [*arguments, "--set", "logging.tensorboard=false"])
    assert not os.path.exists("off/tensorboard")
    with open("off/tensorboard", "w"):
        pass
    error = selfcure(*arguments, "--resume", expect=2)
    assert "off/tensorboard: cannot be made: " in error.splitlines()[-1], error
    os.remove("off/tensorboard")
    selfcure(*arguments, "--resume")
    values, kinds, _ = read_run("off")
    check_scalars("off", values, kinds)
    with_pictures = sorted(values["faces/lowest_alpha"])
    assert with_pictures in [list(range(first, 7)) for first in range(3, 7)], with_pictures

    selfcure("train", "base.yaml", "--out", "seldom", "--set", "logging.images_every=2",
             "--set", "method.relabel.start_epoch=9")
    values, kinds, _ = read_run("seldom")
    check_pictures(values, kinds, {
        "faces/training_batch": [0], "faces/lowest_alpha": [2, 3], "faces/highest_alpha": [2, 3],
        "confusion_matrix/test": [2, 3]})
    selfcure("train", "base.yaml", "--out", "none", "--set", "logging.images_every=0",
             "--set", "method={name: baseline}")
    values, kinds, _ = read_run("none")
    check_scalars("none", values, kinds)
    assert {kind for kind in kinds.values()} == {"scalar", "tensor"}

    # Killed twice, at whatever place, and resumed: nothing twice, nothing missing.
    arguments = ["train", "base.yaml", "--out", "killed", "--set", "train.epochs=8"]
    kill_after(2, arguments)
    kill_after(5, [*arguments, "--resume"])
    selfcure(*arguments, "--resume")
    values, kinds, times = read_run("killed")
    epochs = [line["epoch"] for line in check_scalars("killed", values, kinds)]
    assert epochs == list(range(1, 9))
    check_histograms("killed", values, kinds, epochs)
    check_pictures(values, kinds, {
        "faces/training_batch": [0], "faces/lowest_alpha": epochs, "faces/highest_alpha": epochs,
        "faces/relabelled": relabelled_epochs("killed"), "confusion_matrix/test": epochs})
    ordered = [times[step] for step in epochs]
    assert ordered == sorted(ordered) and ordered[-1] > ordered[0], "wall times go back"
    print("tensorboard: all as expected")


if __name__ == "__main__":
    work = tempfile.mkdtemp()
    SELFCURE = os.path.abspath(SELFCURE)
    try:
        os.chdir(work)
        # Kernel choices of this machine are not touched.
        os.environ["XDG_CACHE_HOME"] = os.path.join(work, "cache")
        main()
    finally:
        os.chdir("/")
        shutil.rmtree(work)
