/** Reads the operator's secrets from variables and files, without a trailing newline. */
import { Effect, Option, Schema } from "effect"
import { readFile, stat } from "node:fs/promises"
import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"
import type { SecretSource } from "../../domain/SecretSource.ts"
import { sourceText } from "../../domain/SecretSource.ts"
import { file } from "../../files/files.ts"

/** Larger than any secret: a file or an output of more bytes is a mistake. */
export const SECRET_BYTES_MAX = 64 * 1024

/** Reads the text of a variable or a file. Fails with what is wrong there, never with a part of it. */
export const readPlace = (
  source: Exclude<SecretSource, { readonly command: unknown }>,
): Effect.Effect<string, string> => ("env" in source ? fromEnvironment(source.env) : fromFile(source.file))

/** The secret in the text of a source: the text at its `field`, or all of it. Fails without quoting it. */
export const secretIn = (source: SecretSource, text: string): Effect.Effect<string, string> => {
  const field = "field" in source ? source.field : undefined
  const place = "command" in source ? `what ${sourceText(source)} printed` : sourceText(source)
  if (field === undefined) return withoutNewline(text, place)
  const value = field
    .split(".")
    .reduce<unknown>(
      (found, key) =>
        typeof found === "object" && found !== null && Object.hasOwn(found, key)
          ? (found as Readonly<Record<string, unknown>>)[key]
          : undefined,
      Option.getOrUndefined(json(text)),
    )
  return typeof value === "string" && value !== ""
    ? Effect.succeed(value)
    : Effect.fail(`${place} has no text at ${field}: expected JSON with it`)
}

const json = Schema.decodeOption(Schema.parseJson())

/** Editors and commands add a trailing newline, which is not part of the secret. */
const withoutNewline = (text: string, place: string): Effect.Effect<string, string> => {
  const secret = text.replace(/\r?\n$/, "")
  return secret === "" ? Effect.fail(`${place} is empty`) : Effect.succeed(secret)
}

/** Whether other users of this machine can read a file; false when that cannot be told. */
export const isReadByOthers = (path: string): Effect.Effect<boolean> =>
  file(() => stat(atHome(path))).pipe(
    Effect.map(({ mode }) => (mode & 0o044) !== 0),
    Effect.orElseSucceed(() => false),
  )

const fromEnvironment = (name: string): Effect.Effect<string, string> =>
  Effect.suspend(() => {
    const value = process.env[name]
    return value === undefined
      ? Effect.fail(`its secret is in the variable ${name}, which is not set: set it and try again`)
      : Effect.succeed(value)
  })

/** A relative path is refused: it could mean the manifest's folder or the working directory. */
const fromFile = (path: string): Effect.Effect<string, string> => {
  const place = atHome(path)
  if (!isAbsolute(place))
    return Effect.fail(`secret.file must be an absolute path or begin with ~/, and is ${path}`)
  const unreadable = (why: string) =>
    `its secret is in the file ${path}, which cannot be read${why === "" ? "" : ` (${why})`}`
  return file(() => stat(place)).pipe(
    Effect.mapError(({ code }) => unreadable(code)),
    Effect.filterOrFail(
      ({ size }) => size <= SECRET_BYTES_MAX,
      () => unreadable("it is larger than 64 KiB"),
    ),
    Effect.zipRight(
      Effect.mapError(
        file(() => readFile(place, "utf8")),
        ({ code }) => unreadable(code),
      ),
    ),
    // A pipe or a file system over the network may block.
    Effect.timeoutFail({ duration: FILE_TIMEOUT, onTimeout: () => unreadable("it took too long") }),
  )
}

const FILE_TIMEOUT = "10 seconds"

/** `~/` is the operator's home. */
export const atHome = (path: string): string =>
  path.startsWith("~/") ? join(homedir(), path.slice(2)) : path
