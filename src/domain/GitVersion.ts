/** What a version of git can do for us. */

/** Whether git, by what `git version` says, can be told which address a name has: `http.curloptResolve` is there since 2.37, and an older git passes over it without a word. */
export const canPinAddresses = (said: string): boolean => {
  const [, major = "0", minor = "0"] = /^git version (\d+)\.(\d+)/.exec(said) ?? []
  return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 37)
}
