/** Hooks: the address, what was read, and what is new. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import { type Problem, read } from "./ask.ts"

/** A place in the dashboard: `#/path/parts?query`. */
export interface Place {
  readonly parts: ReadonlyArray<string>
  readonly query: URLSearchParams
}

/** Somebody may have typed the address: what is no encoding stays as it is. */
const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The place that a hash names. */
export const placeOf = (hash: string): Place => {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split("?", 2)
  return {
    parts: path
      .split("/")
      .filter((part) => part !== "")
      .map(decoded),
    query: new URLSearchParams(query),
  }
}

/** Where the browser is. */
export const usePlace = (): Place => {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const moved = () => setHash(location.hash)
    addEventListener("hashchange", moved)
    return () => removeEventListener("hashchange", moved)
  }, [])
  return placeOf(hash)
}

/** What was read from a path: the newest answer stays while it is read again. */
export interface Loaded<A> {
  readonly data: A | undefined
  readonly problem: Problem | undefined
  readonly again: () => void
}

/** Reads a path now, when it changes, when something is new, and each `every` milliseconds. */
export const useLoaded = <A>(path: string, every = 60_000): Loaded<A> => {
  const [state, setState] = useState<{ path: string; data?: A; problem?: Problem }>({ path })
  const [turn, setTurn] = useState(0)
  const again = useCallback(() => setTurn((turn) => turn + 1), [])
  useEffect(() => {
    const stop = new AbortController()
    read<A>(path, stop.signal).then(
      (data) => setState({ path, data }),
      (problem: Problem) => {
        if (!stop.signal.aborted)
          setState((before) => ({ ...(before.path === path && before), path, problem }))
      },
    )
    return () => stop.abort()
  }, [path, turn])
  useNews(again, every)
  const mine = state.path === path ? state : undefined
  return { data: mine?.data, problem: mine?.problem, again }
}

/** Those who want to know that something happened. One stream serves all of them. */
const listeners = new Set<() => void>()
let stream: EventSource | undefined
let told: ReturnType<typeof setTimeout> | undefined
/** Events come in bursts: one look serves those of so many milliseconds. */
const BURST_MS = 500

const tell = () => {
  told ??= setTimeout(() => {
    told = undefined
    for (const listener of listeners) listener()
  }, BURST_MS)
}

const listen = () => {
  if (stream !== undefined && stream.readyState !== EventSource.CLOSED) return
  stream = new EventSource("/events")
  stream.addEventListener("message", tell)
  // Also after a break: what happened meanwhile is in what is read then.
  stream.addEventListener("start", tell)
  stream.addEventListener("error", () => {
    if (stream?.readyState === EventSource.CLOSED) setTimeout(listen, 5000)
  })
}

/** Calls back when something happened, and each `every` milliseconds. */
const useNews = (callback: () => void, every: number): void => {
  useEffect(() => {
    listeners.add(callback)
    listen()
    const timer = setInterval(callback, every)
    return () => {
      listeners.delete(callback)
      clearInterval(timer)
    }
  }, [callback, every])
}

/** What a stream sends, until it ends or `path` changes. */
export const useStream = <A>(
  path: string | undefined,
  onData: (data: A) => void,
): "open" | "ended" | "broken" => {
  const [state, setState] = useState<"open" | "ended" | "broken">("open")
  const latest = useRef(onData)
  latest.current = onData
  useEffect(() => {
    if (path === undefined) return undefined
    setState("open")
    const source = new EventSource(path)
    source.addEventListener("message", ({ data }) => latest.current(JSON.parse(data) as A))
    source.addEventListener("end", () => {
      source.close()
      setState("ended")
    })
    source.addEventListener("open", () => setState("open"))
    source.addEventListener("error", () => setState("broken"))
    return () => source.close()
  }, [path])
  return state
}
