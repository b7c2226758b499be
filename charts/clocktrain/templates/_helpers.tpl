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
