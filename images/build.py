"""Builds the images without a registry, and prints how much each adds to its base.

    python images/build.py operator                       # on a Debian made by debootstrap
    python images/build.py operator trainer --base IMAGE  # on a base that buildah has by this name
    python images/build.py operator --archive out/        # and writes out/clocktrain-operator.tar

Needs root, buildah, and debootstrap unless a base is named. Versions come from uv.lock with their hashes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "images"
UV = ROOT / ".uv" / "bin" / "uv"
MIRROR = "http://deb.debian.org/debian"
SUITE = "bookworm"
# libgomp1 is torch's, procps Ray's; python3-venv makes the environment
PACKAGES = "python3,python3-venv,ca-certificates,libgomp1,procps"
BASE = "localhost/clocktrain-base:1"
EXTRAS = {
    "operator": ("operator",),
    "trainer": ("run", "judge", "track-server", "pod"),
    "gateway": ("serve", "store", "accounts", "traces"),
    "triton": ("triton", "store", "accounts", "traces"),
}
LEFT_OUT = {"operator": ("numpy",), "gateway": ("onnxruntime", "scipy")}
"""With what they alone need. Of the package's own needs, but not of this program: numpy alone is 56 MB. A test starts
it in its image."""
MOST_ADDED_MB = {"operator": 120, "gateway": 350}
"""Unpacked, above the base."""
NOT_IN_IMAGE = {name: ("torch", "ray", "mlflow") for name in ("operator", "gateway", "triton")}
BUILD_LIMIT_S = 3_600
SBOM = "/opt/venv/share/clocktrain/sbom.cdx.json"


class BuildFailed(Exception):
    """A step failed; says which and what to do."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """One image."""

    name: str
    size_mb: float
    """Of everything unpacked."""
    added_mb: float
    """Above its base."""
    seconds: float
    sbom: bytes

    @property
    def row(self) -> str:
        """A line of the table."""
        parts = len(json.loads(self.sbom)["components"])
        return f"{self.name:32} {self.size_mb:8.0f} MB {self.added_mb:+8.0f} MB {self.seconds:6.0f} s {parts:5} parts"


class Builder:
    """A folder with an image store of its own, so that nothing of this machine's is touched."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("buildah") is None:
            raise BuildFailed("buildah is not here; on Debian: apt install buildah")
        if not UV.exists():
            raise BuildFailed(f"{UV.relative_to(ROOT)} is not here; run `make dev` first")
        if os.geteuid() != 0:
            raise BuildFailed("building needs root: buildah unpacks a system's files with their owners")
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._store = ["--root", str(folder / "store"), "--runroot", str(folder / "run"), "--storage-driver", "overlay"]

    def base(self) -> str:
        """A Debian with Python, from packages; made once."""
        if self._has(BASE):
            return BASE
        if shutil.which("debootstrap") is None:
            raise BuildFailed("debootstrap is not here; apt install debootstrap, or name a base with --base")
        root = self.folder / "rootfs"
        if not (root / "debootstrap.done").exists():
            _unmount_below(root)
            shutil.rmtree(root, ignore_errors=True)
            run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root), MIRROR])
            _tidy(root)
            (root / "debootstrap.done").touch()
        archive = self.folder / "context-base" / "rootfs.tar"
        archive.parent.mkdir(exist_ok=True)
        run(["tar", "--numeric-owner", "-C", str(root), "--exclude=./debootstrap.done", "-cf", str(archive), "."])
        recipe = archive.parent / "Containerfile"
        recipe.write_text("FROM scratch\nADD rootfs.tar /\n", encoding="utf-8")
        self.buildah("bud", "--timestamp", "0", "--tag", BASE, "--file", str(recipe), str(archive.parent))
        archive.unlink()
        return BASE

    def build(self, image: str, base: str) -> Built:
        """Build one image.

        Raises:
            BuildFailed: a step failed, or the image is not what it must be.
        """
        began = time.monotonic()
        name = f"localhost/clocktrain-{image}:{_version()}"
        with tempfile.TemporaryDirectory(dir=self.folder) as context:
            cache = self._context(image, Path(context))
            decisive = [Path(context) / "context" / file for file in ("requirements.txt", "install.sh")]
            locked = hashlib.sha256(b"".join(path.read_bytes() for path in decisive)).hexdigest()
            mark = self.folder / f"{image}.locked"
            if mark.exists() and mark.read_text(encoding="utf-8") != locked:
                self._forget(name)
            words = ["bud", "--pull-never", "--layers", "--isolation", "chroot"]
            words += ["--network", "host", "--timestamp", "0"]
            # the machine's own certificates reach the build and not the image
            words += ["--volume", "/etc/ssl/certs:/etc/ssl/certs:ro", "--volume", f"{cache}:{cache}"]
            for key, value in {
                "BASE_IMAGE": base,
                "UV_CACHE_DIR": str(cache),
                "LOCKED": locked,
                "VERSION": _version(),
                "REVISION": _revision(),
            }.items():
                words += ["--build-arg", f"{key}={value}"]
            self.buildah(*words, "--tag", name, "--file", str(IMAGES / image / "Containerfile"), context)
            mark.write_text(locked, encoding="utf-8")
        built = self._measured(image, name, base, time.monotonic() - began)
        _check(image, built)
        return built

    def archive(self, image: str, folder: Path) -> Path:
        """Write an image as a file that `ctr -n k8s.io images import` and `docker load` take."""
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"clocktrain-{image}.tar"
        target.unlink(missing_ok=True)
        name = f"localhost/clocktrain-{image}:{_version()}"
        self.buildah("push", name, f"docker-archive:{target}:{name}")
        return target

    def mounted(self, name: str) -> Mounted:
        """The files of an image; a context manager."""
        return Mounted(self._store, name)

    def _context(self, image: str, folder: Path) -> Path:
        """What a Containerfile copies; returns uv's cache, so that nothing is fetched twice."""
        inside = folder / "context"
        inside.mkdir()
        shutil.copy(UV, folder / "uv")
        extras = [word for extra in EXTRAS[image] for word in ("--extra", extra)]
        extras += [word for package in LEFT_OUT.get(image, ()) for word in ("--prune", package)]
        locked = ["export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-header", *extras]
        run([str(UV), "--directory", str(ROOT), *locked, "--output-file", str(inside / "requirements.txt")])
        run([str(UV), "build", "--quiet", "--wheel", "--out-dir", str(inside), str(ROOT)])
        for file in ("install.sh", "sbom.py"):
            shutil.copy(IMAGES / file, inside / file)
        (inside / "name").write_text(f"clocktrain-{image}", encoding="utf-8")
        return Path(run([str(UV), "cache", "dir"]).strip())

    def _forget(self, name: str) -> None:
        """Leave out an image and all layers without a name: gigabytes of other packages that no build uses again."""
        self.buildah("rm", "--all")  # what a build that failed left
        if self._has(name):
            self.buildah("rmi", "--force", name)
        self.buildah("rmi", "--prune", "--force")

    def _measured(self, image: str, name: str, base: str, seconds: float) -> Built:
        with self.mounted(base) as root:
            base_mb = _megabytes(root)
        with self.mounted(name) as root:
            sbom = (root / SBOM.lstrip("/")).read_bytes()
            size_mb = _megabytes(root)
        return Built(name=name, size_mb=size_mb, added_mb=size_mb - base_mb, seconds=seconds, sbom=sbom)

    def _has(self, name: str) -> bool:
        words = ["buildah", *self._store, "inspect", "--type", "image", name]
        return subprocess.run(words, capture_output=True, timeout=BUILD_LIMIT_S, check=False).returncode == 0

    def buildah(self, *words: str) -> str:
        """What buildah prints, over this folder's store."""
        return run(["buildah", *self._store, *words])


class Mounted:
    """The files of an image while the context lasts."""

    def __init__(self, store: list[str], name: str) -> None:
        self._store, self._name = store, name

    def __enter__(self) -> Path:
        self._container = run(["buildah", *self._store, "from", "--pull-never", self._name]).strip()
        return Path(run(["buildah", *self._store, "mount", self._container]).strip())

    def __exit__(self, *_: object) -> None:
        run(["buildah", *self._store, "rm", self._container])


def run(words: list[str]) -> str:
    """What a program prints.

    Raises:
        BuildFailed: it failed; with the end of what it said.
    """
    done = subprocess.run(words, capture_output=True, text=True, timeout=BUILD_LIMIT_S, check=False)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()[-3_000:]
        raise BuildFailed(f"{' '.join(words[:1])} failed with {done.returncode}: {' '.join(words)}\n{said}")
    return done.stdout


def _unmount_below(root: Path) -> None:
    """What a debootstrap that was killed left mounted: its ``/proc`` is the machine's own."""
    for line in reversed(Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()):
        place = line.split(" ")[1].replace("\\040", " ")
        if place.startswith(f"{root.resolve()}/"):
            run(["umount", "--lazy", place])


def _tidy(root: Path) -> None:
    """Without what debootstrap took from this machine, and without the packages' archives."""
    for name in ("etc/resolv.conf", "etc/hostname"):
        (root / name).unlink(missing_ok=True)
        (root / name).touch()
    for name in ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man", "usr/share/locale"):
        # licences stay: a Debian package's are in its doc folder
        for path in (root / name).rglob("*"):
            if path.is_file() and not path.is_symlink() and path.name != "copyright":
                path.unlink()


def _megabytes(root: Path) -> float:
    return int(run(["du", "--summarize", "--block-size=1", str(root)]).split()[0]) / 1e6


def _version() -> str:
    text = (ROOT / "platform" / "clock_train" / "__init__.py").read_text(encoding="utf-8")
    return text.partition('__version__ = "')[2].partition('"')[0]


def _revision() -> str:
    found = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=60, check=False
    )
    return found.stdout.strip() or "unknown"


def _check(image: str, built: Built) -> None:
    names = {component["name"] for component in json.loads(built.sbom)["components"]}
    heavy = sorted(names & set(NOT_IN_IMAGE.get(image, ())))
    if heavy:
        raise BuildFailed(f"{built.name} has {', '.join(heavy)}; look at the extra of pyproject.toml that brings it")
    most = MOST_ADDED_MB.get(image)
    if most is not None and built.added_mb >= most:
        raise BuildFailed(f"{built.name} adds {built.added_mb:.0f} MB to its base and may add {most} MB")


def main() -> int:
    """Build what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="+", choices=sorted(EXTRAS), metavar="|".join(sorted(EXTRAS)))
    parser.add_argument("--base", help="image to build on; by default a Debian made here")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "images", help="where images are kept")
    parser.add_argument("--archive", type=Path, help="folder for an archive of each image")
    asked = parser.parse_args()
    try:
        builder = Builder(asked.folder)
        base = asked.base or builder.base()
        print(f"{'image':32} {'unpacked':>11} {'above base':>11}")
        for image in asked.images:
            built = builder.build(image, base)
            (asked.folder / f"clocktrain-{image}.cdx.json").write_bytes(built.sbom)
            print(built.row, flush=True)
            if asked.archive is not None:
                print(builder.archive(image, asked.archive))
    except BuildFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
