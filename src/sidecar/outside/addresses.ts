/** Tells which IP addresses are on the public internet. All others are only dialled for entries with `private: true`. */
import { BlockList, isIPv4 } from "node:net"

/** IPv4 networks that are private, special or reserved (IANA's registry of special-purpose addresses), and one cloud's metadata address. */
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

/** The exceptions within 2000::/3, the only routed part of IPv6: Teredo and its neighbours, documentation, 6to4. */
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

const makeLists = () => ({
  notPublic4: listOf(NOT_PUBLIC_4, "ipv4"),
  notPublic6: listOf(NOT_PUBLIC_6, "ipv6"),
  routed6: listOf([["2000::", 3]], "ipv6"),
})

let lists: ReturnType<typeof makeLists> | undefined

/** Whether an address (as returned by `node:dns`) is public. A mapped or translated (NAT64) address is not, whatever it contains. */
export const isPublicAddress = (address: string): boolean => {
  // Made on first use: a start-up snapshot cannot contain them.
  lists ??= makeLists()
  return isIPv4(address)
    ? !lists.notPublic4.check(address, "ipv4")
    : lists.routed6.check(address, "ipv6") && !lists.notPublic6.check(address, "ipv6")
}
