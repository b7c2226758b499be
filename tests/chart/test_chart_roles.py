"""Who may do what, by the API server's own answers; and what the policies refuse, with words that help."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from chart_release import Release

from harness.api import Api, ApiError
from harness.waiting import eventually

pytestmark = [pytest.mark.ring3, pytest.mark.timeout(300)]

GROUP = "/apis/clocktrain.dev/v1alpha1"
CONSENT = {
    "apiVersion": "clocktrain.dev/v1alpha1",
    "kind": "VoiceConsent",
    "spec": {
        "speaker": "anna",
        "purposes": ["narration"],
        "territories": ["DE"],
        "expirationTime": "2035-01-01T00:00:00Z",
        "statement": {"recordingURI": "s3://clocktrain/voices/consents/anna/statement.wav", "sha256": "0" * 64},
    },
}
CLONE = {
    "apiVersion": "clocktrain.dev/v1alpha1",
    "kind": "VoiceClone",
    "spec": {"speakers": [{"name": "anna", "corpus": {"uri": "s3://clocktrain/voices/corpora/a"}}], "preset": "Demo"},
}
READ, WRITE = ("get", "list", "watch"), ("create", "update", "patch", "delete")
MAY = {
    "clocktrain-viewer": {"voiceclones": READ, "voiceconsents": READ, "voicetrainingruntimes": READ},
    "clocktrain-voice-maker": {"voiceclones": READ + WRITE, "voiceconsents": READ, "voicetrainingruntimes": READ},
    "clocktrain-compliance-officer": {
        "voiceclones": READ,
        "voiceconsents": (*READ, *WRITE, "retire"),
        "voicetrainingruntimes": READ,
    },
    "clocktrain-platform-admin": {
        "voiceclones": READ,
        "voiceconsents": READ,
        "voicetrainingruntimes": READ + WRITE,
    },
    # Kubernetes' own, by aggregation
    "view": {"voiceclones": READ, "voiceconsents": READ, "voicetrainingruntimes": READ},
    "edit": {"voiceclones": READ + WRITE, "voiceconsents": READ, "voicetrainingruntimes": READ},
    "admin": {"voiceclones": READ + WRITE, "voiceconsents": READ, "voicetrainingruntimes": READ},
}


def let_in(release: Release, role: str, namespace: str | None) -> Api:
    """A user with this role, in a namespace or everywhere."""
    user = f"{role}-{secrets.token_hex(3)}"
    kind, where = ("RoleBinding", {"namespace": namespace}) if namespace else ("ClusterRoleBinding", {})
    release.plane.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": user, **where},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        }
    )
    return release.plane.api_as(user)


def may(user: Api, verb: str, resource: str, namespace: str) -> bool:
    """As ``kubectl auth can-i`` asks it."""
    group, _, plural = resource.rpartition("/")
    attributes = {
        "group": group or "clocktrain.dev",
        "resource": plural,
        "verb": verb,
        "namespace": "" if plural == "voicetrainingruntimes" else namespace,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = user.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return answer["status"]["allowed"]


def named(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    return {**manifest, "metadata": {"name": name}}


@pytest.mark.parametrize("role", MAY)
def test_a_role_may_what_it_says_and_nothing_else(release: Release, voices: str, role: str) -> None:
    user = let_in(release, role, None)
    eventually(lambda: may(user, "get", "voiceclones", voices), timeout_s=30, what=f"{role} in force")
    for resource, verbs in MAY[role].items():
        allowed = {verb for verb in (*READ, *WRITE, "retire") if may(user, verb, resource, voices)}
        assert allowed == set(verbs), resource
    assert not may(user, "patch", "clocktrain.dev/voiceclones/status", voices)


def test_a_role_in_one_namespace_ends_at_its_edge(release: Release, voices: str) -> None:
    user = let_in(release, "clocktrain-voice-maker", voices)
    eventually(lambda: may(user, "create", "voiceclones", voices), timeout_s=30, what="the role in force")
    assert not may(user, "get", "voiceclones", "clocktrain")
    user.create(f"{GROUP}/namespaces/{voices}/voiceclones", named(CLONE, "mine"))
    with pytest.raises(ApiError, match="403 Forbidden"):
        user.create(f"{GROUP}/namespaces/clocktrain/voiceclones", named(CLONE, "not-mine"))


def test_who_makes_voices_makes_no_consents(release: Release, voices: str) -> None:
    maker = let_in(release, "clocktrain-voice-maker", voices)
    eventually(lambda: may(maker, "create", "voiceclones", voices), timeout_s=30, what="the role in force")
    with pytest.raises(ApiError, match=r"cannot create resource \"voiceconsents\""):
        maker.create(f"{GROUP}/namespaces/{voices}/voiceconsents", named(CONSENT, "forged"))


def test_kubectl_says_the_same(release: Release, voices: str) -> None:
    kubeconfig = release.plane.kubeconfig("nobody-at-all")
    words = ("auth", "can-i", "delete", "voiceconsents.clocktrain.dev", "--namespace", voices)
    assert release.plane.kubectl(*words, check=False, kubeconfig=kubeconfig).splitlines()[0] == "no"
    assert release.plane.kubectl(*words).strip() == "yes"


@pytest.fixture
def star(release: Release, voices: str) -> Api:
    """A user with every ordinary verb on our group, as a careless role gives it."""
    rules = [{"apiGroups": ["clocktrain.dev"], "resources": ["*"], "verbs": [*READ, *WRITE, "deletecollection"]}]
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "careless"},
        "rules": rules,
    }
    release.plane.apply(role)
    user = let_in(release, "careless", voices)
    eventually(lambda: may(user, "delete", "voiceconsents", voices), timeout_s=30, what="the role in force")
    return user


def test_a_consent_is_deleted_by_a_compliance_officer_only(release: Release, voices: str, star: Api) -> None:
    path = f"{GROUP}/namespaces/{voices}/voiceconsents"
    star.create(path, named(CONSENT, "anna"))
    for request in (f"{path}/anna", path):
        with pytest.raises(ApiError, match="compliance officer only") as refused:
            star.delete(request)
        assert '"anna"' in str(refused.value)
        assert "set spec.revoked to true" in str(refused.value)
    star.merge(f"{path}/anna", {"spec": {"revoked": True}})
    officer = let_in(release, "clocktrain-compliance-officer", voices)
    eventually(lambda: may(officer, "retire", "voiceconsents", voices), timeout_s=30, what="the role in force")
    officer.delete(f"{path}/anna")
    with pytest.raises(ApiError, match="404"):
        officer.get(f"{path}/anna")


def test_a_namespace_that_ends_takes_its_consents_along(release: Release, voices: str) -> None:
    release.plane.api.create(f"{GROUP}/namespaces/{voices}/voiceconsents", named(CONSENT, "anna"))
    release.plane.api.delete(f"/api/v1/namespaces/{voices}")

    def is_gone() -> bool:
        try:
            release.get(f"/api/v1/namespaces/{voices}")
        except ApiError as error:
            return error.status == 404
        return False

    eventually(is_gone, timeout_s=90, what="the namespace gone")


def test_clones_belong_into_namespaces_that_are_ready(release: Release, namespace_without_label: str) -> None:
    path = f"{GROUP}/namespaces/{namespace_without_label}/voiceclones"
    with pytest.raises(ApiError, match="is not ready for voices") as refused:
        release.plane.api.create(path, named(CLONE, "anna"))
    command = f"kubectl label namespace {namespace_without_label} clocktrain.dev/voices=true"
    assert command in " ".join(str(refused.value).split())
    release.plane.kubectl(*command.split()[1:])
    eventually(lambda: takes(release, path), timeout_s=30, what="the label seen")
    release.plane.kubectl("label", "namespace", namespace_without_label, "clocktrain.dev/voices-")
    eventually(lambda: not takes(release, path), timeout_s=30, what="the label gone")
    clones = release.get(path)["items"]
    assert clones, "what was made stays, and can be changed and deleted"
    name = clones[0]["metadata"]["name"]
    release.plane.api.merge(f"{path}/{name}", {"spec": {"suspend": True}})
    release.plane.api.delete(f"{path}/{name}")


def test_the_policies_can_be_switched_off(release: Release, namespace_without_label: str) -> None:
    off = {"policies": {"namespaces": {"enabled": False}, "consentDeletion": {"enabled": False}}}
    path = f"{GROUP}/namespaces/{namespace_without_label}/voiceclones"
    try:
        release.upgrade(off)
        eventually(lambda: takes(release, path), timeout_s=60, what="the policy gone")
    finally:
        release.upgrade()
    eventually(lambda: not takes(release, path), timeout_s=60, what="the policy back")


@pytest.fixture
def namespace_without_label(release: Release) -> str:
    return release.plane.new_namespace(f"plain-{secrets.token_hex(3)}")


def takes(release: Release, path: str) -> bool:
    try:
        release.plane.api.create(path, named(CLONE, f"clone-{secrets.token_hex(3)}"))
    except ApiError as error:
        assert error.status == 403, error
        return False
    return True
