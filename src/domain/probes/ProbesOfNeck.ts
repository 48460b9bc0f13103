/** Probes of the neck: unlisted hosts in every spelling, TLS for another name, routes, and other sockets of the machine. */
import { asText, clientHello, httpRequest, text, unixAddress } from "../probeMachine/ProbeBytes.ts"
import type { Probe, ProbeClass, Verdict } from "./Probe.ts"
import { lastWord, oneOf } from "./Probe.ts"
import type { ProbeGround } from "./ProbeGround.ts"
import type { Outcome, Step } from "../probeMachine/ProbeMachine.ts"
import {
  AF,
  SOCK,
  askNeck,
  closeKept,
  connectTo,
  openSocket,
  receive,
  send,
  shownBy,
  toNeck,
} from "../probeMachine/ProbeSteps.ts"

/** The status of the first HTTP response in the outcomes; 0 when there is none. */
export const statusOf = (outcomes: ReadonlyArray<Outcome>): number =>
  Number(/^HTTP\/1\.[01] (\d{3})/.exec(asText(shownBy(outcomes)))?.[1] ?? 0)

/** A refusal: nothing was let through. */
const refused = (outcomes: ReadonlyArray<Outcome>): Verdict => {
  const status = statusOf(outcomes)
  const word = status === 0 ? lastWord(outcomes.slice(0, -1)) : `HTTP ${status}`
  return { ok: [400, 403, 404, 405].includes(status), seen: status === 0 ? `no answer (${word})` : word }
}

const egress = (
  name: string,
  steps: ReadonlyArray<Step>,
  more: Partial<Pick<Probe, "class" | "judge">> = {},
): Probe => ({ class: "egress", name, expected: "refused", steps, judge: refused, ...more })

/** Asks for a tunnel and outputs the answer. */
export const tunnel = (target: string): ReadonlyArray<Step> => [
  ...toNeck(),
  ...send(text(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n`)),
  ...receive(false),
]

const connect = (name: string, target: string, type: ProbeClass = "egress"): Probe =>
  egress(`CONNECT to ${name}`, [...tunnel(target), closeKept], { class: type })

/** Sends a request as a client of a proxy does. */
const fetch = (name: string, url: string, type: ProbeClass = "egress"): Probe =>
  egress(`HTTP to ${name}`, askNeck(`GET ${url}`, { host: /^\w+:\/\/([^/]*)/.exec(url)?.[1] ?? "" }), {
    class: type,
  })

const UNLISTED = "verify.invalid"

/** Spellings of this machine's loopback, on a port that is only listed for its name. */
const spellings = (port: number): ReadonlyArray<Probe> =>
  [
    ["its address", `127.0.0.1:${port}`],
    ["its address as one number", `2130706433:${port}`],
    ["its address in hex", `0x7f000001:${port}`],
    ["its address in octal", `0177.0.0.1:${port}`],
    ["its short address", `127.1:${port}`],
    ["another address of it", `127.0.0.2:${port}`],
    ["no address", `0.0.0.0:${port}`],
    ["its IPv6 address", `[::1]:${port}`],
    ["its address within IPv6", `[::ffff:127.0.0.1]:${port}`],
    ["a name below it", `a.localhost:${port}`],
    ["its name in other characters", `ⓛocalhost.invalid:${port}`],
    ["its name behind another's", `verify.invalid@localhost:${port}/`],
    ["its name with a zero", `localhost%00.verify.invalid:${port}`],
  ].map(([name = "", target = ""]) => connect(`loopback by ${name}`, target))

/** The response of the listed host's listener. */
export const LISTED_ANSWER = "the listed host was reached"

const hello = (
  name: string,
  { listed }: ProbeGround,
  bytes: Uint8Array,
  judge: Probe["judge"],
  expected = "refused",
): Probe => ({
  class: "egress",
  name,
  expected,
  steps: [...tunnel(`${listed.host}:${listed.port}`), ...send(bytes), ...receive(false), closeKept],
  judge,
})

/** One came through, with the right name, and none of the others. */
const heldBack: Probe["judge"] = (outcomes, { heard }) => {
  const reached = asText(shownBy(outcomes)).includes(LISTED_ANSWER) || (heard["listed"] ?? 0) > 1
  const opened = statusOf(outcomes) === 200
  return { ok: opened && !reached, seen: reached ? "let through" : opened ? "refused" : "no tunnel" }
}

const letThrough: Probe["judge"] = (outcomes, { heard }) => {
  const reached = asText(shownBy(outcomes)).includes(LISTED_ANSWER) && (heard["listed"] ?? 0) > 0
  return { ok: reached, seen: reached ? "let through" : `refused (HTTP ${statusOf(outcomes)})` }
}

const inLog = (count: number): Probe => ({
  class: "egress",
  name: "refusals in the operation log",
  expected: "all of them, in a whole chain",
  steps: [],
  judge: (_, { logged, chain }) => {
    const found = logged.filter((line) => line.startsWith("egress ") && line.endsWith(" rejected")).length
    return {
      ok: found >= count && chain,
      seen: !chain ? "a broken chain" : found >= count ? "all of them" : `${found} of ${count}`,
    }
  },
})

/** CONNECT and plain HTTP to unlisted hosts; TLS to a listed host for another name. */
export const egressProbes = (ground: ProbeGround): ReadonlyArray<Probe> => {
  const { listed, forge } = ground
  const probes = [
    connect("a host that is not listed", `${UNLISTED}:443`),
    connect("a name below one that is not listed", `data.in.labels.${UNLISTED}:443`),
    connect("a listed host, on another port", `${listed.host}:${listed.port === 443 ? 8443 : 443}`),
    connect("the Internet (192.0.2.1)", "192.0.2.1:443"),
    connect("the Internet over IPv6 (2001:db8::1)", "[2001:db8::1]:443"),
    connect("cloud metadata (169.254.169.254)", "169.254.169.254:80"),
    connect("cloud metadata over IPv6", "[fd00:ec2::254]:80"),
    connect("the neck itself", "127.0.0.1:7317"),
    connect("the forge, past the neck", `127.0.0.1:${forge.port}`),
    ...spellings(listed.port),
    fetch("a host that is not listed", `http://${UNLISTED}/`),
    fetch("cloud metadata (169.254.169.254)", "http://169.254.169.254/latest/meta-data/"),
    fetch("the forge, past the neck", `http://127.0.0.1:${forge.port}${forge.api.open}`),
    fetch("a URL of another scheme", "ftp://192.0.2.1/"),
    connect("a resolver over HTTPS", "dns.verify.invalid:443", "names"),
    connect("a resolver (192.0.2.53)", "192.0.2.53:53", "names"),
    fetch("a name that says something", "http://secret-in-a-name.verify.invalid/", "names"),
  ]
  return [
    ...probes,
    hello("a tunnel to a listed host", ground, clientHello(listed.host), letThrough, "let through"),
    hello("TLS for another name", ground, clientHello(UNLISTED), heldBack),
    hello("TLS for no name", ground, clientHello(undefined), heldBack),
    hello("no TLS in a tunnel", ground, httpRequest("GET /"), heldBack),
    inLog(probes.length),
  ]
}

/** A socket that does not exist, is not accessible to this user, or has no listener. */
const CLOSED = ["ENOENT", "EACCES", "EPERM", "ENOTDIR", "ECONNREFUSED"]

const socket = (name: string, path: string): Probe => {
  const steps = [...openSocket(AF.unix, SOCK.stream), ...connectTo(unixAddress(path))]
  return {
    class: "files",
    name: `the socket of ${name}`,
    expected: "not there",
    steps: [...steps, closeKept],
    judge: (outcomes, { heard }) => {
      const word = lastWord(outcomes.slice(0, steps.length))
      if ((heard[name] ?? 0) > 0) return { ok: false, seen: "reached" }
      return word === "allowed" ? { ok: false, seen: "connected" } : oneOf(CLOSED, word)
    },
  }
}

/** Where engines and system services listen. */
const SYSTEM_SOCKETS = {
  docker: "/var/run/docker.sock",
  "docker, elsewhere": "/run/docker.sock",
  containerd: "/run/containerd/containerd.sock",
  podman: "/run/podman/podman.sock",
  systemd: "/run/systemd/private",
  "the system's bus": "/run/dbus/system_bus_socket",
} as const

/** Control sockets, other necks, and sockets of the system. */
export const socketFileProbes = ({ sockets }: ProbeGround): ReadonlyArray<Probe> => [
  socket("control, in the neck's directory", "/run/bottle/control.sock"),
  socket("control, above the neck's directory", "/run/bottle/../control.sock"),
  ...Object.entries(sockets).map(([name, path]) => socket(name, path)),
  ...Object.entries(SYSTEM_SOCKETS).map(([name, path]) => socket(name, path)),
]

/** Through the route of the ground. */
export const routeProbes = ({ route }: ProbeGround): ReadonlyArray<Probe> => {
  const base = `/route/${route.name}`
  const ask = (name: string, line: string, headers: Readonly<Record<string, string>> = {}): Probe => ({
    class: "routes",
    name,
    expected: "refused, and not passed on",
    steps: askNeck(line, headers),
    judge: (outcomes, { routed }) => {
      const strange = routed.find(({ request }) => request !== `GET ${route.allowed}`)
      return strange === undefined ? refused(outcomes) : { ok: false, seen: `passed on: ${strange.request}` }
    },
  })
  return [
    {
      class: "routes",
      name: "a route, as its manifest allows",
      expected: "answered, with a credential that is added outside",
      steps: askNeck(`GET ${base}${route.allowed}`, { authorization: "Bearer of-the-agent" }),
      judge: (outcomes, { routed }) => ({
        ok: statusOf(outcomes) === 200 && routed.length > 0 && routed.every(({ credential }) => credential),
        seen: statusOf(outcomes) === 200 ? "answered" : `HTTP ${statusOf(outcomes)}`,
      }),
    },
    ask("a path that the route does not allow", `GET ${base}${route.denied}`),
    ask("a method that the route does not allow", `DELETE ${base}${route.allowed}`),
    ask("a path out of the route, by dots", `GET ${base}${route.allowed}/../..${route.denied}`),
    ask(
      "a path out of the route, by encoded dots",
      `GET ${base}${route.allowed}/%2e%2e/%2e%2e${route.denied}`,
    ),
    ask("another host of the route's", `GET ${base}//192.0.2.1/`),
    ask("a route that there is not", `GET /route/none${route.allowed}`),
  ]
}
