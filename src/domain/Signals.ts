/** Exit codes of processes that a signal ended: 128+n, as in a shell. */

const names: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
}

/** The signal for an exit code of 128+n (Linux numbers); undefined when there is none. */
export const signalOf = (exitCode: number): string | undefined => names[exitCode - 128]
