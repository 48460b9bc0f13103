/** Resolves a manifest's repositories with their credentials, on the host at launch. They go to the sidecar's stdin and nowhere else. */
import { Effect, Either, Option, type Redacted } from "effect"
import { readFile, stat } from "node:fs/promises"
import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"
import { isSshUrl, sshRepository } from "../../domain/DeployKey.ts"
import { SidecarError } from "../../domain/Errors.ts"
import type { ForgeAccess } from "../../domain/ForgeTarget.ts"
import type { RunUpstream } from "../../domain/OwnRepository.ts"
import type { SidecarConfig } from "../../services/Sidecar.ts"
import { file } from "../../files/files.ts"
import { readPrivateKey } from "../../sidecar/git/privateKey.ts"
import { type GitPart, readUpstream } from "../../sidecar/git/Upstream.ts"

/** The repositories to serve. Fails with the problem and the repository's name, never with a credential. */
export const gitParts = ({
  slug,
  git,
  forge: run,
}: SidecarConfig): Effect.Effect<ReadonlyArray<GitPart>, SidecarError> =>
  Effect.forEach(Object.entries(git), ([name, entry]) =>
    Effect.gen(function* () {
      const { key, own: _, forge: __, ...rest } = entry
      const part: GitPart = {
        name,
        ...rest,
        ...("identityFile" in key
          ? { identityFile: yield* identityFile(entry, key.identityFile) }
          : isSshUrl(entry.url)
            ? yield* deployKey(entry, run?.target)
            : { credential: yield* forgeToken(entry, run?.target) }),
      }
      yield* readUpstream(slug, part)
      return part
    }).pipe(
      Effect.mapError(
        (problem) => new SidecarError({ slug, operation: "launch", reason: `git "${name}": ${problem}` }),
      ),
    ),
  )

/**
 * A key for this run only. It is registered with the token of the run's forge, which goes to the forge's API and never to the
 * repository's address.
 */
const deployKey = (
  { url, knownHost, push }: RunUpstream,
  forge: ForgeAccess | undefined,
): Either.Either<Pick<GitPart, "credential" | "deployKey">, string> => {
  if (forge === undefined) return Either.left(NO_FORGE)
  if (knownHost === undefined)
    return Either.left("knownHost: ssh needs the line of the host's key, as ssh-keyscan prints it")
  return Option.match(sshRepository(url), {
    onNone: () => Either.left("url: with key.provider gitea it ends with OWNER/REPO.git"),
    onSome: (repository) =>
      Either.right({ credential: forge.token, deployKey: { ...repository, readOnly: push?.length === 0 } }),
  })
}

const NO_FORGE = "key.provider gitea takes the token of the run's forge, and this run has none"

/** The token of the run's forge is only sent to that forge, whatever a manifest says. Only the forge says where its repositories are. */
const forgeToken = (
  { url, private: isPrivate, own }: RunUpstream,
  forge: ForgeAccess | undefined,
): Either.Either<Redacted.Redacted, string> => {
  if (forge === undefined) return Either.left(NO_FORGE)
  const host = URL.canParse(url) ? new URL(url) : undefined
  const api = new URL(forge.apiUrl)
  if (host === undefined || !/^https?:$/.test(host.protocol))
    return Either.left(
      "url: with key.provider gitea it is the address of the repository at the run's forge, over https or ssh",
    )
  if (host.protocol === "http:" && isPrivate !== true)
    return Either.left("url: plain http needs private: true")
  return own === true || host.host === api.host
    ? Either.right(forge.token)
    : Either.left(`url: key.provider gitea is for repositories of the run's forge, at ${api.host}`)
}

/** ssh reads the file itself, and the sidecar reads it to search pushes for it. Its content is in no document. */
const identityFile = ({ url, knownHost }: RunUpstream, path: string): Effect.Effect<string, string> => {
  if (/^https?:/i.test(url)) return Effect.fail("key.identityFile is for ssh: the url is one of http")
  if (knownHost === undefined)
    return Effect.fail("knownHost: ssh needs the line of the host's key, as ssh-keyscan prints it")
  const place = path.startsWith("~/") ? join(homedir(), path.slice(2)) : path
  if (!isAbsolute(place))
    return Effect.fail(`key.identityFile must be an absolute path or begin with ~/, and is ${path}`)
  return file(() => Promise.all([readFile(place, "utf8"), stat(place)])).pipe(
    Effect.mapError(({ code }) => `the file ${path} cannot be read${code === "" ? "" : ` (${code})`}`),
    Effect.flatMap(([text, { mode, uid }]) => {
      const key = readPrivateKey(text)
      if (Option.isNone(key)) return Effect.fail(`the file ${path} does not hold a private key`)
      if (key.value.isEncrypted)
        return Effect.fail(
          `the key in ${path} has a passphrase, which cannot be entered: use a key without one`,
        )
      // ssh would refuse it, and report that only to the agent.
      return uid === process.getuid?.() && (mode & 0o077) !== 0
        ? Effect.fail(`the file ${path} can be read by others: chmod 600 ${path}`)
        : Effect.succeed(place)
    }),
  )
}
