"""The values of the chart: the only source of ``values.yaml`` and ``values.schema.json``.

A default has one home, here. Unknown names are refused, save under ``global``, which parent charts fill as they like.
Kubernetes' own structures (resources, affinities, selectors) are passed on and not described again.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from clock_train.crd.wire import wire_name

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
OptionalName = Annotated[str, StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$", max_length=253)]
"""Empty, or the name of an object."""
OptionalURL = Annotated[str, StringConstraints(pattern=r"^(https?://\S+)?$", max_length=1_024)]
Size = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$")]
Bucket = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*[a-z0-9]$", min_length=3, max_length=63)]
Free = dict[str, Any]
"""A structure of Kubernetes."""
TOP_WORDS: dict[str, Any] = {
    # a parent chart that has this one as a dependency with a condition needs the name
    "enabled": {"type": "boolean", "description": "For a parent chart's condition; read by nothing here."},
    # values of a vendored dependency are its own
    "kuberay-operator": {"type": "object", "description": "Values of KubeRay's chart, where it is vendored."},
}


class Section(BaseModel):
    """A part of the values."""

    model_config = ConfigDict(alias_generator=wire_name, extra="forbid", populate_by_name=True)


class Image(Section):
    """A container image; ``global.imageRegistry`` goes before its repository."""

    repository: str = Field(description="Name without tag.")
    tag: str = Field(default="", description="Empty takes the chart's appVersion.")
    digest: Annotated[str, StringConstraints(pattern=r"^(sha256:[0-9a-f]{64})?$")] = Field(
        default="", description="Pins the image whatever the tag says, as sha256:…"
    )
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        default="IfNotPresent", description="When nodes fetch it."
    )


class Volume(Section):
    """A PersistentVolumeClaim."""

    size: Size = Field(default="10Gi", description="Asked of the storage class; not changed after the install.")
    storage_class_name: str = Field(default="", description="Empty takes the cluster's default class.")
    existing_claim: OptionalName = Field(
        default="", description="A claim that is there already, instead of one of ours."
    )


class Placement(Section):
    """Where pods may run and what they ask for."""

    resources: Free = Field(description="Requests and limits.")
    node_selector: Free = Field(default_factory=dict, description="Labels of nodes.")
    tolerations: list[Free] = Field(default_factory=list, description="Taints that are stood.")
    affinity: Free = Field(default_factory=dict, description="Affinity of the pods.")
    priority_class_name: OptionalName = Field(default="", description="Priority of the pods.")
    pod_annotations: dict[str, str] = Field(default_factory=dict, description="Annotations of the pods.")


class CRDs(Section):
    """The three CustomResourceDefinitions."""

    enabled: bool = Field(default=True, description="Install and upgrade them with the chart.")
    keep: bool = Field(
        default=True, description="Leave them on uninstall: deleting one deletes every object of its kind."
    )


class ServiceAccount(Section):
    """Under which the operator runs."""

    create: bool = Field(default=True, description="Make it.")
    name: OptionalName = Field(default="", description="Empty takes the release's name.")
    annotations: dict[str, str] = Field(default_factory=dict, description="Annotations of it.")


class Operator(Placement):
    """The operator."""

    image: Image = Field(default_factory=lambda: Image(repository="clocktrain-operator"), description="Its image.")
    replicas: Annotated[int, Field(ge=1, le=2)] = Field(
        default=1, description="Two share a Lease: one acts, the other takes over within 15 seconds."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Of its log.")
    deletion_deadline_seconds: Annotated[int, Field(ge=60, le=86_400)] = Field(
        default=900, description="How long the deletion of a clone waits for erasing."
    )
    cleanup_image: str = Field(default="", description="Image that erases; empty takes the trainer of the runtime.")
    cleanup_secret_name: OptionalName = Field(
        default="", description="Secret with the credential for erasing; empty takes storage.secretName."
    )
    service_account: ServiceAccount = Field(default_factory=ServiceAccount, description="Under which it runs.")
    resources: Free = Field(
        default_factory=lambda: {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        description="Requests and limits; CPU is not limited.",
    )


class Roles(Section):
    """ClusterRoles for people, to be bound by the platform's admin."""

    create: bool = Field(default=True, description="Make them.")
    aggregate: bool = Field(
        default=True, description="Let Kubernetes' own `view` read clones and `edit` and `admin` make them."
    )


class ConsentDeletion(Section):
    """Who may delete a VoiceConsent."""

    enabled: bool = Field(
        default=True, description="Only those with the verb `retire` on voiceconsents, and a namespace's own end."
    )


class NamespaceRule(Section):
    """Which namespaces may hold VoiceClones."""

    enabled: bool = Field(default=True, description="Only those with the label clocktrain.dev/voices=true.")


class Policies(Section):
    """ValidatingAdmissionPolicies."""

    consent_deletion: ConsentDeletion = Field(default_factory=ConsentDeletion, description="Deleting consents.")
    namespaces: NamespaceRule = Field(default_factory=NamespaceRule, description="Namespaces of clones.")


class BackendStore(Section):
    """Database of the bundled MLflow."""

    secret_name: OptionalName = Field(
        default="", description="Secret with the address of a database; empty is SQLite on the volume, for trying."
    )
    secret_key: str = Field(
        default="uri", description="Key in it; the value is like postgresql+pg8000://user:password@host/mlflow"
    )


class MLflowAuth(Section):
    """Sign-in of the bundled MLflow."""

    existing_secret: OptionalName = Field(
        default="",
        description="Secret with MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD and "
        "MLFLOW_FLASK_SERVER_SECRET_KEY; empty makes one with a random password, kept on upgrades.",
    )


class MLflow(Placement):
    """The tracker."""

    enabled: bool = Field(default=True, description="Run a server of ours; false uses externalURL, or none.")
    external_url: OptionalURL = Field(
        default="", description="A tracker that is there already, for the notes and runtimes."
    )
    image: Image = Field(
        default_factory=lambda: Image(repository="clocktrain-trainer"),
        description="Any image with mlflow[auth]; the trainer has it.",
    )
    backend_store: BackendStore = Field(default_factory=BackendStore, description="Its database.")
    persistence: Volume = Field(default_factory=Volume, description="Volume of SQLite and, without S3, of artefacts.")
    artifacts_destination: Annotated[str, StringConstraints(pattern=r"^(s3://[a-z0-9].*)?$")] = Field(
        default="", description="s3://bucket/prefix for artefacts; empty keeps them on the volume."
    )
    auth: MLflowAuth = Field(default_factory=MLflowAuth, description="Its sign-in.")
    allowed_hosts: list[str] = Field(
        default_factory=list,
        description="Host headers that are answered besides the service's own names, exact, with the port.",
    )
    workers: Annotated[int, Field(ge=1, le=32)] = Field(default=2, description="Processes that answer.")
    resources: Free = Field(
        default_factory=lambda: {"requests": {"cpu": "200m", "memory": "768Mi"}, "limits": {"memory": "2Gi"}},
        description="Requests and limits.",
    )


class BundledStorage(Placement):
    """One S3 server, for trying: no replicas, no backup."""

    enabled: bool = Field(default=False, description="Run it; its image must be given.")
    image: str = Field(
        default="",
        description="Image of an S3 server with its tag, such as SeaweedFS or your build of MinIO; no default.",
    )
    args: list[str] = Field(
        default_factory=lambda: ["minio", "server", "/data", "--address", ":9000"],
        description="Command that serves /data on port 9000. SeaweedFS: weed server -dir=/data -s3 -s3.port=9000",
    )
    persistence: Volume = Field(default_factory=lambda: Volume(size="50Gi"), description="Its volume.")
    existing_secret: OptionalName = Field(
        default="",
        description="Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; empty makes random ones, kept.",
    )
    resources: Free = Field(
        default_factory=lambda: {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "2Gi"}},
        description="Requests and limits.",
    )


class Storage(Section):
    """Where artefacts lie."""

    endpoint_url: OptionalURL = Field(default="", description="Your S3 endpoint.")
    bucket: Bucket = Field(default="clocktrain", description="Bucket of all artefacts.")
    secret_name: OptionalName = Field(
        default="",
        description="Secret in the release's namespace with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: the "
        "platform's own credential. Without it, deleting a clone erases nothing.",
    )
    bundled: BundledStorage = Field(default_factory=BundledStorage, description="A server of ours, for trying.")


class KubeRay(Section):
    """KubeRay's operator, which runs the Ray clusters: bring your own."""

    namespace: Name = Field(default="kuberay", description="Where its operator runs; only it may reach Ray's job port.")
    bundled: bool = Field(
        default=False, description="Install it with this chart; it must be vendored first (docs/install.md)."
    )


class Later(Section):
    """Comes with the serving work; the switch renders nothing yet."""

    enabled: bool = Field(default=False, description="Renders nothing in this release, and the notes say so.")


class NetworkPolicies(Section):
    """Who may reach our own pods."""

    enabled: bool = Field(default=True, description="Make NetworkPolicies; a network that ignores them closes nothing.")
    client_namespace_selector: Free = Field(
        default_factory=lambda: {"matchLabels": {"clocktrain.dev/voices": "true"}},
        description="Namespaces whose pods may reach MLflow and the bundled S3 server.",
    )
    monitoring_namespace_selector: Free = Field(
        default_factory=dict, description="Namespaces whose pods may read metrics; empty is all."
    )


class ServiceMonitor(Section):
    """For the Prometheus operator."""

    enabled: bool = Field(default=False, description="Needs the kinds of monitoring.coreos.com.")
    interval: str = Field(default="30s", description="Between scrapes.")
    labels: dict[str, str] = Field(default_factory=dict, description="What your Prometheus selects by.")


class Rules(Section):
    """Alerts, as a PrometheusRule."""

    enabled: bool = Field(default=False, description="Needs the kinds of monitoring.coreos.com.")
    labels: dict[str, str] = Field(default_factory=dict, description="What your Prometheus selects by.")
    runbooks: str = Field(
        default="docs/operations.md", description="Page that alerts link to, with the alert's name as the anchor."
    )


class Dashboard(Section):
    """A Grafana dashboard, as a ConfigMap."""

    enabled: bool = Field(default=False, description="For Grafana's sidecar.")
    labels: dict[str, str] = Field(
        default_factory=lambda: {"grafana_dashboard": "1"}, description="What the sidecar selects by."
    )


class Monitoring(Section):
    """Prometheus and Grafana."""

    service_monitor: ServiceMonitor = Field(default_factory=ServiceMonitor, description="Scraping.")
    rules: Rules = Field(default_factory=Rules, description="Alerts.")
    dashboard: Dashboard = Field(default_factory=Dashboard, description="A dashboard.")


class Test(Section):
    """``helm test``."""

    enabled: bool = Field(default=True, description="Render its pod.")


class Values(Section):
    """Everything that an install may say."""

    global_: Free = Field(
        default_factory=dict,
        alias="global",
        description="Of a parent chart: imageRegistry and imagePullSecrets are read.",
    )
    name_override: str = Field(default="", description="Instead of the chart's name in labels.")
    fullname_override: str = Field(default="", description="Instead of the release's name in names.")
    image_pull_secrets: list[Free] = Field(default_factory=list, description="Secrets of registries, as [{name: …}].")
    crds: CRDs = Field(default_factory=CRDs, description="The kinds.")
    operator: Operator = Field(default_factory=Operator, description="The operator.")
    roles: Roles = Field(default_factory=Roles, description="Roles for people.")
    policies: Policies = Field(default_factory=Policies, description="Admission policies.")
    mlflow: MLflow = Field(default_factory=MLflow, description="The tracker.")
    storage: Storage = Field(default_factory=Storage, description="The object store.")
    kuberay: KubeRay = Field(default_factory=KubeRay, description="KubeRay.")
    gateway: Later = Field(default_factory=Later, description="The gateway; comes with the serving work.")
    triton: Later = Field(default_factory=Later, description="Triton; comes with the serving work.")
    network_policy: NetworkPolicies = Field(default_factory=NetworkPolicies, description="Who may reach our own pods.")
    monitoring: Monitoring = Field(default_factory=Monitoring, description="Prometheus and Grafana.")
    test: Test = Field(default_factory=Test, description="helm test.")
    extra_objects: list[Free] = Field(default_factory=list, description="Manifests to install as they are.")
