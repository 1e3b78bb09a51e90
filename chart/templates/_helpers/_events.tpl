{{/*
What starts on events. Filters are anchored regular expressions over what a Sensor sees; a path that is not there discards the event.
The names and windows are those of names.flow_workflow and names.window_until; tests/chart/test_events.py holds the two together.
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
What starts a flow, one row a dependency of the Sensor, as a YAML list of
  name       the dependency's and the trigger's
  flow       the WorkflowTemplate
  events     GitHub's names of the events
  actions    their actions; an event without actions (push) has none
  is, not    [path, regular expression]: all must match, none may
  same       [expression of two fields, path of the first, path of the second]
  subject    pr or issue, with `number`, the path of its number; none for what is about the repository
  window     seconds for which events are gathered
  until      whether the flow gets the end of its window
  constants  parameters that do not come from the event
Takes the root.
*/}}
{{- define "press-play.eventRows" -}}
{{- $events := .Values.events -}}
{{- $flows := .Values.flows -}}
{{- $ours := include "press-play.ours" . -}}
{{- $label := printf "^%s$" (regexQuoteMeta $events.label) -}}
{{- $byPerson := list (list "body.sender.type" "^User$") -}}
{{- $notOurs := list (list "body.sender.login" $ours) -}}
{{- $noFork := list "one == other" "body.pull_request.head.repo.full_name" "body.pull_request.base.repo.full_name" -}}
{{- /* Those who may write. A private member shows as CONTRIBUTOR, so the steps ask GitHub. `reconcile` picks up the rest. */ -}}
{{- $writers := "^(OWNER|MEMBER|COLLABORATOR|CONTRIBUTOR)$" -}}
{{- $rows := list -}}

{{- if $flows.pullRequest.enabled -}}
{{- $row := dict "flow" "pull-request" "events" (list "pull_request") "not" $notOurs "same" (list $noFork) "subject" "pr"
      "number" "body.pull_request.number" "window" $flows.pullRequest.window "until" true "constants" (dict "why" "push") -}}
{{- $is := append $byPerson (list "body.pull_request.draft" "^false$") -}}
{{- range include "press-play.scopes" (dict "root" $ "subject" "body.pull_request") | fromYamlArray -}}
{{- $rows = append $rows (merge (dict "name" (printf "pull-request%s" .suffix) "is" (concat $is .is)
      "actions" (list "opened" "reopened" "ready_for_review" "synchronize")) $row) -}}
{{- end -}}
{{- if eq $events.start "label" -}}
{{- $rows = append $rows (merge (dict "name" "pull-request-label" "actions" (list "labeled")
      "is" (append $is (list "body.label.name" $label))) $row) -}}
{{- end -}}
{{- end -}}

{{- if $flows.comments.enabled -}}
{{- $row := dict "flow" "comments" "not" $notOurs "subject" "pr" "window" $flows.comments.window "until" true -}}
{{- $comment := merge (dict "events" (list "issue_comment") "actions" (list "created") "number" "body.issue.number") $row -}}
{{- $is := concat $byPerson (list (list "body.issue.pull_request.url" "^http") (list "body.issue.state" "^open$")
      (list "body.comment.author_association" $writers)) -}}
{{- range include "press-play.scopes" (dict "root" $ "subject" "body.issue") | fromYamlArray -}}
{{- $rows = append $rows (merge (dict "name" (printf "comments-said%s" .suffix) "is" (concat $is .is)) $comment) -}}
{{- end -}}
{{- if eq $events.start "label" -}}
{{- $rows = append $rows (merge (dict "name" "comments-said-command"
      "is" (append $is (list "body.comment.body" "^/press-play(\\s|$)"))) $comment) -}}
{{- end -}}
{{- $is = append $byPerson (list "body.pull_request.state" "^open$") -}}
{{- range include "press-play.scopes" (dict "root" $ "subject" "body.pull_request") | fromYamlArray -}}
{{- $rows = append $rows (merge (dict "name" (printf "comments-line%s" .suffix) "events" (list "pull_request_review_comment") "actions" (list "created")
      "is" (concat $is (list (list "body.comment.author_association" $writers)) .is)
      "same" (list $noFork) "number" "body.pull_request.number") $row) -}}
{{- $rows = append $rows (merge (dict "name" (printf "comments-review%s" .suffix) "events" (list "pull_request_review") "actions" (list "submitted")
      "is" (concat $is (list (list "body.review.state" "^changes_requested$") (list "body.review.author_association" $writers)) .is)
      "same" (list $noFork) "number" "body.pull_request.number") $row) -}}
{{- end -}}
{{- end -}}

{{- if $flows.triage.enabled -}}
{{- $row := dict "flow" "triage" "actions" (list "completed") "subject" "pr" "window" $flows.triage.window "until" true -}}
{{- range $event, $branch := dict "check_run" "body.check_run.check_suite.head_branch" "workflow_run" "body.workflow_run.head_branch" -}}
{{- $path := printf "body.%s" $event -}}
{{- $number := printf "%s.pull_requests.0.number" $path -}}
{{- $is := list (list (printf "%s.conclusion" $path) "^(failure|timed_out|startup_failure)$") (list $number "^[0-9]+$") -}}
{{- if eq $events.start "label" -}}
{{- /* Whether another pull request carries the label is not in the payload: `reconcile` finds its failed checks. */ -}}
{{- $is = append $is (list $branch "^feature/task-[0-9]+-implementation$") -}}
{{- end -}}
{{- $not := list -}}
{{- if eq $event "check_run" -}}
{{- $not = list (list "body.check_run.name" "^press-play/")
      (list "body.check_run.app.slug" (printf "^%s$" (regexQuoteMeta (include "press-play.slug" $.Values.github.harnessApp)))) -}}
{{- end -}}
{{- with $flows.triage.ignoreChecks -}}
{{- $not = append $not (list (printf "%s.name" $path) (include "press-play.anyOf" .)) -}}
{{- end -}}
{{- $rows = append $rows (merge (dict "name" (printf "triage-%s" (trimSuffix "_run" $event)) "events" (list $event) "is" $is "not" $not "number" $number) $row) -}}
{{- end -}}
{{- end -}}

{{- if $flows.security.enabled -}}
{{- $row := dict "flow" "security" "window" $flows.security.window "until" true -}}
{{- /* An action that only one kind of alert knows is no other event's. */ -}}
{{- $rows = append $rows (merge (dict "name" "security-alert"
      "events" (list "code_scanning_alert" "dependabot_alert" "secret_scanning_alert")
      "actions" (list "created" "reopened" "appeared_in_branch" "reintroduced" "auto_reopened")) $row) -}}
{{- with $flows.security.scanWorkflows -}}
{{- $rows = append $rows (merge (dict "name" "security-scan" "events" (list "workflow_run") "actions" (list "completed")
      "is" (list (list "body.workflow_run.conclusion" "^success$") (list "body.workflow_run.name" (include "press-play.anyOf" .)))
      "same" (list
        (list "one == other" "body.workflow_run.head_branch" "body.repository.default_branch")
        (list "one == other" "body.workflow_run.head_repository.full_name" "body.repository.full_name"))) $row) -}}
{{- end -}}
{{- end -}}

{{- if $flows.issue.enabled -}}
{{- $row := dict "flow" "issue" "events" (list "issues") "not" $notOurs "subject" "issue" "number" "body.issue.number"
      "window" $flows.issue.window "until" true -}}
{{- $is := append $byPerson (list "body.issue.state" "^open$") -}}
{{- if eq $events.start "all" -}}
{{- $rows = append $rows (merge (dict "name" "issue-opened" "actions" (list "opened")
      "is" (append $is (list "body.issue.author_association" $writers))) $row) -}}
{{- end -}}
{{- $rows = append $rows (merge (dict "name" "issue-label" "actions" (list "labeled")
      "is" (append $is (list "body.label.name" $label))) $row) -}}
{{- end -}}

{{- $row := dict "flow" "signal" "window" 10 -}}
{{- $rows = append $rows (merge (dict "name" "signal-closed" "events" (list "pull_request") "actions" (list "closed")
      "subject" "pr" "number" "body.pull_request.number" "constants" (dict "what" "closed")) $row) -}}
{{- /* A changed base voids check and approval, whoever changed it. */ -}}
{{- $rows = append $rows (merge (dict "name" "signal-edited" "events" (list "pull_request") "actions" (list "edited")
      "is" (list (list "body.changes.base.ref.from" "^.+$"))
      "subject" "pr" "number" "body.pull_request.number" "constants" (dict "what" "edited")) $row) -}}
{{- $rows = append $rows (merge (dict "name" "signal-pushed" "events" (list "push")
      "is" (list (list "body.deleted" "^false$"))
      "same" (list (list "one == 'refs/heads/' + other" "body.ref" "body.repository.default_branch"))
      "constants" (dict "what" "pushed")) $row) -}}
{{- $rows = append $rows (merge (dict "name" "signal-deployed" "events" (list "deployment_status")
      "is" (list (list "body.deployment_status.state" "^(success|failure|error)$"))
      "subject" "deployment" "number" "body.deployment.id" "constants" (dict "what" "deployed")) $row) -}}
{{- toYaml $rows -}}
{{- end }}

{{/*
Which pull requests and issues are in scope (R8), as a YAML list of {suffix, is}: one dependency each, since the filters of a
dependency all must match. (dict "root" $ "subject" "body.pull_request")
*/}}
{{- define "press-play.scopes" -}}
{{- if eq .root.Values.events.start "all" -}}
{{- list (dict "suffix" "" "is" list) | toYaml -}}
{{- else -}}
{{- $label := .root.Values.events.label -}}
{{- list
      (dict "suffix" "-labelled" "is" (list (list (printf "%s.labels.#(name==%q).name" .subject $label) (printf "^%s$" (regexQuoteMeta $label)))))
      (dict "suffix" "-ours" "is" (list (list (printf "%s.user.login" .subject) (include "press-play.ours" .root))))
    | toYaml -}}
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
      - expr: {{ first . | quote }}
        fields:
          - name: one
            path: {{ index . 1 }}
          - name: other
            path: {{ index . 2 }}
      {{- end }}
    {{- end }}
    data:
      {{- range concat $is ($row.is | default list) }}
      - path: {{ first . | toRawJson }}
        type: string
        value: [{{ last . | toRawJson }}]
      {{- end }}
      {{- range $row.not | default list }}
      - path: {{ first . | toRawJson }}
        type: string
        comparator: "!="
        value: [{{ last . | toRawJson }}]
      {{- end }}
{{- end }}

{{/*
A row as a trigger: the Workflow that it makes. It is patched, so that all events of a window make one. Only the repository's name, numbers
and constants travel (R7). (dict "root" $ "row" ROW)
*/}}
{{- define "press-play.trigger" -}}
{{- $row := .row -}}
{{- $parameters := list (dict "name" "repo") -}}
{{- with $row.subject -}}
{{- $parameters = append $parameters (dict "name" .) -}}
{{- end -}}
{{- if $row.until -}}
{{- $parameters = append $parameters (dict "name" "until") -}}
{{- end -}}
{{- range $name, $value := $row.constants -}}
{{- $parameters = append $parameters (dict "name" $name "value" $value) -}}
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
              name: {{ $row.flow }}
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
        {{- with $row.subject }}
        - dest: metadata.labels.press-play/{{ . }}
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
{{- if eq .flow "signal" -}}
{{- $parts = append $parts .constants.what -}}
{{- end -}}
{{- if .number -}}
{{- $parts = append $parts (include "press-play.numberTemplate" .) -}}
{{- end -}}
{{- append $parts (printf "{{ div (now | unixEpoch | int64) %d }}" (int .window)) | join "-" -}}
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
