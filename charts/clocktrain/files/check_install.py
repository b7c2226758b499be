"""What ``helm test`` asks: are the kinds served, do rules and policies refuse, do operator and tracker answer?

It creates nothing: every write is a dry run. Each line is one answer; the exit code is 1 where one is wrong.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_global_resource, create_namespaced_resource

GROUP, VERSION = "clocktrain.dev", "v1alpha1"
Clone: Any = create_namespaced_resource(GROUP, VERSION, "VoiceClone", "voiceclones")
Consent: Any = create_namespaced_resource(GROUP, VERSION, "VoiceConsent", "voiceconsents")
Runtime: Any = create_global_resource(GROUP, VERSION, "VoiceTrainingRuntime", "voicetrainingruntimes")
REQUEST_LIMIT_S = 15

client: Any = Client(config=KubeConfig.from_env(), field_manager="clocktrain-test")
namespace = os.environ["POD_NAMESPACE"]
speaker = {"name": "anna", "corpus": {"uri": "s3://clocktrain/voices/corpora/anna"}, "consentRef": {"name": "anna"}}
good = {"runtimeRef": {"name": "standard"}, "speakers": [speaker], "preset": "Basic"}


def refusal(spec: dict) -> str:
    """Why a clone of this spec is refused; empty where it is not."""
    manifest = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "VoiceClone",
        "metadata": {"name": "helm-test", "namespace": namespace},
        "spec": spec,
    }
    try:
        client.create(Clone(manifest), dry_run=True)
    except ApiError as error:
        return str(error.status.message)
    return ""


def kinds_are_served() -> str:
    """The three kinds answer to a list."""
    for kind in (Clone, Consent):
        next(iter(client.list(kind, namespace=namespace)), None)
    next(iter(client.list(Runtime)), None)
    return "VoiceClone, VoiceConsent and VoiceTrainingRuntime are served"


def rules_refuse() -> str:
    """A base of two kinds at once is against a rule in CEL."""
    both = {"cloneRef": {"name": "base"}, "bundleURI": "s3://clocktrain/voices/bundles/base"}
    said = refusal({**good, "base": both})
    assert "exactly one of" in said, f"a clone with two bases was not refused: {said or 'it was taken'}"
    return "a clone with two bases is refused"


def namespaces_are_held_apart() -> str:
    """This namespace has no label, so that a good clone is refused, where the policy is on."""
    said = refusal(good)
    if os.environ.get("NAMESPACE_POLICY") != "true":
        assert not said, f"a good clone was refused: {said}"
        return "a good clone is taken"
    assert "is not ready for voices" in said or not said, f"refused for another reason: {said}"
    return "this namespace is labelled: a good clone is taken" if not said else "a namespace without label is refused"


def operator_answers() -> str:
    """Its probe says that it is ready."""
    with urllib.request.urlopen(os.environ["OPERATOR_URL"] + "/readyz", timeout=REQUEST_LIMIT_S) as answer:
        assert answer.status == 200, f"the operator answers {answer.status}"
    return "the operator is ready"


def tracker_asks_who_it_is() -> str:
    """Nobody reads runs without signing in."""
    url = os.environ["MLFLOW_URL"] + "/api/2.0/mlflow/experiments/search"
    body = json.dumps({"max_results": 1}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=REQUEST_LIMIT_S) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    assert status == 401, f"the tracker answers {status} to somebody who did not sign in, and should answer 401"
    return "the tracker asks for a name and password"


def main() -> int:
    """Ask everything, whatever the answers are."""
    checks: list[Callable[[], str]] = [kinds_are_served, rules_refuse, namespaces_are_held_apart]
    if os.environ.get("OPERATOR_URL"):
        checks.append(operator_answers)
    if os.environ.get("MLFLOW_URL"):
        checks.append(tracker_asks_who_it_is)
    failures = 0
    for check in checks:
        try:
            print(f"ok    {check()}", flush=True)
        except Exception as error:
            failures += 1
            print(f"wrong {error}", flush=True)
    return 1 if failures else 0


sys.exit(main())
