"""The network as an ONNX file, by way of the command: a training of seconds, and its export."""
import os
import subprocess

from rivals import Missing

CONFIG = """\
name: exported
data: {dataset: raf_db, root: ROOT, image_size: 224, workers: 1}
model: {backbone: resnet18}
method: {name: scn, preset: published_code}
train: {epochs: 1, batch_size: 7, device: cpu, threads: THREADS}
"""


def command(setting, *arguments):
    """Runs selfcure; its last words go into the message if it fails."""
    run = subprocess.run([setting.program("selfcure"), *map(str, arguments)], capture_output=True, text=True,
                         check=False, env={**os.environ, **setting.own_choices})
    if run.returncode != 0:
        raise Missing(f"selfcure {arguments[0]}: exit code {run.returncode}: {run.stderr.strip()[-300:]}")


def exported_network(setting):
    """Path of an ONNX file of SCN on ResNet-18, 224x224; made once."""
    model = setting.work / "scn.onnx"
    if model.exists():
        return model
    data, config, run = (setting.work / name for name in ("onnx_data", "onnx.yaml", "onnx_run"))
    command(setting, "demo-data", data, "--train", 14, "--test", 7)
    config.write_text(CONFIG.replace("ROOT", f"'{data}'").replace("THREADS", str(setting.threads)))
    command(setting, "train", config, "--out", run)
    command(setting, "export", run, "--format", "onnx", "--out", model)
    return model
