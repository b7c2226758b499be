"""The optional parts of ClockTrain: which modules each brings, and the command that installs it."""

from __future__ import annotations

from pathlib import Path

from clock_train.errors import PartNotInstalled

PARTS = {
    "speech": ("av", "cryptography", "pypinyin", "rjieba", "scipy", "soundfile", "soxr"),
    "train": ("hydra", "safetensors", "torch"),
    "client": ("google", "grpc", "grpc_status"),
    "serve": (
        *("grpc_health", "grpc_reflection", "onnxruntime", "prometheus_client", "starlette", "tritonclient"),
        "uvicorn",
    ),
    "traces": ("opentelemetry",),
    "triton": ("pytriton",),
    "export": ("onnx", "onnxruntime"),
    "distribute": ("psutil", "ray"),
    "track": ("mlflow",),
    "version": ("dvc",),
    "store": ("minio",),
    "cluster": ("lightkube",),
    "run": (),
    "judge": ("matplotlib", "onnx", "onnxruntime", "pocketsphinx", "resemblyzer", "speechmos", "webrtcvad"),
    "record": ("sounddevice",),
    "pod": ("ray",),
    "operator": ("prometheus_client",),
    "accounts": ("pg8000",),
    "track-server": ("boto3", "mlflow", "pg8000"),
    "bench": ("psutil",),
}
"""Extra of the package → the modules that it alone brings."""


def install_command(part: str) -> str:
    """What a person types to have a part: in a checkout the Makefile's way, elsewhere pip's."""
    checkout = Path(__file__).parents[3]
    if (checkout / "Makefile").is_file() and (checkout / "uv.lock").is_file():
        return f"make -C {checkout} {'dev' if part in ('record', 'bench') else 'install'}"
    return f'pip install "clock-train[{part}]"'


def part_missing(module: str | None) -> PartNotInstalled | None:
    """The error for a module that could not be imported; None if it belongs to no part, which is then a bug."""
    top = (module or "").partition(".")[0]
    for part, modules in PARTS.items():
        if top in modules:
            return PartNotInstalled(
                f'the module "{top}" of the part "{part}" is not installed. Install it: {install_command(part)}'
            )
    return None
