/** Home defines the paths of bot-bottle's files, from `BOT_BOTTLE_HOME` and `BOT_BOTTLE_RUN_DIR`. */
import { Context } from "effect"
import { createHash } from "node:crypto"
import { homedir } from "node:os"
import { join, resolve } from "node:path"
import { SUFFIX_ALPHABET } from "../../domain/Slug.ts"

/** Paths of one slug. */
export interface BottlePaths {
  /** `state/<slug>`: kept between runs. */
  readonly state: string
  readonly operations: string
  readonly queue: string
  readonly checkin: string
  readonly output: (run: number) => string
  /** `run/<5>`: mode 0700, files of one run. */
  readonly run: string
  /** Mounted into the bottle as `/run/bottle`. */
  readonly neck: string
  readonly neckSocket: string
  /** Never mounted. */
  readonly controlSocket: string
  /** Private keys of the run's deploy keys; never mounted. */
  readonly keys: string
}

/** All paths. */
export interface HomeShape {
  readonly root: string
  readonly database: string
  readonly agents: string
  readonly bottles: string
  /** The operator's prices of models. */
  readonly prices: string
  /** The state of each bottle, by slug. */
  readonly states: string
  /** Operation logs of destroyed bottles. */
  readonly keptLogs: string
  readonly keptLog: (slug: string) => string
  /** The key that signs provenance, and the public keys of all that did. */
  readonly signing: { readonly key: string; readonly publicKeys: string; readonly settings: string }
  /** Objects of upstream repositories, for all bottles: a cache. */
  readonly gitStores: string
  /** Records of deploy keys that may be registered. */
  readonly keyLedger: string
  readonly runRoot: string
  /** A random ID made at first use. Engine objects that carry it are ours. */
  readonly installation: string
  readonly of: (slug: string) => BottlePaths
}

/** The paths below `root`; `runRoot` is `root/run` unless given. */
export const homeAt = (root: string, runRoot: string = join(root, "run")): HomeShape => ({
  root,
  database: join(root, "bot-bottle.db"),
  agents: join(root, "agents"),
  bottles: join(root, "bottles"),
  prices: join(root, "prices.yaml"),
  states: join(root, "state"),
  keptLogs: join(root, "provenance"),
  keptLog: (slug) => join(root, "provenance", `${slug}.jsonl`),
  signing: {
    key: join(root, "signing", "key.pem"),
    publicKeys: join(root, "signing", "public"),
    settings: join(root, "provenance.yaml"),
  },
  gitStores: join(root, "git"),
  keyLedger: join(root, "keys"),
  runRoot,
  installation: join(root, "installation"),
  of: (slug) => {
    const state = join(root, "state", slug)
    const run = join(runRoot, runName(slug))
    return {
      state,
      operations: join(state, "operations.jsonl"),
      queue: join(state, "queue"),
      checkin: join(state, "checkin"),
      output: (n) => join(state, `output-${n}.log`),
      run,
      neck: join(run, "neck"),
      neckSocket: join(run, "neck", "neck.sock"),
      controlSocket: join(run, "control.sock"),
      keys: join(run, "keys"),
    }
  },
})

/** Home defines the paths of bot-bottle's files; by default from the environment. */
export class Home extends Context.Reference<Home>()("bot-bottle/Home", {
  defaultValue: (): HomeShape => homeFromEnv(process.env),
}) {}

/** The home that an environment names: `BOT_BOTTLE_HOME` (default `~/.bot-bottle`) and `BOT_BOTTLE_RUN_DIR`. */
export const homeFromEnv = (env: Readonly<Record<string, string | undefined>>): HomeShape => {
  const root = resolve(env["BOT_BOTTLE_HOME"] || join(homedir(), ".bot-bottle"))
  const run = env["BOT_BOTTLE_RUN_DIR"]
  return homeAt(root, run ? resolve(run) : undefined)
}

/** Five base32 characters derived from the slug, so that a socket's path stays short. */
const runName = (slug: string): string =>
  [...createHash("sha256").update(slug).digest().subarray(0, 5)]
    .map((byte) => SUFFIX_ALPHABET[byte % 32])
    .join("")
