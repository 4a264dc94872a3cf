// What the other collectors serve that ask by netlink: from captured and composed answers, and of this machine.
// `UPDATE_GOLDEN=1 swift test --filter NetlinkCollectors` writes Tests/Fixtures/golden/ anew: read the diff.

import Bytes
import Foundation
import Metrics
import Platform
import Settings
import TestSupport
import Testing

@testable import Collectors
@testable import Procfs

@Suite struct NetlinkCollectorsTests {
    private func answer(_ kind: String, of machine: String = "debian12-6.18-namespace") throws -> [UInt8] {
        try readWhole("\(Repository.fixtures)/netlink/\(machine).\(kind).bin")
    }

    private func text(_ snapshot: Snapshot) -> String { DeviceCollectorTests.text(snapshot) }

    // MARK: Odd messages

    /// Of a dump that was asked for several times, what the last answer left out.
    @Test func oddMessagesAreNotedOnce() throws {
        let client = NetlinkClient(.route)
        let skipped = SkippedRows()
        var attempts = 0
        var datagrams = 0
        let isWhole = try skipped.gather { () throws(NetlinkFailure) in
            try client.ask(
                LinkStatistics.request,
                begin: {
                    attempts += 1
                    datagrams = 0
                }
            ) { bytes, count, sequence throws(NetlinkError) in
                datagrams += 1
                var links: [LinkStatistics] = []
                var part = try LinkStatistics.parse(bytes, count: count, sequence: sequence, into: &links)
                (part.skipped, part.firstProblem, part.isInterrupted) = (1, .malformed(offset: 36), true)
                return part
            }
        }
        #expect(!isWhole && attempts == 3)
        let problem = "a wrong length at byte 36 of the answer"
        #expect(skipped.files == [.init(path: "netlink RTM_GETLINK", rows: datagrams, problem: problem)])
    }

    @Test func anAnswerOfWhichNothingCanBeReadIsAFailure() throws {
        let client = NetlinkClient(.route)
        #expect(throws: NetlinkFailure.answer(.malformed(offset: 4))) {
            try client.ask(LinkStatistics.request, begin: {}) { bytes, count, sequence throws(NetlinkError) in
                var links: [LinkStatistics] = []
                let part = try LinkStatistics.parse(bytes, count: count, sequence: sequence, into: &links)
                return NetlinkPart(isLast: part.isLast, skipped: part.read, firstProblem: .malformed(offset: 4))
            }
        }
        // The next question is answered all the same.
        var names: [String] = []
        try client.ask(LinkAttributes.request, begin: { names = [] }) { bytes, count, sequence throws(NetlinkError) in
            try LinkAttributes.forEach(bytes, count: count, sequence: sequence) {
                names.append(bytes.text(upToZeroIn: $0.name))
            }
        }
        #expect(names.contains("lo"))
    }

    /// As some drivers do when their message does not fit: the same again and again.
    @Test func aDumpWithoutAnEndIsGivenUp() throws {
        let client = NetlinkClient(.route, dumpLimit: .zero)
        let skipped = SkippedRows()
        do throws(NetlinkFailure) {
            try client.ask(LinkStatistics.request, begin: {}) { _, _, _ in NetlinkPart(read: 1) }
            Issue.record("the answer was waited for")
        } catch {
            #expect(error == .endless && !error.isAbsence)
            skipped.gather { error.note(of: LinkStatistics.request) }
        }
        #expect(skipped.files.map(\.path) == ["netlink RTM_GETLINK"])
    }

    /// What a sandbox forbids is known from the settings of the service, and the files are read without a word.
    @Test func aSocketThatIsForbiddenIsNotNoted() {
        let skipped = SkippedRows()
        skipped.gather {
            NetlinkFailure.socket(.notPermitted).note(of: LinkStatistics.request)
            NetlinkFailure.socket(.familyNotSupported).note(of: LinkStatistics.request)
        }
        #expect(skipped.count == 0)
        skipped.gather { NetlinkFailure.socket(.tooLarge).note(of: LinkStatistics.request) }
        #expect(skipped.count == 1)
    }

    // MARK: tcpstat, network_route, qdisc, wifi

    @Test func tcpstatServesStatesThatSomeSocketIsIn() throws {
        var sockets = TCPSockets()
        let bytes = try answer("tcp")
        _ = try sockets.count(bytes, count: bytes.count, sequence: 7)
        var snapshot = Snapshot()
        TCPStatCollector.add(sockets, to: &snapshot)
        try Golden.expect("namespace.tcpstat", text(snapshot))
        snapshot.removeAll()
        TCPStatCollector.add(TCPSockets(), to: &snapshot)
        #expect(snapshot.samples.isEmpty)
    }

    private func routes(_ table: inout RouteTable, names: [UInt32: String]) throws -> String {
        let bytes = try answer("routes")
        table.begin()
        _ = try Route.forEach(bytes, count: bytes.count, sequence: 7) { table.take($0) }
        var snapshot = Snapshot()
        table.add(to: &snapshot) { names[$0] }
        return text(snapshot)
    }

    @Test func routesAreServedOnce() throws {
        var table = RouteTable()
        let names: [UInt32: String] = [1: "lo", 2: "v1", 3: "v0", 4: "br0"]
        for _ in 0..<2 {
            let text = try routes(&table, names: names)
            try Golden.expect("namespace.network_route", text)
            let lines = text.split(separator: "\n")
            #expect(Set(lines).count == lines.count)
        }
        // A name that another interface has now, and an interface that is gone.
        let renamed = try routes(&table, names: [2: "v1", 3: "uplink"])
        #expect(renamed.contains(#"dest="10.24.0.1/32",device="uplink""#))
        #expect(!renamed.contains("br0") && !renamed.contains("\"v0\""))
    }

    @Test func qdiscServesRoots() throws {
        let bytes = try answer("qdiscs")
        var snapshot = Snapshot()
        _ = try QueueDiscipline.forEach(bytes, count: bytes.count, sequence: 7) {
            if $0.isRoot { QdiscCollector.add($0, of: "if\($0.interface)", to: &snapshot) }
        }
        try Golden.expect("namespace.qdisc", text(snapshot))
    }

    @Test func wifiServesWhatTheDriverTells() throws {
        var interfaces: [WirelessInterface] = []
        var networks: [WirelessNetwork] = []
        var stations: [[WirelessStation]] = []
        var bytes = try answer("wifi-interfaces", of: "composed")
        _ = try WirelessInterface.forEach(bytes, count: bytes.count, sequence: 7, family: 40) { interfaces.append($0) }
        bytes = try answer("wifi-networks", of: "composed")
        _ = try WirelessNetwork.forEach(bytes, count: bytes.count, sequence: 7, family: 40) {
            if $0.mode != nil { networks.append($0) }
        }
        for kind in ["wifi-client", "wifi-access-point"] {
            var heard: [WirelessStation] = []
            bytes = try answer(kind, of: "composed")
            _ = try WirelessStation.forEach(bytes, count: bytes.count, sequence: 7, family: 40) { heard.append($0) }
            stations.append(heard + heard)
        }
        var snapshot = Snapshot()
        WifiCollector.add(interfaces[0], networks, stations[0], to: &snapshot)
        WifiCollector.add(interfaces[1], [], stations[1], to: &snapshot)
        try Golden.expect("composed.wifi", text(snapshot))
    }

    // MARK: ethtool

    @Test(arguments: [
        ("rx_queue_0_drops", "received_queue_0_drops"), ("rx0_drops", "rx0_drops"),
        ("tx_dropped", "transmitted_dropped"),
        ("tx_tx_timeouts", "transmitted_tx_timeouts"), ("tx0_tx_timeouts", "tx0_transmitted_timeouts"),
        ("rx_queue_0_xdp_tx", "received_queue_0_xdp_transmitted"), ("rx", "received"),
        ("port.rx_bytes", "port_received_bytes"),
        ("[0]: rx_ucast packets", "0_received_ucast_packets"), ("Tx-Queue#1__bytes", "transmitted_queue_1__bytes"),
        ("__veb.tx", "veb_transmitted"), ("trx_rxx", "trx_rxx"), ("°", ""), ("a_-_b", "a_b"), ("a__b", "a__b"),
    ]) func ethtoolNamesMetrics(name: String, part: String) {
        #expect(EthtoolNames.metricNamePart(name) == part)
    }

    @Test func ethtoolServesNoNameTwice() throws {
        var names = EthtoolNames()
        var only = try section(#"{"only": "^[^x]"}"#)
        let pattern = try only.pattern("only")
        let series = names.series(
            of: ["rx_bytes", "a.b", "a-b", "A B", "info", "x", "°", "tx_packets", "transmitted_packets_total"],
            only: pattern)
        #expect(series.map(\.position) == [0])
        #expect(series.map(\.descriptor.name) == ["node_ethtool_received_bytes_total"])
    }

    @Test func ethtoolSharesMetricsBetweenInterfaces() {
        var names = EthtoolNames()
        let first = names.series(of: ["rx_drops", "kicks"], only: nil)
        let second = names.series(of: ["kicks", "rx_drops"], only: nil)
        #expect(first[0].descriptor === second[1].descriptor && first[1].descriptor === second[0].descriptor)
        names.forget(but: [first[0].descriptor])
        let third = names.series(of: ["rx_drops", "kicks"], only: nil)
        #expect(third[0].descriptor === first[0].descriptor && third[1].descriptor !== first[1].descriptor)
    }

    @Test func ethtoolServesWhatALinkCanDo() throws {
        // Answers to ETHTOOL_GLINKSETTINGS: twisted pair of 10 megabits to 10 gigabits, and a mode beyond 32 bits.
        var bytes = Ethtool.linkRequest(words: 4)
        bytes[11] = 1
        for bit in [0, 1, 2, 3, 5, 6, 7, 9, 12, 13, 47] { bytes[48 + bit / 8] |= 1 << (bit % 8) }
        for bit in [5, 6, 14] { bytes[64 + bit / 8] |= 1 << (bit % 8) }
        var snapshot = Snapshot()
        EthtoolLinkMetrics.add(try #require(EthtoolLink(bytes)), of: "eth0", to: &snapshot)
        try Golden.expect("composed.ethtool", text(snapshot))
    }

    @Test func optionsAreThoseOfTheCatalogue() throws {
        var ethtool = try section(#"{"device_include": "^eth", "metrics_include": "^rx"}"#)
        _ = try EthtoolCollector(&ethtool, host: Procfs.Host())
        try ethtool.finish()
        var qdisc = try section(#"{"device_exclude": "^lo$"}"#)
        _ = try QdiscCollector(&qdisc, host: Procfs.Host())
        try qdisc.finish()
        #expect(throws: SettingsError.self) {
            var both = try section(#"{"device_exclude": "^lo$", "device_include": "^eth"}"#)
            _ = try QdiscCollector(&both, host: Procfs.Host())
        }
    }

    // MARK: This machine

    /// Whatever it has: every collector answers, twice through the same socket, and says no series twice.
    @Test func thisMachineAnswers() throws {
        var section = try section()
        func check(_ collector: some Collector) throws {
            var collector = collector
            for _ in 0..<2 {
                do throws(CollectError) {
                    var snapshot = Snapshot()
                    try collector.collect(into: &snapshot)
                    let series = text(snapshot).split(separator: "\n").filter { !$0.hasPrefix("#") }
                    let names = series.map { $0.prefix(upTo: $0.lastIndex(of: " ") ?? $0.endIndex) }
                    #expect(Set(names).count == names.count)
                } catch {
                    guard case .absent = error else { throw error }
                }
            }
        }
        try check(try ARPCollector(&section, host: Procfs.Host()))
        try check(try EthtoolCollector(&section, host: Procfs.Host()))
        try check(try NetclassCollector(&section, host: Procfs.Host()))
        try check(try NetworkRouteCollector(&section, host: Procfs.Host()))
        try check(try QdiscCollector(&section, host: Procfs.Host()))
        try check(try TCPStatCollector(&section, host: Procfs.Host()))
        try check(try WifiCollector(&section, host: Procfs.Host()))
    }
}
