/** A stand-in of a private registry: one package for npm, pip, cargo and Go each, for those who bring the token. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

/** What each package says about itself. */
export const PROOF = "the door is blue"

interface Packed {
  readonly type: string
  readonly body: string | Buffer
}

/** A zip or a gzipped tar of these files. */
const packed = (kind: "tgz" | "zip", files: Readonly<Record<string, string>>): Buffer => {
  const directory = mkdtempSync(join(tmpdir(), "bb-registry-"))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), text)
  }
  const names = Object.keys(files)
  if (kind === "tgz") execFileSync("tar", ["-czf", "out", ...names], { cwd: directory })
  else {
    const script =
      "import sys,zipfile\nz=zipfile.ZipFile('out','w')\nfor n in sys.argv[1:]: z.write(n)\nz.close()"
    execFileSync("python3", ["-c", script, ...names], { cwd: directory })
  }
  const bytes = readFileSync(join(directory, "out"))
  rmSync(directory, { recursive: true })
  return bytes
}

const hash = (algorithm: string, encoding: "hex" | "base64", bytes: Buffer): string =>
  createHash(algorithm).update(bytes).digest(encoding)

/** What is at each path. Addresses in it are absolute, as registries write them. */
const contents = (base: string): Readonly<Record<string, Packed>> => {
  const json = (value: unknown): Packed => ({ type: "application/json", body: JSON.stringify(value) })
  const file = (body: Buffer): Packed => ({ type: "application/octet-stream", body })
  const text = (body: string): Packed => ({ type: "text/plain", body })
  const info = { name: "@acme/door", version: "1.0.0" }
  const npm = packed("tgz", {
    "package/package.json": JSON.stringify(info),
    "package/index.js": `module.exports = ${JSON.stringify(PROOF)}\n`,
  })
  const wheel = packed("zip", {
    "acme_door.py": `proof = ${JSON.stringify(PROOF)}\n`,
    "acme_door-1.0.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: acme-door\nVersion: 1.0.0\n",
    "acme_door-1.0.0.dist-info/WHEEL":
      "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "acme_door-1.0.0.dist-info/RECORD": "",
  })
  const crate = packed("tgz", {
    "acme-door-1.0.0/Cargo.toml": '[package]\nname = "acme-door"\nversion = "1.0.0"\nedition = "2021"\n',
    "acme-door-1.0.0/src/lib.rs": `pub const PROOF: &str = ${JSON.stringify(PROOF)};\n`,
  })
  const goMod = "module acme.example/door\n\ngo 1.19\n"
  const goZip = packed("zip", {
    "acme.example/door@v1.0.0/go.mod": goMod,
    "acme.example/door@v1.0.0/door.go": `package door\n\nconst Proof = ${JSON.stringify(PROOF)}\n`,
  })
  const wheelName = "acme_door-1.0.0-py3-none-any.whl"
  return {
    "/@acme/door": json({
      name: "@acme/door",
      "dist-tags": { latest: "1.0.0" },
      versions: {
        "1.0.0": {
          ...info,
          dist: {
            tarball: `${base}/files/door-1.0.0.tgz`,
            integrity: `sha512-${hash("sha512", "base64", npm)}`,
          },
        },
      },
    }),
    "/files/door-1.0.0.tgz": file(npm),
    "/simple/acme-door/": {
      type: "text/html",
      body: `<a href="${base}/files/${wheelName}">${wheelName}</a>`,
    },
    [`/files/${wheelName}`]: file(wheel),
    "/index/config.json": json({ dl: `${base}/crates/{crate}/{version}`, "auth-required": true }),
    "/index/ac/me/acme-door": text(
      JSON.stringify({
        name: "acme-door",
        vers: "1.0.0",
        deps: [],
        cksum: hash("sha256", "hex", crate),
        features: {},
        yanked: false,
      }),
    ),
    "/crates/acme-door/1.0.0": file(crate),
    "/acme.example/door/@v/list": text("v1.0.0\n"),
    "/acme.example/door/@v/v1.0.0.info": json({ Version: "v1.0.0", Time: "2026-01-01T00:00:00Z" }),
    "/acme.example/door/@v/v1.0.0.mod": text(goMod),
    "/acme.example/door/@v/v1.0.0.zip": file(goZip),
  }
}

/** Serves below `/registry`; `url` is its address without a trailing slash. */
export const startRegistry = async (token: string) => {
  let files: ReturnType<typeof contents> = {}
  const refused: Array<string> = []
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "").replace("/registry", "")
    if (request.headers.authorization !== `Bearer ${token}`) {
      refused.push(path)
      return void response.writeHead(401).end()
    }
    const found = Object.hasOwn(files, path) ? files[path] : undefined
    if (found === undefined) return void response.writeHead(404).end()
    response.writeHead(200, { "content-type": found.type }).end(found.body)
  })
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/registry`
  files = contents(url)
  return { url, refused, stop: () => (server.closeAllConnections(), server.close()) }
}
