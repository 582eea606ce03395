#!/usr/bin/env python3
"""Weight files and exported models between selfcure and Python's torch: weights_python_test.py SELFCURE

Every check ends the program with a message when it fails.
"""
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import torch
import torchvision

SELFCURE = sys.argv[1]


def run(*arguments, code=0):
    result = subprocess.run([SELFCURE, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode != code:
        sys.exit(f"{arguments}: expected exit code {code}, got {result.returncode}: {result.stderr}")
    return result.stdout + result.stderr


def expect(condition, what):
    if not condition:
        sys.exit(f"failed: {what}")


def same(left, right):
    return list(left) == list(right) and all(
        left[name].dtype == right[name].dtype and torch.equal(left[name], right[name]) for name in left)


def published_scn(classes):
    """The network of the published SCN code."""
    model = torch.nn.Module()
    model.features = torch.nn.Sequential(*list(torchvision.models.resnet18().children())[:-1])
    model.fc = torch.nn.Linear(512, classes)
    model.alpha = torch.nn.Sequential(torch.nn.Linear(512, 1), torch.nn.Sigmoid())
    return model


def check_round_trips(folder):
    torch.manual_seed(1)
    state = torchvision.models.resnet18(num_classes=7).state_dict()
    torch.save(state, folder / "zip.pth")
    torch.save(state, folder / "legacy.pth", _use_new_zipfile_serialization=False)
    for name in ("zip", "legacy"):
        run("weights", "convert", folder / f"{name}.pth", folder / "a.safetensors")
        run("weights", "convert", folder / "a.safetensors", folder / "b.pth")
        back = torch.load(folder / "b.pth", weights_only=True)
        expect(set(back) == set(state) and all(torch.equal(back[k], state[k]) for k in state),
               f"{name} through safetensors is the same to the bit")
    run("weights", "diff", folder / "zip.pth", folder / "legacy.pth")
    run("weights", "convert", folder / "zip.pth", folder / "own.pt", "--format", "checkpoint")
    run("weights", "convert", folder / "own.pt", folder / "c.pth", "--layout", "torchvision")
    model = torchvision.models.resnet18(num_classes=7)
    model.load_state_dict(torch.load(folder / "c.pth", weights_only=True), strict=True)
    expect(all(torch.equal(model.state_dict()[k], state[k]) for k in state), "torchvision has its weights back")
    state["fc.bias"] = state["fc.bias"] + 1
    torch.save(state, folder / "other.pth")
    expect("differs: fc.bias" in run("weights", "diff", folder / "zip.pth", folder / "other.pth", code=1),
           "diff names the tensor that differs")


def check_published_layout(folder):
    source = published_scn(8)
    torch.save({"iter": 3, "model_state_dict": source.state_dict()}, folder / "scn.pth")
    expect("the published SCN code's names, fc of 8 outputs, with SCN's attention head"
           in run("weights", "inspect", folder / "scn.pth"), "inspect knows the published layout")
    run("weights", "convert", folder / "scn.pth", folder / "scn.pt", "--format", "checkpoint")
    run("weights", "convert", folder / "scn.pt", folder / "back.pth", "--layout", "published_scn",
        "--nest", "model_state_dict")
    back = torch.load(folder / "back.pth", weights_only=True)["model_state_dict"]
    target = published_scn(8)
    target.load_state_dict(back, strict=True)
    expect(same(target.state_dict(), source.state_dict()), "the published layout comes back to the bit")


CONFIG = """
name: {name}
seed: 1
data: {{dataset: raf_db, root: {root}, image_size: 32, classes: {classes}}}
method: {{name: {method}}}
model: {{weights: {weights}}}
train: {{epochs: 1, batch_size: 32}}
"""


def train(folder, name, method, weights, classes="null", *more):
    path = folder / f"{name}.yaml"
    text = CONFIG.format(name=name, root=folder / "data", method=method, weights=weights, classes=classes)
    if classes == "null":
        text = text.replace(", classes: null", "")
    path.write_text(text)
    return run("train", path, "--out", folder / name, *more)


def check_transfer(folder):
    run("demo-data", folder / "data", "--train", 64, "--test", 32)
    said = train(folder, "first", "scn", "null")
    # Weights saved from DataParallel under a key, with another classifier, as face weights are.
    state = torch.load(folder / "first/checkpoints/last.pt")["tensors"]
    face = collections.OrderedDict(
        ("module." + name[len("model.backbone."):], tensor) for name, tensor in state.items()
        if name.startswith("model.backbone."))
    face["module.fc.weight"] = torch.zeros(87020, 4)
    torch.save({"state_dict": face}, folder / "face.pth.tar", _use_new_zipfile_serialization=False)
    said = train(folder, "from_face", "baseline", folder / "face.pth.tar")
    expect("100 of 100 backbone tensors loaded (without the prefix 'module.'), 1 left out, 1 missing" in said,
           "what was loaded is said: " + said)
    expect("left out,fc.weight,module.fc.weight," in (folder / "from_face/weights.csv").read_text(),
           "the classifier is in the table")
    said = train(folder, "second", "baseline", folder / "first/checkpoints/last.pt",
                 "[Happiness, Sadness, Anger]", "--set", "data.other_classes=leave_out")
    expect("the classifier starts afresh" in said, "another class count starts the classifier afresh")
    del face["module.layer1.0.conv1.weight"]
    torch.save(face, folder / "part.pth")
    path = folder / "from_face.yaml"
    said = run("train", path, "--out", folder / "part", "--set", f"model.weights={folder / 'part.pth'}", code=2)
    expect("'layer1.0.conv1.weight' is missing, nearest in the file" in said, "what is missing is named: " + said)


def check_export(folder):
    import onnx
    run("export", folder / "first", "--format", "torchscript")
    extra = {"selfcure.json": ""}
    model = torch.jit.load(str(folder / "first/model.torchscript.pt"), _extra_files=extra)
    metadata = json.loads(extra["selfcure.json"])
    expect(metadata["outputs"] == ["logits", "probabilities", "importance"], "outputs are named")
    torch.manual_seed(2)
    images = torch.randn(5, 3, 32, 32)
    with torch.no_grad():
        logits, probabilities, importance = model(images)
    # The same from the weights alone, in Python's own words.
    state = torch.load(folder / "first/checkpoints/last.pt")["tensors"]
    backbone = torchvision.models.resnet18()
    backbone.fc = torch.nn.Identity()
    backbone.load_state_dict({n[len("model.backbone."):]: t for n, t in state.items()
                              if n.startswith("model.backbone.")})
    backbone.eval()
    with torch.no_grad():
        features = backbone(images)
        alpha = torch.sigmoid(features @ state["model.attention.weight"].t()).squeeze(1)
        wanted = alpha[:, None] * (features @ state["model.fc.weight"].t()) + state["model.fc.bias"]
    expect(torch.allclose(logits, wanted, atol=1e-5), "logits of TorchScript to 1e-5")
    expect(torch.allclose(importance, alpha, atol=1e-5), "importance of TorchScript to 1e-5")
    expect(torch.allclose(probabilities, wanted.softmax(1), atol=1e-5), "probabilities to 1e-5")
    run("export", folder / "first", "--format", "onnx", "--out", folder / "m.onnx")
    loaded = onnx.load(str(folder / "m.onnx"))
    onnx.checker.check_model(loaded, full_check=True)
    properties = {entry.key: entry.value for entry in loaded.metadata_props}
    expect(json.loads(properties["class_names"]) == metadata["class_names"], "ONNX has the class names")
    expect("expected a run directory" in run("export", folder, code=2), "a folder without a run is said")
    run("export", folder / "first", "--format", "onnx", "--opset", 12, code=2)


def main():
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # Kernel choices of this machine are not touched.
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        check_round_trips(folder)
        check_published_layout(folder)
        check_transfer(folder)
        check_export(folder)
    print("weights: all checks passed")


if __name__ == "__main__":
    main()
