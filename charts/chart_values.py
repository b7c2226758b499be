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
ObjectName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]
Tenant = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
Replicas = Annotated[int, Field(ge=1, le=32)]
OptionalBucket = Annotated[str, Field(pattern=r"^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$")]
OptionalURL = Annotated[str, StringConstraints(pattern=r"^(https?://\S+)?$", max_length=1_024)]
Size = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$")]
Bucket = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*[a-z0-9]$", min_length=3, max_length=63)]
Free = dict[str, Any]
"""A structure of Kubernetes."""
TARGET_CPU = "targetCPUUtilizationPercentage"
"""As charts write it."""
TOP_WORDS: dict[str, Any] = {
    # a parent chart that has this one as a dependency with a condition needs the name
    "enabled": {"type": "boolean", "description": "For a parent chart's condition; read by nothing here."},
    # values of a vendored dependency are its own
    "kuberay-operator": {"type": "object", "description": "Values of KubeRay's chart, where it is vendored."},
}


def _resources(cpu: str, *, memory: tuple[str, str], disk: tuple[str, str]) -> Free:
    """Of a container. The disk is its own and its temporary files', not its volumes'."""
    return {
        "requests": {"cpu": cpu, "memory": memory[0], "ephemeral-storage": disk[0]},
        "limits": {"memory": memory[1], "ephemeral-storage": disk[1]},
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
        default_factory=lambda: _resources("100m", memory=("128Mi", "512Mi"), disk=("64Mi", "512Mi")),
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
        default_factory=lambda: _resources("200m", memory=("768Mi", "2Gi"), disk=("256Mi", "8Gi")),
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
        default_factory=lambda: _resources("100m", memory=("256Mi", "2Gi"), disk=("64Mi", "2Gi")),
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


class OneKept(Section):
    """A PodDisruptionBudget of a single pod."""

    enabled: bool = Field(
        default=False, description="Refuse them: a node is drained only after you have deleted the pod yourself."
    )


class Triton(Placement):
    """Triton with voices and, where there is no gateway, the two doors before it."""

    enabled: bool = Field(default=False, description="Serve voices by HTTP and gRPC inside the cluster.")
    image: Image = Field(default_factory=lambda: Image(repository="clocktrain-triton"), description="Its image.")
    voices: list[Annotated[str, StringConstraints(pattern=r"^s3://[a-z0-9][^\s/]*/\S+$")]] = Field(
        default_factory=list,
        description="Bundles in the store besides those of clones with spec.serving, which need no line here; "
        "read when the pod starts.",
    )
    resident: Annotated[int, Field(ge=1, le=256)] = Field(
        default=8,
        description="Voices in memory at once; the one unused longest goes for a new one. With a gateway, all stay.",
    )
    secret_name: OptionalName = Field(
        default="", description="Secret with a credential that reads the bundles; empty takes storage.secretName."
    )
    keys_secret_name: OptionalName = Field(
        default="",
        description="Secret with signing.key, watermark-key.json and, where others sign too, trusted-keys; empty makes "
        "keys on the volume, which no clone's bundle is signed with.",
    )
    persistence: Volume = Field(
        default_factory=lambda: Volume(size="2Gi"), description="Volume of the signed log of what was spoken."
    )
    shared_memory: Size = Field(default="256Mi", description="Of /dev/shm; it counts as the container's memory.")
    disruption_budget: OneKept = Field(default_factory=OneKept, description="Evictions of its one pod.")
    resources: Free = Field(
        default_factory=lambda: _resources("500m", memory=("768Mi", "3Gi"), disk=("512Mi", "8Gi")),
        description="Requests and limits; about 100 MB a resident voice.",
    )


class Accounts(Section):
    """Where keys, quotas and usage are kept."""

    url: Annotated[str, StringConstraints(pattern=r"^(postgres(ql)?://[^\s:@/]+@[^\s@]+)?$", max_length=1_024)] = Field(
        default="",
        description="postgresql://user@host:5432/database, without the password, with ?sslmode=… where it is not "
        "verify-full; empty is SQLite on the volume.",
    )
    existing_secret: OptionalName = Field(
        default="",
        description="Secret with PGPASSWORD, which url needs; it is mounted at /etc/clocktrain-accounts, for "
        "sslrootcert=/etc/clocktrain-accounts/ca.crt.",
    )


class DoorTLS(Section):
    """How the doors are spoken to; one of the two is needed."""

    secret_name: OptionalName = Field(
        default="", description="Secret with tls.crt and tls.key; read anew when it changes."
    )
    plaintext: bool = Field(
        default=False, description="Answer without TLS: an ingress or a mesh before the doors speaks it."
    )


class Autoscaling(Section):
    """A HorizontalPodAutoscaler."""

    enabled: bool = Field(
        default=False, description="Let the load decide how many there are; needs metrics-server and accounts.url."
    )
    min_replicas: Replicas = Field(default=2, description="At least.")
    max_replicas: Replicas = Field(default=6, description="At most; each has up to 4 connections to the database.")
    target_cpu_utilization_percentage: Annotated[int, Field(ge=10, le=95)] = Field(
        default=70, description="Of the CPU that is requested, on average over the pods.", alias=TARGET_CPU
    )


class Listening(Section):
    """Blind listening tests as pages of the doors."""

    enabled: bool = Field(default=False, description="Show the tests that are on their volume, at /listen/…")
    persistence: Volume = Field(
        default_factory=lambda: Volume(size="2Gi"),
        description="Volume of tests and votes; for several gateways a claim that many nodes mount, with locks.",
    )
    tracking_secret_name: OptionalName = Field(
        default="",
        description="Secret with MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, by which votes are sent to "
        "MLflow; empty keeps them on the volume.",
    )


class Gateway(Placement):
    """The two doors in pods of their own; Triton then answers them alone."""

    enabled: bool = Field(
        default=False, description="Put the doors before Triton into a pod of their own; needs triton.enabled."
    )
    image: Image = Field(default_factory=lambda: Image(repository="clocktrain-gateway"), description="Its image.")
    replicas: Replicas = Field(
        default=1, description="More than one share what is in the database of accounts.url, and have no volume."
    )
    autoscaling: Autoscaling = Field(default_factory=Autoscaling, description="How many, by load.")
    topology_spread_constraints: list[Free] = Field(
        default_factory=list, description="Of several; empty spreads them over nodes where it can."
    )
    persistence: Volume = Field(
        default_factory=lambda: Volume(size="2Gi"),
        description="Volume of the signed log of what was spoken; of a single gateway.",
    )
    lexicons: dict[Tenant, ObjectName] = Field(
        default_factory=dict,
        description="ConfigMap of each tenant's pronunciation lexicons, with keys NAME.json or NAME.pls. Like the rest "
        "of the doors, also without a gateway.",
        json_schema_extra={"additionalProperties": False},
    )
    text_policy: OptionalName = Field(
        default="",
        description="ConfigMap with a key policy.yaml: what voices may not be asked to say. No pod starts without it "
        "once it is named; one that is changed counts when pods start again.",
    )
    traces: OptionalURL = Field(
        default="", description="Collector of OpenTelemetry's traces by OTLP over HTTP, such as http://collector:4318"
    )
    ship_log: OptionalBucket = Field(
        default="",
        description="Bucket that gets a copy of the signed logs each minute, such as s3://clocktrain-log; empty: none. "
        "The credentials of the voices must be allowed to read, list and write it, and better not to delete.",
    )
    listening: Listening = Field(default_factory=Listening, description="Listening tests.")
    accounts: Accounts = Field(
        default_factory=Accounts,
        description="Of the doors, wherever they are: without a gateway, in Triton's pod. So are the next two.",
    )
    open_lists: bool = Field(default=False, description="List models and voices for who has no key too.")
    tls: DoorTLS = Field(default_factory=DoorTLS, description="TLS of the doors.")
    resources: Free = Field(
        default_factory=lambda: _resources("250m", memory=("256Mi", "1Gi"), disk=("128Mi", "1Gi")),
        description="Requests and limits.",
    )


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
    gateway: Gateway = Field(default_factory=Gateway, description="The doors before Triton, apart from it.")
    triton: Triton = Field(default_factory=Triton, description="Triton with voices.")
    network_policy: NetworkPolicies = Field(default_factory=NetworkPolicies, description="Who may reach our own pods.")
    monitoring: Monitoring = Field(default_factory=Monitoring, description="Prometheus and Grafana.")
    test: Test = Field(default_factory=Test, description="helm test.")
    extra_objects: list[Free] = Field(default_factory=list, description="Manifests to install as they are.")
