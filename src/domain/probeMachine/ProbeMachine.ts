/**
 * The probe machine: a program of about 250 bytes that makes system calls one after the other and reports their results. With it a
 * bottle's image needs no interpreter, and the logic of a probe stays outside of the bottle.
 */
import type { Arch, SystemCall } from "./SystemCalls.ts"
import { errorName, signalName, systemCall } from "./SystemCalls.ts"
import { joined } from "./ProbeBytes.ts"

/** One step: a system call and its options. */
export interface Step {
  readonly call: SystemCall
  readonly args: ReadonlyArray<number>
  /** Bytes that this step, a read of stdin, puts into memory. */
  readonly data?: Uint8Array
  /** The third argument is the result of the previous step. */
  readonly lengthFromLast?: boolean
  /** The first argument is the kept result: a descriptor. */
  readonly onKept?: boolean
  /** Keep the result for later steps. */
  readonly keep?: boolean
  /** A clone whose child sleeps until the bottle ends. */
  readonly childRests?: boolean
  /** Runs in its own process, which may die of it. */
  readonly apart?: boolean
  /** Through the 32-bit system call entry (x86_64 only). */
  readonly by32?: boolean
  /** Repeat up to so many times, until it fails; once unless given. */
  readonly times?: number
}

/** The result of a step. */
export interface Outcome {
  /** The kernel's result; negative is an error number. Below -1000: the signal that ended a step with `apart`. */
  readonly result: number
  /** How many times it was made, including the failed one. */
  readonly done: number
  /** The output of a step that writes to stdout. */
  readonly shown: Uint8Array
}

/** Memory addresses: where a step's constants are put, and where calls may write. */
export const IN = 0x1000_1000
/** Where calls may write: 960 KiB. */
export const OUT = 0x1010_0000
/** Bytes at {@link OUT}. */
export const OUT_BYTES = 0xf_0000

const FLAGS = { lengthFromLast: 1, onKept: 2, keep: 4, childRests: 8, apart: 16, by32: 32 } as const
const STEP_BYTES = 64
const ANSWER_BYTES = 16
const SIGNALS_FROM = 1000

/** The program of the steps, as the machine reads it from stdin. */
export const encodeSteps = (arch: Arch, steps: ReadonlyArray<Step>): Uint8Array =>
  joined(steps.flatMap((step) => [encodeStep(arch, step), step.data ?? new Uint8Array()]))

const encodeStep = (arch: Arch, step: Step): Uint8Array => {
  const view = new DataView(new ArrayBuffer(STEP_BYTES))
  view.setBigInt64(0, BigInt(systemCall(arch, step.call)), true)
  for (const [at, value] of step.args.entries()) view.setBigInt64(8 + at * 8, BigInt(value), true)
  const flags = Object.entries(FLAGS).reduce(
    (all, [name, bit]) => (step[name as keyof typeof FLAGS] === true ? all | bit : all),
    0,
  )
  view.setUint32(56, flags, true)
  view.setInt32(60, step.times ?? 1, true)
  return new Uint8Array(view.buffer)
}

/** Whether a step writes to stdout. */
const shows = (step: Step): boolean => step.call === "write" && step.args[0] === 1 && step.onKept !== true

/** Parses the machine's output into outcomes. There are fewer of them than steps when it was ended early. */
export const readOutcomes = (
  steps: ReadonlyArray<Step>,
  output: Uint8Array,
): { readonly outcomes: ReadonlyArray<Outcome>; readonly rest: Uint8Array } => {
  const view = new DataView(output.buffer, output.byteOffset, output.byteLength)
  const outcomes: Array<Outcome> = []
  let at = 0
  for (const step of steps) {
    const length = !shows(step) ? 0 : Math.max(0, outcomes.at(-1)?.result ?? 0)
    if (at + length + ANSWER_BYTES > output.length) break
    const shown = output.subarray(at, at + length)
    at += length
    const raw = Number(view.getBigInt64(at, true))
    const left = view.getInt32(at + 12, true)
    outcomes.push({
      result: step.apart === true ? ofStatus(raw) : raw,
      done: (step.times ?? 1) - Math.max(0, left) + (raw < 0 ? 1 : 0),
      shown,
    })
    at += ANSWER_BYTES
  }
  return { outcomes, rest: output.subarray(at) }
}

/** From a wait(2) status: 0, an error number, or the signal. */
const ofStatus = (status: number): number =>
  status < 0 ? status : (status & 0x7f) === 0 ? -(status >> 8) : -(SIGNALS_FROM + (status & 0x7f))

/** An outcome as a word: `EPERM`, `SIGSYS`, or `allowed`. */
export const wordOf = ({ result }: Outcome): string =>
  result >= 0 ? "allowed" : result < -SIGNALS_FROM ? signalName(-result - SIGNALS_FROM) : errorName(-result)

/** Where the program's text and data are mapped: below 2 GiB, at multiples of the largest page size. */
const TEXT_AT = 0x40_0000
const DATA_AT = 0x1000_0000
const DATA_BYTES = 0x20_0000
const HEADERS_BYTES = 64 + 2 * 56
const EM = { x64: 62, arm64: 183 } as const

/** The machine as a static ELF executable. */
export const machine = (arch: Arch): Uint8Array => {
  const code = codeOf(arch)
  const header = new DataView(new ArrayBuffer(HEADERS_BYTES))
  for (const [at, byte] of [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1].entries()) header.setUint8(at, byte)
  header.setUint16(16, 2, true) // ET_EXEC
  header.setUint16(18, EM[arch], true)
  header.setUint32(20, 1, true)
  header.setBigUint64(24, BigInt(TEXT_AT + HEADERS_BYTES), true)
  header.setBigUint64(32, 64n, true)
  header.setUint16(52, 64, true)
  header.setUint16(54, 56, true)
  header.setUint16(56, 2, true)
  const size = HEADERS_BYTES + code.length
  segment(header, 64, { flags: 5, address: TEXT_AT, inFile: size, inMemory: size })
  segment(header, 120, { flags: 6, address: DATA_AT, inFile: 0, inMemory: DATA_BYTES })
  return joined([new Uint8Array(header.buffer), code])
}

const segment = (
  header: DataView,
  at: number,
  given: {
    readonly flags: number
    readonly address: number
    readonly inFile: number
    readonly inMemory: number
  },
): void => {
  header.setUint32(at, 1, true) // PT_LOAD
  header.setUint32(at + 4, given.flags, true)
  header.setBigUint64(at + 16, BigInt(given.address), true)
  header.setBigUint64(at + 24, BigInt(given.address), true)
  header.setBigUint64(at + 32, BigInt(given.inFile), true)
  header.setBigUint64(at + 40, BigInt(given.inMemory), true)
  header.setBigUint64(at + 48, 0x1_0000n, true)
}

/** The machine's instructions, assembled from scripts/probe-machine/<arch>.s. */
export const codeOf = (arch: Arch): Uint8Array =>
  Uint8Array.from(CODE[arch].match(/[\da-f]{2}/g) ?? [], (byte) => Number.parseInt(byte, 16))

const CODE: Readonly<Record<Arch, string>> = {
  x64: `
    41be0000001031c031ff4c89f6ba400000000f0583f8400f859e000000418b5e38f6c310744cb838000000bf11000000
    31f631d24531d24531c00f054885c078367517e87c00000031ff4885c0790489c7f7dfb83c0000000f0589c7b83d0000
    00498d763031d24531d20f05418b4630eb05e84d0000004989c5f6c30474034989c44885c07816750ef6c3087409b822
    0000000f05ebf741ff4e3c7f844d896e30b801000000bf01000000498d7630ba100000000f05e94bffffffb83c000000
    31ff0f05498b06498b7e08498b7610498b56184d8b56204d8b46284d8b4e30f6c30174034c89eaf6c30274034c89e7f6
    c32075030f05c3cd80c3
  `,
  arm64: `
    1300a2d2000080d2e10313aa020880d2e80780d2010000d41f0001f181060054763a40b916032036200280d2010080d2
    020080d2030080d2040080d2881b80d2010000d41f0000f10b020054ec0000542a0000941f0000f1e00300cbe0a3809a
    a80b80d2010000d461c20091020080d2030080d2882080d2010000d4603240b9020000141d000094f40300aa56001036
    f50300aae001f8b7200100b516011836000080d2010080d2020080d2030080d2280980d2010000d4faffff17613e40b9
    21040051613e00b93f000071ccfaff54741a00f9200080d261c20091020280d2080880d2010000d4c7ffff17000080d2
    a80b80d2010000d4680240a9610a41a9631242a9651a40f956000036e20314aa56000836e00315aa010000d4c0035fd6
  `,
}
