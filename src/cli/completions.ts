/** Completions for bash as @effect/cli prints them, mended: it loses a program with a dash in its name, and what is below a group. */

/** The script, with one name for each command wherever it is named; any other text as it is. */
export const mendCompletions = (text: string): string =>
  text.startsWith("function _bot-bottle_bash_completions")
    ? text
        .replace('cmd="bot-bottle"', 'cmd="bot__bottle"')
        .replace(/^( +)bot-bottle\)$/m, "$1bot__bottle)")
        .replaceAll(/^( +)bot__bottle,(\w+),(\w+)\)$/gm, "$1bot__bottle__$2,$3)")
    : text
