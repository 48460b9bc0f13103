/** A clock that runs faster than the machine's, for whole lives over real sockets and files: minutes pass in seconds. */
import { Clock, Duration, Effect } from "effect"

/** How many times faster than real time. */
export const SPEED = 60

/** All clocks with the same `began`, a real time in milliseconds, agree, also those of other processes. */
export const fastClock = (began = Date.now()): Clock.Clock => {
  const real = Clock.make()
  const millis = () => Math.floor(began + (Date.now() - began) * SPEED)
  const nanos = () => {
    const since = real.unsafeCurrentTimeNanos() - BigInt(began) * 1_000_000n
    return BigInt(began) * 1_000_000n + since * BigInt(SPEED)
  }
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: millis,
    unsafeCurrentTimeNanos: nanos,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanos: Effect.sync(nanos),
    sleep: (duration) => real.sleep(Duration.millis(Duration.toMillis(duration) / SPEED)),
  }
}

/** The same, which somebody sets: `jump` by so many milliseconds, forward or back. Whoever sleeps does not notice. */
export const jumpingClock = (clock: Clock.Clock) => {
  let off = 0
  const millis = () => clock.unsafeCurrentTimeMillis() + off
  const jumping: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: millis,
    unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanos: clock.currentTimeNanos,
    sleep: (duration) => clock.sleep(duration),
  }
  return { clock: jumping, jump: (by: number) => void (off += by) }
}
