{{/*
What starts on events: the rows of chart/files/flows.yaml as dependencies and triggers of a Sensor. The names and windows are those of
names.flow_workflow and names.window_until; tests/chart/test_events.py holds the two together.
*/}}

{{/* Whether there is anything to receive: "true" or nothing. Takes the root. */}}
{{- define "press-play.takesEvents" -}}
{{- if and .Values.events.enabled .Values.repositories -}}true{{- end -}}
{{- end }}

{{/* The listed repositories by their owners, as JSON: {"acme": ["api", "shop"]}. Takes the root. */}}
{{- define "press-play.owners" -}}
{{- $owners := dict -}}
{{- range $name := keys .Values.repositories | sortAlpha -}}
{{- $parts := splitList "/" $name -}}
{{- $_ := set $owners (first $parts) (append (get $owners (first $parts) | default list) (last $parts)) -}}
{{- end -}}
{{- toJson $owners -}}
{{- end }}

{{/*
The listed repositories as one regular expression, `(?i)^(acme/(api|shop)|other/web)$`, since GitHub's names know no case: it stands in every dependency, and a Sensor must fit
into a variable of its pod's environment (see validate.yaml). Takes the root.
*/}}
{{- define "press-play.listed" -}}
{{- $alternatives := list -}}
{{- range $owner, $names := include "press-play.owners" . | fromJson -}}
{{- $quoted := list -}}
{{- range $names -}}
{{- $quoted = append $quoted (regexQuoteMeta .) -}}
{{- end -}}
{{- $whose := printf (gt (len $quoted) 1 | ternary "%s/(%s)" "%s/%s") (regexQuoteMeta $owner) (join "|" $quoted) -}}
{{- $alternatives = append $alternatives $whose -}}
{{- end -}}
(?i)^({{ join "|" $alternatives }})$
{{- end }}

{{/* The logins of all our Apps as one regular expression: several values under != would keep out nobody. Takes the root. */}}
{{- define "press-play.ours" -}}
{{- $slugs := list (include "press-play.slug" .Values.github.harnessApp) -}}
{{- range .Values.agents -}}
{{- $slugs = append $slugs (include "press-play.slug" .githubApp) -}}
{{- end -}}
{{- $quoted := list -}}
{{- range $slugs | uniq | sortAlpha -}}
{{- $quoted = append $quoted (regexQuoteMeta .) -}}
{{- end -}}
^({{ join "|" $quoted }})\[bot\]$
{{- end }}

{{/* Names of GitHub's, anything in them, as one regular expression. Takes a list that is not empty. */}}
{{- define "press-play.anyOf" -}}
{{- $quoted := list -}}
{{- range . -}}
{{- $quoted = append $quoted (regexQuoteMeta .) -}}
{{- end -}}
^({{ join "|" $quoted }})$
{{- end }}

{{/*
What starts a flow, one row a dependency of the Sensor, as a YAML list. A row is one of chart/files/flows.yaml (see there), which is made from
scripts/pressplay/domain/flows.yaml, with what the values say: its flow's `window` and only those conditions that count, as `is` and `not`,
lists of [path, regular expression]. Takes the root.
*/}}
{{- define "press-play.eventRows" -}}
{{- $rows := list -}}
{{- range $flow := (.Files.Get "files/flows.yaml" | fromYaml).flows -}}
{{- $settings := get $.Values.flows ($flow.values | default "") | default (dict "enabled" true "window" $flow.window) -}}
{{- $possible := $settings.enabled | ternary ($flow.rows | default list) list -}}
{{- $paths := list -}}
{{- range $possible -}}
{{- $paths = append $paths (.scope | default "") -}}
{{- end -}}
{{- range $path := uniq $paths -}}
{{- range $scope := include "press-play.scopes" (dict "root" $ "path" $path) | fromYamlArray -}}
{{- range $row := $possible -}}
{{- if and (eq $path ($row.scope | default "")) (eq $.Values.events.start ($row.start | default $.Values.events.start))
      (or (not $row.requires) (get $settings $row.requires)) -}}
{{- $is := list -}}
{{- $not := list -}}
{{- range concat ($flow.conditions | default list) ($row.conditions | default list) $scope.conditions -}}
{{- $pattern := include "press-play.pattern" (dict "root" $ "settings" $settings "written" (.is | default .not)) -}}
{{- if and $pattern (eq $.Values.events.start (.start | default $.Values.events.start)) -}}
{{- if .is -}}
{{- $is = append $is (list .path $pattern) -}}
{{- else -}}
{{- $not = append $not (list .path $pattern) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $rows = append $rows (merge (dict
      "name" (printf "%s%s" $row.name $scope.suffix) "flow" $flow.name "template" (first $flow.templates)
      "subject" ($row.subject | default $flow.worksOn) "window" $settings.window "is" $is "not" $not
      "same" (concat ($flow.same | default list) ($row.same | default list))) $row (omit $flow "rows")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $rows -}}
{{- end }}

{{/*
Which pull requests and issues are in scope (R8), as a YAML list of {suffix, conditions}: one dependency each, since the filters of a
dependency all must match. All are where no path is given. (dict "root" $ "path" "body.pull_request")
*/}}
{{- define "press-play.scopes" -}}
{{- if or (not .path) (eq .root.Values.events.start "all") -}}
{{- list (dict "suffix" "" "conditions" list) | toYaml -}}
{{- else -}}
{{- $label := .root.Values.events.label -}}
{{- list
      (dict "suffix" "-labelled" "conditions" (list (dict "path" (printf "%s.labels.#(name==%q).name" .path $label) "is" "{label}")))
      (dict "suffix" "-ours" "conditions" (list (dict "path" (printf "%s.user.login" .path) "is" "{ours}")))
    | toYaml -}}
{{- end -}}
{{- end }}

{{/*
A condition's pattern as a regular expression: as it is written, or what a name in braces stands for; nothing for an empty list.
(dict "root" $ "settings" SETTINGS-OF-THE-FLOW "written" "{label}")
*/}}
{{- define "press-play.pattern" -}}
{{- $name := .written | trimPrefix "{" | trimSuffix "}" -}}
{{- if eq $name .written -}}
{{- .written -}}
{{- else if eq $name "label" -}}
^{{ regexQuoteMeta .root.Values.events.label }}$
{{- else if eq $name "ours" -}}
{{- include "press-play.ours" .root -}}
{{- else if eq $name "harness" -}}
^{{ include "press-play.slug" .root.Values.github.harnessApp | regexQuoteMeta }}$
{{- else if hasKey .settings $name -}}
{{- with get .settings $name -}}
{{- include "press-play.anyOf" . -}}
{{- end -}}
{{- else -}}
{{- fail (printf "files/flows.yaml: no pattern is called %s" .written) -}}
{{- end -}}
{{- end }}

{{/* GitHub's names of all events that are wanted, as a YAML list. Takes the root. */}}
{{- define "press-play.eventNames" -}}
{{- $names := list -}}
{{- range include "press-play.eventRows" . | fromYamlArray -}}
{{- $names = concat $names .events -}}
{{- end -}}
{{- $names | uniq | sortAlpha | toYaml -}}
{{- end }}

{{/* A row as a dependency of the Sensor. (dict "root" $ "row" ROW) */}}
{{- define "press-play.dependency" -}}
{{- $row := .row -}}
{{- $is := list
      (list "body.X-GitHub-Event" (printf "^(%s)$" (join "|" $row.events)))
      (list "headers.X-Hub-Signature-256.0" "^sha256=[0-9a-fA-F]{64}$")
      (list "body.repository.full_name" (include "press-play.listed" .root)) -}}
{{- with $row.actions -}}
{{- $is = append $is (list "body.action" (printf "^(%s)$" (join "|" .))) -}}
{{- end -}}
- name: {{ $row.name }}
  eventSourceName: press-play
  eventName: github
  filters:
    {{- with $row.same }}
    exprs:
      {{- range . }}
      - expr: {{ .expression | quote }}
        fields:
          - name: one
            path: {{ .one }}
          - name: other
            path: {{ .other }}
      {{- end }}
    {{- end }}
    data:
      {{- range concat $is $row.is }}
      - path: {{ first . | toRawJson }}
        type: string
        value: [{{ last . | toRawJson }}]
      {{- end }}
      {{- range $row.not }}
      - path: {{ first . | toRawJson }}
        type: string
        comparator: "!="
        value: [{{ last . | toRawJson }}]
      {{- end }}
{{- end }}

{{/*
A row as a trigger: the Workflow that it makes. It is patched, so that all events of a window make one. Only the repository's name, numbers,
commit ids and constants travel (R7). (dict "root" $ "row" ROW)
*/}}
{{- define "press-play.trigger" -}}
{{- $row := .row -}}
{{- $constants := $row.constants | default dict -}}
{{- $parameters := list -}}
{{- range $row.parameters -}}
{{- if hasKey $constants . -}}
{{- $parameters = append $parameters (dict "name" . "value" (get $constants .)) -}}
{{- else if has . (list "repo" "until" $row.subject) -}}
{{- $parameters = append $parameters (dict "name" .) -}}
{{- end -}}
{{- end -}}
- template:
    name: {{ $row.name }}
    conditions: {{ $row.name }}
    k8s:
      operation: patch
      source:
        resource:
          apiVersion: argoproj.io/v1alpha1
          kind: Workflow
          metadata:
            namespace: {{ .root.Release.Namespace }}
            labels:
              app.kubernetes.io/part-of: press-play
              press-play/flow: {{ $row.flow }}
              {{- with include "press-play.instanceLabels" .root }}
              {{- . | nindent 14 }}
              {{- end }}
          spec:
            workflowTemplateRef:
              name: {{ $row.template }}
            # Before what plays have waiting.
            priority: 1000
            arguments:
              parameters:
                {{- toYaml $parameters | nindent 16 }}
      parameters:
        - dest: metadata.name
          src:
            dependencyName: {{ $row.name }}
            dataTemplate: {{ include "press-play.nameTemplate" $row | toRawJson }}
        - dest: metadata.labels.press-play/repo
          src:
            dependencyName: {{ $row.name }}
            dataTemplate: '{{ "{{" }} replace "/" "." .Input.body.repository.full_name }}'
        {{- if $row.number }}
        - dest: metadata.labels.press-play/{{ $row.subject }}
          src:
            dependencyName: {{ $row.name }}
            dataTemplate: '{{ include "press-play.numberTemplate" $row }}'
        {{- end }}
        {{- range $index, $parameter := $parameters }}
        {{- if not $parameter.value }}
        - dest: spec.arguments.parameters.{{ $index }}.value
          src:
            dependencyName: {{ $row.name }}
            {{- if eq $parameter.name "repo" }}
            dataTemplate: '{{ "{{" }} .Input.body.repository.full_name }}'
            {{- else if eq $parameter.name "until" }}
            dataTemplate: '{{ include "press-play.untilTemplate" $row }}'
            {{- else if eq $parameter.name "commit" }}
            dataTemplate: '{{ printf "{{ .Input.%s }}" $row.commit }}'
            {{- else }}
            dataTemplate: '{{ include "press-play.numberTemplate" $row }}'
            {{- end }}
        {{- end }}
        {{- end }}
  # The same name again and again: trying again after a failed answer of the API server starts nothing twice.
  atLeastOnce: true
  retryStrategy:
    steps: 5
{{- end }}

{{/* The Workflow's name (names.flow_workflow) as Argo Events is to make it. Takes the row. */}}
{{- define "press-play.nameTemplate" -}}
{{- $name := ".Input.body.repository.full_name" -}}
{{- $parts := list .flow (printf "{{ printf \"%%d:%%s\" (len %s) %s | sha256sum | trunc 8 }}" $name $name) -}}
{{- range .nameParts -}}
{{- if eq . "window" -}}
{{- $parts = append $parts (printf "{{ div (now | unixEpoch | int64) %d }}" (int $.window)) -}}
{{- else if eq . "number" -}}
{{- if $.number -}}
{{- $parts = append $parts (include "press-play.numberTemplate" $) -}}
{{- end -}}
{{- else if eq . "commit" -}}
{{- with $.commit -}}
{{- $parts = append $parts (printf "{{ .Input.%s | trunc 12 }}" .) -}}
{{- end -}}
{{- else -}}
{{- $parts = append $parts (get $.constants .) -}}
{{- end -}}
{{- end -}}
{{- join "-" $parts -}}
{{- end }}

{{/* The number of what it is about, as Argo Events is to write it: JSON's numbers are floats to it. Takes the row. */}}
{{- define "press-play.numberTemplate" -}}
{{- if contains ".pull_requests.0." .number -}}
{{- $list := .number | splitList ".0." | first -}}
{{ printf "{{ (index .Input.%s 0).number | int64 }}" $list }}
{{- else -}}
{{ printf "{{ .Input.%s | int64 }}" .number }}
{{- end -}}
{{- end }}

{{/* The moment at which the window is over (names.window_until), as Argo Events is to write it. Takes the row. */}}
{{- define "press-play.untilTemplate" -}}
{{- $window := int .window -}}
{{ printf "{{ add (mul (div (now | unixEpoch | int64) %d) %d) %d }}" $window $window (add $window 10) }}
{{- end }}

{{/* The Sensor's spec. Takes the root. */}}
{{- define "press-play.sensorSpec" -}}
{{- $rows := include "press-play.eventRows" . | fromYamlArray -}}
eventBusName: {{ .Values.events.bus.name }}
template:
  serviceAccountName: press-play-sensor
  {{- include "press-play.eventsPod" (dict "root" . "component" "sensor") | nindent 2 }}
dependencies:
  {{- range $rows }}
  {{- include "press-play.dependency" (dict "root" $ "row" .) | nindent 2 }}
  {{- end }}
triggers:
  {{- range $rows }}
  {{- include "press-play.trigger" (dict "root" $ "row" .) | nindent 2 }}
  {{- end }}
{{- end }}

{{/* Who the pods of EventSource and Sensor are, and how they run. (dict "root" $ "component" "sensor") */}}
{{- define "press-play.eventsPod" -}}
metadata:
  labels:
    app.kubernetes.io/part-of: press-play
    app.kubernetes.io/component: {{ .component }}
{{- with .root.Values.workflows }}
securityContext:
  {{- toYaml .podSecurityContext | nindent 2 }}
container:
  {{- if eq $.component "sensor" }}
  env:
    # Its warnings have whole payloads in them, one for each filter whose path an event has not (R7).
    - name: LOG_LEVEL
      value: error
  {{- end }}
  securityContext:
    {{- toYaml .containerSecurityContext | nindent 4 }}
  {{- with $.root.Values.events.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/*
How long the Sensor is as its pod's variable SENSOR_OBJECT, in which Argo Events hands it over (JSON in base64). Linux takes no variable of
more than 131072 bytes. Takes the root.
*/}}
{{- define "press-play.sensorLength" -}}
{{- dict "spec" (include "press-play.sensorSpec" . | fromYaml) | toJson | b64enc | len -}}
{{- end }}

{{/* The metadata of what belongs to Argo Events. (dict "root" $ "name" "press-play") */}}
{{- define "press-play.eventsMetadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "press-play.labels" .root | nindent 2 }}
{{- with include "press-play.annotations" .root }}
{{ . }}
{{- end }}
{{- end }}

{{/*
What the bus must carry for a payload of this size: an EventSource writes `<`, `>` and `&` with six characters, then all of it in base64, and
adds the headers; JetStream takes no message of more than 32 MiB. Takes the root.
*/}}
{{- define "press-play.busPayload" -}}
{{- min (add (mul (int64 .Values.events.webhook.maxPayloadSize) 8) 1048576) 33554432 -}}
{{- end }}
