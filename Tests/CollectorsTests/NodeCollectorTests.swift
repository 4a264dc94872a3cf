// The other node collectors: missing and malformed files, names that come and go, options, and this very host.

import Bytes
import Foundation
import Metrics
import Platform
import Procfs
import Settings
import TestSupport
import Testing

import struct Procfs.Host

@testable import Collectors

@Suite struct NodeCollectorTests {
    /// Which file each collector cannot do without.
    static let neededFiles = [
        "cpu": "stat", "filefd": "sys/fs/file-nr", "loadavg": "loadavg", "meminfo": "meminfo", "netstat": "net/netstat",
        "pressure": "pressure/cpu", "sockstat": "net/sockstat", "stat": "stat", "vmstat": "vmstat",
    ]

    private func collector(_ name: String, on host: TemporaryHost) throws -> any Collector {
        var section = try section()
        return try #require(allCollectors.first { $0.name == name }).init(&section, host: host.host)
    }

    @Test(arguments: neededFiles.keys.sorted())
    func aMissingFileIsAbsent(name: String) throws {
        let host = try TemporaryHost()
        var collector = try collector(name, on: host)
        var snapshot = Snapshot()
        do throws(CollectError) {
            try collector.collect(into: &snapshot)
            Issue.record("\(name) served something from nothing")
        } catch {
            guard case .absent(let what) = error else {
                Issue.record("\(name): \(error)")
                return
            }
            #expect(what.contains(host.root))
        }
        #expect(snapshot.samples.isEmpty)
    }

    @Test(arguments: neededFiles.keys.sorted())
    func aMalformedFileIsAFailure(name: String) throws {
        let path = try #require(Self.neededFiles[name])
        let host = try TemporaryHost(["proc/\(path)": "\u{1}no: such: thing -\n"])
        var collector = try collector(name, on: host)
        var snapshot = Snapshot()
        do throws(CollectError) {
            try collector.collect(into: &snapshot)
            Issue.record("\(name) served something from noise")
        } catch {
            guard case .failed(let what) = error else {
                Issue.record("\(name): \(error)")
                return
            }
            #expect(what.contains("\(host.root)/proc/\(path): line 1") || what.contains("line 2"), "\(what)")
        }
    }

    @Test func aCollectorRecoversWhenItsFileDoes() throws {
        let host = try TemporaryHost(["proc/loadavg": "x"])
        var section = try section()
        var collector = try LoadavgCollector(&section, host: host.host)
        #expect(throws: CollectError.self) { try samples(&collector) }
        try host.write("proc/loadavg", "1.5 2 3 1/2 3\n")
        #expect(try samples(&collector) == ["node_load1 1.5", "node_load5 2", "node_load15 3"])
    }

    @Test func newFieldsOfARunningKernelAreServed() throws {
        let host = try TemporaryHost(["proc/meminfo": "MemTotal: 4 kB\nHugePages_Total: 7\n"])
        var section = try section()
        var collector = try MeminfoCollector(&section, host: host.host)
        #expect(try samples(&collector) == ["node_memory_MemTotal_bytes 4096", "node_memory_HugePages_Total 7"])
        try host.write("proc/meminfo", "MemTotal: 4 kB\nActive(anon): 1 kB\nHugePages_Total: 8\nMemTotal: 9 kB\n")
        #expect(
            try samples(&collector) == [
                "node_memory_MemTotal_bytes 4096", "node_memory_Active_anon_bytes 1024",
                "node_memory_HugePages_Total 8",
            ])
    }

    @Test func descriptorsAreKeptBetweenReadings() throws {
        let host = try TemporaryHost(["proc/meminfo": "MemTotal: 4 kB\n"])
        var section = try section()
        var collector = try MeminfoCollector(&section, host: host.host)
        var snapshot = Snapshot()
        for text in ["MemTotal: 4 kB\n", "MemTotal: 5 kB\nMemFree: 1 kB\n", "MemFree: 2 kB\nMemTotal: 6 kB\n"] {
            try host.write("proc/meminfo", text)
            snapshot.removeAll()
            try collector.collect(into: &snapshot)
        }
        #expect(snapshot.families.map(\.name) == ["node_memory_MemTotal_bytes", "node_memory_MemFree_bytes"])
        #expect(snapshot.samples.map(\.value) == [2_048, 6_144])
    }

    @Test func fieldsOptionsChoose() throws {
        let host = try TemporaryHost([
            "proc/vmstat": "pgpgin 1\nnr_dirty 2\noom_kill 3\n",
            "proc/net/netstat": "TcpExt: TCPTimeouts DelayedACKs\nTcpExt: 1 2\n",
            "proc/net/snmp": "Ip: Forwarding\nIp: 1\n",
        ])
        var options = try section(#"{ "fields": "^nr_" }"#)
        var vmstat = try VMStatCollector(&options, host: host.host)
        #expect(try samples(&vmstat) == ["node_vmstat_nr_dirty 2"])
        options = try section(#"{ "fields": "^TcpExt_Delayed" }"#)
        var netstat = try NetstatCollector(&options, host: host.host)
        #expect(try samples(&netstat) == ["node_netstat_TcpExt_DelayedACKs 2"])
        options = try section()
        netstat = try NetstatCollector(&options, host: host.host)
        #expect(try samples(&netstat) == ["node_netstat_TcpExt_TCPTimeouts 1", "node_netstat_Ip_Forwarding 1"])
        options = try section(#"{ "fields": "(" }"#)
        #expect(throws: SettingsError.self) { try VMStatCollector(&options, host: host.host) }
    }

    @Test func theTimeHereIsTheTimeHere() throws {
        var section = try section()
        var collector = try TimeCollector(&section, host: Host())
        let before = Double(Moment.now.unixNanoseconds) / 1e9
        var snapshot = Snapshot()
        try collector.collect(into: &snapshot)
        let after = Double(Moment.now.unixNanoseconds) / 1e9
        #expect((before...after).contains(snapshot.samples[0].value))
        #expect(snapshot.samples[1].value == Double(TimeZone.current.secondsFromGMT()))
    }

    @Test func unameIsThisHost() throws {
        var section = try section()
        var collector = try UnameCollector(&section, host: Host())
        var snapshot = Snapshot()
        try collector.collect(into: &snapshot)
        let labels = snapshot.labels(of: snapshot.samples[0])
        for (index, file) in [(0, "domainname"), (2, "hostname"), (3, "osrelease"), (4, "ostype"), (5, "version")] {
            let text = String(decoding: try readWhole("/proc/sys/kernel/\(file)"), as: UTF8.self)
            #expect(labels[index] == text.trimmingCharacters(in: .newlines))
        }
    }
}
