import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { takingApart } from "../../../src/layers/docker/frames.ts"

const frame = (stream: number, content: Buffer): Buffer => {
  const header = Buffer.alloc(8)
  header[0] = stream
  header.writeUInt32BE(content.length, 4)
  return Buffer.concat([header, content])
}

const frames = FastCheck.array(
  FastCheck.record({
    stream: FastCheck.constantFrom(1, 2),
    content: FastCheck.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  }),
  { maxLength: 12 },
)

describe("takingApart", () => {
  it.prop(
    "any parts, cut anywhere, come out whole",
    [frames, FastCheck.integer({ min: 1, max: 30 })],
    ([all, cut]) => {
      const whole = Buffer.concat(all.map(({ stream, content }) => frame(stream, content)))
      const takeApart = takingApart()
      const heard = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) }
      for (let at = 0; at < whole.length; at += cut) {
        for (const { stream, bytes } of takeApart(whole.subarray(at, at + cut))) {
          heard[stream] = Buffer.concat([heard[stream], bytes])
        }
      }
      const of = (number: number) =>
        Buffer.concat(all.filter(({ stream }) => stream === number).map(({ content }) => content))
      expect(heard).toEqual({ stdout: of(1), stderr: of(2) })
    },
  )
})
