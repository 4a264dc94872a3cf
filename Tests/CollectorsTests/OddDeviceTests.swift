// Every file of every device on the composed hosts, one after another, as one that cannot be read and as one that holds
// garbage: it costs its device, or less, and is named; what is served of all other devices stays.

import Foundation
import Metrics
import TestSupport
import Testing

import struct Procfs.Host
import class Procfs.SkippedRows

@testable import Collectors

/// Where a collector lists its devices.
struct DevicePlace: Sendable, CustomTestStringConvertible {
    let collector: String
    let host: String
    let directory: String
    /// Options that make it read more.
    var options = "{}"

    var testDescription: String { collector }
}

@Suite struct OddDeviceTests {
    private static let places = [
        DevicePlace(collector: "hwmon", host: "hardware", directory: "sys/class/hwmon"),
        DevicePlace(collector: "drm", host: "hardware", directory: "sys/class/drm"),
        DevicePlace(collector: "rapl", host: "hardware", directory: "sys/class/powercap"),
        DevicePlace(collector: "pcidevice", host: "hardware", directory: "sys/bus/pci/devices"),
        DevicePlace(collector: "powersupplyclass", host: "hardware", directory: "sys/class/power_supply"),
        DevicePlace(collector: "cpufreq", host: "hardware", directory: "sys/devices/system/cpu"),
        DevicePlace(
            collector: "cpu_vulnerabilities", host: "hardware",
            directory: "sys/devices/system/cpu/vulnerabilities"),
        DevicePlace(collector: "thermal_zone", host: "hardware", directory: "sys/class/thermal"),
        DevicePlace(collector: "watchdog", host: "hardware", directory: "sys/class/watchdog"),
        DevicePlace(collector: "edac", host: "hardware", directory: "sys/devices/system/edac/mc"),
        DevicePlace(collector: "nvmesubsystem", host: "storage", directory: "sys/class/nvme-subsystem"),
        DevicePlace(collector: "nvme", host: "storage", directory: "sys/class/nvme"),
        DevicePlace(collector: "btrfs", host: "storage", directory: "sys/fs/btrfs"),
        DevicePlace(collector: "mdadm", host: "storage", directory: "sys/block"),
        DevicePlace(collector: "dmmultipath", host: "storage", directory: "sys/block"),
        DevicePlace(collector: "zfs", host: "storage", directory: "proc/spl/kstat/zfs"),
        DevicePlace(
            collector: "bcache", host: "storage", directory: "sys/fs/bcache", options: #"{"priorityStats": true}"#),
        DevicePlace(collector: "bcachefs", host: "storage", directory: "sys/fs/bcachefs"),
        DevicePlace(collector: "xfs", host: "storage", directory: "sys/fs/xfs"),
        DevicePlace(collector: "fibrechannel", host: "storage-fabric", directory: "sys/class/fc_host"),
        DevicePlace(collector: "infiniband", host: "storage-fabric", directory: "sys/class/infiniband"),
        DevicePlace(collector: "tapestats", host: "storage-fabric", directory: "sys/class/scsi_tape"),
        DevicePlace(collector: "netclass", host: "network", directory: "sys/class/net"),
    ]

    private struct World {
        let place: DevicePlace
        let own: TemporaryDirectory
        var root: String { "\(own.path)/host" }
        var directory: String { "\(root)/\(place.directory)" }

        init(_ place: DevicePlace) throws {
            self.place = place
            own = try TemporaryDirectory()
            try FileManager.default.copyItem(
                atPath: "\(Repository.fixtures)/hosts/composed-\(place.host)", toPath: "\(own.path)/host")
        }

        func served() throws -> (samples: Set<String>, leftOut: [SkippedRows.File]) {
            let type = try #require(allCollectors.first { $0.name == place.collector })
            return try collect(type)
        }

        private func collect<Made: Collector>(
            _ type: Made.Type
        ) throws -> (samples: Set<String>, leftOut: [SkippedRows.File]) {
            var section = try section(place.options)
            var collector = try type.init(&section, host: Host(proc: "\(root)/proc", sys: "\(root)/sys"))
            let skipped = SkippedRows()
            let found = try skipped.gather { () throws(any Error) in try CollectorsTests.samples(&collector) }
            return (Set(found), skipped.files)
        }

        /// What is served while the entry `path` is away, or something else.
        func without<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
            let away = "\(own.path)/away"
            try FileManager.default.moveItem(atPath: path, toPath: away)
            defer {
                // Nothing has come in its place, or what did goes.
                try? FileManager.default.removeItem(atPath: path)
                try? FileManager.default.moveItem(atPath: away, toPath: path)
            }
            return try body()
        }

        var entries: [String] {
            get throws { try FileManager.default.contentsOfDirectory(atPath: directory).sorted() }
        }

        /// All files of an entry, without those of entries in it; itself when it is one.
        func files(of entry: String) throws -> [String] {
            let all = try Set(entries.map { Self.resolved("\(directory)/\($0)") })
            var files: [String] = []
            var waiting = [(Self.resolved("\(directory)/\(entry)"), 0)]
            while let (path, depth) = waiting.popLast() {
                var isDirectory: ObjCBool = false
                guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else { continue }
                if !isDirectory.boolValue {
                    files.append(path)
                } else if depth < 5 {
                    for name in try FileManager.default.contentsOfDirectory(atPath: path) {
                        let next = Self.resolved("\(path)/\(name)")
                        // A link up, as `subsystem` is, leads to everything.
                        let isInside = next.hasPrefix(path) || name == "device"
                        if isInside, !all.contains(next) { waiting.append((next, depth + 1)) }
                    }
                }
            }
            return files.sorted()
        }

        private static func resolved(_ path: String) -> String {
            URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        }
    }

    /// Reading it at its beginning is an input/output error, as of a driver whose hardware does not answer.
    private func makeUnreadable(_ path: String) throws {
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/proc/self/mem")
    }

    @Test(arguments: places) func anOddFileCostsItsDevice(place: DevicePlace) throws {
        let world = try World(place)
        let all = try world.served()
        #expect(all.leftOut.isEmpty && !all.samples.isEmpty)
        var oddFiles = 0
        // Each kind of file once: that of the first device that has it, of those that are served.
        var seen: Set<String> = []
        for name in try world.entries {
            let others = try world.without("\(world.directory)/\(name)") { try Set(onlyOthers(world)) }
                // Of a disk that is away, the device above it says that its state is unknown.
                .filter { !$0.hasSuffix(",unknown} 1") }
            if others.isSuperset(of: all.samples) { continue }
            for file in try world.files(of: name)
            where seen.insert(URL(fileURLWithPath: file).lastPathComponent).inserted {
                let (unreadable, garbage) = try (
                    world.without(file) {
                        try makeUnreadable(file)
                        return try world.served()
                    },
                    world.without(file) {
                        try Data("\u{1}?!\n".utf8).write(to: URL(fileURLWithPath: file))
                        return try world.served()
                    }
                )
                for found in [unreadable, garbage] {
                    let lost = others.subtracting(found.samples)
                    #expect(lost.isEmpty, "\(file) cost other devices \(lost.sorted().prefix(3))")
                }
                guard unreadable.samples != all.samples || !unreadable.leftOut.isEmpty else { continue }
                oddFiles += 1
                let named = unreadable.leftOut.map { "\($0.path.dropFirst(world.root.count + 1)): \($0.problem)" }
                #expect(
                    !named.isEmpty && named.allSatisfy { $0.hasSuffix(": Input/output error") }
                        && named.allSatisfy { $0.hasPrefix(place.directory) }, "\(file): \(named)")
            }
        }
        #expect(oddFiles > 0)
        #expect(try world.served().samples == all.samples)
    }

    /// Numbers that no kernel writes there are read for what they are, or left out; none of them ends the agent.
    @Test(arguments: places) func anExtremeNumberEndsNothing(place: DevicePlace) throws {
        let world = try World(place)
        let all = try world.served()
        var seen: Set<String> = []
        for name in try world.entries {
            for file in try world.files(of: name)
            where seen.insert(URL(fileURLWithPath: file).lastPathComponent).inserted {
                for number in ["-1", "18446744073709551615", "0xffffffffffffffff"] {
                    let found = try world.without(file) {
                        try Data("\(number)\n".utf8).write(to: URL(fileURLWithPath: file))
                        return try onlyOthers(world)
                    }
                    // Of another device nothing is lost: most samples stay whatever the file is.
                    #expect(all.samples.intersection(found).count * 4 >= all.samples.count, "\(file) \(number)")
                }
            }
        }
        #expect(!seen.isEmpty)
        #expect(try world.served().samples == all.samples)
    }

    /// Nothing when the device that is away was the only one.
    private func onlyOthers(_ world: World) throws -> [String] {
        do { return try Array(world.served().samples) } catch is CollectError { return [] }
    }
}
