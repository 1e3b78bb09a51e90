{{/*
What the agents' ConfigMap holds, as YAML: an index of all installed agents and one system prompt each.
Takes (dict "root" $ "index" KEY). Prompts are data: nothing here may pass them through tpl (R7).
*/}}
{{- define "press-play.agentsData" -}}
{{- $root := .root -}}
{{- $data := dict -}}
{{- $index := dict -}}
{{- range $id, $agent := $root.Values.agents -}}
{{- if $agent.enabled -}}
{{- $file := include "press-play.personaFile" $agent.githubApp -}}
{{- $_ := set $data $file (include "press-play.persona" (dict "root" $root "id" $id "agent" $agent)) -}}
{{- $entry := pick $agent "githubApp" "role" "description" "model" -}}
{{- $_ := set $entry "tools" (include "press-play.toolsOf" (dict "root" $root "id" $id "agent" $agent) | fromJson) -}}
{{- $_ := set $entry "systemPrompt" $file -}}
{{- $_ := set $index $id $entry -}}
{{- end -}}
{{- end -}}
{{- $_ := set $data .index (toYaml (dict "agents" $index)) -}}
{{- toYaml $data -}}
{{- end }}

{{/* An agent's tools as JSON: both lists, empty where it names none. Takes the agent. */}}
{{- define "press-play.tools" -}}
{{- $tools := .tools | default dict -}}
{{- dict "local" ($tools.local | default list) "remote" ($tools.remote | default list) | toJson -}}
{{- end }}

{{/* The same, with the tools of our own server where its proxy has them. Takes (dict "root" $ "id" ID "agent" AGENT). */}}
{{- define "press-play.toolsOf" -}}
{{- $tools := include "press-play.tools" .agent | fromJson -}}
{{- $served := include "press-play.serveTools" (dict "root" .root "id" .id) | fromJsonArray -}}
{{- dict "local" $tools.local "remote" (concat $tools.remote $served | uniq) | toJson -}}
{{- end }}

{{/* An agent's system prompt with its front matter. Takes (dict "root" $ "id" ID "agent" AGENT). */}}
{{- define "press-play.persona" -}}
{{- $tools := include "press-play.toolsOf" . | fromJson -}}
{{- $carried := .root.Files.Get (printf "agents/%s.md" .id) -}}
---
name: {{ .agent.githubApp | toRawJson }}
description: {{ .agent.description | toRawJson }}
tools: {{ concat $tools.local $tools.remote | join ", " | toRawJson }}
model: {{ .agent.model | toRawJson }}
---

{{ .agent.systemPrompt | default $carried | trim }}
{{- with .agent.extraInstructions | default "" | trim }}

{{ . }}
{{- end }}
{{ end }}

{{/* A hook that adds our keys to a foreign ConfigMap, or removes them. Takes (dict "root" $ "step" STEP "hook" HOOKS). */}}
{{- define "press-play.agentsJob" -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: press-play-{{ .step }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "press-play.labels" .root | nindent 4 }}
  annotations:
    helm.sh/hook: {{ .hook }}
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
    {{- with .root.Values.commonAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  backoffLimit: 3
  activeDeadlineSeconds: 600
  # Input that stays wrong (a clash of names) is not tried again.
  podFailurePolicy:
    rules:
      - action: FailJob
        onExitCodes:
          containerName: main
          operator: In
          values: [2]
        # Kubernetes before 1.29 wants the key even where there is nothing in it.
        onPodConditions: []
  template:
    metadata:
      labels:
        {{- include "press-play.labels" .root | nindent 8 }}
        app.kubernetes.io/component: hook
    spec:
      serviceAccountName: press-play-agents
      restartPolicy: Never
      {{- with .root.Values.workflows.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .root.Values.workflows.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- toYaml .root.Values.workflows.podSecurityContext | nindent 8 }}
      containers:
        - name: main
          image: {{ include "press-play.image" .root }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          command: [pressplay, step, {{ .step }}]
          args:
            - --in
            - {{ dict "configmap" .root.Values.agentsConfigMap.name | toJson | squote }}
            - --out
            - /tmp/out
          env:
            - name: PRESSPLAY_NAMESPACE
              value: {{ .root.Release.Namespace }}
          terminationMessagePolicy: FallbackToLogsOnError
          securityContext:
            {{- include "press-play.containerSecurityContext" .root | nindent 12 }}
          resources:
            {{- toYaml .root.Values.workflows.resources | nindent 12 }}
          volumeMounts:
            - name: tmp
              mountPath: /tmp
      volumes:
        - name: tmp
          emptyDir: {}
{{- end }}
