{{- define "noetl-worker.namespace" -}}
{{ .Values.namespace | default .Release.Namespace }}
{{- end }}

{{- define "noetl-worker.labels" -}}
app.kubernetes.io/part-of: noetl
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/*
All pools, each with its settings merged: {"pools": {"": {...}, "batch": {...}}} as YAML. The first is workerPool, with
the names of the ITL charts over it.
*/}}
{{- define "noetl-worker.pools" -}}
{{- $first := deepCopy .Values.workerPool -}}
{{- $config := deepCopy .Values.config.workerPool -}}
{{- with .Values.workers -}}
{{- if hasKey . "enabled" }}{{ $_ := set $first "enabled" .enabled }}{{ end -}}
{{- if hasKey . "replicaCount" }}{{ $_ := set $first "replicas" .replicaCount }}{{ end -}}
{{- if hasKey . "affinity" }}{{ $_ := set $first "affinity" .affinity }}{{ end -}}
{{- with .podDisruptionBudget }}{{ $_ := set $first "podDisruptionBudget" (ternary (merge . (dict "maxUnavailable" nil)) . (hasKey . "minAvailable")) }}{{ end -}}
{{- with .logLevel }}{{ $_ := set $config "LOG_LEVEL" (lower .) }}{{ end -}}
{{- with .maxConcurrentJobs }}{{ $_ := set $config "WORKER_MAX_CONCURRENT" (toString .) }}{{ end -}}
{{- end -}}
{{- $pools := dict -}}
{{- if $first.enabled -}}
{{- $own := dict "WORKER_POOL_NAME" $first.poolName -}}
{{- if $first.isolatedTools }}{{ $_ := set $own "WORKER_TOOL_USERS" "20001-20064" }}{{ end -}}
{{- $_ := set $pools "default" (merge (dict "suffix" "" "config" (merge (deepCopy $config) $own)) $first) -}}
{{- end -}}
{{- range $name, $over := .Values.workerPools -}}
{{- $pool := mergeOverwrite (deepCopy $first) (dict "enabled" true "poolName" $name) (deepCopy $over) -}}
{{- $own := dict "WORKER_POOL_NAME" $pool.poolName -}}
{{- if $pool.isolatedTools }}{{ $_ := set $own "WORKER_TOOL_USERS" "20001-20064" }}{{ end -}}
{{- $_ := set $pool "config" (mergeOverwrite (deepCopy $config) $own (deepCopy (default dict $over.config))) -}}
{{- if $pool.enabled }}{{ $_ := set $pools $name (merge (dict "suffix" (printf "-%s" $name)) $pool) }}{{ end -}}
{{- end -}}
{{ toYaml (dict "pools" $pools) }}
{{- end }}

{{/* Environment of a pool as a ConfigMap's data. */}}
{{- define "noetl-worker.env" -}}
{{- $env := deepCopy .pool.config -}}
{{/* The author's RUST_LOG is not to lose against our default. */}}
{{- if hasKey $env "RUST_LOG" }}{{ $env = omit $env "LOG_LEVEL" }}{{ end -}}
{{- if .pool.scriptTool.enabled }}{{ $env = merge $env (dict "WORKER_SCRIPT_SERVICE_ACCOUNT" "noetl-script") }}{{ end -}}
{{- if .pool.podDeletionCost.enabled }}{{ $env = merge $env (dict "WORKER_POD_DELETION_COST" "true") }}{{ end -}}
{{- if eq .pool.queue.backend "postgres" }}{{ $env = merge $env (dict "WORKER_QUEUE" "postgres" "WORKER_QUEUES" .pool.queue.names) }}{{ end -}}
{{- range $key, $value := $env }}
{{ $key }}: {{ toString $value | quote }}
{{- end }}
{{- end }}
