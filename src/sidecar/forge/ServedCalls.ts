/** ServedCalls: the calls of one neck, made ready for one run, in the form that each of its protocols looks them up. */
import { Either } from "effect"
import type { Call } from "./Calls.ts"
import type { NeckContext } from "./callContext.ts"
import type { ForgeCall } from "./ForgeCall.ts"
import type { McpTool } from "./McpTools.ts"
import { type RunCommand, makeCommands } from "./TextCommands.ts"

/** The calls of one neck. Built once, when it begins to serve. */
export interface ServedCalls {
  readonly byName: ReadonlyMap<string, Call>
  /** What MCP lists. */
  readonly tools: ReadonlyArray<McpTool>
  readonly runCommand: RunCommand
}

/** Makes calls ready for a run. Left: why they cannot all be served. */
export const serveCalls = (
  calls: ReadonlyArray<ForgeCall>,
  context: NeckContext,
): Either.Either<ServedCalls, string> => {
  const names = new Set<string>()
  for (const { usage } of calls) {
    const { name } = usage
    if (!NAME.test(name))
      return Either.left(
        `the name of a call must be words of a-z and 0-9 with _ between: ${JSON.stringify(name)}`,
      )
    if (names.has(name)) return Either.left(`two calls have the name ${name}`)
    names.add(name)
  }
  const bound = calls.map((call) => [call.usage, call.bind(context)] as const)
  return Either.right({
    byName: new Map(bound.map(([, call]) => [call.name, call])),
    tools: calls.flatMap(({ tool }) => (tool === undefined ? [] : [tool])),
    runCommand: makeCommands(bound, context.log),
  })
}

/** It is a word of a command line, a part of a path, and a name in the operation log. */
const NAME = /^(?=.{1,64}$)[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/
