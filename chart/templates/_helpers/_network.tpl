{{/* The TCP port of a URL, or of host:port. Takes the text. */}}
{{- define "press-play.urlPort" -}}
{{- $url := urlParse (contains "://" . | ternary . (printf "https://%s" .)) -}}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (eq $url.scheme "http" | ternary "80" "443") -}}
{{- end }}

{{/* The TCP ports on which steps reach anything but the API server, as JSON: those of every address in the values. Takes the root. */}}
{{- define "press-play.stepPorts" -}}
{{- $addresses := list .Values.github.apiURL .Values.github.gitURL .Values.argo.server.url -}}
{{- range $name, $value := .Values.workflows.env -}}
{{- if has (upper $name) (list "HTTP_PROXY" "HTTPS_PROXY" "ALL_PROXY") -}}{{- $addresses = append $addresses $value -}}{{- end -}}
{{- end -}}
{{- if eq .Values.proof.store "s3" -}}
{{- $addresses = append $addresses (.Values.proof.s3.endpoint | default "https://") -}}
{{- else if eq .Values.proof.store "oci" -}}
{{- $addresses = append $addresses (printf "%s://%s" (.Values.proof.oci.plainHTTP | ternary "http" "https") .Values.proof.oci.repository) -}}
{{- end -}}
{{- $registries := list .Values.defaults.supply.registries -}}
{{- range .Values.repositories -}}
{{- $registries = append $registries (dig "supply" "registries" dict (. | default dict)) -}}
{{- end -}}
{{- range $registries -}}
{{- $addresses = concat $addresses (values . | compact) -}}
{{- end -}}
{{- $ports := list -}}
{{- range $addresses -}}
{{- $ports = append $ports (include "press-play.urlPort" . | int) -}}
{{- end -}}
{{- $ports | uniq | sortAlpha | toJson -}}
{{- end }}

{{/* The private networks that probes may reach, of all repositories, as JSON. Takes the root. */}}
{{- define "press-play.probedNetworks" -}}
{{- $networks := .Values.defaults.acceptance.networks -}}
{{- range .Values.repositories -}}
{{- $networks = concat $networks (dig "acceptance" "networks" list (. | default dict)) -}}
{{- end -}}
{{- $networks | uniq | sortAlpha | toJson -}}
{{- end }}

{{/*
A NetworkPolicy of our pods with these labels, or by these expressions, `rules` being the spec's `ingress` and `egress` as a text.
(dict "root" $ "name" "step" "labels" LABELS "expressions" EXPRESSIONS "rules" RULES)
*/}}
{{- define "press-play.networkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ printf "press-play-%s" .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "press-play.labels" .root | nindent 4 }}
  {{- with include "press-play.annotations" .root }}
  {{- . | nindent 2 }}
  {{- end }}
spec:
  podSelector:
    matchLabels:
      {{- toYaml .labels | nindent 6 }}
    {{- with .expressions }}
    matchExpressions:
      {{- toYaml . | nindent 6 }}
    {{- end }}
  policyTypes: [Ingress, Egress]
  {{- .rules | trim | nindent 2 }}
{{- end }}

{{/* Egress to names (DNS) and to the API server, which every pod of ours that has a token needs. Takes the root. */}}
{{- define "press-play.egressToCluster" -}}
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
- to:
    {{- include "press-play.peers" .Values.networkPolicy.apiServer.cidrs | trim | nindent 4 }}
  ports:
    {{- include "press-play.tcp" .Values.networkPolicy.apiServer.ports | trim | nindent 4 }}
{{- end }}

{{/* Networks as peers, clouds' metadata left out of all addresses. Takes a list. */}}
{{- define "press-play.peers" -}}
{{- range . }}
- ipBlock:
    cidr: {{ . | quote }}
    {{- if eq . "0.0.0.0/0" }}
    except: [169.254.0.0/16]
    {{- else if eq . "::/0" }}
    except: ["fd00:ec2::/32", "fe80::/10"]
    {{- end }}
{{- end }}
{{- end }}

{{/* TCP ports as a NetworkPolicy has them. Takes a list. */}}
{{- define "press-play.tcp" -}}
{{- range . }}
- {protocol: TCP, port: {{ int . }}}
{{- end }}
{{- end }}

{{/* Every step and hook reports to the API server, and Argo's executor to an artifact repository; nothing reaches it. Takes the root. */}}
{{- define "press-play.networkOf.steps" -}}
egress:
  {{- include "press-play.egressToCluster" . | nindent 2 }}
  {{- with .Values.networkPolicy.ports }}
  - to:
      - namespaceSelector: {}
      {{- include "press-play.peers" $.Values.networkPolicy.cidrs | trim | nindent 6 }}
    ports:
      {{- include "press-play.tcp" . | trim | nindent 6 }}
  {{- end }}
{{- end }}

{{/* Steps with a key or a token also reach GitHub, the Argo Server, a proxy, the proofs' store, mirrors. Takes the root. */}}
{{- define "press-play.networkOf.keys" -}}
egress:
  - to:
      - namespaceSelector: {}
      {{- include "press-play.peers" .Values.networkPolicy.cidrs | trim | nindent 6 }}
    ports:
      {{- include "press-play.tcp" (include "press-play.stepPorts" . | fromJsonArray) | trim | nindent 6 }}
{{- end }}

{{/* A cloud's own identity, with which proofs are stored, comes from an address that is left out else. Takes the root. */}}
{{- define "press-play.networkOf.identity" -}}
egress:
  - to:
      - ipBlock: {cidr: 169.254.0.0/16}
{{- end }}

{{/* Probes also reach public addresses, the networks that the values allow, and the namespaces that they may look into. Takes the root. */}}
{{- define "press-play.networkOf.probes" -}}
egress:
  - to:
      - ipBlock:
          cidr: 0.0.0.0/0
          except: [10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16]
      - ipBlock:
          cidr: "::/0"
          except: ["fc00::/7", "fe80::/10"]
      {{- range include "press-play.probedNetworks" . | fromJsonArray }}
      - ipBlock: {cidr: {{ . | quote }}}
      {{- end }}
      {{- range include "press-play.probedNamespaces" . | fromYamlArray }}
      - namespaceSelector:
          matchLabels:
            kubernetes.io/metadata.name: {{ . }}
      {{- end }}
{{- end }}

{{/* The pods of the release's EventBus, as Argo Events labels them. Takes the root. */}}
{{- define "press-play.busPods" -}}
controller: eventbus-controller
eventbus-name: {{ .Values.events.bus.name }}
{{- end }}

{{/* The EventSource takes webhooks and puts them on the bus. Takes the root. */}}
{{- define "press-play.networkOf.eventsource" -}}
ingress:
  - ports:
      - {protocol: TCP, port: {{ int .Values.events.webhook.port }}}
    {{- with .Values.networkPolicy.webhookFrom }}
    from:
      {{- toYaml . | nindent 6 }}
    {{- end }}
egress:
  - ports:
      - {protocol: UDP, port: 53}
      - {protocol: TCP, port: 53}
      - {protocol: TCP, port: 4222}
  {{- if .Values.events.webhook.url }}
  # It creates the repositories' webhooks itself.
  - to:
      - namespaceSelector: {}
      {{- include "press-play.peers" .Values.networkPolicy.cidrs | trim | nindent 6 }}
    ports:
      {{- include "press-play.tcp" (list (include "press-play.urlPort" .Values.github.apiURL)) | trim | nindent 6 }}
  {{- end }}
{{- end }}

{{/* The Sensor reads the bus and makes Workflows. Takes the root. */}}
{{- define "press-play.networkOf.sensor" -}}
egress:
  {{- include "press-play.egressToCluster" . | nindent 2 }}
  - ports:
      - {protocol: TCP, port: 4222}
{{- end }}

{{/* The bus's servers are reached by EventSource and Sensor, and reach one another. Their metrics stay open. Takes the root. */}}
{{- define "press-play.networkOf.eventbus" -}}
ingress:
  - from:
      - podSelector:
          matchExpressions:
            - {key: app.kubernetes.io/part-of, operator: In, values: [press-play]}
            - {key: app.kubernetes.io/component, operator: In, values: [eventsource, sensor]}
    ports:
      - {protocol: TCP, port: 4222}
  - from:
      - podSelector:
          matchLabels:
            {{- include "press-play.busPods" . | nindent 12 }}
  - ports:
      - {protocol: TCP, port: 7777}
egress:
  - ports:
      - {protocol: UDP, port: 53}
      - {protocol: TCP, port: 53}
  - to:
      - podSelector:
          matchLabels:
            {{- include "press-play.busPods" . | nindent 12 }}
{{- end }}
