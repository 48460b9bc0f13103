/** The example manifests of `init`: writes all of them into the home, or none. */
import { Effect, Exit } from "effect"
import { dirname } from "node:path"
import { createFile, ensureDirectory, unlinkIfThere } from "../../files/files.ts"
import type { HomeShape } from "../home/Home.ts"
import { manifestPath } from "./folder.ts"
import { fileInvalid, ioFailed } from "./readBounded.ts"

/** Writes the examples and returns their paths. Fails when one of the files exists, and then leaves nothing behind. */
export const writeExamples = Effect.fn("FileManifests.init")(function* (home: HomeShape) {
  const files = [
    { file: manifestPath(home.root, "agents", "hello"), text: HELLO_AGENT },
    { file: manifestPath(home.root, "bottles", "default"), text: DEFAULT_BOTTLE },
  ]
  // After a failure, closing this scope removes what was already written.
  return yield* Effect.forEach(files, ({ file, text }) =>
    Effect.acquireRelease(writeExample(file, text), (_, exit) =>
      Exit.isSuccess(exit) ? Effect.void : remove(file),
    ),
  ).pipe(Effect.scoped)
})

const writeExample = Effect.fnUntraced(function* (path: string, text: string) {
  yield* Effect.mapError(
    ensureDirectory(dirname(path)),
    ioFailed(dirname(path), "expected a writable folder"),
  )
  const isOurs = yield* Effect.mapError(createFile(path, text), ioFailed(path, "expected a writable folder"))
  return isOurs
    ? path
    : yield* fileInvalid(path, "already exists, and init overwrites nothing: nothing was written")
})

const remove = (path: string) => Effect.ignore(unlinkIfThere(path))

const HELLO_AGENT = `---
# How the agent program is run: claude, codex, pi, or command, whose argv is below.
provider: command
# The bottle manifest it works in when --bottle names none.
bottle: default
description: Says hello and repeats its prompt
# The prompt comes on stdin and lies in $BOT_BOTTLE_PROMPT_FILE too.
command:
  - sh
  - -c
  - |
    echo "hello from bottle $BOT_BOTTLE_SLUG, run $BOT_BOTTLE_RUN; my prompt is:"
    cat
---

You are an example. This text, the body, is the system prompt: a command gets it ahead of its prompt.
`

const DEFAULT_BOTTLE = `# What the agent works in. Every key may be left out but image (or build, in its place); an unknown key is an error.

# Any image that has a shell, and node, socat, python3 or perl. In its place, a folder with a Dockerfile: build: ./box
image: node:22-slim

# The user the agent runs as: a name of the image, or numbers in quotes. The image's own user when absent; root only when named here.
user: "1000:1000"

# Where the agent starts, and where --copy-cwd puts your files.
workdir: /workspace

# Variables of the agent. No secrets: the agent can read them. Quote what must stay as written, such as "1.10".
env:
  LANG: C.UTF-8

# What it may use. When absent: all cpus, half the memory up to 8g, 1024 processes.
limits:
  memory: 2g
  pids: 512
  # How long one run may take, and how long it may show no sign of life.
  timeout: 2 hours
  idleTimeout: 30 minutes

# One that "bot-bottle doctor" lists (host does not isolate); docker when absent.
# backend: docker
`
