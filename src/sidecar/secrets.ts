/** Collects every secret that a bottle must never see, and so could only have by accident. Pushes and texts are searched for them. */
import { Effect, Option, Redacted } from "effect"
import { readFile } from "node:fs/promises"
import { SidecarError } from "../domain/Errors.ts"
import { file } from "../files/files.ts"
import { readPrivateKey } from "./git/privateKey.ts"
import type { ServedDocument } from "./SidecarDocument.ts"

/** The secrets of a document, including those in files that it names. If one cannot be read, the sidecar does not serve. */
export const secretsOf = ({
  slug,
  forge,
  routes,
  git,
}: ServedDocument): Effect.Effect<ReadonlyArray<string>, SidecarError> =>
  Effect.gen(function* () {
    const upstreams = [...git.values()]
    const given = [
      forge?.target.token,
      ...[...routes.values()].flatMap(({ credentials }) => credentials.map(({ secret }) => secret)),
      ...upstreams.map(({ credential }) => credential),
    ]
    const keys = yield* Effect.forEach(upstreams, ({ name, identityFile }) =>
      identityFile === undefined
        ? Effect.succeed([])
        : file(() => readFile(identityFile, "utf8")).pipe(
            Effect.map((text) =>
              Option.match(readPrivateKey(text), { onNone: () => [text], onSome: ({ secrets }) => secrets }),
            ),
            Effect.mapError(
              ({ code, cause }) =>
                new SidecarError({
                  slug,
                  operation: "serve",
                  reason: `git "${name}": its key file cannot be read (${code})`,
                  cause,
                }),
            ),
          ),
    )
    return [
      ...given.flatMap((secret) => (secret === undefined ? [] : [Redacted.value(secret)])),
      ...keys.flat(),
    ]
  })
