/** A private registry over a route, with the real clients. The agent has no token. cargo and Go are tried where they are installed. */
import { execFileSync } from "node:child_process"
import { createServer } from "node:net"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"
import { PROOF, startRegistry } from "../support/registry.ts"

const TOKEN = "registry-token-7Hq2Lm40XwPo93"
const mirror = new URL("../../examples/registries/mirror.mjs", import.meta.url).pathname
const cli = makeCli()
let registry: Awaited<ReturnType<typeof startRegistry>>
let port: number

const has = (program: string): boolean => {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`])
    return true
  } catch {
    return false
  }
}

/** A free port of loopback, for the mirror. */
const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

beforeAll(async () => {
  registry = await startRegistry(TOKEN)
  port = await freePort()
})

afterAll(async () => {
  for (const { slug } of JSON.parse((await cli.run(["list", "--json"])).stdout))
    await cli.run(["destroy", String(slug)])
  cli.remove()
  registry.stop()
})

/** Runs a script of the agent beside the mirror, and answers what it printed. */
const runs = async (script: string, env: Readonly<Record<string, string>> = {}) => {
  cli.write(
    "bottles/plain.yaml",
    JSON.stringify({
      backend: "host",
      env,
      routes: {
        registry: {
          upstream: registry.url,
          header: "Authorization",
          scheme: "Bearer",
          secret: { env: "REGISTRY_TOKEN" },
          allow: ["GET /*"],
          private: true,
        },
      },
    }),
  )
  cli.write(
    "agents/worker.md",
    shellAgent(`set -e
mkdir -p '${cli.cwd}/work'; cd '${cli.cwd}/work'; HOME=$PWD; export HOME; mirror=http://127.0.0.1:${port}
node '${mirror}' ${port} "$BOT_BOTTLE_ROUTE_REGISTRY" '${registry.url}' & trap "kill $!" EXIT
until node -e "fetch('$mirror').catch(() => process.exit(1))"; do sleep 0.1; done
${script}
env | grep -c registry-token || true`),
  )
  const { code, stdout, stderr } = await cli.run(["start", "worker", "--headless", "--prompt", "x"], {
    env: { REGISTRY_TOKEN: TOKEN },
  })
  expect([code, stderr.includes(TOKEN), registry.refused]).toEqual([0, false, []])
  return stdout
}

it("npm installs a package whose tarball has the registry's own address", async () => {
  const shown = await runs(`echo '{"name":"x","version":"1.0.0"}' >package.json
npm install @acme/door --@acme:registry=$mirror/ --no-audit --no-fund --no-update-notifier >/dev/null
node -p 'require("@acme/door")'`)
  expect(shown).toContain(`${PROOF}\n0`)
})

it("pip installs a package whose file has the registry's own address", async () => {
  const shown = await runs(`python3 -m venv env
PIP_INDEX_URL=$mirror/simple/ PIP_DISABLE_PIP_VERSION_CHECK=1 env/bin/pip install --quiet acme-door
env/bin/python -c 'import acme_door; print(acme_door.proof)'`)
  expect(shown).toContain(`${PROOF}\n0`)
})

it.runIf(has("cargo"))(
  "cargo fetches a crate from a registry that requires a token",
  async () => {
    const rustup = process.env["RUSTUP_HOME"] ?? join(process.env["HOME"] ?? "", ".rustup")
    const shown = await runs(
      `mkdir -p src; : >src/lib.rs
printf '[package]\\nname = "x"\\nversion = "1.0.0"\\nedition = "2021"\\n[dependencies]\\nacme-door = { version = "1", registry = "acme" }\\n' >Cargo.toml
export CARGO_REGISTRIES_ACME_INDEX=sparse+$mirror/index/ CARGO_REGISTRIES_ACME_TOKEN=added-by-the-neck
export CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS=cargo:token
cargo fetch --quiet
cat .cargo/registry/src/*/acme-door-1.0.0/src/lib.rs`,
      { RUSTUP_HOME: rustup },
    )
    expect(shown).toContain(PROOF)
  },
  120_000,
)

it.runIf(has("go"))(
  "Go downloads a module by the route itself",
  async () => {
    const shown = await runs(`printf 'module x\\n\\ngo 1.19\\n\\nrequire acme.example/door v1.0.0\\n' >go.mod
export GOPROXY="$BOT_BOTTLE_ROUTE_REGISTRY" GONOSUMDB='acme.example/*' GOFLAGS=-modcacherw
go mod download acme.example/door
cat go/pkg/mod/acme.example/door@v1.0.0/door.go`)
    expect(shown).toContain(PROOF)
  },
  120_000,
)
