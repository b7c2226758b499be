# Runs in the build stage: the locked packages with their hashes, then ours, then what is in it as an SBOM.
set -eu
python3 -m venv --without-pip /opt/venv
install() {
  UV_SYSTEM_CERTS=1 UV_LINK_MODE=copy uv pip install --quiet --python /opt/venv/bin/python --compile-bytecode "$@"
}
# the base has no compiler: what has no wheel is pure Python, or this fails
# the lock says all of it: asking again would find what the lock overrides
install --no-deps --require-hashes -r /context/requirements.txt
install --no-deps /context/*.whl
mkdir -p /opt/venv/share/clocktrain
/opt/venv/bin/python /context/sbom.py "$(cat /context/name)" > /opt/venv/share/clocktrain/sbom.cdx.json
