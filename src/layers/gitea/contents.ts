/** Reads one file of a repository on a Gitea. */
import { Effect, Option, Schema } from "effect"
import { ForgeRequestError } from "../../domain/Errors.ts"
import { count, text } from "./answers.ts"
import type { GiteaHttp } from "./http.ts"

/** Larger files are not decoded. */
const BYTES_MAX = 1024 * 1024

/** `GET .../contents/{path}` for a file: no content for one that is too large. */
const ContentsAnswer = Schema.Struct({ type: text, encoding: text, content: text, size: count(0) })

/** The text of a file; none when there is no such file, or it is larger than 1 MiB. `ref` is the default branch unless given. */
export const readFile = (
  http: GiteaHttp,
  { owner, repo }: { readonly owner: string; readonly repo: string },
  path: string,
  ref: string | undefined,
): Effect.Effect<Option.Option<string>, ForgeRequestError> =>
  http
    .read(
      {
        operation: "readFile",
        subject: `${path} of ${owner}/${repo}`,
        path: `repos/${encodeURIComponent(owner)}/${encodeURIComponent(repo)}/contents/${path.split("/").map(encodeURIComponent).join("/")}`,
        ...(ref !== undefined && { query: { ref } }),
      },
      ContentsAnswer,
    )
    .pipe(
      Effect.map(({ type, encoding, content, size }) =>
        type === "file" && encoding === "base64" && size <= BYTES_MAX
          ? Option.some(Buffer.from(content, "base64").toString("utf8"))
          : Option.none(),
      ),
      Effect.catchIf(
        ({ reason }) => reason === "NotFound",
        () => Effect.succeedNone,
      ),
      Effect.withSpan("Forges.readFile"),
    )
