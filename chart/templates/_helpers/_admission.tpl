{{/* Whether the release makes ValidatingAdmissionPolicies: "true" or nothing. Takes the root. */}}
{{- define "press-play.admits" -}}
{{- $there := .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy" -}}
{{- if or (eq .Values.admission.policies "always") (and (eq .Values.admission.policies "auto") $there) -}}true{{- end -}}
{{- end }}

{{/* The WorkflowTemplates that events and `reconcile` start, and that of a task, as JSON. Takes the root. */}}
{{- define "press-play.startedTemplates" -}}
{{- $names := list "task" -}}
{{- range (.Files.Get "files/flows.yaml" | fromYaml).flows -}}
{{- if .nameParts -}}
{{- $names = append $names (first .templates) -}}
{{- end -}}
{{- end -}}
{{- $names | uniq | sortAlpha | toJson -}}
{{- end }}

{{/* The users' WorkflowTemplates that deploy, of all repositories, as JSON. Takes the root. */}}
{{- define "press-play.deployingTemplates" -}}
{{- $names := list .Values.defaults.deploy.workflowTemplate -}}
{{- range .Values.repositories -}}
{{- $names = append $names (dig "deploy" "workflowTemplate" "" (. | default dict)) -}}
{{- end -}}
{{- without $names "" | uniq | sortAlpha | toJson -}}
{{- end }}

{{/*
A policy and its binding, in force for some accounts of the release and in its namespace alone. A policy belongs to the whole cluster, so its
name says whose it is. `expressions` are of CEL, each with its message; all must be true.
(dict "root" $ "name" "workflows" "accounts" ACCOUNTS "group" "argoproj.io" "version" "v1alpha1" "resources" (list "workflows") "expressions" EXPRESSIONS)
*/}}
{{- define "press-play.admissionPolicy" -}}
{{- $name := printf "%s-%s" (include "press-play.foreignName" .root) .name -}}
{{- $users := list -}}
{{- range .accounts -}}
{{- $users = append $users (printf "system:serviceaccount:%s:%s" $.root.Release.Namespace .) -}}
{{- end -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ $name }}
  labels:
    {{- include "press-play.labels" .root | nindent 4 }}
  {{- with include "press-play.annotations" .root }}
  {{- . | nindent 2 }}
  {{- end }}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - apiGroups: [{{ .group | quote }}]
        apiVersions: [{{ .version }}]
        operations: [CREATE, UPDATE]
        resources: [{{ join ", " .resources }}]
  matchConditions:
    - name: account
      expression: {{ printf "request.userInfo.username in %s" (toRawJson $users) | squote }}
  validations:
    {{- range .expressions }}
    - expression: >-
        {{- .expression | nindent 8 }}
      message: {{ .message | quote }}
    {{- end }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ $name }}
  labels:
    {{- include "press-play.labels" .root | nindent 4 }}
  {{- with include "press-play.annotations" .root }}
  {{- . | nindent 2 }}
  {{- end }}
spec:
  policyName: {{ $name }}
  validationActions: [Deny]
  matchResources:
    namespaceSelector:
      matchLabels:
        kubernetes.io/metadata.name: {{ .root.Release.Namespace }}
{{- end }}

{{/* That an object's spec has these fields alone, or others that it had before: whoever may stop a Workflow adds `shutdown`. Takes a list. */}}
{{- define "press-play.onlyFields" -}}
dyn(object.spec).all(field, field in {{ toRawJson . }}
|| (request.operation == 'UPDATE' && field in dyn(oldObject.spec) && dyn(object.spec)[field] == dyn(oldObject.spec)[field]))
{{- end }}

{{/* That an update leaves a Workflow with the reference that it has: a wait of any Workflow may be woken. */}}
{{- define "press-play.sameReference" -}}
(request.operation == 'UPDATE' && object.spec.?workflowTemplateRef == oldObject.spec.?workflowTemplateRef)
{{- end }}
