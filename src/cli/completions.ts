/** Fixes @effect/cli's bash completions, which break on a program name with a dash and on nested commands. */

/** The script with consistent command names. Any other text is returned unchanged. */
export const mendCompletions = (text: string): string =>
  text.startsWith("function _bot-bottle_bash_completions")
    ? text
        .replace('cmd="bot-bottle"', 'cmd="bot__bottle"')
        .replace(/^( +)bot-bottle\)$/m, "$1bot__bottle)")
        .replaceAll(/^( +)bot__bottle,(\w+),(\w+)\)$/gm, "$1bot__bottle__$2,$3)")
    : text
