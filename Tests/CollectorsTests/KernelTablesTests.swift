// Collectors of the kernel's tables that are off by default: options, odd input, and what comes and goes. Their golden
// texts are KernelCollectorsTests'.

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

@Suite struct KernelTablesTests {
    private func samples(
        _ name: String, _ options: String = "{}", on host: Host
    ) throws -> (served: [String], error: CollectError?) {
        var collector = try KernelCollectorsTests.collector(name, options, on: host)
        return try samples(&collector)
    }

    /// What it adds before it fails, and why it fails.
    private func samples(_ collector: inout any Collector) throws -> (served: [String], error: CollectError?) {
        var snapshot = Snapshot()
        var problem: CollectError?
        do throws(CollectError) { try collector.collect(into: &snapshot) } catch { problem = error }
        let served = snapshot.samples.map { sample in
            let labels = snapshot.labels(of: sample).joined(separator: ",")
            return "\(snapshot.families[sample.family].name){\(labels)} \(sample.value)"
        }
        return (served, problem)
    }

    // MARK: interrupts

    private static let interrupts = """
                   CPU0       CPU2
          1:         10          0   IO-APIC    1-edge      i8042
        IPI0:         5          6  Rescheduling  interrupts
        ERR:          7
         16:          0          9   IO-APIC   16-fasteoi   usb1, smbus

        """

    @Test func interruptsHaveTheNumbersOfTheirCPUs() throws {
        let host = try TemporaryHost(["proc/interrupts": Self.interrupts])
        #expect(
            try samples("interrupts", on: host.host).served == [
                "node_interrupts_total{0,1-edge i8042,IO-APIC,1} 10.0",
                "node_interrupts_total{2,1-edge i8042,IO-APIC,1} 0.0",
                "node_interrupts_total{0,,Rescheduling interrupts,IPI0} 5.0",
                "node_interrupts_total{2,,Rescheduling interrupts,IPI0} 6.0",
                "node_interrupts_total{0,16-fasteoi usb1, smbus,IO-APIC,16} 0.0",
                "node_interrupts_total{2,16-fasteoi usb1, smbus,IO-APIC,16} 9.0",
            ])
    }

    @Test func interruptsAreFilteredByNameInfoAndDevices() throws {
        let host = try TemporaryHost(["proc/interrupts": Self.interrupts])
        let include = try samples("interrupts", #"{ "name_include": "i8042|^IPI" }"#, on: host.host).served
        #expect(include.count == 4)
        let exclude = try samples("interrupts", #"{ "name_exclude": ";IO-APIC;" }"#, on: host.host).served
        #expect(exclude.count == 2)
        let nonzero = try samples("interrupts", #"{ "include_zeros": false }"#, on: host.host).served
        #expect(nonzero.count == 4 && !nonzero.contains { $0.hasSuffix(" 0.0") })
        #expect(throws: SettingsError.self) {
            try samples("interrupts", #"{ "name_include": "a", "name_exclude": "b" }"#, on: host.host)
        }
    }

    @Test func anInterruptThatTakesTheRowOfAnotherIsServedUnderItsOwnName() throws {
        let host = try TemporaryHost(["proc/interrupts": Self.interrupts])
        var collector = try KernelCollectorsTests.collector("interrupts", on: host.host)
        _ = try samples(&collector)
        try host.write("proc/interrupts", "   CPU0\n 16:  9   IO-APIC   16-fasteoi   usb1, smbus\n 20: 4 MSI\n")
        #expect(
            try samples(&collector).served == [
                "node_interrupts_total{0,16-fasteoi usb1, smbus,IO-APIC,16} 9.0",
                "node_interrupts_total{0,,MSI,20} 4.0",
            ])
    }

    // MARK: slabinfo, sysctl, meminfo_numa, ksmd

    @Test func slabsAreIncludedAndExcludedAtOnce() throws {
        let host = KernelCollectorsTests.host("composed-numa-server")
        func names(_ options: String) throws -> Set<String> {
            Set(
                try samples("slabinfo", options, on: host).served.compactMap { $0.split(separator: "{").last }.map {
                    String($0.prefix { $0 != "}" })
                })
        }
        #expect(try names("{}").count == 6)
        #expect(try names(#"{ "slabs_include": "kmalloc", "slabs_exclude": "^dma" }"#) == ["kmalloc-8k", "kmalloc-1k"])
    }

    @Test func aSlabThatIsThereTwiceIsServedOnce() throws {
        let text = "slabinfo - version: 2.1\n# name …\na 1 2 3 4 5 : x\nb 1 2 3 4 5 : x\na 9 9 9 9 9 : x\n"
        let host = try TemporaryHost(["proc/slabinfo": text])
        let served = try samples("slabinfo", on: host.host).served
        #expect(served.count == 10 && served.contains("node_slabinfo_active_objects{a} 1.0"))
    }

    @Test func aSettingThatIsNotThereLosesOnlyItself() throws {
        let host = try TemporaryHost([
            "proc/sys/a/one": "-1\n", "proc/sys/a/big": "18446744073692774399\t2\n", "proc/sys/a/word": "1 two\n",
            "proc/sys/a/empty": "\n", "proc/sys/net/eth0.5/x": "3\n",
        ])
        let options = #"""
            { "include": ["a.gone", "a.empty", "a.word", "a.big:x", "a.big", "a.one", "net/eth0.5/x"],
              "include_info": ["a.word"] }
            """#
        let (served, error) = try samples("sysctl", options, on: host.host)
        #expect(
            served == [
                "node_sysctl_a_big{0} 1.8446744073692774e+19", "node_sysctl_a_big{1} 2.0", "node_sysctl_a_one{} -1.0",
                "node_sysctl_net_eth0_5_x{} 3.0", "node_sysctl_info{0,a.word,1} 1.0",
                "node_sysctl_info{1,a.word,two} 1.0",
            ])
        #expect(error == .failed("this kernel has no \(host.root)/proc/sys/a/gone"))
        #expect(
            try samples("sysctl", #"{ "include": ["a.word"] }"#, on: host.host).error
                == .failed("\(host.root)/proc/sys/a/word: line 1: expected a number"))
        #expect(
            try samples("sysctl", #"{ "include": ["a.big:x"] }"#, on: host.host).error
                == .failed("\(host.root)/proc/sys/a/big has 2 numbers, and there are 1 keys"))
    }

    @Test(arguments: [
        #"{ "include": [""] }"#, #"{ "include": ["a..b"] }"#, #"{ "include": ["../etc/passwd"] }"#,
        #"{ "include": ["/etc/passwd"] }"#, #"{ "include": ["a b"] }"#, #"{ "include": ["a:"] }"#,
        #"{ "include": ["a:b,c d"] }"#, #"{ "include": ["a.b", "a/b"] }"#, #"{ "include_info": ["a:b"] }"#,
        #"{ "include_info": ["a", "a"] }"#, #"{ "include": "a" }"#,
    ]) func refusesSysctl(options: String) throws {
        #expect(throws: SettingsError.self) { try samples("sysctl", options, on: Host()) }
    }

    @Test func memoryNodesThatDifferShareTheirMetrics() throws {
        let host = try TemporaryHost()
        for (node, field) in [(0, "A"), (1, "B"), (2, "A"), (10, "B")] {
            try host.write(
                "sys/devices/system/node/node\(node)/meminfo", "Node \(node) Mem: 1 kB\nNode \(node) \(field)(x): 2\n")
        }
        var collector = try KernelCollectorsTests.collector("meminfo_numa", on: host.host)
        var snapshot = Snapshot()
        try collector.collect(into: &snapshot)
        #expect(
            snapshot.families.map(\.name) == ["node_memory_numa_Mem", "node_memory_numa_A_x", "node_memory_numa_B_x"])
        #expect(snapshot.samples.map { snapshot.labels(of: $0)[0] } == ["0", "0", "1", "1", "2", "2", "10", "10"])
        #expect(snapshot.samples.map(\.value) == [1_024, 2, 1_024, 2, 1_024, 2, 1_024, 2])
    }

    @Test func anOldKernelHasNoProfitOfMerging() throws {
        let host = try TemporaryHost(["sys/kernel/mm/ksm/run": "0\n", "sys/kernel/mm/ksm/sleep_millisecs": "20\n"])
        let (served, error) = try samples("ksmd", on: host.host)
        #expect(served == ["node_ksmd_run{} 0.0", "node_ksmd_sleep_seconds{} 0.02"] && error == nil)
    }

    // MARK: processes

    @Test func processesAreCountedOverAndOver() throws {
        let host = try TemporaryHost([
            "proc/sys/kernel/threads-max": "100\n", "proc/sys/kernel/pid_max": "200\n", "proc/self/stat": "nonsense",
        ])
        func stat(_ threads: Int, _ state: String) -> String {
            "1 (a b) \(state)\(String(repeating: " -1", count: 10)) 1 2 0 0 20 0 \(threads) 0 9 4096 1 0\n"
        }
        for pid in 1...300 {
            try host.write("proc/\(pid)/stat", stat(pid == 300 ? 3 : 1, pid.isMultiple(of: 2) ? "S" : "I"))
        }
        for task in 300...302 { try host.write("proc/300/task/\(task)/stat", stat(3, task == 301 ? "R" : "S")) }
        var collector = try KernelCollectorsTests.collector("processes", on: host.host)
        let expected: Set<String> = [
            "node_processes_max_threads{} 100.0", "node_processes_max_processes{} 200.0",
            "node_processes_pids{} 300.0", "node_processes_threads{} 302.0", "node_processes_state{I} 150.0",
            "node_processes_state{S} 150.0", "node_processes_threads_state{I} 150.0",
            "node_processes_threads_state{S} 151.0", "node_processes_threads_state{R} 1.0",
        ]
        for _ in 0..<3 { #expect(Set(try samples(&collector).served) == expected) }
        // One that has neither threads nor a file any more.
        try FileManager.default.removeItem(atPath: "\(host.root)/proc/300/task")
        try FileManager.default.removeItem(atPath: "\(host.root)/proc/299/stat")
        let (served, error) = try samples(&collector)
        #expect(error == nil && served.contains("node_processes_pids{} 299.0"))
        #expect(served.contains("node_processes_threads_state{S} 150.0"))
    }

    @Test func aProcessThatMakesNoSenseIsAFailure() throws {
        let host = try TemporaryHost([
            "proc/sys/kernel/threads-max": "100\n", "proc/sys/kernel/pid_max": "200\n", "proc/7/stat": "7 (a) S 1\n",
        ])
        let (served, error) = try samples("processes", on: host.host)
        #expect(
            Set(served) == ["node_processes_max_threads{} 100.0", "node_processes_max_processes{} 200.0"],
            "nothing is known of processes: 0 would be false")
        #expect(error == .failed("\(host.root)/proc/7/stat: line 1: expected 24 fields or more"))
    }

    /// Processes come and go on a living machine, and none may make it fail.
    @Test func thisMachineHasProcesses() throws {
        var collector = try KernelCollectorsTests.collector("processes", on: Host())
        for _ in 0..<20 {
            let (served, error) = try samples(&collector)
            // The thread that looks is running.
            #expect(error == nil && served.contains { $0.hasPrefix("node_processes_threads_state{R} ") })
        }
    }
}
