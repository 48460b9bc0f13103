/** Command lines that are wrong: what is blamed, what is suggested, and how it is told. */
import { Either } from "effect"
import { afterAll, describe, expect, it } from "vitest"
import { readLine } from "../../src/cli/line/read.ts"
import { tree } from "../../src/cli/root.ts"
import { makeCli, shellAgent } from "../support/cli.ts"

const cli = makeCli()
afterAll(cli.remove)

const problem = (...words: ReadonlyArray<string>) =>
  Either.match(readLine(tree, words), { onLeft: ({ message }) => message, onRight: ({ _tag }) => _tag })

describe("a wrong command line", () => {
  const blamed: ReadonlyArray<readonly [line: string, message: RegExp]> = [
    ["start hello --headless --prompt", /^--prompt needs a value\nSee "bot-bottle start --help"$/],
    ["start hello --prompt --headless", /^--prompt needs a value\n/],
    ["list --log-level verbose", /^--log-level: "verbose" is not one of debug, info, /],
    ["list --log-level", /^--log-level needs a value\n/],
    ["--completions powershell", /^--completions: "powershell" is not one of bash, zsh, fish, sh\n/],
    ["lits", /^unknown command "lits"\. Did you mean "bot-bottle list"\?\nSee "bot-bottle --help"$/],
    ["run", /Did you mean "bot-bottle start"\?/],
    [
      "orchestrate statsu",
      /^unknown command "statsu" of orchestrate\. Did you mean "bot-bottle orchestrate status"\?/,
    ],
    ["help strat", /^unknown command "strat"\. Did you mean "bot-bottle start"\?/],
    [
      "start --headles",
      /^unknown option --headles\. Did you mean --headless\?\nSee "bot-bottle start --help"$/,
    ],
    ["start --frobnicate", /^unknown option --frobnicate\nSee/],
    ["list --wizard", /^unknown option --wizard\n/],
    ["--json list", /^unknown option --json: options of a command go after it\n/],
    ["logs x -z", /^unknown option -z\n/],
    ["start --pull alwasy", /^--pull: "alwasy" is not one of always, missing, never\. Did you mean always\?/],
    ["logs x --run two", /^--run: "two" is not a whole number\n/],
    ["list --json=maybe", /^--json takes no value\n/],
    ["start --label a --label b", /^--label is given 2 times\n/],
    ["start --label=--json", /^--label: "--json" is an option, not a value\n/],
    ["stop", /^SLUG is missing\n/],
    ["cp a:b", /^DEST is missing\n/],
    ["list here", /^unexpected argument "here"\n/],
    ["orchestrate resume", /^--slug is required\n/],
  ]
  for (const [line, message] of blamed) {
    it(`is blamed for what it is: ${line}`, () => expect(problem(...line.split(" "))).toMatch(message))
  }

  it("carries the program's name, ends with 2, and is JSON under --json", async () => {
    expect(await cli.run(["start", "--headles"])).toEqual({
      code: 2,
      stdout: "",
      stderr:
        'bot-bottle: unknown option --headles. Did you mean --headless?\nSee "bot-bottle start --help"\n',
    })
    const json = await cli.run(["start", "--headles", "--json"])
    expect([json.code, json.stderr, JSON.parse(json.stdout)]).toEqual([
      2,
      "",
      {
        error: {
          _tag: "UsageError",
          problem: "unknown option --headles",
          suggestion: "--headless",
          help: "bot-bottle start --help",
          message: expect.stringContaining("unknown option --headles"),
        },
      },
    ])
  })
})

describe("a line that is right", () => {
  it("may have its options anywhere after the command, joined or apart, and short ones together", () => {
    const argv = (...words: ReadonlyArray<string>) => Either.getOrThrow(readLine(tree, words))
    const wanted = { _tag: "Run", argv: ["logs", "--follow", "--run", "2", "--", "slug"] }
    for (const line of ["logs slug -f --run 2", "logs --run=2 slug --follow", "logs -f -f --run 2 -- slug"]) {
      expect(argv(...line.split(" "))).toEqual(wanted)
    }
    expect(argv("list", "--json=false")).toEqual({ _tag: "Run", argv: ["list"] })
    expect(argv("rm", "slug")).toEqual({ _tag: "Run", argv: ["destroy", "--", "slug"] })
    expect(argv("ps")).toEqual({ _tag: "Run", argv: ["list"] })
  })

  it("reaches the agent with every character of its prompt, and an argument may look like an option", async () => {
    cli.write("bottles/plain.yaml", "backend: host\n")
    cli.write("agents/echo.md", shellAgent("cat"))
    const prompt = "--not-an-option\n a=b  -h \n\n--"
    const { stdout, code } = await cli.run(["start", "echo", "--headless", "--prompt", prompt])
    expect([stdout, code]).toEqual([prompt, 0])
    const stopped = await cli.run(["stop", "--", "--json"])
    expect([stopped.code, stopped.stderr]).toEqual([2, expect.stringContaining("invalid slug")])
    for (const { slug } of JSON.parse((await cli.run(["list", "--json"])).stdout))
      await cli.run(["destroy", slug])
  })
})
