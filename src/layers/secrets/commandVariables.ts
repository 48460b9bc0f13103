/** The variables of this process that commands for secrets get, in addition to PATH, HOME, LANG, LC_ALL and TZ. */

/** Proxies and certificates: how to reach the network. */
export const NETWORK_VARIABLES: ReadonlyArray<string> = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
]

/** How to reach the operator's session and the network. Nothing that configures one program: `env NAME=VALUE PROGRAM` does that. */
export const COMMAND_VARIABLES: ReadonlyArray<string> = [
  "USER",
  "LOGNAME",
  "XDG_RUNTIME_DIR",
  "XDG_CONFIG_HOME",
  "XDG_DATA_HOME",
  "XDG_STATE_HOME",
  "XDG_CACHE_HOME",
  "DBUS_SESSION_BUS_ADDRESS",
  "SSH_AUTH_SOCK",
  "GNUPGHOME",
  ...NETWORK_VARIABLES,
]
