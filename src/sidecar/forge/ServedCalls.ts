/** ServedCalls: the calls of one neck, prepared for one run, in the forms in which its protocols look them up. */
import { Either } from "effect"
import type { Call } from "./Calls.ts"
import type { NeckContext } from "./callContext.ts"
import type { ForgeCall } from "./ForgeCall.ts"
import type { McpTool } from "./McpTools.ts"
import { type RunCommand, makeCommands } from "./TextCommands.ts"

/** The calls of one neck. Built once, when it starts to serve. */
export interface ServedCalls {
  readonly byName: ReadonlyMap<string, Call>
  /** The MCP listing. */
  readonly tools: ReadonlyArray<McpTool>
  readonly runCommand: RunCommand
  /** A note for the agent with every answer; undefined if there is none. */
  readonly notice: () => string | undefined
}

/** Prepares calls for a run. Left: why they cannot all be served. */
export const serveCalls = (
  calls: ReadonlyArray<ForgeCall>,
  context: NeckContext,
): Either.Either<ServedCalls, string> => {
  const names = new Set<string>()
  for (const { usage } of calls) {
    const { name } = usage
    if (!NAME.test(name))
      return Either.left(
        `the name of a call must be words of a-z and 0-9 joined by _: ${JSON.stringify(name)}`,
      )
    if (names.has(name)) return Either.left(`two calls have the name ${name}`)
    names.add(name)
  }
  const bound = calls.map((call) => [call.usage, call.bind(context)] as const)
  return Either.right({
    byName: new Map(bound.map(([, call]) => [call.name, call])),
    tools: calls.flatMap(({ tool }) => (tool === undefined ? [] : [tool])),
    runCommand: makeCommands(bound, context.log, context.notice),
    notice: context.notice,
  })
}

/** The name is a word on a command line, a path segment, and a name in the operation log. */
const NAME = /^(?=.{1,64}$)[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/
