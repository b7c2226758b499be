{{- define "clocktrain.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "clocktrain.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* A name with an ending that survives the cut at 63: (dict "root" . "end" "mlflow") */ -}}
{{- define "clocktrain.named" -}}
{{- $most := int (sub 62 (len .end)) -}}
{{- printf "%s-%s" (include "clocktrain.fullname" .root | trunc $most | trimSuffix "-") .end -}}
{{- end -}}

{{- define "clocktrain.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "clocktrain.name" . }}
app.kubernetes.io/instance: {{ .Release.Name | trunc 63 }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: clocktrain
{{- end -}}

{{- /* What a selector goes by, which never changes: (dict "root" . "component" "operator") */ -}}
{{- define "clocktrain.selector" -}}
app.kubernetes.io/name: {{ include "clocktrain.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name | trunc 63 }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- /* (dict "root" . "component" "operator") */ -}}
{{- define "clocktrain.componentLabels" -}}
{{ include "clocktrain.labels" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- /* (dict "root" . "image" .Values.operator.image) */ -}}
{{- define "clocktrain.image" -}}
{{- $registry := dig "imageRegistry" "" (.root.Values.global | default dict) -}}
{{- $name := .image.repository -}}
{{- if $registry -}}{{- $name = printf "%s/%s" (trimSuffix "/" $registry) $name -}}{{- end -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $name .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (default .root.Chart.AppVersion .image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "clocktrain.pullSecrets" -}}
{{- $all := concat (dig "imagePullSecrets" list (.Values.global | default dict)) .Values.imagePullSecrets -}}
{{- with $all }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Passes Kubernetes' "restricted" level. */ -}}
{{- define "clocktrain.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "clocktrain.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- /* Where pods may run, from a section of the values. */ -}}
{{- define "clocktrain.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{- define "clocktrain.serviceAccount" -}}
{{- if .Values.operator.serviceAccount.create -}}
{{- default (include "clocktrain.named" (dict "root" . "end" "operator")) .Values.operator.serviceAccount.name -}}
{{- else -}}
{{- required "operator.serviceAccount.name must name an account where operator.serviceAccount.create is false" .Values.operator.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "clocktrain.storageEndpoint" -}}
{{- if .Values.storage.bundled.enabled -}}
http://{{ include "clocktrain.named" (dict "root" . "end" "storage") }}.{{ .Release.Namespace }}.svc:9000
{{- else -}}
{{- .Values.storage.endpointURL -}}
{{- end -}}
{{- end -}}

{{- /* Secret with the platform's own credential; empty where there is none. */ -}}
{{- define "clocktrain.storageSecret" -}}
{{- if .Values.storage.bundled.enabled -}}
{{- default (include "clocktrain.named" (dict "root" . "end" "storage")) .Values.storage.bundled.existingSecret -}}
{{- else -}}
{{- .Values.storage.secretName -}}
{{- end -}}
{{- end -}}

{{- define "clocktrain.mlflowSecret" -}}
{{- default (include "clocktrain.named" (dict "root" . "end" "mlflow")) .Values.mlflow.auth.existingSecret -}}
{{- end -}}

{{- define "clocktrain.mlflowURL" -}}
{{- if .Values.mlflow.enabled -}}
http://{{ include "clocktrain.named" (dict "root" . "end" "mlflow") }}.{{ .Release.Namespace }}.svc:5000
{{- else -}}
{{- .Values.mlflow.externalURL -}}
{{- end -}}
{{- end -}}

{{- /* The database of MLflow as a variable of the environment. */ -}}
{{- define "clocktrain.mlflowStore" -}}
- name: MLFLOW_BACKEND_STORE_URI
  {{- if .Values.mlflow.backendStore.secretName }}
  valueFrom:
    secretKeyRef: {name: {{ .Values.mlflow.backendStore.secretName }}, key: {{ .Values.mlflow.backendStore.secretKey }}}
  {{- else }}
  value: sqlite:////mlflow/mlflow.db
  {{- end }}
{{- end -}}

{{- /* A random text that an upgrade keeps: (dict "root" . "secret" name "key" key "length" 32) */ -}}
{{- define "clocktrain.kept" -}}
{{- $found := lookup "v1" "Secret" .root.Release.Namespace .secret -}}
{{- $data := dig "data" dict (default dict $found) -}}
{{- if hasKey $data .key -}}
{{- get $data .key -}}
{{- else -}}
{{- randAlphaNum (int .length) | b64enc -}}
{{- end -}}
{{- end -}}

{{- /* Ports and probes of a container that has the two doors. It has started before it has a voice. */ -}}
{{- define "clocktrain.doors" -}}
{{- $scheme := ternary "HTTPS" "HTTP" (not (empty .Values.gateway.tls.secretName)) -}}
ports:
  - {name: http, containerPort: 8880}
  - {name: grpc, containerPort: 8881}
  - {name: metrics, containerPort: 9464}
startupProbe:
  httpGet: {path: /healthz, port: http, scheme: {{ $scheme }}}
  periodSeconds: 3
  timeoutSeconds: 5
  failureThreshold: 100
livenessProbe:
  httpGet: {path: /healthz, port: http, scheme: {{ $scheme }}}
  periodSeconds: 20
  timeoutSeconds: 10
readinessProbe:
  {{- if .Values.gateway.tls.secretName }}
  # a kubelet asks gRPC without TLS only
  httpGet: {path: /readyz, port: http, scheme: HTTPS}
  {{- else }}
  # of gRPC, by its health service: it says what /readyz says
  grpc: {port: 8881}
  {{- end }}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end }}

{{- /* Not empty where there may be more than one gateway; they then share a database, and have no volume. */ -}}
{{- define "clocktrain.manyGateways" -}}
{{- if and .Values.gateway.enabled (or .Values.gateway.autoscaling.enabled (gt (int .Values.gateway.replicas) 1)) }}yes{{ end -}}
{{- end -}}

{{- /* What the two doors are told: who may speak, and how they are spoken to. */ -}}
{{- define "clocktrain.doorArgs" -}}
- --accounts=$(CLOCKTRAIN_ACCOUNTS)
{{- if .Values.gateway.openLists }}
- --open-lists
{{- end }}
{{- if .Values.gateway.tls.secretName }}
- --tls=/etc/clocktrain-tls
{{- else }}
- --plaintext
{{- end }}
{{- if .Values.gateway.lexicons }}
- --lexicons=/etc/clocktrain-lexicons
{{- end }}
{{- if .Values.gateway.textPolicy }}
- --text-policy=/etc/clocktrain-text-policy/policy.yaml
{{- end }}
{{- with .Values.gateway.traces }}
- --traces={{ . }}
{{- end }}
{{- with .Values.gateway.shipLog }}
- --ship-log={{ . }}
- --ship-log-as={{ $.Release.Namespace }}
{{- end }}
{{- if .Values.gateway.listening.enabled }}
- --listening=/listening
{{- end }}
- --metrics-port=9464
# endpoints learn within it that the pod is going
- --drain=5
{{- end }}

{{- /* In the environment, so that "clocktrain apikeys" in the pod finds them. */ -}}
{{- define "clocktrain.doorEnvironment" -}}
- {name: CLOCKTRAIN_ACCOUNTS, value: {{ default "/issuing/accounts.sqlite" .Values.gateway.accounts.url | quote }}}
{{- with .Values.gateway.accounts.existingSecret }}
- name: PGPASSWORD
  valueFrom:
    secretKeyRef: {name: {{ . }}, key: PGPASSWORD}
{{- end }}
{{- if and .Values.gateway.listening.enabled .Values.gateway.listening.trackingSecretName }}
- {name: MLFLOW_TRACKING_URI, value: {{ include "clocktrain.mlflowURL" . | quote }}}
{{- range list "MLFLOW_TRACKING_USERNAME" "MLFLOW_TRACKING_PASSWORD" }}
- name: {{ . }}
  valueFrom:
    secretKeyRef: {name: {{ $.Values.gateway.listening.trackingSecretName }}, key: {{ . }}}
{{- end }}
{{- end }}
{{- end }}

{{- define "clocktrain.doorMounts" -}}
{{- with .Values.gateway.tls.secretName }}
- {name: tls, mountPath: /etc/clocktrain-tls, readOnly: true}
{{- end }}
{{- with .Values.gateway.accounts.existingSecret }}
- {name: accounts, mountPath: /etc/clocktrain-accounts, readOnly: true}
{{- end }}
{{- range $number, $tenant := keys .Values.gateway.lexicons | sortAlpha }}
- {name: lexicons-{{ $number }}, mountPath: /etc/clocktrain-lexicons/{{ $tenant }}, readOnly: true}
{{- end }}
{{- if .Values.gateway.textPolicy }}
- {name: text-policy, mountPath: /etc/clocktrain-text-policy, readOnly: true}
{{- end }}
{{- if .Values.gateway.listening.enabled }}
- {name: listening, mountPath: /listening}
{{- end }}
{{- end }}

{{- define "clocktrain.doorVolumes" -}}
{{- with .Values.gateway.tls.secretName }}
- name: tls
  secret: {secretName: {{ . }}, defaultMode: 288}
{{- end }}
{{- with .Values.gateway.accounts.existingSecret }}
- name: accounts
  secret: {secretName: {{ . }}, defaultMode: 288}
{{- end }}
{{- range $number, $tenant := keys .Values.gateway.lexicons | sortAlpha }}
# a tenant whose lexicons are missing keeps nobody from speaking
- name: lexicons-{{ $number }}
  configMap: {name: {{ get $.Values.gateway.lexicons $tenant }}, optional: true}
{{- end }}
{{- with .Values.gateway.textPolicy }}
# not optional: without it everything would be spoken
- name: text-policy
  configMap: {name: {{ . }}}
{{- end }}
{{- with .Values.gateway.listening }}
{{- if .enabled }}
- name: listening
  persistentVolumeClaim:
    claimName: {{ default (include "clocktrain.named" (dict "root" $ "end" "listening")) .persistence.existingClaim }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The operator's table of all namespaces; pods start before it is there. */ -}}
{{- define "clocktrain.servingVolume" -}}
- name: serving
  configMap: {name: clocktrain-serving-all, optional: true}
{{- end }}

{{- /* Secret with a credential that reads the bundles that are served. */ -}}
{{- define "clocktrain.voicesSecret" -}}
{{- default (include "clocktrain.storageSecret" .) .Values.triton.secretName -}}
{{- end -}}
