/** Probes of the network: documentation addresses, addresses of this machine, link-local addresses and name servers, over IPv4 and IPv6. */
import { asText, inetAddress, joined, little, text, unixAddress } from "../probeMachine/ProbeBytes.ts"
import type { Probe, ProbeClass } from "./Probe.ts"
import { lastWord, oneOf } from "./Probe.ts"
import type { ProbeGround } from "./ProbeGround.ts"
import type { Step } from "../probeMachine/ProbeMachine.ts"
import { IN, wordOf } from "../probeMachine/ProbeMachine.ts"
import {
  AF,
  SOCK,
  call,
  closeKept,
  connectTo,
  openSocket,
  poke,
  readFile,
  receive,
  send,
  shownBy,
} from "../probeMachine/ProbeSteps.ts"

/** Nothing left the bottle: there is no route, or no such socket type. */
const NO_WAY = [
  "ENETUNREACH",
  "ENETDOWN",
  "EADDRNOTAVAIL",
  "EHOSTUNREACH",
  "EAFNOSUPPORT",
  "EPROTONOSUPPORT",
  "ESOCKTNOSUPPORT",
  "EPERM",
  "EACCES",
  "EINVAL",
]

/** On the bottle's own loopback: nothing listens there. */
const NOBODY = [...NO_WAY, "ECONNREFUSED"]

interface Way {
  readonly name: string
  readonly class?: ProbeClass
  readonly family: number
  readonly type: number
  readonly protocol?: number
  readonly address: Uint8Array
  /** The payload, for sockets whose connect sends nothing. */
  readonly payload?: Uint8Array
  /** The expected results. */
  readonly fine?: ReadonlyArray<string>
  /** The listener of the ground that must receive nothing. */
  readonly listener?: string
}

/** Connects, and sends where only that makes a packet leave the machine. The first error counts. */
const way = ({ fine = NO_WAY, listener, payload = text("bot-bottle verify"), ...given }: Way): Probe => {
  const opened = openSocket(given.family, given.type, given.protocol)
  const isStream = given.type === SOCK.stream
  const steps = [
    ...opened,
    ...connectTo(given.address),
    ...(isStream ? [] : [...send(payload), ...receive(false)]),
    closeKept,
  ]
  return {
    class: given.class ?? "network",
    name: given.name,
    expected: "no way there",
    steps,
    judge: (outcomes, { heard }) => {
      const tried = [
        outcomes[0],
        outcomes[opened.length + 1],
        ...(isStream ? [] : [outcomes[opened.length + 3]]),
      ]
      const failed = tried.find((outcome) => outcome !== undefined && outcome.result < 0)
      const answer = isStream ? undefined : outcomes.at(-3)
      const word =
        failed !== undefined
          ? wordOf(failed)
          : isStream
            ? "connected"
            : answer !== undefined && answer.result > 0
              ? "answered"
              : answer !== undefined && wordOf(answer) === "ECONNREFUSED"
                ? "ECONNREFUSED"
                : "sent"
      if (listener !== undefined && (heard[listener] ?? 0) > 0) {
        return { ok: false, seen: `${word}; the listener on this machine was reached` }
      }
      return oneOf(fine, word === "EINPROGRESS" ? "no answer, but a way there" : word)
    },
  }
}

const familyOf = (address: string) => (address.includes(":") ? AF.inet6 : AF.inet)

const tcp = (name: string, address: string, port: number, more: Partial<Way> = {}): Probe =>
  way({
    name: `TCP to ${name}`,
    family: familyOf(address),
    type: SOCK.stream,
    address: inetAddress(address, port),
    ...more,
  })

const udp = (name: string, address: string, port: number, more: Partial<Way> = {}): Probe =>
  way({
    name: `UDP to ${name}`,
    family: familyOf(address),
    type: SOCK.datagram,
    address: inetAddress(address, port),
    ...more,
  })

/** Protocols other than TCP and UDP of an Internet socket (linux/in.h). */
const PROTOCOLS = [
  ["ICMP echo to 192.0.2.1", AF.inet, SOCK.datagram, 1],
  ["raw ICMP to 192.0.2.1", AF.inet, SOCK.raw, 1],
  ["raw IP to 192.0.2.1", AF.inet, SOCK.raw, 255],
  ["SCTP to 192.0.2.1", AF.inet, SOCK.stream, 132],
  ["UDP-Lite to 192.0.2.1", AF.inet, SOCK.datagram, 136],
  ["MPTCP to 192.0.2.1", AF.inet, SOCK.stream, 262],
] as const

/** Interfaces that a kernel creates in every network namespace, and that lead nowhere. */
const FALLBACKS =
  /^(lo|tunl0|gre0|gretap0|erspan0|ip_vti0|ip6_vti0|sit0|ip6tnl0|ip6gre0|teql0|ip6erspan0|ifb\d)$/

const interfaces: Probe = {
  class: "network",
  name: "interfaces of the bottle",
  expected: "lo alone",
  steps: readFile("/proc/net/dev", 2),
  judge: (outcomes) => {
    const found = [...asText(shownBy(outcomes)).matchAll(/^\s*([^\s:]+):/gm)].map(([, name = ""]) => name)
    const others = found.filter((name) => !FALLBACKS.test(name))
    return { ok: found.includes("lo") && others.length === 0, seen: [...found].join(", ") || "no answer" }
  },
}

/** Lines of a routing table. `head` is its constant first line. */
const routes = (name: string, path: string, line: RegExp, head: RegExp): Probe => ({
  class: "network",
  name,
  expected: "none",
  steps: readFile(path, 2),
  judge: (outcomes) => {
    const shown = asText(shownBy(outcomes))
    if (!head.test(shown)) return { ok: false, seen: "the table could not be read" }
    const found = shown.match(line) ?? []
    return { ok: found.length === 0, seen: found.length === 0 ? "none" : `${found.length} of them` }
  },
})

const TFO = 0x2000_0000
const fastOpen: Probe = (() => {
  const address = inetAddress("192.0.2.1", 80)
  const steps: ReadonlyArray<Step> = [
    ...openSocket(AF.inet, SOCK.stream),
    poke(address),
    call("sendto", [-1, IN, 16, TFO, IN, address.length], { onKept: true }),
  ]
  return {
    class: "network",
    name: "TCP fast open to 192.0.2.1",
    expected: "no way there",
    steps: [...steps, closeKept],
    judge: (outcomes) => oneOf([...NO_WAY, "EOPNOTSUPP"], lastWord(outcomes.slice(0, steps.length))),
  }
})()

/** RTM_NEWLINK of a dummy interface (linux/rtnetlink.h). */
const newLink = (() => {
  const attribute = (type: number, data: Uint8Array) =>
    joined([little(2, data.length + 4), little(2, type), data, new Uint8Array((4 - (data.length % 4)) % 4)])
  const body = joined([
    new Uint8Array(16),
    attribute(3, text("bbprobe\0")),
    attribute(18, attribute(1, text("dummy\0"))),
  ])
  return joined([little(4, body.length + 16), little(2, 16), little(2, 0x605), little(8, 1), body])
})()

const addInterface: Probe = {
  class: "network",
  name: "a new interface, by netlink",
  expected: "refused",
  steps: [...openSocket(AF.netlink, SOCK.raw), ...send(newLink), ...receive(false), closeKept],
  judge: (outcomes) => {
    const answer = shownBy(outcomes)
    const error = answer.length < 20 ? undefined : new DataView(answer.slice().buffer).getInt32(16, true)
    return error === undefined
      ? oneOf(["EPERM", "EACCES"], lastWord(outcomes.slice(0, 1)))
      : oneOf(["EPERM", "EOPNOTSUPP"], wordOf({ result: error, done: 1, shown: answer }))
  },
}

const abstractSocket = ({ abstractSocket: name }: ProbeGround): Probe =>
  way({
    name: "an abstract Unix socket of this machine",
    family: AF.unix,
    type: SOCK.stream,
    address: unixAddress(`\0${name}`),
    fine: ["ECONNREFUSED"],
    listener: "abstract",
  })

/** Raw TCP and UDP, IPv4 and IPv6, other protocols, and the bottle's network configuration. */
export const networkProbes = (ground: ProbeGround): ReadonlyArray<Probe> => [
  interfaces,
  routes("IPv4 routes of the bottle", "/proc/net/route", /^(?!Iface)\S+\t.*$/gm, /^Iface/),
  routes("IPv6 routes of the bottle", "/proc/net/ipv6_route", /^.*\s(?!lo$)\S+$/gm, /^/),
  tcp("the Internet (192.0.2.1)", "192.0.2.1", 80),
  tcp("the Internet (198.51.100.1)", "198.51.100.1", 443),
  tcp("the Internet over IPv6 (2001:db8::1)", "2001:db8::1", 443),
  tcp("cloud metadata (169.254.169.254)", "169.254.169.254", 80),
  tcp("container metadata (169.254.170.2)", "169.254.170.2", 80),
  tcp("cloud metadata over IPv6 (fd00:ec2::254)", "fd00:ec2::254", 80),
  tcp("a neighbour over IPv6 (fe80::1)", "fe80::1", 80),
  udp("the Internet (192.0.2.1)", "192.0.2.1", 123),
  udp("the Internet over IPv6 (2001:db8::1)", "2001:db8::1", 123),
  udp("cloud metadata (169.254.169.254)", "169.254.169.254", 80),
  udp("everybody (255.255.255.255)", "255.255.255.255", 9, { fine: NO_WAY }),
  udp("a group (224.0.0.1)", "224.0.0.1", 9),
  udp("a group over IPv6 (ff02::1)", "ff02::1", 9),
  ...ground.listeners.flatMap(({ name, address, port }) =>
    [tcp, udp].map((by) => by(`this machine (${name})`, address, port, { fine: NOBODY, listener: name })),
  ),
  ...PROTOCOLS.map(([name, family, type, protocol]) =>
    way({ name, family, type, protocol, address: inetAddress("192.0.2.1", 9) }),
  ),
  fastOpen,
  addInterface,
  abstractSocket(ground),
]

/** A DNS query for an address of verify.invalid. */
const QUESTION = joined([
  Uint8Array.of(0x13, 0x37, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 6),
  text("verify"),
  Uint8Array.of(7),
  text("invalid"),
  Uint8Array.of(0, 0, 1, 0, 1),
])

/** On the bottle's own loopback a query may be sent, but nobody responds. */
const asks = (name: string, address: string, more: Partial<Way> = {}): Probe => ({
  ...udp(name, address, 53, { class: "names", payload: QUESTION, fine: [...NOBODY, "sent"], ...more }),
  expected: "no answer",
  name: `DNS by UDP, ${name}`,
})

const asksByTcp = (name: string, address: string, port = 53): Probe => ({
  ...tcp(name, address, port, { class: "names", fine: NOBODY }),
  name: `DNS by ${port === 853 ? "TLS" : "TCP"}, ${name}`,
})

const multicast = (name: string, address: string, port: number): Probe => ({
  ...udp(name, address, port, { class: "names", payload: QUESTION }),
  name: `${name} to ${address}`,
})

/** DNS over UDP and TCP at the usual addresses of resolvers, over TLS, and by multicast. */
export const nameProbes = (): ReadonlyArray<Probe> => [
  asks("docker's resolver (127.0.0.11)", "127.0.0.11"),
  asks("systemd's resolver (127.0.0.53)", "127.0.0.53"),
  asks("loopback (127.0.0.1)", "127.0.0.1"),
  asks("loopback over IPv6 (::1)", "::1"),
  asks("a server (192.0.2.53)", "192.0.2.53", { fine: NO_WAY }),
  asks("a server over IPv6 (2001:db8::53)", "2001:db8::53", { fine: NO_WAY }),
  asksByTcp("docker's resolver (127.0.0.11)", "127.0.0.11"),
  asksByTcp("systemd's resolver (127.0.0.53)", "127.0.0.53"),
  asksByTcp("a server (192.0.2.53)", "192.0.2.53"),
  asksByTcp("a server (192.0.2.53)", "192.0.2.53", 853),
  multicast("mDNS", "224.0.0.251", 5353),
  multicast("mDNS over IPv6", "ff02::fb", 5353),
  multicast("LLMNR", "224.0.0.252", 5355),
]
