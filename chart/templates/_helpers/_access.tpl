{{/*
A Role and its binding to one of our service accounts.
Takes (dict "root" $ "name" NAME "namespace" NAMESPACE "account" SERVICEACCOUNT "rules" RULES).
*/}}
{{- define "press-play.role" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels:
    {{- include "press-play.labels" .root | nindent 4 }}
  {{- with include "press-play.annotations" .root }}
  {{- . | nindent 2 }}
  {{- end }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels:
    {{- include "press-play.labels" .root | nindent 4 }}
  {{- with include "press-play.annotations" .root }}
  {{- . | nindent 2 }}
  {{- end }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ .account }}
    namespace: {{ .root.Release.Namespace }}
{{- end }}

{{/*
The ExternalSecret with one App's key. Takes (dict "root" $ "namespace" NAMESPACE "app" GITHUBAPP), with "agent" ID for an agent's.
*/}}
{{- define "press-play.appKey" -}}
{{- $secret := include "press-play.appSecret" .app -}}
{{- $remote := .root.Values.secrets.remoteKey | replace "{agent}" (include "press-play.slug" .app) -}}
apiVersion: {{ .root.Values.secrets.apiVersion }}
kind: ExternalSecret
metadata:
  name: {{ $secret }}
  namespace: {{ .namespace }}
  labels:
    {{- include "press-play.labels" .root | nindent 4 }}
    {{- with .agent }}
    press-play/agent: {{ . }}
    {{- end }}
  {{- with include "press-play.annotations" .root }}
  {{- . | nindent 2 }}
  {{- end }}
spec:
  refreshInterval: {{ .root.Values.secrets.refreshInterval }}
  secretStoreRef:
    kind: {{ .root.Values.secrets.store.kind }}
    name: {{ .root.Values.secrets.store.name }}
  target:
    name: {{ $secret }}
    creationPolicy: Owner
  data:
    {{- range $key, $property := dict "app-id" "app_id" "private-key" "private_key" "client-id" "client_id" }}
    - secretKey: {{ $key }}
      remoteRef:
        key: {{ $remote }}
        property: {{ $property }}
    {{- end }}
{{- end }}

{{/* What they may do in the controller's namespace: runs, and the volumes that were made for them. Takes the root. */}}
{{- define "press-play.controllerRules" -}}
- apiGroups: [agents.platform]
  resources: [coderuns, docsruns]
  verbs: [get, list, watch, create, patch, delete]
# `isolation: volume`: a task's volume is deleted once its pull request is closed and its last run ended.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, delete]
{{- end }}

{{/* What the pods of our workflows may do in the release's namespace. Takes the root. */}}
{{- define "press-play.workflowRules" -}}
# Argo's executor reports what a pod put out.
- apiGroups: [argoproj.io]
  resources: [workflowtaskresults]
  verbs: [create, patch]
# Plays and tasks are created, and woken: there the Argo Server acts as this account. Argo itself deletes what ended.
- apiGroups: [argoproj.io]
  resources: [workflows]
  verbs: [get, list, create, patch, update]
# What plays are made of; earlier ones are pruned.
- apiGroups: [argoproj.io]
  resources: [workflowtemplates]
  verbs: [get, list, create, patch, delete]
# Argo passes over a CronWorkflow that Helm made before its WorkflowTemplate, until it changes: the first run sees to that.
- apiGroups: [argoproj.io]
  resources: [cronworkflows]
  resourceNames: [reconcile]
  verbs: [get, patch]
# A gate's volume, the Pod that runs its commands, and what that printed.
- apiGroups: [""]
  resources: [persistentvolumeclaims, pods]
  verbs: [get, list, create, patch, delete]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
# Settings, the pause, ledgers, tallies, and what all know of GitHub's rate limits.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, create, patch, delete]
# The keys of the two Apps that the harness acts as, the key that signs proofs, the credentials of the store
# that keeps them, and no other Secret.
- apiGroups: [""]
  resources: [secrets]
  resourceNames:
    {{- range list .Values.github.harnessApp .Values.agents.qa.githubApp }}
    - {{ include "press-play.appSecret" . }}
    {{- end }}
    {{- with .Values.proof.signingKey.secret }}
    - {{ . }}
    {{- end }}
    {{- with (get .Values.proof .Values.proof.store | default dict).secret }}
    - {{ . }}
    {{- end }}
  verbs: [get]
{{- end }}

{{/*
The namespaces that probes may look into, of all repositories, as a YAML list. Takes the root.
*/}}
{{- define "press-play.probedNamespaces" -}}
{{- $namespaces := .Values.defaults.acceptance.namespaces -}}
{{- range .Values.repositories -}}
{{- $namespaces = concat $namespaces (dig "acceptance" "namespaces" list (. | default dict)) -}}
{{- end -}}
{{- $namespaces | uniq | sortAlpha | toYaml -}}
{{- end }}

{{/* What the acceptance gate's probes may do in the release's namespace: report what they captured, and read what they are to do. */}}
{{- define "press-play.acceptanceOwnRules" -}}
# Argo's executor reports what a pod put out.
- apiGroups: [argoproj.io]
  resources: [workflowtaskresults]
  verbs: [create, patch]
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [press-play-config]
  verbs: [get]
{{- end }}

{{/* And in each namespace that they may look into: read workloads and logs, and nothing else. */}}
{{- define "press-play.acceptanceRules" -}}
- apiGroups: [""]
  resources: [pods, pods/log]
  verbs: [get, list]
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  verbs: [get, list]
{{- end }}

{{/* What the hooks of mode merge may do in the release's namespace. Takes the root. */}}
{{- define "press-play.agentsOwnRules" -}}
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [press-play-config, press-play-agents]
  verbs: [get]
{{- end }}

{{/* And in the controller's namespace: write into the one foreign ConfigMap. Takes the root. */}}
{{- define "press-play.agentsForeignRules" -}}
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [{{ .Values.agentsConfigMap.name }}]
  verbs: [get, patch]
{{- end }}

{{/* What the Sensor may do in the release's namespace: make the Workflows that events ask for. Takes the root. */}}
{{- define "press-play.sensorRules" -}}
- apiGroups: [argoproj.io]
  resources: [workflows]
  verbs: [create, get, patch]
{{- end }}
