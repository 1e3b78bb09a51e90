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
{{- $entry := dict "githubApp" $agent.githubApp "role" $agent.role "description" $agent.description "model" $agent.model -}}
{{- $_ := set $entry "tools" (dict "local" $agent.tools.local "remote" $agent.tools.remote) -}}
{{- $_ := set $entry "systemPrompt" $file -}}
{{- $_ := set $index $id $entry -}}
{{- end -}}
{{- end -}}
{{- $_ := set $data .index (toYaml (dict "agents" $index)) -}}
{{- toYaml $data -}}
{{- end }}

{{/* An agent's system prompt with its front matter. Takes (dict "root" $ "id" ID "agent" AGENT). */}}
{{- define "press-play.persona" -}}
{{- $tools := concat .agent.tools.local .agent.tools.remote -}}
{{- $carried := .root.Files.Get (printf "agents/%s.md" .id) -}}
---
name: {{ .agent.githubApp | toRawJson }}
description: {{ .agent.description | toRawJson }}
tools: {{ join ", " $tools | toRawJson }}
model: {{ .agent.model | toRawJson }}
---

{{ .agent.systemPrompt | default $carried | trim }}
{{- with trim .agent.extraInstructions }}

{{ . }}
{{- end }}
{{ end }}
