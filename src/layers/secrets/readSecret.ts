/** Reads the operator's secrets from variables and files, without a trailing newline. */
import { Effect } from "effect"
import { readFile, stat } from "node:fs/promises"
import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"
import { file } from "../../files/files.ts"

/** The source of a secret: a variable of this process, or a file. */
export type SecretPlace = { readonly env: string } | { readonly file: string }

/** The source in words. */
export const placeText = (place: SecretPlace): string =>
  "env" in place ? `the variable ${place.env}` : `the file ${place.file}`

/** Reads a secret. Fails with what is wrong there, never with a part of it. */
export const readSecret = (place: SecretPlace): Effect.Effect<string, string> =>
  Effect.flatMap("env" in place ? fromEnvironment(place.env) : fromFile(place.file), (text) =>
    withoutNewline(text, placeText(place)),
  )

/** Editors and commands add a trailing newline, which is not part of the secret. */
export const withoutNewline = (text: string, place: string): Effect.Effect<string, string> => {
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
  return isAbsolute(place)
    ? Effect.mapError(
        file(() => readFile(place, "utf8")),
        ({ code }) =>
          `its secret is in the file ${path}, which cannot be read${code === "" ? "" : ` (${code})`}`,
      )
    : Effect.fail(`secret.file must be an absolute path or begin with ~/, and is ${path}`)
}

const atHome = (path: string): string => (path.startsWith("~/") ? join(homedir(), path.slice(2)) : path)
