/** Signatures with a key in the home, with a file of the operator's, or by a command that signs outside of this machine. */
import { Effect, Layer, Option, Schema } from "effect"
import { generateKeyPairSync } from "node:crypto"
import { readFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { SigningFailed } from "../../domain/Errors.ts"
import { decodeStrictly } from "../../domain/ManifestFile.ts"
import { createFile, ensureDirectory, file, namesIn, replaceFile } from "../../files/files.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import { type PublicKey, Signatures } from "../../services/Signatures.ts"
import { Home, type HomeShape } from "../home/Home.ts"
import { readBounded } from "../manifests/readBounded.ts"
import { decodeText, parseYaml } from "../manifests/yaml.ts"
import * as NodeProcessRunner from "../process/NodeProcessRunner.ts"
import { COMMAND_VARIABLES, variablesOf } from "../secrets/commandVariables.ts"
import { checkEnvelope, envelopeOf, preAuthEncoding, publicOf, readKey, signWith } from "./dsse.ts"

/** How long a command may take to sign. */
const COMMAND_MS = 30_000

/** An Ed25519 signature has 88 characters in base64. */
const SIGNATURE_BYTES_MAX = 4096

const Path = Schema.String.pipe(Schema.pattern(/^\/[^\0]*$/)).annotations({ title: "an absolute path" })

/** `provenance.yaml` in the home: which key signs. Without it, one that is made in the home. */
const Settings = Schema.Struct({
  key: Schema.Union(
    Schema.Struct({ file: Path }),
    Schema.Struct({ command: Schema.NonEmptyArray(Schema.String), public: Path }),
  ).annotations({ title: "{file: PATH} or {command: [PROGRAM, ARGUMENT...], public: PATH}" }),
}).annotations({ title: "a map with key" })

/** How statements are signed. */
type Signer =
  | { readonly kind: "home" }
  | { readonly kind: "file"; readonly path: string }
  | {
      readonly kind: "command"
      readonly command: readonly [string, ...ReadonlyArray<string>]
      readonly publicPath: string
    }

const make = (home: HomeShape, runner: typeof ProcessRunner.Service): typeof Signatures.Service => {
  const { key: keyPath, publicKeys, settings } = home.signing

  const signer: Effect.Effect<Signer, SigningFailed> = Effect.gen(function* () {
    const bytes = yield* readBounded(settings)
    if (Option.isNone(bytes)) return { kind: "home" } as const
    const value = yield* parseYaml(settings, yield* decodeText(settings, bytes.value))
    const { key } = yield* decodeStrictly(settings, Settings, value)
    return "file" in key
      ? ({ kind: "file", path: key.file } as const)
      : ({ kind: "command", command: key.command, publicPath: key.public } as const)
  }).pipe(Effect.mapError(({ message }) => new SigningFailed({ reason: message })))

  const readPublic = (path: string) =>
    Effect.map(
      Effect.flatMap(pemOf(path), (pem) => keyOf("public", path, pem)),
      publicOf,
    )

  /** Public keys outlive their private halves: old statements are checked with them. */
  const remember = (key: PublicKey) =>
    ensureDirectory(publicKeys).pipe(
      Effect.zipRight(createFile(join(publicKeys, `${key.id}.pem`), key.pem)),
      Effect.mapError(({ code }) => unusable(publicKeys, code)),
      Effect.as(key),
    )

  const homeKey = Effect.gen(function* () {
    yield* ensureDirectory(dirname(keyPath)).pipe(Effect.mapError(({ code }) => unusable(keyPath, code)))
    const there = yield* Effect.option(pemOf(keyPath))
    // Of two processes that make it at the same time, the second uses the first one's.
    if (Option.isNone(there))
      yield* createFile(keyPath, freshKey()).pipe(Effect.mapError(({ code }) => unusable(keyPath, code)))
    return yield* Effect.flatMap(pemOf(keyPath), (pem) => keyOf("private", keyPath, pem))
  })

  const privateKey = (how: Exclude<Signer, { kind: "command" }>) =>
    how.kind === "home" ? homeKey : Effect.flatMap(pemOf(how.path), (pem) => keyOf("private", how.path, pem))

  const current = Effect.gen(function* () {
    const how = yield* signer
    return yield* remember(
      how.kind === "command" ? yield* readPublic(how.publicPath) : publicOf(yield* privateKey(how)),
    )
  })

  const signOutside = Effect.fnUntraced(function* (
    [command, ...args]: readonly [string, ...ReadonlyArray<string>],
    payload: string,
    key: PublicKey,
  ) {
    const place = `the command ${command}`
    const { exitCode, stdout } = yield* Effect.mapError(
      runner.run({
        command,
        args,
        env: variablesOf(COMMAND_VARIABLES),
        cwd: "/",
        stdin: preAuthEncoding(Buffer.from(payload)).toString("utf8"),
        timeoutMs: COMMAND_MS,
        maxOutputBytes: SIGNATURE_BYTES_MAX,
        endsWithUs: true,
      }),
      ({ reason }) => new SigningFailed({ reason: `${place} cannot be run (${reason})` }),
    )
    if (exitCode !== 0) return yield* new SigningFailed({ reason: `${place} ended with ${exitCode}` })
    const envelope = envelopeOf(payload, key.id, Buffer.from(stdout.trim(), "base64"))
    return Option.isSome(checkEnvelope(envelope, [key]).key)
      ? envelope
      : yield* new SigningFailed({
          reason: `${place} printed no signature (base64) that its public key accepts`,
        })
  })

  return {
    current,
    sign: Effect.fn("Signatures.sign")(function* (payload: string) {
      const how = yield* signer
      const key = yield* current
      return how.kind === "command"
        ? yield* signOutside(how.command, payload, key)
        : signWith(yield* privateKey(how), payload)
    }),
    known: namesIn(publicKeys).pipe(
      Effect.mapError(({ code }) => unusable(publicKeys, code)),
      Effect.flatMap(
        Effect.forEach((name) =>
          name.endsWith(".pem")
            ? Effect.map(readPublic(join(publicKeys, name)), (key) => [key])
            : Effect.succeed([]),
        ),
      ),
      Effect.map((all) => all.flat()),
    ),
    rotate: Effect.gen(function* () {
      const how = yield* signer
      if (how.kind !== "home")
        return yield* new SigningFailed({
          reason: `${settings} names the key: make a new one there, and bot-bottle uses it at once`,
        })
      yield* current
      yield* replaceFile(keyPath, freshKey()).pipe(Effect.mapError(({ code }) => unusable(keyPath, code)))
      return yield* current
    }),
    read: (pem) => Effect.map(keyOf("public", "the given key", pem), publicOf),
    check: checkEnvelope,
  }
}

const freshKey = (): string =>
  String(generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }))

const pemOf = (path: string) =>
  Effect.mapError(
    file(() => readFile(path, "utf8")),
    ({ code }) => unusable(path, code),
  )

const keyOf = (kind: "private" | "public", path: string, pem: string) =>
  Effect.mapError(readKey(kind, pem), (reason) => new SigningFailed({ reason: `${path}: ${reason}` }))

const unusable = (path: string, code: string): SigningFailed =>
  new SigningFailed({ reason: `${path} cannot be used${code === "" ? "" : ` (${code})`}` })

/** The signatures of a home. */
export const layer: Layer.Layer<Signatures> = Layer.effect(
  Signatures,
  Effect.map(Effect.all([Home, ProcessRunner]), ([home, runner]) => make(home, runner)),
).pipe(Layer.provide(NodeProcessRunner.layer))
