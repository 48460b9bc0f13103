/** Features by git version. */

/**
 * Whether this git, by its `git version` output, accepts a fixed address for a host name. `http.curloptResolve` exists since 2.37; an
 * older git silently ignores it.
 */
export const canPinAddresses = (said: string): boolean => {
  const [, major = "0", minor = "0"] = /^git version (\d+)\.(\d+)/.exec(said) ?? []
  return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 37)
}
