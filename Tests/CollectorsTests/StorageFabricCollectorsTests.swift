// The collectors of tapes, InfiniBand and Fibre Channel on the fixture host composed-storage-fabric, and what they do
// with attributes that are odd or missing.
// `UPDATE_GOLDEN=1 swift test --filter StorageFabricCollectors` writes the golden files anew: read their diff.

import Foundation
import Metrics
import Procfs
import Settings
import TestSupport
import Testing

@testable import Collectors

@Suite struct StorageFabricCollectorsTests {
    static let collectors = ["fibrechannel", "infiniband", "tapestats"]
    private static let fabric = GoldenHost("composed-storage-fabric")

    @Test(arguments: collectors) func serves(collector: String) throws { try Self.fabric.expect(collector) }

    @Test func saysWhatIsNotThere() throws {
        let host = try TemporaryHost()
        for (name, path) in [
            "fibrechannel": "/sys/class/fc_host", "infiniband": "/sys/class/infiniband",
            "tapestats": "/sys/class/scsi_tape",
        ] {
            #expect(try collectOnce(name, on: host).error == .absent("this kernel has no \(host.root)\(path)"))
        }
    }

    /// The modules are loaded, and there is no device.
    @Test(arguments: ["fc_host", "infiniband", "scsi_tape"]) func noDevicesAreNoError(folder: String) throws {
        let host = try TemporaryHost(["sys/class/\(folder)/x": ""])
        try FileManager.default.removeItem(atPath: "\(host.root)/sys/class/\(folder)/x")
        let name = ["fc_host": "fibrechannel", "scsi_tape": "tapestats"][folder] ?? folder
        let (samples, error) = try collectOnce(name, on: host)
        #expect(samples.isEmpty && error == nil)
    }

    // MARK: tapestats

    @Test func aTapeIsServedUnderOneName() throws {
        let (all, _) = try Self.fabric.collect("tapestats")
        #expect(all.filter { $0.hasPrefix("node_tape_reads_completed_total") }.count == 3)
        #expect(all.contains("node_tape_io_now{st0} 1") && !all.contains { $0.hasPrefix("node_tape_io_now{st1}") })
        let (others, _) = try Self.fabric.collect("tapestats", #"{"ignored_devices": "^st1"}"#)
        #expect(others.count == 10 && others.contains("node_tape_written_bytes_total{st0} 1496246784000"))
    }

    @Test func anOddStatisticLosesOnlyItself() throws {
        let host = try TemporaryHost([
            "sys/class/scsi_tape/st0/stats/in_flight": "many\n", "sys/class/scsi_tape/st0/stats/read_cnt": "7\n",
        ])
        let odd = try leftOut(below: host.root) {
            let (samples, error) = try collectOnce("tapestats", on: host)
            #expect(samples == ["node_tape_reads_completed_total{st0} 7"] && error == nil)
        }
        #expect(odd == ["sys/class/scsi_tape/st0/stats/in_flight: line 1: expected a number"])
    }

    // MARK: infiniband

    @Test func dataIsServedInBytes() throws {
        let (all, error) = try Self.fabric.collect("infiniband")
        #expect(error == nil)
        // Counters of 32 bits stop at their maximum; four bytes each.
        #expect(all.contains("node_infiniband_port_data_transmitted_bytes_total{mlx4_0,1} 17179869180"))
        #expect(all.contains("node_infiniband_legacy_data_received_bytes_total{mlx4_0,1} 18527668"))
        #expect(all.contains("node_infiniband_port_data_received_bytes_total{mlx5_10,1} 232804521110532"))
        #expect(all.contains("node_infiniband_rate_bytes_per_second{mlx4_0,2} 312500000"))
        // Lives and is down, and its counters are not to be had.
        let second = all.filter { $0.contains("{mlx4_0,2}") }
        #expect(second.count == 3 && second.contains("node_infiniband_state_id{mlx4_0,2} 1"))
        #expect(all.contains("node_infiniband_info{,irdma2,1.60,irdma} 1"))
        #expect(all.contains("node_infiniband_lifespan_seconds{mlx5_10,1} 0.01"))
    }

    @Test func devicesAreChosen() throws {
        for options in [#"{"device_include": "^mlx5"}"#, #"{"device_exclude": "^(mlx4|irdma)"}"#] {
            let (some, _) = try Self.fabric.collect("infiniband", options)
            #expect(!some.isEmpty && some.allSatisfy { $0.contains("mlx5_10") })
        }
        var both = try section(#"{"device_include": "a", "device_exclude": "b"}"#)
        #expect(throws: SettingsError.self) { _ = try InfinibandCollector(&both, host: Procfs.Host()) }
    }

    @Test func anOddAttributeLosesOnlyItself() throws {
        let port = "sys/class/infiniband/hfi1_0/ports/1"
        let host = try TemporaryHost([
            "\(port)/state": "ACTIVE\n", "\(port)/phys_state": "5: LinkUp\n", "\(port)/rate": "fast\n",
            "\(port)/counters/link_downed": "-1\n", "\(port)/counters/symbol_error": "4\n",
            "\(port)/counters/nobody_knows": "x\n",
        ])
        let odd = try leftOut(below: host.root) {
            let (samples, error) = try collectOnce("infiniband", on: host)
            #expect(
                samples == [
                    "node_infiniband_info{,hfi1_0,,} 1", "node_infiniband_physical_state_id{hfi1_0,1} 5",
                    "node_infiniband_symbol_error_total{hfi1_0,1} 4",
                ])
            #expect(error == nil)
        }
        #expect(
            odd == [
                "\(port)/state: line 1: expected <number>: <state>", "\(port)/rate: line 1: expected <number> Gb/sec",
                "\(port)/counters/link_downed: line 1: expected a number",
            ])
    }

    // MARK: fibrechannel

    @Test func whatAnAdapterDoesNotCountIsLeftOut() throws {
        let (all, error) = try Self.fabric.collect("fibrechannel")
        #expect(error == nil)
        #expect(!all.contains { $0.hasPrefix("node_fibrechannel_dumped_frames_total{host1}") })
        #expect(all.contains("node_fibrechannel_info{,,host10,,500110a0001a8f20,Online,,,,,} 1"))
        let little = all.filter { $0.contains("{host10}") }
        #expect(little == ["node_fibrechannel_rx_frames_total{host10} 16"])
    }

    @Test func adaptersComeAndGo() throws {
        let host = try TemporaryHost([
            "sys/class/fc_host/host1/statistics/tx_words": "12\n",
            "sys/class/fc_host/host1/statistics/rx_words": "zz\n",
        ])
        var options = try section()
        var fibrechannel = try FibrechannelCollector(&options, host: host.host)
        let odd = try leftOut(below: host.root) { _ = try samples(&fibrechannel) }
        #expect(odd == ["sys/class/fc_host/host1/statistics/rx_words: line 1: expected a number"])
        try host.write("sys/class/fc_host/host1/statistics/rx_words", "0xa\n")
        try host.write("sys/class/fc_host/host1/speed", "32 Gbit\n")
        #expect(
            try samples(&fibrechannel) == [
                "node_fibrechannel_info{,,host1,,,,,32 Gbit,,,} 1", "node_fibrechannel_rx_words_total{host1} 10",
                "node_fibrechannel_tx_words_total{host1} 12",
            ])
        try FileManager.default.removeItem(atPath: "\(host.root)/sys/class/fc_host/host1")
        #expect(try samples(&fibrechannel).isEmpty)
    }
}
