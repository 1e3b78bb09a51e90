{{/* A map without its empty texts, as JSON. Takes a map or null. */}}
{{- define "press-play.set" -}}
{{- $set := dict -}}
{{- range $key, $value := . -}}
{{- if not (and (kindIs "string" $value) (empty $value)) -}}
{{- $_ := set $set $key $value -}}
{{- end -}}
{{- end -}}
{{- toJson $set -}}
{{- end }}
