{{/* The name of the gates' service account, which may nothing. */}}
{{- define "press-play.gateAccountName" -}}
press-play-gate
{{- end }}

{{/*
The Pod in which a gate's commands run, as a resource template makes it: strangers' code, so without a token, without an
account's rights, without secrets, and (by its label `press-play/walled`) without a network. It sees the checkout
read-only and works in a copy. Takes the root; the rest are inputs of the template.
*/}}
{{- define "press-play.gatePod" -}}
{{- $proxy := .Values.gatePods.packageProxy -}}
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
  containers:
    - name: main
      {{- $image := include "press-play.image" . }}
      image: {{ printf "{{=toJson(sprig.b64dec(inputs.parameters.image) == 'pressplay' ? '%s' : sprig.b64dec(inputs.parameters.image))}}" $image }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      # Read whole before anything of it runs.
      command: [sh, -c, 'eval "$(cat "$0")"', {{ "/gate/script/{{inputs.parameters.language}}.sh" }}]
      workingDir: /gate/work
      env:
        {{- range $name, $value := include "press-play.gateEnvironment" . | fromYaml }}
        - name: {{ $name }}
          value: {{ $value | quote }}
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
          subPath: script
          readOnly: true
        - name: gate
          mountPath: /gate/work
          subPath: {{ "work/{{inputs.parameters.language}}-{{inputs.parameters.attempt}}" }}
        - name: tmp
          mountPath: /tmp
  volumes:
    - name: gate
      persistentVolumeClaim:
        claimName: {{ "{{inputs.parameters.name}}" }}
    - name: tmp
      emptyDir: {sizeLimit: 1Gi}
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
