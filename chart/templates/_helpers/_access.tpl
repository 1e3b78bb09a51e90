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

{{/* A ServiceAccount of steps. (dict "root" $ "name" NAME "annotations" ANNOTATIONS) */}}
{{- define "press-play.stepAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "press-play.labels" .root | nindent 4 }}
  {{- with merge (dict) .annotations .root.Values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
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

{{/* The accounts of steps (chart/files/accounts.yaml, which is made from scripts/pressplay/domain/accounts.yaml), as a YAML list. Takes the root. */}}
{{- define "press-play.accounts" -}}
{{- (.Files.Get "files/accounts.yaml" | fromYaml).accounts | toYaml -}}
{{- end }}

{{/*
The account of what runs in a template: of a step by its name, of a template of the kind `resource` as WORKFLOWTEMPLATE/TEMPLATE.
(dict "root" $ "runs" "run-agent")
*/}}
{{- define "press-play.accountOf" -}}
{{- $names := list -}}
{{- range include "press-play.accounts" .root | fromYamlArray -}}
{{- if has $.runs (concat (.steps | default list) (.applies | default list)) -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- end -}}
{{- first $names | required (printf "files/accounts.yaml: no account is for %s" .runs) -}}
{{- end }}

{{/* The ServiceAccount of an account of steps. (dict "root" $ "name" "reader") */}}
{{- define "press-play.accountName" -}}
{{- if eq .name "approver" -}}
{{- include "press-play.serviceAccountName" .root -}}
{{- else -}}
{{- printf "press-play-%s" .name -}}
{{- end -}}
{{- end }}

{{/* The Secrets that an account may read, as a YAML list. (dict "root" $ "keys" (list "harness")) */}}
{{- define "press-play.keySecrets" -}}
{{- $proof := .root.Values.proof -}}
{{- $secrets := dict
      "harness" (include "press-play.appSecret" .root.Values.github.harnessApp)
      "qa" (include "press-play.appSecret" .root.Values.agents.qa.githubApp)
      "proofKey" $proof.signingKey.secret
      "proofStore" (get (get $proof $proof.store | default dict) "secret") -}}
{{- $names := list -}}
{{- range .keys -}}
{{- with get $secrets . -}}
{{- $names = append $names . -}}
{{- end -}}
{{- end -}}
{{- uniq $names | toYaml -}}
{{- end }}

{{/*
Rules of chart/files/accounts.yaml as those of a Role, one for each API group. (dict "rules" RULES)
*/}}
{{- define "press-play.rules" -}}
{{- range $rule := .rules }}
{{- $groups := dict }}
{{- range .resources }}
{{- $parts := splitn "." 2 . }}
{{- $_ := set $groups ($parts._1 | default "core") (append (get $groups ($parts._1 | default "core") | default list) $parts._0) }}
{{- end }}
{{- range $group, $resources := $groups }}
# {{ $rule.why | replace "`" "" }}
- apiGroups: [{{ ne $group "core" | ternary $group "" | quote }}]
  resources: [{{ join ", " $resources }}]
  {{- with $rule.names }}
  resourceNames: [{{ join ", " . }}]
  {{- end }}
  verbs: [{{ join ", " $rule.verbs }}]
{{- end }}
{{- end }}
{{- end }}

{{/* What an account of steps may do in one place. (dict "root" $ "account" ACCOUNT "place" "release") */}}
{{- define "press-play.accountRules" -}}
{{- $rules := list -}}
{{- range .account.rules -}}
{{- if eq (get . "in") $.place -}}
{{- $rules = append $rules . -}}
{{- end -}}
{{- end -}}
{{- if eq .place "release" }}
# Argo's executor reports what a pod put out.
- apiGroups: ["argoproj.io"]
  resources: [workflowtaskresults]
  verbs: [create, patch]
{{- with include "press-play.keySecrets" (dict "root" .root "keys" (.account.keys | default list)) | fromYamlArray }}
# These keys, and no other Secret.
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [{{ join ", " . }}]
  verbs: [get]
{{- end }}
{{- end }}
{{- include "press-play.rules" (dict "rules" $rules) }}
{{- end }}

{{/*
What all steps had together when they had one account, as accounts of steps have it: `serviceAccount.former`. Their keys come on top.
*/}}
{{- define "press-play.formerAccount" -}}
keys: [harness, qa, proofKey, proofStore]
rules:
  - {in: release, resources: [configmaps], verbs: [get, list, create, patch, delete], why: former}
  - {in: release, resources: [workflows.argoproj.io], verbs: [get, list, create, patch, update], why: former}
  - {in: release, resources: [workflowtemplates.argoproj.io], verbs: [get, list, create, patch, delete], why: former}
  - {in: release, resources: [cronworkflows.argoproj.io], names: [reconcile], verbs: [get, patch], why: former}
  - {in: release, resources: [persistentvolumeclaims, pods], verbs: [get, list, create, patch, delete], why: former}
  - {in: release, resources: [pods/log], verbs: [get], why: former}
  - {in: controller, resources: [coderuns.agents.platform, docsruns.agents.platform], verbs: [get, list, create, patch, delete], why: former}
  - {in: controller, resources: [persistentvolumeclaims], verbs: [get, list, delete], why: former}
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
