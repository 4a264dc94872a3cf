// What netclass and arp serve: by netlink from captured answers, from the files of fixture hosts, and of this machine.
// `UPDATE_GOLDEN=1 swift test --filter NetclassCollector` writes Tests/Fixtures/golden/ anew: read the diff.

import Bytes
import Foundation
import Metrics
import Platform
import Settings
import TestSupport
import Testing

@testable import Collectors
@testable import Procfs

@Suite struct NetclassCollectorTests {
    private func answer(_ kind: String) throws -> [UInt8] {
        try readWhole("\(Repository.fixtures)/netlink/debian12-6.18-namespace.\(kind).bin")
    }

    private func text(_ snapshot: Snapshot) -> String { DeviceCollectorTests.text(snapshot) }

    // MARK: netclass

    private func read(_ interfaces: NetClassInterfaces) throws -> Snapshot {
        let links = try answer("interfaces")
        let modes = try answer("linkmodes")
        interfaces.begin()
        #expect(try interfaces.takeInterfaces(links, count: links.count, sequence: 7).isLast)
        interfaces.endOfInterfaces()
        _ = try interfaces.takeSpeeds(modes, count: modes.count, sequence: 7, family: 21)
        var snapshot = Snapshot()
        interfaces.tell { NetclassCollector.add($0, ignoringInvalidSpeed: false, to: &snapshot) }
        return snapshot
    }

    @Test func netclassServesWhatNetlinkSays() throws {
        let host = try TemporaryHost([
            "sys/class/net/v0/ifindex": "3\n", "sys/class/net/v0/addr_assign_type": "3\n",
            "sys/class/net/v0/name_assign_type": "3\n", "sys/class/net/v0/dev_id": "0x1f\n",
            // Of another network namespace: not the same interface.
            "sys/class/net/br0/ifindex": "44\n", "sys/class/net/br0/dev_id": "0x7\n",
        ])
        let interfaces = NetClassInterfaces(sys: host.host.sys)
        // Twice: the second time all is known already, and nothing may be different.
        for _ in 0..<2 { try Golden.expect("namespace.netclass", text(try read(interfaces))) }
    }

    @Test func netclassReadsAnIdentityOnce() throws {
        let host = try TemporaryHost(["sys/class/net/v0/ifindex": "3\n", "sys/class/net/v0/dev_id": "0x1\n"])
        let interfaces = NetClassInterfaces(sys: host.host.sys)
        let first = text(try read(interfaces))
        #expect(first.utf8.count == text(try read(interfaces)).utf8.count)
        try host.write("sys/class/net/v0/dev_id", "0x2\n")
        #expect(text(try read(interfaces)) == first)
        #expect(text(try read(NetClassInterfaces(sys: host.host.sys))) != first)
    }

    /// Drivers are asked for speeds when something has changed, or some time has passed.
    @Test func netclassAsksForSpeedsSeldom() throws {
        let interfaces = NetClassInterfaces(sys: "/nonexistent")
        let then = Instant(nanoseconds: 1_000)
        let first = text(try read(interfaces))
        #expect(interfaces.needsSpeeds(at: then), "nothing was read yet")
        interfaces.endOfSpeeds(at: then)
        func readLinks(_ links: [UInt8]) throws {
            interfaces.begin()
            _ = try interfaces.takeInterfaces(links, count: links.count, sequence: 7)
            interfaces.endOfInterfaces()
        }
        let links = try answer("interfaces")
        try readLinks(links)
        #expect(!interfaces.needsSpeeds(at: then + .seconds(59)) && interfaces.needsSpeeds(at: then + .seconds(60)))
        var snapshot = Snapshot()
        interfaces.tell { NetclassCollector.add($0, ignoringInvalidSpeed: false, to: &snapshot) }
        #expect(text(snapshot) == first, "what was read is kept")
        // IFLA_CARRIER_CHANGES, which is 2 for v0 and for others.
        let attribute: [UInt8] = [8, 0, 35, 0, 2, 0, 0, 0]
        let at = try #require(links.indices.first { links[$0...].starts(with: attribute) })
        var changed = links
        changed[at + 4] = 3
        try readLinks(changed)
        #expect(interfaces.needsSpeeds(at: then))
    }

    /// A dump that was interrupted may tell of an interface twice.
    @Test func netclassTellsOfAnInterfaceOnce() throws {
        let interfaces = NetClassInterfaces(sys: "/nonexistent")
        let links = try answer("interfaces")
        interfaces.begin()
        for _ in 0..<2 { _ = try interfaces.takeInterfaces(links, count: links.count, sequence: 7) }
        var names: [String] = []
        interfaces.tell { names.append($0.device) }
        #expect(names == ["lo", "v1", "v0", "br0", "off0"])
        interfaces.begin()
        interfaces.endOfInterfaces()
        interfaces.tell { _ in Issue.record("all are gone") }
    }

    @Test(arguments: ["composed-network", "debian12-6.18-vm"]) func servesTheFilesOf(host name: String) throws {
        let host = DeviceCollectorTests.host(name)
        var section = try section()
        var netclass = try NetclassCollector(&section, host: host)
        var arp = try ARPCollector(&section, host: host)
        for _ in 0..<2 {
            var snapshot = Snapshot()
            try netclass.collect(into: &snapshot)
            try arp.collect(into: &snapshot)
            try Golden.expect("\(name).network", text(snapshot))
        }
    }

    @Test func netclassLeavesOutWhatItIsTold() throws {
        var section = try section(
            #"{"ignored_devices": "^(eth2|ib.*)$", "ignore_invalid_speed": true, "netlink": true}"#)
        var netclass = try NetclassCollector(&section, host: DeviceCollectorTests.host("composed-network"))
        try section.finish()
        let served = try samples(&netclass)
        #expect(!served.contains { $0.contains("eth2") || $0.contains("ib0") })
        #expect(served.contains("node_network_up{eth10} 1"))
        #expect(!served.contains { $0.hasPrefix("node_network_speed_bytes{eth10}") }, "its speed is not known")
        #expect(served.contains("node_network_speed_bytes{tun0} 1250000"))
    }

    @Test func netclassServesAnInvalidSpeedByDefault() throws {
        var section = try section()
        var netclass = try NetclassCollector(&section, host: DeviceCollectorTests.host("composed-network"))
        #expect(try samples(&netclass).contains("node_network_speed_bytes{eth10} -125000"))
    }

    @Test func netclassSaysWhereTheCountersAre() throws {
        var section = try section(#"{"rtnl_with_stats": true}"#)
        #expect(throws: SettingsError.self) { _ = try NetclassCollector(&section, host: Procfs.Host()) }
    }

    @Test func aBrokenFileLosesOnlyItself() throws {
        let host = try TemporaryHost([
            "sys/class/net/a/ifindex": "1\n", "sys/class/net/a/mtu": "many\n",
            "sys/class/net/b/ifindex": "2\n", "sys/class/net/b/mtu": "1500\n",
        ])
        var section = try section()
        var netclass = try NetclassCollector(&section, host: host.host)
        var snapshot = Snapshot()
        let odd = try leftOut(below: host.root) { try netclass.collect(into: &snapshot) }
        #expect(odd == ["sys/class/net/a/mtu: line 1: expected a number"])
        #expect(text(snapshot).contains(#"node_network_mtu_bytes{device="b"} 1500"#))
        #expect(text(snapshot).contains(#"node_network_iface_id{device="a"} 1"#))
        #expect(!text(snapshot).contains(#"node_network_mtu_bytes{device="a"}"#))
    }

    /// A number of flags that no kernel has.
    @Test(arguments: ["-1", "0xffffffffffffffff", "-9223372036854775808", "4294967296"])
    func flagsThatAreNoneSayNothingOfTheState(flags: String) throws {
        let host = try TemporaryHost([
            "sys/class/net/a/ifindex": "1\n", "sys/class/net/a/flags": "\(flags)\n",
            "sys/class/net/b/ifindex": "2\n", "sys/class/net/b/flags": "0x1003\n",
        ])
        var section = try section(#"{"netlink": false}"#)
        var netclass = try NetclassCollector(&section, host: host.host)
        let served = try samples(&netclass)
        #expect(served.contains("node_network_flags{b} 4099") && served.contains("node_network_iface_id{a} 1"))
        let infos = served.filter { $0.hasPrefix("node_network_info{") }
        #expect(infos.contains { $0.contains(",up,") && $0.contains(",b,") })
        #expect(infos.contains { $0.contains(",unknown,") && $0.contains(",a,") })
    }

    // MARK: arp

    @Test func arpLeavesOutWhatItIsTold() throws {
        var section = try section(#"{"device_exclude": "^eth", "netlink": false}"#)
        var arp = try ARPCollector(&section, host: DeviceCollectorTests.host("composed-network"))
        try section.finish()
        #expect(try samples(&arp) == ["node_arp_entries{ib0} 1"])
    }

    /// One device after another compared with all others took minutes for as many as these: a scrape never had them.
    @Test(.timeLimit(.minutes(1))) func arpCountsThousandsOfDevices() throws {
        let count = 40_000
        let rows = (0..<count).map { "192.0.2.1 0x1 0x2 02:00:00:00:00:02 * veth\($0)\n" }.joined()
        let host = try TemporaryHost(["proc/net/arp": "IP address HW type\n\(rows)\(rows)"])
        var section = try section()
        var arp = try ARPCollector(&section, host: host.host)
        let served = try samples(&arp)
        #expect(served.count == count && served.allSatisfy { $0.hasSuffix("} 2") })
    }

    @Test func saysWhatIsNotThere() throws {
        let nowhere = Procfs.Host(proc: "/nonexistent", sys: "/nonexistent", udev: "/nonexistent")
        var section = try section()
        var netclass = try NetclassCollector(&section, host: nowhere)
        var arp = try ARPCollector(&section, host: nowhere)
        var snapshot = Snapshot()
        #expect(throws: CollectError.absent("this kernel has no /nonexistent/class/net")) {
            try netclass.collect(into: &snapshot)
        }
        #expect(throws: CollectError.absent("this kernel has no /nonexistent/net/arp")) {
            try arp.collect(into: &snapshot)
        }
    }

    // MARK: This machine

    /// Netlink and sysfs are two ways to the same numbers.
    @Test func thisMachineTellsTheSameBothWays() throws {
        var byNetlink: [String] = []
        var byFile: [String] = []
        let interfaces = NetClassInterfaces(sys: "/sys")
        var files = NetClassFiles(sys: "/sys")
        func lines(_ reading: borrowing NetClassReading) -> [String] {
            var snapshot = Snapshot()
            NetclassCollector.add(reading, ignoringInvalidSpeed: false, to: &snapshot)
            let lines = text(snapshot).split(separator: "\n").map(String.init)
            // Only netlink tells of other names.
            return lines.filter { !$0.hasPrefix("#") && !$0.contains("altnames") }
        }
        try interfaces.forEach { byNetlink += lines($0) }
        try files.forEach { byFile += lines($0) }
        #expect(byNetlink.sorted() == byFile.sorted())
        #expect(byNetlink.contains { $0.contains("device=\"lo\"") })
    }
}
