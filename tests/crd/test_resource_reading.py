"""Resources are read as DESIGN writes them, and every other file is refused with field, value and a way out."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from clock_train.crd.reading import _model_of, read_manifest, read_manifests
from clock_train.crd.v1alpha1 import KINDS, VoiceClone
from clock_train.crd.version import version_digest
from clock_train.errors import ClockTrainError, ManifestInvalid, ManifestUnreadable

CLONE = """\
apiVersion: clocktrain.dev/v1alpha1
kind: VoiceClone
metadata: {name: anna, namespace: voices, labels: {team: a}}
spec:
  runtimeRef: {name: standard}
  speakers:
  - {name: anna, corpus: {uri: s3://clocktrain/voices/corpora/anna, revision: 3f2a}, consentRef: {name: anna-2026}}
  base: {cloneRef: {name: base-zh-en}}
  preset: Professional
  training: {seed: 1, epochs: 500, batchSize: 32, learningRate: "1e-4", checkpointEveryEpochs: 10,
             augmentation: {noiseSNRDecibels: {min: 15, max: 25}, speedPercent: 20}}
  compute: {acceleratorClassName: nvidia-t4, workers: 2, minWorkers: 1}
  budget: {maxAcceleratorHours: 8, maxCost: "50", activeDeadlineSeconds: 43200, pendingDeadlineSeconds: 3600}
  distillation: {policy: Always}
  gate: {minSpeakerSimilarity: "0.80", maxErrorRateAboveNatural: "0.05"}
  serving: {policy: IfGatePasses, championVersion: 0, canaryPercent: 0}
  suspend: false
  deletionPolicy: Retain
"""
RUNTIME = """\
apiVersion: clocktrain.dev/v1alpha1
kind: VoiceTrainingRuntime
metadata: {name: standard}
spec:
  images: {trainer: clock-train/trainer:0.1.0}
  acceleratorClasses:
  - name: nvidia-t4
    nodeSelector: {accelerator: t4}
    tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]
    resources: {cpu: "4", memory: 16Gi, acceleratorResourceName: nvidia.com/gpu}
    pricePerHour: "0.60"
  currency: EUR
  storage: {endpointURL: "https://storage.example.org", bucket: clocktrain, secretName: storage}
  tracking: {url: "https://tracking.example.org"}
  queueName: voices
  podSecurity: {runAsUser: 10001, fsGroup: 10001}
"""
CONSENT = """\
apiVersion: clocktrain.dev/v1alpha1
kind: VoiceConsent
metadata: {name: anna-2026, namespace: voices}
spec:
  speaker: anna
  purposes: [telephony]
  territories: [DE, worldwide]
  expirationTime: 2028-01-01T00:00:00Z
  statement: {recordingURI: s3://clocktrain/voices/consents/anna.flac, sha256: SHA}
""".replace("SHA", "ab" * 32)


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "voiceclone.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def changed(keys: str, value: object, text: str = CLONE) -> str:
    """The document with one field set, or added; None takes it away."""
    document = yaml.safe_load(text)
    *parents, last = [int(key) if key.isdigit() else key for key in keys.split("/")]
    inner: Any = document
    for key in parents:
        inner = inner[key]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return yaml.safe_dump(document)


def test_a_clone_with_every_field_is_read_and_written_back_the_same(tmp_path: Path) -> None:
    clone = read_manifest(written(tmp_path, CLONE))
    wire = clone.model_dump(by_alias=True, exclude_none=True)
    expected = yaml.safe_load(CLONE)
    del expected["metadata"]["labels"]
    assert wire == expected


def test_several_documents_lie_in_one_file(tmp_path: Path) -> None:
    found = read_manifests(written(tmp_path, f"---\n{CLONE}---\n{RUNTIME}---\n{CONSENT}---\n"))
    assert [len(found.clones), len(found.runtimes), len(found.consents)] == [1, 1, 1]
    runtime = found.runtime_of(found.clones[0])
    assert runtime is not None and runtime.spec.accelerator_classes[0].price_per_hour == "0.60"
    assert found.consents[0].spec.expiration_time == "2028-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("keys", "value", "says"),
    [
        ("spec/trainig", {}, "there is no field spec.trainig; did you mean training?"),
        ("spec/training/batchsize", 8, "there is no field spec.training.batchsize; did you mean batchSize?"),
        ("spec/training/batch_size", 8, "there is no field spec.training.batch_size; did you mean batchSize?"),
        ("spec/speakers/0/corpus/url", "x", "there is no field spec.speakers[0].corpus.url; did you mean uri?"),
        ("spec/gate/xyz", 8, "there is no field spec.gate.xyz; spec.gate has minSpeakerSimilarity"),
        ("spec/speakers/0/corpus/uri", "s3://", "spec.speakers[0].corpus.uri is 's3://'; must be written as"),
        ("spec/speakers/0/corpus/uri", "", "spec.speakers[0].corpus.uri is ''"),
        ("spec/speakers", [], "spec.speakers is []; must be"),
        ("spec/speakers/0/name", "Anna", "spec.speakers[0].name is 'Anna'; must be written as"),
        ("spec/preset", None, "spec.preset must be given: Experiment whose values"),
        ("spec/preset", "demo", "spec.preset is 'demo'; must be 'Demo', 'Base', 'Basic', 'Professional' or 'Pretrain'"),
        ("spec/base/bundleURI", "s3://clocktrain/b/1", "spec.base must have exactly one of `cloneRef` and `bundleURI`"),
        ("spec/base", {}, "spec.base must have exactly one"),
        ("spec/training/learningRate", 1e-4, 'must be a text: write it in quotes, "0.0001"'),
        ("spec/training/learningRate", "2", "spec.training.learningRate is '2'; must be written as"),
        (
            "spec/training/batchSize",
            0,
            "spec.training.batchSize is 0; must be greater than or equal to 1: Clips a step",
        ),
        ("spec/training/batchSize", "8", "spec.training.batchSize is '8'; must be a valid integer"),
        ("spec/training/batchSize", True, "spec.training.batchSize is True; must be a valid integer"),
        ("spec/training/augmentation/noiseSNRDecibels/min", 30, "must have a `min` that is not above `max`"),
        ("spec/compute/minWorkers", 3, "spec.compute must have `minWorkers` that is not above `workers`"),
        ("spec/budget/maxCost", 50, 'spec.budget.maxCost is 50; must be a text: write it in quotes, "50"'),
        ("spec/budget/maxCost", "-1", "spec.budget.maxCost is '-1'; must be written as"),
        ("spec/gate/minSpeakerSimilarity", "1.5", "spec.gate.minSpeakerSimilarity is '1.5'"),
        ("spec/serving/policy", "Sometimes", "must be 'Always', 'Never' or 'IfGatePasses'"),
        ("spec/suspend", "yes", "spec.suspend is 'yes'; must be a valid boolean"),
        ("spec/gate", 8, "spec.gate is 8; must be a group of fields: minSpeakerSimilarity, maxErrorRateAboveNatural"),
        ("spec/budget/maxAcceleratorHours", 10**30, "must be less than or equal to 100000"),
        ("metadata/name", "a" * 41, "metadata.name is 'aaa"),
        ("apiVersion", "clocktrain.dev/v1", "apiVersion is 'clocktrain.dev/v1'; give clocktrain.dev/v1alpha1"),
        ("kind", "VoiceClones", "kind is 'VoiceClones'; give one of VoiceClone"),
        ("kind", ["VoiceClone"], "kind is ['VoiceClone']; give one of"),
    ],
)
def test_a_wrong_field_is_named_with_its_value_and_a_way_out(
    keys: str, value: object, says: str, tmp_path: Path
) -> None:
    path = written(tmp_path, changed(keys, value))
    with pytest.raises(ManifestInvalid) as refused:
        read_manifest(path)
    assert says in str(refused.value)
    assert f'"{path}", document 1' in str(refused.value)


def test_two_speakers_of_one_name_are_refused(tmp_path: Path) -> None:
    speaker = yaml.safe_load(CLONE)["spec"]["speakers"][0]
    with pytest.raises(ManifestInvalid, match=r"must have `speakers` of different names; anna comes twice"):
        read_manifest(written(tmp_path, changed("spec/speakers", [speaker, copy.deepcopy(speaker)])))


@pytest.mark.parametrize(
    ("keys", "value", "text", "says"),
    [
        ("spec/currency", None, RUNTIME, "must have a `currency` when a class has a `pricePerHour`"),
        ("spec/currency", "euro", RUNTIME, "spec.currency is 'euro'"),
        ("spec/storage/secret", "x", RUNTIME, "there is no field spec.storage.secret; did you mean secretName?"),
        ("spec/podSecurity/runAsUser", 0, RUNTIME, "spec.podSecurity.runAsUser is 0"),
        ("spec/statement/sha256", "12", CONSENT, "spec.statement.sha256 is '12'"),
        ("spec/territories", ["Germany"], CONSENT, "spec.territories[0] is 'Germany'"),
        ("spec/expirationTime", "tomorrow", CONSENT, "spec.expirationTime is 'tomorrow'"),
    ],
)
def test_runtime_and_consent_are_held_to_their_rules(
    keys: str, value: object, text: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(ManifestInvalid) as refused:
        read_manifests(written(tmp_path, changed(keys, value, text)))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "line"),
        ("a: 1\na: 2\n", "line 2: the key 'a' twice"),
        ("a: &x 1\nb: *x\n", "line 2: an alias (*name) is not taken"),
        ("a: !!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
        ("1: 2\n", "a key that is no text"),
        ("[" * 60, "nested deeper than 40"),
        (b"a: \xff\n", "is not UTF-8 at byte 3"),
        ("x" * 1_048_577, "is larger than 1048576 bytes"),
        ("--- 1\n" * 101, "has more than 100 documents"),
        ("a: !!int ''\n", "has a value that is not plain YAML"),
        ("a: " + "9" * 5_000, "has a value that is not plain YAML"),
        ("a: \x00", "special characters are not allowed"),
    ],
    ids=["broken", "twice", "alias", "tag", "key", "deep", "bytes", "large", "many", "int", "digits", "nul"],
)
def test_what_is_no_plain_yaml_is_refused(text: str | bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestUnreadable) as refused:
        read_manifest(written(tmp_path, text))
    assert says in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestUnreadable, match="No such file"):
        read_manifest(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no resource"),
        ("8", "is no resource"),
        (RUNTIME, "must have exactly one VoiceClone; it has none"),
        (f"{CLONE}---\n{CLONE}", "has the VoiceClone anna twice"),
        (f"{CLONE}---\n{CLONE.replace('name: anna, namespace', 'name: ben, namespace')}", "it has anna, ben"),
    ],
)
def test_a_file_needs_exactly_one_clone(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ClockTrainError) as refused:
        read_manifest(written(tmp_path, text))
    assert says in str(refused.value)


def test_the_version_follows_what_is_trained_and_nothing_else(tmp_path: Path) -> None:
    def digest(text: str) -> str:
        return version_digest(read_manifest(written(tmp_path, text)).spec)

    same = digest(CLONE)
    assert same == digest("# a comment\n" + yaml.safe_dump(yaml.safe_load(CLONE)))
    for keys, value in (
        ("spec/suspend", True),
        ("spec/compute/workers", 4),
        ("spec/budget/maxCost", "60"),
        ("spec/gate", None),
        ("spec/serving", None),
        ("spec/deletionPolicy", "Delete"),
    ):
        assert digest(changed(keys, value)) == same, keys
    for keys, value in (
        ("spec/speakers/0/corpus/revision", "4"),
        ("spec/base", None),
        ("spec/preset", "Basic"),
        ("spec/training/seed", 2),
        ("spec/distillation/policy", "Never"),
    ):
        assert digest(changed(keys, value)) != same, keys


def test_an_empty_part_is_no_other_version(tmp_path: Path) -> None:
    without = read_manifest(written(tmp_path, changed("spec/training", None)))
    empty = read_manifest(written(tmp_path, changed("spec/training", {})))
    assert version_digest(without.spec) == version_digest(empty.spec)


def models(kind: type[BaseModel]) -> set[type[BaseModel]]:
    found = {kind}
    for field in kind.model_fields.values():
        inner = _model_of(field.annotation)
        if inner is not None:
            found |= models(inner)
    return found


def test_every_field_has_a_description_and_a_bound() -> None:
    for kind in KINDS.values():
        for model in models(kind):
            for name, info in model.model_fields.items():
                assert info.description, f"{model.__name__}.{name} has no description"
            schema = model.model_json_schema(by_alias=True)["properties"]
            for name, field in schema.items():
                assert not unbounded(field), f"{model.__name__}.{name} has no bound: {field}"
                assert "_" not in name


def unbounded(field: dict[str, Any]) -> bool:
    if "anyOf" in field:
        return any(unbounded(one) for one in field["anyOf"])
    if "$ref" in field or "enum" in field or "const" in field:
        return False
    match field.get("type"):
        case "string":
            return "maxLength" not in field and "pattern" not in field
        case "integer":
            return "minimum" not in field
        case "array":
            return "maxItems" not in field
        case "object":
            return "maxProperties" not in field
    return False


def test_the_documented_conditions_are_taken_in_a_status() -> None:
    status = {
        "conditions": [
            {
                "type": "Ready",
                "status": "Unknown",
                "reason": "Waiting",
                "message": "",
                "observedGeneration": 1,
                "lastTransitionTime": "2026-11-24T10:00:00Z",
            }
        ],
        "stage": "Finetune",
        "progress": {"step": 1, "totalSteps": 2, "percent": 50, "etaSeconds": 3},
        "voice": {"version": 1, "bundleURI": "s3://clocktrain/voices/bundles/ab", "digest": "ab" * 32},
        "cost": {"acceleratorSeconds": 10, "amount": "1.20", "currency": "EUR"},
    }
    clone = VoiceClone.model_validate({**yaml.safe_load(CLONE), "status": status})
    assert clone.model_dump(by_alias=True, exclude_none=True)["status"] == {
        **status,
        "attempts": [],
        "metrics": [],
        "versions": [],
        "consents": [],
        "erasures": [],
    }
