import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc, Schema } from "effect"
import { BottleManifest, bytesOf, ManifestName, mergeBottles } from "../../src/domain/Manifest.ts"

const names = fc.constantFrom("a", "b", "constructor", "toString", "__proto__")
const maps = <A>(value: fc.Arbitrary<A>) =>
  fc.array(fc.tuple(names, value), { maxLength: 3 }).map((entries) => Object.fromEntries(entries))
const texts = fc.array(fc.constantFrom("x", "y", "z"), { maxLength: 4 })

/** Small alphabets, so that keys and entries of two manifests meet. */
const manifests: fc.Arbitrary<BottleManifest> = fc
  .record(
    {
      source: fc.constantFrom({ image: "i" }, { image: "j" }, { build: "b" }, {}),
      env: maps(fc.constantFrom("1", 2, true)),
      egress: fc.record({ allow: fc.array(fc.constantFrom("h", { host: "h", port: 1 }), { maxLength: 3 }) }),
      git: maps(
        fc.record({
          url: fc.constantFrom("u", "v"),
          key: fc.constantFrom({ provider: "gitea" }, { identityFile: "f" }),
          push: texts,
        }),
      ),
      limits: fc.record(
        { pids: fc.integer({ min: 1, max: 3 }), memory: fc.constant("1g") },
        { requiredKeys: [] },
      ),
      backend: fc.constantFrom("docker", "host"),
    },
    { requiredKeys: ["source"] },
  )
  .map(({ source, ...rest }) => Object.assign(rest, source) as BottleManifest)

describe("mergeBottles", () => {
  it("of none is empty, and of one is that one", () => {
    expect(mergeBottles([])).toEqual({})
    fc.assert(
      fc.property(manifests, (m) => {
        expect(mergeBottles([m])).toEqual(m)
      }),
    )
    fc.assert(
      fc.property(manifests, (m) => {
        expect(mergeBottles([{}, m, {}])).toEqual(m)
      }),
    )
  })

  it("gives the same whichever neighbours merge first", () => {
    fc.assert(
      fc.property(manifests, manifests, manifests, (a, b, c) => {
        const all = mergeBottles([a, b, c])
        expect(mergeBottles([mergeBottles([a, b]), c])).toEqual(all)
        expect(mergeBottles([a, mergeBottles([b, c])])).toEqual(all)
      }),
    )
  })

  it("changes none of its arguments, nor the prototype of anything", () => {
    fc.assert(
      fc.property(manifests, manifests, (a, b) => {
        const before = JSON.stringify([a, b])
        const merged = mergeBottles([a, b])
        expect(JSON.stringify([a, b])).toBe(before)
        expect(Object.getPrototypeOf(merged.env ?? {})).toBe(Object.prototype)
        expect(Object.keys(Object.prototype)).toEqual([])
      }),
    )
  })

  it("keeps a key such as __proto__ a plain key", () => {
    const evil = JSON.parse('{"env":{"__proto__":"x","constructor":"y"}}') as BottleManifest
    const merged = mergeBottles([{ env: { A: "1" } }, evil])
    expect(Object.entries(merged.env ?? {})).toEqual([
      ["A", "1"],
      ["__proto__", "x"],
      ["constructor", "y"],
    ])
  })

  it("merges maps by key, joins lists without repeats, and lets the last scalar win", () => {
    expect(
      mergeBottles([
        {
          image: "one",
          env: { A: "1", B: "1" },
          egress: { allow: ["a", { host: "b", port: 1 }] },
          limits: { pids: 1, cpus: 2 },
        },
        {
          image: "two",
          env: { B: "2" },
          egress: { allow: ["c", { host: "b", port: 1 }, "a"] },
          limits: { pids: 3 },
        },
      ]),
    ).toEqual({
      image: "two",
      env: { A: "1", B: "2" },
      egress: { allow: ["a", { host: "b", port: 1 }, "c"] },
      limits: { pids: 3, cpus: 2 },
    })
  })

  it("never mixes two choices: a key or a secret is the last one's as a whole", () => {
    const merged = mergeBottles([
      {
        git: { key: { url: "u", key: { identityFile: "f" }, push: ["p"] } },
        routes: { secret: { upstream: "u", header: "h", secret: { env: "E" }, allow: ["GET /a"] } },
      },
      {
        git: { key: { url: "v", key: { provider: "gitea" }, push: ["q"] } },
        routes: { secret: { upstream: "u", header: "h", secret: { file: "F" } } },
      },
    ])
    expect(merged.git).toEqual({ key: { url: "v", key: { provider: "gitea" }, push: ["p", "q"] } })
    expect(merged.routes).toEqual({
      secret: { upstream: "u", header: "h", secret: { file: "F" }, allow: ["GET /a"] },
    })
  })

  it("lets a later image take the place of an earlier build, and the reverse", () => {
    expect(mergeBottles([{ build: "b" }, { image: "i" }])).toEqual({ image: "i" })
    expect(mergeBottles([{ image: "i" }, { build: "b" }, { env: {} }])).toEqual({ build: "b", env: {} })
  })

  it("lets a later forge: true take the place of an earlier address with its key, and the reverse; what else is said stays", () => {
    const at = { url: "git@h:a/b.git", key: { identityFile: "f" }, knownHost: "h k", push: ["p"] } as const
    const own = { forge: true, push: ["q"] } as const
    expect(mergeBottles([{ git: { app: at } }, { git: { app: own } }]).git).toEqual({
      app: { forge: true, push: ["p", "q"] },
    })
    expect(mergeBottles([{ git: { app: own } }, { git: { app: at } }]).git).toEqual({
      app: { ...at, push: ["q", "p"] },
    })
    expect(mergeBottles([{ git: { app: own } }, { git: { other: at } }]).git).toEqual({ app: own, other: at })
    expect(mergeBottles([{ git: { app: own } }, { git: { app: { forge: true, base: "dev" } } }]).git).toEqual(
      {
        app: { ...own, base: "dev" },
      },
    )
  })

  it("makes valid manifests of valid manifests", () => {
    const valid = Schema.is(BottleManifest)
    fc.assert(
      fc.property(manifests, manifests, (a, b) => !valid(a) || !valid(b) || valid(mergeBottles([a, b]))),
    )
  })
})

describe("ManifestName", () => {
  it("never leaves its folder", () => {
    const is = Schema.is(ManifestName)
    for (const name of ["a", "A1", "node-20", "x.y_z"]) expect(is(name)).toBe(true)
    for (const name of ["", ".", "..", "../x", "a/b", "a\\b", ".x", "-x", "a\0", "a\n", "é", "a".repeat(101)])
      expect(is(name), JSON.stringify(name)).toBe(false)
  })
})

describe("bytesOf", () => {
  it("counts in powers of 1024, as docker does", () => {
    expect([bytesOf(5), bytesOf("5"), bytesOf("5b"), bytesOf("5k"), bytesOf("5M"), bytesOf("2gb")]).toEqual([
      5,
      5,
      5,
      5120,
      5 * 1024 ** 2,
      2 * 1024 ** 3,
    ])
  })
})
