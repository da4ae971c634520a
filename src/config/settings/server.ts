/** The NoETL server, and where credentials come from. */
import { Duration } from "effect"
import { controlPlaneNames } from "../backendNames.ts"
import { boolean, duration, oneOf, optional, setting, text, url, urls } from "../Setting.ts"

export const server = {
  controlPlane: setting(
    { key: "server.backend", env: ["WORKER_CONTROL_PLANE"], doc: "Who the worker works for." },
    oneOf(...controlPlaneNames),
    "noetl"
  ),
  serverUrl: setting(
    { key: "server.url", env: ["NOETL_SERVER_URL"], doc: "The NoETL server." },
    url(["http:", "https:"]),
    "http://localhost:8082"
  ),
  serverToken: optional(
    {
      key: "server.token",
      env: ["NOETL_SERVER_TOKEN"],
      doc: "Bearer token for the NoETL server.",
      secret: true
    },
    text
  ),
  serverTokenFile: optional(
    {
      key: "server.token_file",
      env: ["NOETL_SERVER_TOKEN_FILE"],
      doc: "File with the bearer token for the NoETL server; it is read for every request, so it may rotate."
    },
    text
  ),
  serverCa: optional(
    {
      key: "server.ca_file",
      env: ["NOETL_TLS_CA"],
      doc: "PEM file of the authority that signed the NoETL server's certificate."
    },
    text
  ),
  serverCert: optional(
    {
      key: "server.cert_file",
      env: ["NOETL_TLS_CLIENT_CERT"],
      doc: "PEM file of our certificate for the NoETL server; it goes to that server only."
    },
    text
  ),
  serverKey: optional(
    {
      key: "server.key_file",
      env: ["NOETL_TLS_CLIENT_KEY"],
      doc: "PEM file of our key for the NoETL server."
    },
    text
  ),
  serverAllow: setting(
    {
      key: "server.allow",
      env: ["NOETL_SERVER_ALLOW"],
      doc: "Servers that messages may name besides NOETL_SERVER_URL, by their URLs. Commands of every other server are asked for at NOETL_SERVER_URL."
    },
    urls,
    []
  ),
  ignoreMessageUrl: setting(
    {
      key: "server.ignore_message_url",
      env: ["NOETL_IGNORE_MESSAGE_URL"],
      doc: "Talk to NOETL_SERVER_URL only, whatever server a message names: the same as an empty NOETL_SERVER_ALLOW, which is the default."
    },
    boolean,
    false
  ),
  serverTimeout: setting(
    {
      key: "server.timeout_seconds",
      env: ["NOETL_SERVER_TIMEOUT_SECONDS"],
      doc: "For one answer of the server."
    },
    duration("seconds"),
    Duration.seconds(60)
  ),
  protocol: setting(
    {
      key: "server.protocol",
      env: ["NOETL_PROTOCOL"],
      doc: "Generation of the NoETL server. python2 is 2.8 to 2.10."
    },
    oneOf("auto", "python2"),
    "auto"
  ),
  credentialsFile: optional(
    {
      key: "credentials.file",
      env: ["NOETL_CREDENTIALS_FILE"],
      doc: "YAML or JSON file with credentials; they win over the server's. NOETL_SECRET_<NAME> is one credential."
    },
    text
  ),
  googleFile: optional(
    {
      key: "credentials.google_file",
      env: ["GOOGLE_APPLICATION_CREDENTIALS"],
      doc: "Key file of the Google identity that gcp_adc lends to playbooks."
    },
    text
  ),
  googleMetadata: optional(
    {
      key: "credentials.google_metadata_host",
      env: ["GCE_METADATA_HOST"],
      doc: "Metadata server whose identity gcp_adc lends to playbooks, without a key file: metadata.google.internal."
    },
    text
  ),
  googleTokenUrl: setting(
    {
      key: "credentials.google_token_url",
      env: ["NOETL_GOOGLE_TOKEN_URL"],
      doc: "Where Google's keys are exchanged for tokens; the token_uri of a key is not followed."
    },
    url(["http:", "https:"]),
    "https://oauth2.googleapis.com/token"
  )
} as const
