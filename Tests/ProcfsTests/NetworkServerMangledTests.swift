// The parsers of routers', load balancers' and file servers' files against Mangled.swift.

import Bytes
import Testing

@testable import Procfs

@Suite struct NetworkServerMangledTests {
    private func texts(_ path: String) -> [[UInt8]] {
        ["composed-network-server", "old-kernel"].compactMap { Fixtures.bytes($0, path) }
    }

    @Test func softnet() { expectUnbroken("softnet_stat", texts("proc/net/softnet_stat"), SoftnetStat.parse) }
    @Test func udp() {
        expectUnbroken("udp", texts("proc/net/udp") + texts("proc/net/udp6"), UDPSockets.parse)
    }
    @Test func netStatTables() {
        let tables = ["nf_conntrack", "arp_cache", "synproxy"].flatMap { texts("proc/net/stat/\($0)") }
        expectUnbroken("net/stat", tables, NetStatTable.parse) { table in
            for (column, name) in table.names.enumerated() {
                _ = table.sum(name)
                for row in table.cpus.indices { _ = table.number(column, row: row) }
            }
        }
    }
    @Test func ipvs() {
        expectUnbroken("ip_vs", texts("proc/net/ip_vs"), IPVSBackend.parse)
        expectUnbroken("ip_vs_stats", texts("proc/net/ip_vs_stats"), IPVSStats.parse)
    }
    @Test func rpc() {
        let files = texts("proc/net/rpc/nfs") + texts("proc/net/rpc/nfsd")
        expectUnbroken("rpc", files, RPCStats.parse) { stats in
            for line in RPCStats.Line.allCases { for index in 0..<100 { _ = stats[line, index] } }
        }
    }
    @Test func mountStats() {
        expectUnbroken("mountstats", texts("proc/self/mountstats"), NFSMount.parse) { mounts in
            for mount in mounts {
                #expect(mount.events.count >= NFSMount.eventCount && mount.bytes.count >= NFSMount.byteCounterCount)
            }
        }
        expectUnbroken("mountinfo", texts("proc/self/mountinfo"), Mount.parse)
    }
    @Test func drbd() { expectUnbroken("drbd", texts("proc/drbd"), DRBDDevice.parse) }
}
