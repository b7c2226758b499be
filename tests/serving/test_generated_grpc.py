"""The committed gRPC code is what the committed .proto gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PLATFORM = Path(__file__).parents[2] / "platform"
PROTO = Path("clock_train/api/speech_v1/speech.proto")


def test_the_generated_code_is_that_of_the_proto(tmp_path: Path) -> None:
    outs = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I", ".", *outs, str(PROTO)], cwd=PLATFORM, check=True)
    written = sorted((tmp_path / PROTO.parent).iterdir())
    assert len(written) == 3
    for path in written:
        assert path.read_text() == (PLATFORM / PROTO.parent / path.name).read_text(), f"make generate ({path.name})"


def test_importing_the_front_loads_no_torch() -> None:
    program = "import sys, clock_train.api.front; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=PLATFORM, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
