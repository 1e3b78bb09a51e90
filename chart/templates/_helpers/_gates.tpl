{{/* The name of the gates' service account, which may nothing. */}}
{{- define "press-play.gateAccountName" -}}
press-play-gate
{{- end }}

{{/*
The Pod in which a gate's commands run, as a resource template makes it: strangers' code, so without a token, without an
account's rights, without secrets, and (by its label `press-play/walled`) without a network. It sees the checkout
read-only and works in a copy. With `services`, the checkout says which services run beside it, as sidecars of this Pod.
(dict "root" $ "services" true); the rest are inputs of the template.
*/}}
{{- define "press-play.gatePod" -}}
{{- $services := .services -}}
{{- with .root -}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ "{{inputs.parameters.name}}-{{inputs.parameters.language}}-{{inputs.parameters.attempt}}" }}
  namespace: {{ .Release.Namespace }}
  labels:
    app.kubernetes.io/part-of: press-play
    press-play/flow: gate
    press-play/gate-run: {{ "{{inputs.parameters.name}}" }}
    press-play/repo: {{ "{{=replace(inputs.parameters.repo, '/', '.')}}" }}
    press-play/pr: {{ "{{=toJson(inputs.parameters.pr)}}" }}
    press-play/walled: "true"
  annotations:
    press-play/workflow: {{ "{{workflow.name}}" }}
spec:
  serviceAccountName: {{ include "press-play.gateAccountName" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  restartPolicy: Never
  terminationGracePeriodSeconds: 5
  activeDeadlineSeconds: {{ "{{inputs.parameters.seconds}}" }}
  securityContext:
    {{- toYaml .Values.workflows.podSecurityContext | nindent 4 }}
  {{- with .Values.workflows.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.workflows.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $services }}
  # Made by the checkout (pressplay.gates.proving.services), of what the default branch's contract says.
  initContainers: {{ "{{=fromJSON(sprig.b64dec(inputs.parameters.pods)).of[inputs.parameters.language].services}}" }}
  {{- end }}
  containers:
    - name: main
      {{- $image := include "press-play.image" . }}
      image: {{ printf "{{=toJson(fromJSON(sprig.b64dec(inputs.parameters.pods)).of[inputs.parameters.language].image == 'pressplay' ? '%s' : fromJSON(sprig.b64dec(inputs.parameters.pods)).of[inputs.parameters.language].image)}}" $image }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      # Read whole before anything of it runs.
      command: [sh, -c, 'eval "$(cat "$0")"', {{ "/gate/script/{{inputs.parameters.language}}.sh" }}]
      workingDir: /gate/work
      env:
        {{- range $name, $value := include "press-play.gateEnvironment" . | fromYaml }}
        - name: {{ $name }}
          value: {{ $value | quote }}
        {{- end }}
        {{- if $services }}
        - name: GATE_TMP
          value: /tmp
        - name: GATE_ASK
          value: /gate/ask
        - name: GATE_SERVICES
          value: /gate/services
        {{- end }}
      resources: {{ "{{=sprig.b64dec(inputs.parameters.resources)}}" }}
      securityContext:
        {{- toYaml (merge (dict "readOnlyRootFilesystem" true) .Values.workflows.containerSecurityContext) | nindent 8 }}
      volumeMounts:
        - name: gate
          mountPath: /gate/source
          subPath: source
          readOnly: true
        - name: gate
          mountPath: /gate/script
          # Independent criteria lie apart: what the tests' Pods see, the next commit could answer.
          subPath: {{ "{{=inputs.parameters.language == 'independent' ? 'independent' : 'script'}}" }}
          readOnly: true
        - name: gate
          mountPath: /gate/work
          subPath: {{ "work/{{inputs.parameters.language}}-{{inputs.parameters.attempt}}" }}
        - name: tmp
          mountPath: /tmp
        {{- if $services }}
        # What it asks of services, which these can only read; and their answers, which it can only read.
        - name: ask
          mountPath: /gate/ask
        - name: answers
          mountPath: /gate/services
          readOnly: true
        {{- end }}
  volumes:
    - name: gate
      persistentVolumeClaim:
        claimName: {{ "{{inputs.parameters.name}}" }}
    - name: tmp
      emptyDir: {sizeLimit: 1Gi}
    {{- if $services }}
    - name: ask
      emptyDir: {sizeLimit: 1Mi}
    - name: answers
      emptyDir: {sizeLimit: 128Mi}
    - name: service-data
      emptyDir: {sizeLimit: {{ .Values.gatePods.services.size }}}
    {{- end }}
{{- end }}
{{- end }}

{{/*
The whole environment of a gate's container, besides what its image sets. Everything that tools write is on the volume. Without
a package proxy they run in their offline modes, so that they report missing packages at once.
*/}}
{{- define "press-play.gateEnvironment" -}}
GATE_SOURCE: /gate/source
GATE_WORK: /gate/work
HOME: /gate/work/home
TMPDIR: /gate/work/tmp
CARGO_HOME: /gate/work/home/.cargo
GOPATH: /gate/work/home/go
GOCACHE: /gate/work/home/.cache/go-build
GOTOOLCHAIN: local
LANG: C.UTF-8
CI: "true"
{{- if not .Values.gatePods.packageProxy.to }}
CARGO_NET_OFFLINE: "true"
GOPROXY: "off"
PIP_NO_INDEX: "1"
NPM_CONFIG_OFFLINE: "true"
{{- end }}
{{- with .Values.gatePods.packageProxy.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/*
The inputs of a gate's template but `head`, with what each is where the caller does not say. Takes their names.
*/}}
{{- define "press-play.gateInputs" -}}
{{- $defaults := dict "tag" "" "task" "none" "play" "" "try" "1" "onto" "none" "tasks" "none" }}
{{- range . }}
{{- if eq . "onto" }}
# A commit of the base branch: the gate judges the head as merged with it, and only records its verdict.
{{- else if eq . "tasks" }}
# The tasks of a play that are merged in `head`, a commit of the base branch: the gate judges what the play ended with.
{{- end }}
- name: {{ . }}
{{- if hasKey $defaults . }}
  value: {{ get $defaults . | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/*
A gate that runs commands of the project's, each language's in a Pod of its own, or waits for named checks of its CI. Its steps are
`gate-<gate>-plan`, `-checkout`, `-checks` and `-verdict`, and `gate-token`. The checkout says which Pods there are (`gate_runs.pods`); with `services`,
also what runs beside their commands.
(dict "root" $ "gate" "lint" "services" false)
*/}}
{{- define "press-play.commandGate" -}}
{{- $root := .root }}
{{- $gate := .gate }}
{{- $services := .services }}
{{- $pr := list "repo" "pr" "tag" "task" "play" "try" "head" "onto" "tasks" }}
{{- /* What the checkout puts out. */}}
{{- $made := list "plan" "pods" "seconds" "patience" "resources" }}
{{- $attempts := 3 }}
{{- $workflow := dict "workflow" "{{workflow.name}}" -}}
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  {{- include "press-play.argoMetadata" (dict "root" $root "name" (printf "gate-%s" $gate) "flow" "gate") | nindent 2 }}
spec:
  entrypoint: submitted
  {{- include "press-play.workflowSpec" (dict "root" $root "flow" "gate") | nindent 2 }}
  arguments:
    parameters:
      - name: repo
      - name: pr
      - name: head
  templates:
    - name: submitted
      steps:
        - - name: {{ $gate }}
            template: {{ $gate }}
            arguments:
              parameters:
                {{- include "press-play.ofWorkflow" (list "repo" "pr" "head") | nindent 16 }}
    # What other flows refer to. `outcome`: pass, fail, error, superseded, skipped.
    - name: {{ $gate }}
      inputs:
        parameters:
          {{- include "press-play.gateInputs" (without $pr "head") | nindent 10 }}
          - name: head
      steps:
        - - name: plan
            template: gate-{{ $gate }}-plan
            arguments:
              parameters:
                {{- include "press-play.pass" $pr | nindent 16 }}
        - - name: judge
            template: begun
            arguments:
              parameters:
                {{- include "press-play.pass" $pr | nindent 16 }}
                {{- include "press-play.ofStep" (dict "step" "plan" "names" (list "run")) | nindent 16 }}
      outputs:
        parameters:
          - name: outcome
            valueFrom:
              parameter: {{ "{{steps.judge.outputs.parameters.outcome}}" | quote }}
    # What was begun already: by `plan`, or by the run of an agent that ended with this head. `run`: the name of the gate's run; `checks`, where
    # those of the project's CI stand for it; else its outcome.
    - name: begun
      inputs:
        parameters:
          {{- include "press-play.gateInputs" (without $pr "head") | nindent 10 }}
          - name: head
          - name: run
      steps:
        - - name: checks
            template: checks
            when: {{ "'{{inputs.parameters.run}}' == 'checks'" | quote }}
            arguments:
              parameters:
                {{- include "press-play.pass" $pr | nindent 16 }}
          - name: commands
            template: commands
            when: {{ "{{=inputs.parameters.run startsWith 'gate-'}}" | quote }}
            arguments:
              parameters:
                {{- include "press-play.pass" $pr | nindent 16 }}
                - name: name
                  value: {{ "{{inputs.parameters.run}}" | quote }}
            # Whatever becomes of it, there is a verdict.
            continueOn:
              failed: true
              error: true
        # Named without `?`, the status keeps the expression from being evaluated too early (docs/reference/argo-differences.md).
        - - name: give-up
            template: gate-{{ $gate }}-verdict
            when: {{ "{{=steps.commands.status != 'Skipped' and (steps.commands?.outputs?.parameters?.outcome ?? 'none') == 'none'}}" | quote }}
            arguments:
              parameters:
                {{- include "press-play.pass" $pr | nindent 16 }}
                - name: name
                  value: {{ "{{inputs.parameters.run}}" | quote }}
                - name: plan
                  value: none
                - name: attempt
                  value: none
      outputs:
        parameters:
          - name: outcome
            valueFrom:
              expression: >-
                inputs.parameters.run == 'checks' ? (steps.checks?.outputs?.parameters?.outcome ?? 'error')
                : not (inputs.parameters.run startsWith 'gate-') ? inputs.parameters.run
                : (steps.commands?.outputs?.parameters?.outcome ?? 'none') != 'none' ? steps.commands.outputs.parameters.outcome
                : (steps['give-up']?.outputs?.parameters?.outcome ?? 'error')
    # The checkout has no key, only a token that `plan` made. It is good for an hour: for a checkout that waited longer another one is made.
    - name: commands
      inputs:
        parameters:
          {{- range append $pr "name" }}
          - name: {{ . }}
          {{- end }}
      steps:
        - - name: checkout
            template: gate-{{ $gate }}-checkout
            arguments:
              parameters:
                {{- include "press-play.pass" (append $pr "name") | nindent 16 }}
                - name: number
                  value: "0"
        - - name: again
            template: checkout-again
            when: {{ "'{{steps.checkout.outputs.parameters.state}}' == 'spent'" | quote }}
            arguments:
              parameters:
                {{- include "press-play.pass" (append $pr "name") | nindent 16 }}
                - name: number
                  value: "1"
        - - name: attempt
            template: attempt
            arguments:
              parameters:
                {{- include "press-play.pass" (append $pr "name") | nindent 16 }}
                {{- range $made }}
                - name: {{ . }}
                  value: {{ printf "{{=steps.checkout.outputs.parameters.state == 'spent' ? (steps.again?.outputs?.parameters?.%s ?? 'none') : steps.checkout.outputs.parameters.%s}}" . . | quote }}
                {{- end }}
      outputs:
        parameters:
          - name: outcome
            valueFrom:
              parameter: {{ "{{steps.attempt.outputs.parameters.outcome}}" | quote }}
              default: none
    - name: checkout-again
      inputs:
        parameters:
          {{- range concat $pr (list "name" "number") }}
          - name: {{ . }}
          {{- end }}
      steps:
        - - name: token
            template: gate-token
            arguments:
              parameters:
                {{- include "press-play.pass" (list "repo" "pr" "name" "number") | nindent 16 }}
        - - name: checkout
            template: gate-{{ $gate }}-checkout
            arguments:
              parameters:
                {{- include "press-play.pass" (concat $pr (list "name" "number")) | nindent 16 }}
        - - name: again
            template: checkout-again
            when: {{ "'{{steps.checkout.outputs.parameters.state}}' == 'spent'" | quote }}
            arguments:
              parameters:
                {{- include "press-play.pass" (append $pr "name") | nindent 16 }}
                - name: number
                  value: {{ "{{=asInt(inputs.parameters.number) + 1}}" | quote }}
      outputs:
        parameters:
          {{- range $made }}
          - name: {{ . }}
            valueFrom:
              expression: {{ printf "steps.checkout.outputs.parameters.state == 'spent' ? (steps.again?.outputs?.parameters?.%s ?? 'none') : steps.checkout.outputs.parameters.%s" . . | quote }}
          {{- end }}
    # The Pods side by side, and the verdict, which ends with 1 where a Pod went with its node.
    - name: attempt
      inputs:
        parameters:
          {{- range concat $pr (list "name") $made }}
          - name: {{ . }}
          {{- end }}
      retryStrategy:
        limit: {{ sub $attempts 1 | quote }}
        retryPolicy: Always
      parallelism: {{ $root.Values.gatePods.podsAtOnce }}
      steps:
        - - name: run
            template: run
            # Items are names alone: Argo writes them into the names of nodes.
            withParam: {{ "{{=toJson(fromJSON(sprig.b64dec(inputs.parameters.pods)).names)}}" | quote }}
            arguments:
              parameters:
                {{- include "press-play.pass" (list "repo" "pr" "name" "seconds" "patience" "resources" "pods") | nindent 16 }}
                - name: language
                  value: {{ "{{item}}" | quote }}
                - name: attempt
                  value: {{ "{{retries}}" | quote }}
            # The verdict has the result.
            continueOn:
              failed: true
              error: true
        - - name: verdict
            template: gate-{{ $gate }}-verdict
            arguments:
              parameters:
                {{- include "press-play.pass" (concat $pr (list "name" "plan")) | nindent 16 }}
                - name: attempt
                  value: {{ "{{retries}}" | quote }}
      outputs:
        parameters:
          - name: outcome
            valueFrom:
              parameter: {{ "{{steps.verdict.outputs.parameters.outcome}}" | quote }}
    - name: run
      inputs:
        parameters:
          {{- range list "repo" "pr" "name" "seconds" "patience" "resources" "pods" "language" "attempt" }}
          - name: {{ . }}
          {{- end }}
      {{- include "press-play.pod" (dict "root" $root "runs" (printf "gate-%s/run" $gate)) | nindent 6 }}
      activeDeadlineSeconds: {{ "{{inputs.parameters.patience}}" | quote }}
      retryStrategy:
        limit: "6"
        retryPolicy: Always
        # A lost pod comes back to the same Pod, which holds the verdict; an image may come yet.
        expression: >-
          not (lastRetry.message contains 'Forbidden' or lastRetry.message contains 'forbidden'
          or lastRetry.message contains 'is invalid' or lastRetry.message contains 'NotFound'
          or lastRetry.message contains 'deadline')
        backoff:
          duration: {{ $root.Values.workflows.retries.backoff | quote }}
          factor: "2"
          maxDuration: {{ $root.Values.workflows.retries.maxDuration | quote }}
      resource:
        action: apply
        flags: ["--server-side", "--field-manager=press-play", "--force-conflicts"]
        setOwnerReference: false
        successCondition: status.phase in (Succeeded, Failed)
        failureCondition: >-
          status.containerStatuses.0.state.waiting.reason in (ImagePullBackOff, InvalidImageName,
          CreateContainerConfigError, CreateContainerError)
          {{- if $services }}
          {{- range until 10 }},
          status.initContainerStatuses.{{ . }}.state.waiting.reason in (ImagePullBackOff, InvalidImageName,
          CreateContainerConfigError, CreateContainerError, CrashLoopBackOff)
          {{- end }}
          {{- end }}
        manifest: |
          {{- include "press-play.gatePod" (dict "root" $root "services" $services) | nindent 10 }}
    # The named checks: read, waited for without a pod (`reconcile` wakes), read once more.
    - name: checks
      inputs:
        parameters:
          {{- range $pr }}
          - name: {{ . }}
          {{- end }}
      steps:
        - - name: look
            template: gate-{{ $gate }}-checks
            arguments:
              parameters:
                {{- include "press-play.pass" $pr | nindent 16 }}
                - name: woken
                  value: "false"
        - - name: await-checks
            template: await-checks
            when: {{ "'{{steps.look.outputs.parameters.state}}' == 'pending'" | quote }}
            arguments:
              parameters:
                {{- include "press-play.pass" (list "repo" "pr" "head") | nindent 16 }}
        - - name: look-again
            template: gate-{{ $gate }}-checks
            when: {{ "'{{steps.look.outputs.parameters.state}}' == 'pending'" | quote }}
            arguments:
              parameters:
                {{- include "press-play.pass" $pr | nindent 16 }}
                - name: woken
                  value: "true"
      outputs:
        parameters:
          - name: outcome
            valueFrom:
              expression: "steps.look.outputs.parameters.state == 'pending' ? (steps['look-again']?.outputs?.parameters?.outcome ?? 'error') : steps.look.outputs.parameters.outcome"
    {{- include "press-play.wait" (dict "name" "await-checks" "inputs" (list "repo" "pr" "head")) | nindent 4 }}
    {{- include "press-play.step" (dict "root" $root "name" (printf "gate-%s-plan" $gate) "inputs" $pr "extra" $workflow "outputs" (dict "run" "error")) | nindent 4 }}
    {{- $outputs := dict "state" "done" "pods" (b64enc "{\"names\": []}") }}
    {{- range without $made "pods" }}{{ $_ := set $outputs . "none" }}{{ end }}
    {{- include "press-play.step" (dict "root" $root "name" (printf "gate-%s-checkout" $gate) "inputs" (concat $pr (list "name" "number")) "extra" (dict "into" "/gate" "token" "/github/token" "attempts" ($attempts | toString)) "claim" "{{inputs.parameters.name}}" "token" "{{inputs.parameters.name}}-token-{{inputs.parameters.number}}" "deadlineSeconds" 900 "outputs" $outputs) | nindent 4 }}
    {{- include "press-play.step" (dict "root" $root "name" (printf "gate-%s-checks" $gate) "inputs" (append $pr "woken") "outputs" (dict "state" "none" "outcome" "none")) | nindent 4 }}
    {{- include "press-play.step" (dict "root" $root "name" (printf "gate-%s-verdict" $gate) "inputs" (concat $pr (list "name" "plan" "attempt")) "extra" (dict "attempts" ($attempts | toString)) "outputs" (dict "outcome" "none")) | nindent 4 }}
    {{- include "press-play.step" (dict "root" $root "name" "gate-token" "inputs" (list "repo" "pr" "name" "number") "extra" (dict "owner" "volume")) | nindent 4 }}
{{- end }}
