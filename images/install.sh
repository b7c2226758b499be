# Runs in a build stage. `dependencies`: the locked packages with their hashes into /opt/venv. `own`: ours, with an SBOM of
# the whole, into /own, whose files belong over those of /opt/venv.
set -eu
install() {
  UV_SYSTEM_CERTS=1 UV_LINK_MODE=copy /build/uv pip install --quiet --python /opt/venv/bin/python --compile-bytecode \
    --no-deps "$@"
}
case "$1" in
  dependencies)
    python3 -m venv --without-pip /opt/venv
    # the base has no compiler: what has no wheel is pure Python, or this fails
    # the lock says all of it: asking again would find what the lock overrides
    install --require-hashes -r /build/context/requirements.txt
    # what two packages test themselves with, 35 MB with its bytecode
    for site in /opt/venv/lib/python3*/site-packages; do
      rm -rf "$site/Crypto/SelfTest"
      find "$site/numpy" -type d -name tests -prune -exec rm -rf {} + 2>/dev/null || true
    done
    ;;
  own)
    install --prefix /own /build/context/*.whl
    # the base that others are fine-tuned from; only the trainer trains
    [ "$(cat /build/context/name)" = clocktrain-trainer ] || rm -rf /own/lib/python3*/site-packages/clock_train/shipped_base
    mkdir -p /own/share/clocktrain
    PYTHONPATH="$(echo /own/lib/python3*/site-packages)" \
      /opt/venv/bin/python /build/context/sbom.py "$(cat /build/context/name)" > /own/share/clocktrain/sbom.cdx.json
    ;;
esac
