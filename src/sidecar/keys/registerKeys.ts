/** Creates, records and registers a deploy key for each repository that asks for one, and revokes it when the scope closes. */
import { Clock, Effect, Option, Ref, Schema } from "effect"
import type { Scope } from "effect"
import { randomBytes } from "node:crypto"
import { readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { RunKey } from "../../domain/DeployKey.ts"
import { ForgeRequestError } from "../../domain/Errors.ts"
import { saidNo } from "../../domain/ForgeReason.ts"
import type { Slug } from "../../domain/Slug.ts"
import type { ForgeApi } from "../../services/Forge.ts"
import type { ProcessRunner } from "../../services/ProcessRunner.ts"
import { Processes } from "../../services/Processes.ts"
import { file, unlinkIfThere } from "../../files/files.ts"
import type { Settings } from "../SidecarSettings.ts"
import type { Upstream } from "../git/Upstream.ts"
import { type KeyEntry, ownDirectory, strike, write } from "./KeyLedger.ts"
import { revoke } from "./revoke.ts"

/** A key could not be created, recorded or registered. The reason contains no secret. */
export class KeyFailure extends Schema.TaggedError<KeyFailure>()("KeyFailure", { reason: Schema.String }) {}

/** What creating keys needs. */
export interface KeyOptions extends Pick<Settings, "registerMs" | "revokeMs"> {
  readonly slug: Slug
  readonly apiUrl: string
  /** The forge of the run, for another of its repositories. */
  readonly forgeOf: (owner: string, repo: string) => Effect.Effect<ForgeApi, KeyFailure>
  readonly runner: typeof ProcessRunner.Service
  readonly ledger: string
  /** For private keys; never mounted. */
  readonly directory: string
}

/** The repositories, with the file of a registered key where one was asked for. */
export const registerKeys = (
  upstreams: ReadonlyMap<string, Upstream>,
  options: KeyOptions,
): Effect.Effect<ReadonlyMap<string, Upstream>, KeyFailure, Processes | Scope.Scope> =>
  Effect.forEach(
    upstreams,
    ([name, upstream]) =>
      upstream.deployKey === undefined
        ? Effect.succeed([name, upstream] as const)
        : Effect.map(
            makeKey(name, upstream.deployKey, options),
            (identityFile) => [name, { ...upstream, identityFile }] as const,
          ),
    { concurrency: "unbounded" },
  )
    .pipe(Effect.map((all) => new Map(all)))
    .pipe(Effect.parallelFinalizers)

/** Returns the file of the private key. */
const makeKey = Effect.fn("DeployKey.make")(function* (
  name: string,
  { owner, repo, readOnly }: NonNullable<Upstream["deployKey"]>,
  options: KeyOptions,
) {
  const { slug, apiUrl, ledger, directory, registerMs, revokeMs } = options
  const because = (reason: string) => new KeyFailure({ reason: `git "${name}": ${reason}` })
  const unwritten = Effect.mapError(({ code }: { readonly code: string }) =>
    because(`its deploy key could not be recorded (${code})`),
  )
  const forge = yield* options.forgeOf(owner, repo)
  const mark = randomBytes(6).toString("hex")
  const title = `bot-bottle ${slug} ${mark}`
  // Never a name that an earlier sidecar of this bottle used: its leftovers are removed while ours is in use.
  const privateFile = join(directory, `${name}.${mark}`)
  yield* Effect.addFinalizer(() => Effect.ignore(unlinkIfThere(privateFile)))
  const publicKey = yield* Effect.mapError(generate(options, privateFile, title), because)
  const key = new RunKey({
    name: `${slug}.${mark}`,
    slug,
    apiUrl,
    owner,
    repo,
    title,
    publicKey,
    readOnly,
    id: Option.none(),
    createdAt: new Date(yield* Clock.currentTimeMillis).toISOString(),
  })
  const entry = yield* Ref.make<KeyEntry>({
    version: 1,
    key,
    privateFile,
    holder: yield* (yield* Processes).self,
  })
  const registered = yield* Ref.make(false)
  yield* Effect.acquireRelease(
    unwritten(Effect.flatMap(Ref.get(entry), (first) => write(ledger, first))),
    () => end(forge, ledger, entry, registered, revokeMs),
  )
  yield* Ref.set(registered, true)
  const id = yield* forge.createDeployKey({ title, publicKey, readOnly }).pipe(
    Effect.timeoutFail({
      duration: registerMs,
      onTimeout: () =>
        new ForgeRequestError({
          operation: "createDeployKey",
          status: 0,
          reason: "Unreachable",
          detail: `no answer within ${registerMs} ms`,
        }),
    }),
    Effect.tapError((error) => Effect.when(Ref.set(registered, false), () => saidNo(error.reason))),
    Effect.mapError((error) =>
      because(`no deploy key could be registered for ${owner}/${repo}: ${error.message}`),
    ),
  )
  const known = { ...(yield* entry), key: new RunKey({ ...key, id: Option.some(id) }) }
  yield* Ref.set(entry, known)
  // An abandoned write continues, and would bring back an entry that was removed meanwhile.
  yield* Effect.uninterruptible(unwritten(write(ledger, known)))
  return privateFile
})

/** The entry is removed when the key is known to be gone. Otherwise it records that nobody uses the key any more. */
const end = Effect.fn("DeployKey.end")(function* (
  forge: ForgeApi,
  ledger: string,
  entry: Ref.Ref<KeyEntry>,
  registered: Ref.Ref<boolean>,
  revokeMs: number,
) {
  const last = yield* entry
  const revoked = (yield* registered)
    ? yield* revoke(forge, last.key).pipe(Effect.interruptible, Effect.timeout(revokeMs), Effect.isSuccess)
    : true
  yield* Effect.ignore(revoked ? strike(ledger, last.key.name) : write(ledger, { ...last, holder: null }))
})

/** Uses ssh's own program, which creates the file readable only by its owner. Returns the public key. */
const generate = Effect.fn("DeployKey.generate")(
  function* ({ runner, directory }: KeyOptions, privateFile: string, comment: string) {
    const { exitCode, stderr } = yield* Effect.zipRight(
      Effect.zipRight(
        ownDirectory(directory),
        file(() => rm(privateFile, { force: true })),
      ),
      runner.run({
        command: "ssh-keygen",
        args: ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", privateFile],
        timeoutMs: 10_000,
      }),
    )
    if (exitCode !== 0) return yield* Effect.fail(`ssh-keygen made no key: ${stderr.trim().slice(0, 200)}`)
    const text = yield* file(() => readFile(`${privateFile}.pub`, "utf8"))
    yield* unlinkIfThere(`${privateFile}.pub`)
    return text.trim().split(/\s+/).slice(0, 2).join(" ")
  },
  (effect) =>
    Effect.mapError(effect, (error) =>
      typeof error === "string"
        ? error
        : error._tag === "ProcessError"
          ? `ssh-keygen made no key (openssh-client has it): ${error.detail}`
          : `there is no place for its deploy key (${error.code})`,
    ),
)
