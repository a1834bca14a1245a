{{- define "auth-api.labels" -}}
app.kubernetes.io/part-of: auth-api
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "auth-api.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "auth-api.host" -}}
{{ (urlParse .Values.settings.PUBLIC_URL).host }}
{{- end }}

{{- define "auth-api.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "auth-api.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: ["ALL"]
{{- end }}

{{- define "auth-api.secretFiles" -}}
{{- range list "JWT_REFRESH_SECRET" "SESSION_SECRET" "CSRF_SECRET" "ENCRYPTION_KEY" }}
- name: {{ . }}_FILE
  value: /run/secrets/auth-api/{{ . | lower | replace "_" "-" }}
{{- end }}
{{- end }}

{{- define "auth-api.mounts" -}}
- name: secrets
  mountPath: /run/secrets/auth-api
  readOnly: true
- name: certificates
  mountPath: /run/certificates
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- end }}

{{- define "auth-api.dns" -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
      podSelector:
        matchLabels:
          k8s-app: kube-dns
  ports:
    - port: 53
      protocol: UDP
    - port: 53
{{- end }}
