/** Packs and requests of git made by hand, as no git would make them (gitformat-pack(5), gitprotocol-pack(5)). */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { request } from "node:http"
import { deflateSync, gzipSync } from "node:zlib"
import { Effect } from "effect"
import { FLUSH, pkt } from "../../src/sidecar/git/pktLine.ts"

const NUMBERS = { none: 0, commit: 1, tree: 2, blob: 3, tag: 4, reserved: 5, refDelta: 7 } as const

/** An object of a pack: a whole one, or what makes it from another. */
export interface Entry {
  readonly type: keyof typeof NUMBERS
  readonly data: Buffer
  /** Of a delta: the id of what it is made from. */
  readonly base?: string
}

/** An object of a repository. */
export const objectIn = (cwd: string, id: string): Entry => {
  const type = execFileSync("git", ["cat-file", "-t", id], { cwd, encoding: "utf8" }).trim()
  return { type: type as Entry["type"], data: execFileSync("git", ["cat-file", type, id], { cwd }) }
}

/** The id of an object. */
export const idOf = (type: string, data: Buffer): string =>
  createHash("sha1").update(`${type} ${data.length}\0`).update(data).digest("hex")

/** A tree of entries in the given order, whatever they are called. */
export const treeOf = (
  entries: ReadonlyArray<{ readonly name: string; readonly id: string; readonly mode?: string }>,
): Entry => ({
  type: "tree",
  data: Buffer.concat(
    entries.map(({ name, id, mode = "100644" }) =>
      Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, "hex")]),
    ),
  ),
})

/** A file. */
export const blobOf = (text: string | Buffer): Entry => ({ type: "blob", data: Buffer.from(text) })

/** A commit of a tree. */
export const commitOf = (tree: string, parents: ReadonlyArray<string> = [], more = ""): Entry => ({
  type: "commit",
  data: Buffer.from(
    `tree ${tree}\n${parents.map((id) => `parent ${id}\n`).join("")}author a <a@example.com> 1 +0000\ncommitter a <a@example.com> 1 +0000\n${more}\nwork\n`,
  ),
})

/** The id of an entry that is a whole object. */
export const entryId = ({ type, data }: Entry): string => idOf(type, data)

/** A pack of objects, with the count and the checksum that it should have unless others are given. */
export const packOf = (
  entries: ReadonlyArray<Entry>,
  { count = entries.length, checksum }: { readonly count?: number; readonly checksum?: Buffer } = {},
): Buffer => {
  const head = Buffer.alloc(12)
  head.write("PACK", "latin1")
  head.writeUInt32BE(2, 4)
  head.writeUInt32BE(count, 8)
  const body = Buffer.concat([head, ...entries.map(entryOf)])
  return Buffer.concat([body, checksum ?? createHash("sha1").update(body).digest()])
}

const entryOf = ({ type, data, base }: Entry): Buffer => {
  const head = [(NUMBERS[type] << 4) | (data.length & 15)]
  for (let rest = Math.floor(data.length / 16); rest > 0; rest = Math.floor(rest / 128)) {
    head[head.length - 1] = (head.at(-1) ?? 0) | 128
    head.push(rest & 127)
  }
  return Buffer.concat([Buffer.from(head), Buffer.from(base ?? "", "hex"), deflateSync(data)])
}

/** A delta: copies of parts of its base, and texts. */
export const deltaOf = (
  from: number,
  parts: ReadonlyArray<{ readonly offset: number; readonly size: number } | string>,
): Buffer => {
  const to = parts.reduce((sum, part) => sum + (typeof part === "string" ? part.length : part.size), 0)
  return Buffer.concat([varint(from), varint(to), ...parts.map(instruction)])
}

const varint = (value: number): Buffer => {
  const bytes: Array<number> = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) | (rest >= 128 ? 128 : 0))
    if (rest < 128) return Buffer.from(bytes)
  }
}

const instruction = (part: { readonly offset: number; readonly size: number } | string): Buffer => {
  if (typeof part === "string") return Buffer.concat([Buffer.from([part.length]), Buffer.from(part)])
  const bytes = [part.offset, part.offset >> 8, part.offset >> 16, part.offset >>> 24, part.size]
  const all = [...bytes, part.size >> 8, part.size >> 16].map((byte) => byte & 255)
  return Buffer.from([255, ...all])
}

/** The id of no object. */
export const NOTHING = "0".repeat(40)

/** The body of a push. */
export const pushOf = (
  updates: ReadonlyArray<{ readonly old?: string; readonly new: string; readonly ref: string }>,
  pack: Buffer,
  capabilities = "report-status side-band-64k",
): Buffer =>
  Buffer.concat([
    ...updates.map(({ old = NOTHING, new: next, ref }, at) =>
      pkt(`${old} ${next} ${ref}${at === 0 ? `\0${capabilities}` : ""}`),
    ),
    FLUSH,
    pack,
  ])

/** The body of a fetch in that version of the protocol. */
export const fetchOf = (
  version: 0 | 1 | 2,
  lines: ReadonlyArray<string>,
  more: { readonly isDone?: boolean } = {},
): Buffer => {
  const done = more.isDone === false ? [] : [pkt("done\n")]
  if (version === 2)
    return Buffer.concat([
      pkt("command=fetch\n"),
      Buffer.from("0001"),
      ...lines.map((line) => pkt(`${line}\n`)),
      ...done,
      FLUSH,
    ])
  const wants = lines.filter((line) => !line.startsWith("have"))
  const haves = lines.filter((line) => line.startsWith("have"))
  return Buffer.concat([
    ...wants.map((line, at) => pkt(`${line}${at === 0 ? " ofs-delta" : ""}\n`)),
    FLUSH,
    ...haves.map((line) => pkt(`${line}\n`)),
    ...done,
  ])
}

/** Sends a body to a service of a repository; answers what came, as text, also of an answer that was cut off. */
export const ask = (
  url: string,
  service: "git-upload-pack" | "git-receive-pack",
  body: Buffer,
  { version = 2, zip = false }: { readonly version?: 0 | 1 | 2; readonly zip?: boolean } = {},
): Effect.Effect<string> =>
  Effect.async((resume) => {
    const sent = zip ? gzipSync(body) : body
    const chunks: Array<Buffer> = []
    const done = () => resume(Effect.succeed(Buffer.concat(chunks).toString("latin1")))
    const asked = request(`${url}/${service}`, {
      method: "POST",
      headers: {
        "content-type": `application/x-${service}-request`,
        "content-length": sent.length,
        "git-protocol": `version=${version}`,
        ...(zip && { "content-encoding": "gzip" }),
      },
    })
    asked.on("response", (response) => {
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("close", done)
      response.on("error", () => undefined)
    })
    asked.on("error", done)
    asked.end(sent)
  })
