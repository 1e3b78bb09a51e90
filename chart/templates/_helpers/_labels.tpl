{{/*
The labels of everything that the chart installs. Takes the root, or (dict "root" $ "flow" "task") for what belongs to a flow.
*/}}
{{- define "press-play.labels" -}}
{{- $root := .root | default . -}}
{{- with $root.Values.commonLabels -}}
{{ toYaml . }}
{{ end -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: press-play
{{- if hasKey . "flow" }}
press-play/flow: {{ .flow }}
{{- end }}
{{- end }}

{{/* The label that assigns Argo's objects to a workflow controller; nothing without argo.instanceID. Takes the root. */}}
{{- define "press-play.instanceLabels" -}}
{{- with .Values.argo.instanceID -}}
workflows.argoproj.io/controller-instanceid: {{ . | quote }}
{{- end -}}
{{- end }}

{{/* `annotations:` with commonAnnotations; nothing where there are none. Takes the root. */}}
{{- define "press-play.annotations" -}}
{{- with .Values.commonAnnotations -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end }}
