/** Options that every command takes, anywhere on the line. */
import { LogLevel } from "effect"
import type { OptionInfo } from "./tree.ts"

const flag = (names: OptionInfo["names"], about: string): OptionInfo => ({
  names,
  isInteger: false,
  isRequired: false,
  isRepeated: false,
  about,
})

/** The common ones first: help lists them in this order. */
const LEVELS = ["debug", "info", "warning", "error", "none", "all", "trace", "fatal"]

/** Shells with completions. */
export const SHELLS = ["bash", "zsh", "fish", "sh"] as const

/** Options that every command takes. */
export const GLOBALS: ReadonlyArray<OptionInfo> = [
  flag(["--help", "-h"], "Show the help of a command"),
  {
    ...flag(["--log-level"], "Lowest level of messages on stderr"),
    value: "LEVEL",
    choices: LEVELS,
    fallback: "info",
  },
  flag(["--version"], "Print the version"),
  { ...flag(["--completions"], "Print a completion script for a shell"), value: "SHELL", choices: SHELLS },
]

/** The level for a choice of `--log-level`. */
export const levelOf = (name: string): LogLevel.LogLevel =>
  LogLevel.allLevels.find(({ _tag }) => _tag.toLowerCase() === name) ?? LogLevel.Info
