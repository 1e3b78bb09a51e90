{{/*
The metadata of an Argo object of ours.
(dict "root" $ "name" "task" "flow" "task")
*/}}
{{- define "press-play.argoMetadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "press-play.labels" (dict "root" .root "flow" .flow) | nindent 2 }}
  {{- include "press-play.instanceLabels" .root | nindent 2 }}
{{- end }}

{{/*
What every WorkflowTemplate of ours has in its spec beside its templates: who it is, how long finished Workflows stay,
and the labels of what is created from it.
(dict "root" $ "flow" "task")
*/}}
{{- define "press-play.workflowSpec" -}}
# Each template has an account of its own; a pod of any other may nothing.
serviceAccountName: {{ include "press-play.gateAccountName" .root }}
ttlStrategy:
  secondsAfterCompletion: {{ int .root.Values.workflows.ttlSeconds }}
podGC:
  # A failed step's log is where its reason stands: it stays until the Workflow goes.
  strategy: OnPodSuccess
workflowMetadata:
  labels:
    app.kubernetes.io/part-of: press-play
    press-play/flow: {{ .flow }}
    {{- include "press-play.instanceLabels" .root | nindent 4 }}
{{- end }}

{{/*
Who a template's pod is, and where and how it runs. It stands on each template, not on the Workflow: a generated play
refers to our templates and has nothing of this of its own. The labels are for NetworkPolicies.
(dict "root" $ "runs" "run-agent"), as press-play.accountOf takes it.
*/}}
{{- define "press-play.pod" -}}
{{- $account := include "press-play.accountOf" . -}}
metadata:
  labels:
    app.kubernetes.io/part-of: press-play
    app.kubernetes.io/component: step
    press-play/account: {{ $account }}
serviceAccountName: {{ include "press-play.accountName" (dict "root" .root "name" $account) }}
securityContext:
  {{- toYaml .root.Values.workflows.podSecurityContext | nindent 2 }}
{{- with .root.Values.workflows.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.workflows.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The security context of a step's container: its root is read-only, unless the values say otherwise. Takes the root. */}}
{{- define "press-play.containerSecurityContext" -}}
{{- $context := deepCopy .Values.workflows.containerSecurityContext -}}
{{- if not (hasKey $context "readOnlyRootFilesystem") -}}
{{- $_ := set $context "readOnlyRootFilesystem" true -}}
{{- end -}}
{{- toYaml $context -}}
{{- end }}

{{/*
A template that runs one step of the library. Its inputs travel as a JSON object of strings, each quoted by toJson: a
value can't break out of its place. The same names are the step's inputs and the template's.
(dict "root" $ "name" "task-begin" "inputs" (list "repo" "task") "extra" (dict "workflow" "{{workflow.name}}") "outputs" (dict "state" "none"))
`outputs` gives each output its default, so that a consumer of a skipped step finds one. `claim` names a volume that is mounted at /gate, `token` a Secret whose token is the file /github/token, `semaphore` a key of the limits,
`patient` has a lost pod made again however long the step has been at work.
The account is the step's in files/accounts.yaml.
*/}}
{{- define "press-play.step" -}}
- name: {{ .name }}
  {{- with .inputs }}
  inputs:
    parameters:
      {{- range . }}
      - name: {{ . }}
      {{- end }}
  {{- end }}
  {{- $in := list }}
  {{- range .inputs }}
  {{- $in = append $in (printf "%q: {{=toJson(inputs.parameters['%s'])}}" . .) }}
  {{- end }}
  {{- range $key, $value := .extra | default dict }}
  {{- $in = append $in (printf "%q: %q" $key $value) }}
  {{- end }}
  {{- include "press-play.pod" (dict "root" .root "runs" .name) | nindent 2 }}
  {{- with .semaphore }}
  synchronization:
    semaphores:
      - configMapKeyRef:
          name: press-play-limits
          key: {{ . }}
  {{- end }}
  {{- with .deadlineSeconds }}
  activeDeadlineSeconds: {{ . }}
  {{- end }}
  retryStrategy:
    limit: {{ .root.Values.workflows.retries.limit | quote }}
    retryPolicy: Always
    # 1 and 2 are the step's own last words; everything else (75, a lost pod, an evicted one) may pass. A quota that a container does not
    # name a resource for refuses the next pod, too; where one is used up, Argo itself waits for room.
    expression: "asInt(lastRetry.exitCode) not in [1, 2] and not (lastRetry.message contains 'failed quota')"
    backoff:
      duration: {{ .root.Values.workflows.retries.backoff | quote }}
      factor: "2"
      cap: {{ .root.Values.workflows.retries.cap | quote }}
      {{- if not .patient }}
      maxDuration: {{ .root.Values.workflows.retries.maxDuration | quote }}
      {{- end }}
  container:
    name: main
    image: {{ include "press-play.image" .root }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    command: [pressplay, step, {{ .name }}]
    args:
      - --in
      - '{{ printf "{%s}" (join ", " $in) | replace "'" "''" }}'
      - --out
      - /tmp/out
    env:
      {{- include "press-play.stepEnv" .root | nindent 6 }}
    securityContext:
      {{- include "press-play.containerSecurityContext" .root | nindent 6 }}
    resources:
      {{- toYaml .root.Values.workflows.resources | nindent 6 }}
    volumeMounts:
      # The only place that a step writes to, its outputs too; Argo's executor reads them there.
      - name: tmp
        mountPath: /tmp
      {{- if .claim }}
      - name: gate
        mountPath: /gate
      {{- end }}
      {{- if .token }}
      - name: token
        mountPath: /github
        readOnly: true
      {{- end }}
  volumes:
    - name: tmp
      emptyDir: {}
    {{- if .claim }}
    - name: gate
      persistentVolumeClaim:
        claimName: {{ .claim | quote }}
    {{- end }}
    {{- if .token }}
    - name: token
      secret:
        secretName: {{ .token | quote }}
        defaultMode: 0440
        # Without it the step runs and says so, and another one is made.
        optional: true
    {{- end }}
  {{- if .outputs }}
  outputs:
    parameters:
      {{- range $name, $default := .outputs }}
      - name: {{ $name }}
        valueFrom:
          path: /tmp/out/{{ $name }}
          default: {{ $default | quote }}
      {{- end }}
  {{- end }}
{{- end }}

{{/* How a step finds its release and the Argo Server, with the variables of workflows.env, as a container's `env`. Takes the root. */}}
{{- define "press-play.stepEnv" -}}
- name: PRESSPLAY_NAMESPACE
  value: {{ .Release.Namespace }}
- name: PRESSPLAY_ARGO_URL
  value: {{ .Values.argo.server.url | quote }}
- name: PRESSPLAY_ARGO_AUTH
  value: {{ .Values.argo.server.auth }}
{{- with .Values.argo.server.caSecret }}
{{- if .name }}
- name: PRESSPLAY_ARGO_CA
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .key }}
{{- end }}
{{- end }}
{{- with include "press-play.env" . }}
{{- . }}
{{- end }}
{{- end }}

{{/* What selects the pods of the service that reconciles. Takes the root. */}}
{{- define "press-play.reconcileSelector" -}}
app.kubernetes.io/part-of: press-play
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: reconcile
{{- end }}

{{/*
The variables of workflows.env, as a container's `env`; nothing where there are none. What a proxy must not be asked for is added to
NO_PROXY: the API server, which Kubernetes tells each pod by a variable, the Argo Server, Services. Takes the root.
*/}}
{{- define "press-play.env" -}}
{{- $env := dict -}}
{{- $proxied := false -}}
{{- $no := "NO_PROXY" -}}
{{- range $name, $value := .Values.workflows.env -}}
{{- $_ := set $env $name $value -}}
{{- if has (upper $name) (list "HTTP_PROXY" "HTTPS_PROXY" "ALL_PROXY") -}}{{- $proxied = true -}}{{- end -}}
{{- if eq $name "no_proxy" -}}{{- $no = $name -}}{{- end -}}
{{- end -}}
{{- if $proxied -}}
{{- $argo := regexReplaceAll ":[0-9]+$" (urlParse .Values.argo.server.url).host "" | trimAll "[]" -}}
{{- $_ := set $env $no (without (list (get $env $no) "$(KUBERNETES_SERVICE_HOST)" $argo ".svc") "" | join ",") -}}
{{- end -}}
{{- range $name, $value := $env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end -}}
{{- end }}

{{/*
Arguments that pass a template's own inputs on by the same names.
(list "repo" "task")
*/}}
{{- define "press-play.pass" -}}
{{- range . }}
- name: {{ . }}
  value: {{ printf "{{inputs.parameters.%s}}" . | quote }}
{{- end }}
{{- end }}

{{/*
Arguments that are the Workflow's own parameters of the same names.
(list "repo" "pr")
*/}}
{{- define "press-play.ofWorkflow" -}}
{{- range . }}
- name: {{ . }}
  value: {{ printf "{{workflow.parameters.%s}}" . | quote }}
{{- end }}
{{- end }}

{{/*
Arguments that are outputs of a step, by the same names.
(dict "step" "accept" "names" (list "tag" "task"))
*/}}
{{- define "press-play.ofStep" -}}
{{- range .names }}
- name: {{ . }}
  value: {{ printf "{{steps.%s.outputs.parameters.%s}}" $.step . | quote }}
{{- end }}
{{- end }}

{{/*
The arguments of a step of the Workflow `task`: its own parameters, and the task's number as `task`.
(list "repo" "tag")
*/}}
{{- define "press-play.ofTask" -}}
{{- include "press-play.ofWorkflow" . }}
- name: task
  value: {{ "{{workflow.parameters.task-id}}" | quote }}
{{- end }}

{{/*
A wait: a suspended node whose inputs are its key (R3). It holds no pod, `signal` wakes it, `reconcile` repairs it.
(dict "name" "await-merge" "inputs" (list "repo" "task") "outputs" (list "outcome"))
*/}}
{{- define "press-play.wait" -}}
- name: {{ .name }}
  inputs:
    parameters:
      {{- range .inputs }}
      - name: {{ . }}
      {{- end }}
  suspend: {}
  {{- if .outputs }}
  outputs:
    parameters:
      {{- range .outputs }}
      - name: {{ . }}
        valueFrom:
          supplied: {}
          default: none
      {{- end }}
  {{- end }}
{{- end }}
