{{/* Whether comments are served: "true" or nothing. They are where somebody may read them. Takes the root. */}}
{{- define "press-play.serves" -}}
{{- if and .Values.serve.enabled .Values.repositories .Values.serve.auth.callers -}}true{{- end -}}
{{- end }}

{{/* The metadata of what belongs to the server. Takes the root, or (dict "root" $ "name" NAME) for another name than the usual one. */}}
{{- define "press-play.serveMetadata" -}}
{{- $root := .root | default . -}}
name: {{ .name | default "press-play-serve" }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "press-play.labels" $root | nindent 2 }}
  app.kubernetes.io/component: serve
{{- with include "press-play.annotations" $root }}
{{ . }}
{{- end }}
{{- end }}

{{/* What selects the server's pods. Takes the root. */}}
{{- define "press-play.serveSelector" -}}
app.kubernetes.io/part-of: press-play
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: serve
{{- end }}

{{/* The server's serve.json, as scripts/pressplay/serve/config.py reads it. Takes the root. */}}
{{- define "press-play.serveConfig" -}}
{{- $serve := .Values.serve -}}
{{- $hosts := list "press-play-serve" -}}
{{- range list "" ".svc" ".svc.cluster.local" -}}
{{- $hosts = append $hosts (printf "press-play-serve.%s%s" $.Release.Namespace .) -}}
{{- end -}}
{{- dict
  "host" ""
  "port" (int $serve.port)
  "app" $serve.githubApp
  "people" $serve.people
  "hosts" (concat $hosts $serve.hosts)
  "origins" $serve.origins
  "audiences" $serve.auth.audiences
  "callers" $serve.auth.callers
  "limits" $serve.limits
  "stop" $serve.stop
| toPrettyJson -}}
{{- end }}

{{/* The TCP ports on which the server must reach the API server and GitHub, as JSON. Takes the root. */}}
{{- define "press-play.servePorts" -}}
{{- $ports := list -}}
{{- range append .Values.serve.networkPolicy.ports (include "press-play.urlPort" .Values.github.apiURL) -}}
{{- $ports = append $ports (int .) -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end }}

{{/*
The names under which an agent is given the server's tools: those that its proxy of tools gives them (names.served_tools). As JSON; none
where the proxy does not know the server. Takes (dict "root" $ "id" ID).
*/}}
{{- define "press-play.serveTools" -}}
{{- $names := list -}}
{{- $proxy := .root.Values.serve.toolman -}}
{{- if and (include "press-play.serves" .root) $proxy.server (has .id $proxy.agents) -}}
{{- range list "list_comments" "get_comment" "get_snapshot" "list_reviews" -}}
{{- $names = append $names (printf "%s_%s" ($proxy.server | replace "-" "_") .) -}}
{{- end -}}
{{- end -}}
{{- toJson $names -}}
{{- end }}
