/** The variables of this process that an operator's commands get, in addition to PATH, HOME, LANG, LC_ALL and TZ. */

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

/** These variables of this process, as far as they are set. What is not named stays here: keys of models and forges among it. */
export const variablesOf = (names: ReadonlyArray<string>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
