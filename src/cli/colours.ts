/** Colours of bottles and of their states, on a terminal. */
import { Option } from "effect"
import type { BottleStatus } from "../domain/Bottle.ts"
import type { Styled } from "./output.ts"

type Style = Styled["style"]

/** Values of `--color`. */
export const COLOURS = ["red", "green", "yellow", "blue", "magenta", "cyan", "white", "gray"] as const

/** The colour of a bottle; none if a terminal cannot show it. */
export const ofBottle = (color: Option.Option<string>): Style | undefined =>
  COLOURS.find((name) => Option.contains(color, name))

/** Green: working. Red: needs attention. Yellow: in between. */
export const ofState = ({ state, exit }: Pick<BottleStatus, "state" | "exit">): Style | undefined => {
  if (state === "exited") return Option.exists(exit, ({ code }) => code !== 0) ? "red" : undefined
  return STATES[state]
}

const STATES: Readonly<Partial<Record<BottleStatus["state"], Style>>> = {
  running: "green",
  frozen: "cyan",
  lost: "red",
  created: "yellow",
  destroying: "yellow",
  unknown: "yellow",
}
