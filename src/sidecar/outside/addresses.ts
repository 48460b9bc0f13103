/** Which IP addresses are of the public internet: all others are dialled only for what says `private: true`. */
import { BlockList, isIPv4 } from "node:net"

/** Networks of IPv4 that are private, special or reserved (IANA's registry of special-purpose addresses), and one cloud's metadata. */
const NOT_PUBLIC_4: ReadonlyArray<readonly [string, number]> = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["168.63.129.16", 32],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
]

/** Of 2000::/3, the only part of IPv6 that is routed, what is not: Teredo and its neighbours, documentation, 6to4. */
const NOT_PUBLIC_6: ReadonlyArray<readonly [string, number]> = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
]

const listOf = (networks: ReadonlyArray<readonly [string, number]>, family: "ipv4" | "ipv6"): BlockList => {
  const list = new BlockList()
  for (const [network, prefix] of networks) list.addSubnet(network, prefix, family)
  return list
}

const notPublic4 = listOf(NOT_PUBLIC_4, "ipv4")
const notPublic6 = listOf(NOT_PUBLIC_6, "ipv6")
const routed6 = listOf([["2000::", 3]], "ipv6")

/** Whether an address (as `node:dns` answers it) is of the public internet. One that is mapped or translated (NAT64) is not, whatever it holds. */
export const isPublicAddress = (address: string): boolean =>
  isIPv4(address)
    ? !notPublic4.check(address, "ipv4")
    : routed6.check(address, "ipv6") && !notPublic6.check(address, "ipv6")
