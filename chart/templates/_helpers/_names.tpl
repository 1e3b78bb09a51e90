{{/*
Names. What the chart installs in its own namespace has fixed names (press-play-config …): one installation a namespace.
The rules here are those of scripts/pressplay/names.py; tests/chart/test_names.py holds the two together.
*/}}

{{/* The name of the workflows' service account. Takes the root. */}}
{{- define "press-play.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default "press-play" -}}
{{- end }}

{{/* The name of what is ours in the controller's namespace, where several installations may meet. Takes the root. */}}
{{- define "press-play.foreignName" -}}
{{- printf "press-play-%s" .Release.Namespace -}}
{{- end }}

{{/* A GitHub App's name in lower case with - for _ and spaces (names.slug). Takes the App's name. */}}
{{- define "press-play.slug" -}}
{{- regexReplaceAll "[ _]+" (trim .) "-" | lower -}}
{{- end }}

{{/* The Secret with an App's key (names.app_secret). Takes the App's name. */}}
{{- define "press-play.appSecret" -}}
{{- printf "github-app-%s" (include "press-play.slug" .) -}}
{{- end }}

{{/* The key of an App's system prompt in the agents' ConfigMap (names.persona_file). Takes the App's name. */}}
{{- define "press-play.personaFile" -}}
{{- printf "%s_system-prompt.md" (regexReplaceAll "[^A-Za-z0-9._-]" (trim .) "-") -}}
{{- end }}

{{/* A repository as a ConfigMap's key and a label's value (names.repo_key). Takes the full name. */}}
{{- define "press-play.repoKey" -}}
{{- . | replace "/" "." -}}
{{- end }}

{{/*
How many characters the controller leaves for a CodeRun's name beside its namespace, a taskId of nine digits and a
contextVersion of one (names.coderun_room). Takes the root.
*/}}
{{- define "press-play.codeRunRoom" -}}
{{- sub 44 (add (len .Values.controller.namespace) 9 1) -}}
{{- end }}
