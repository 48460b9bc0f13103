/** Constants of the neck that both of its sides share. */

/** Base URL of the neck in a bottle with its own network namespace: `bin/enter` forwards this port to the socket. */
export const NECK_URL = "http://127.0.0.1:7317"

/** Longest path of a Unix socket in bytes, without its terminating zero (unix(7): `sun_path` has 108). */
export const SOCKET_PATH_MAX = 107
