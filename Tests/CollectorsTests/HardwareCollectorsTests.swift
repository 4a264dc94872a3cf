// What the collectors of hardware serve: on a fixture host as golden text, and on hosts of a few files where something
// is odd. `UPDATE_GOLDEN=1 swift test --filter HardwareCollectors` writes Tests/Fixtures/golden/composed-hardware anew:
// read the diff.

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

@Suite struct HardwareCollectorsTests {
    private static let names = [
        "cpu_vulnerabilities", "cpufreq", "dmi", "drm", "edac", "hwmon", "pcidevice", "powersupplyclass", "rapl",
        "thermal_zone", "watchdog",
    ]
    private static let root = "\(Repository.fixtures)/hosts/composed-hardware"
    private static let host = Host(proc: "\(root)/proc", sys: "\(root)/sys")

    private func made<Made: Collector>(_ type: Made.Type, _ options: String = "{}", _ host: Host) throws -> Made {
        var section = try section(options)
        let collector = try type.init(&section, host: host)
        try section.finish()
        return collector
    }

    private func text(_ collector: inout some Collector) throws -> String {
        var snapshot = Snapshot()
        try collector.collect(into: &snapshot)
        return DeviceCollectorTests.text(snapshot).replacingOccurrences(of: Self.root, with: "")
    }

    private func golden(_ name: String, _ type: (some Collector).Type, _ options: String = "{}") throws {
        var collector = try made(type, options, Self.host)
        // Twice: the second time all is known already, and nothing may be different.
        for _ in 0..<2 { try Golden.expect("composed-hardware/\(name)", try text(&collector)) }
    }

    @Test(arguments: names) func serves(collector name: String) throws {
        let type = try #require(allCollectors.first { $0.name == name })
        try golden(name, type)
    }

    @Test func servesWithOptions() throws {
        try golden("rapl.zones", RaplCollector.self, #"{"enable_zone_label": true}"#)
        try golden(
            "pcidevice.names", PCIDeviceCollector.self, #"{"names": true, "idsfile": "\#(Self.root)/pci.ids"}"#)
        try golden(
            "hwmon.chosen", HwmonCollector.self,
            #"{"chip_include": "^platform_", "sensor_exclude": "^platform_nct6775_656;(pwm|fan)"}"#)
        try golden("powersupplyclass.chosen", PowerSupplyClassCollector.self, #"{"ignored_supplies": "^(BAT|ucsi)"}"#)
    }

    @Test(arguments: [
        ("hwmon", #"{"chip_include": "a", "chip_exclude": "b"}"#),
        ("hwmon", #"{"sensor_include": "a", "sensor_exclude": "b"}"#),
        ("powersupplyclass", #"{"ignored_supplies": "("}"#),
        ("rapl", #"{"zone_label": true}"#),
        ("pcidevice", #"{"idsfile": 3}"#),
    ]) func refusesWrongOptions(collector: String, json: String) throws {
        let type = try #require(allCollectors.first { $0.name == collector })
        #expect(throws: SettingsError.self) { _ = try made(type, json, Self.host) }
    }

    @Test(arguments: names) func saysWhatIsNotThere(collector name: String) throws {
        let type = try #require(allCollectors.first { $0.name == name })
        var collector = try made(type, Host(proc: "/nonexistent", sys: "/nonexistent"))
        do throws(CollectError) {
            var snapshot = Snapshot()
            try collector.collect(into: &snapshot)
            Issue.record("\(name) found something")
        } catch {
            guard case .absent(let what) = error else { throw error }
            #expect(what.contains("/nonexistent/"), "\(name): \(what)")
        }
    }

    /// The names of dynamic families, which no list declares.
    @Test(arguments: names) func namesAreGood(collector name: String) throws {
        let type = try #require(allCollectors.first { $0.name == name })
        var collector = try made(type, Self.host)
        var snapshot = Snapshot()
        try collector.collect(into: &snapshot)
        for family in snapshot.families {
            #expect(family.name.wholeMatch(of: /node_[a-zA-Z0-9_]*[a-zA-Z0-9]/) != nil, "\(family.name)")
            #expect((family.kind == .counter) == family.name.hasSuffix("_total"), "\(family.name)")
            #expect(family.labels == family.labels.sorted(), "\(family.name)")
            #expect(family.help.hasSuffix(".") && !family.help.contains("\n"), "\(family.name): \(family.help)")
        }
        let series = snapshot.samples.map { [snapshot.families[$0.family].name] + snapshot.labels(of: $0) }
        #expect(Set(series).count == series.count, "a series is served twice")
    }

    // MARK: hwmon

    @Test func chipsWithTheSameNameHaveThatOfTheirDirectoryBesides() throws {
        let own = try TemporaryHost()
        for chip in ["hwmon0", "hwmon1"] {
            try own.write("sys/class/hwmon/\(chip)/name", "dell_smm\n")
            try own.write("sys/class/hwmon/\(chip)/temp1_input", chip == "hwmon0" ? "1000" : "2000")
        }
        var hwmon = try made(HwmonCollector.self, own.host)
        #expect(
            try samples(&hwmon) == [
                "node_hwmon_chip_names{dell_smm_hwmon0,dell_smm} 1",
                "node_hwmon_temp_celsius{dell_smm_hwmon0,temp1} 1",
                "node_hwmon_chip_names{dell_smm_hwmon1,dell_smm} 1",
                "node_hwmon_temp_celsius{dell_smm_hwmon1,temp1} 2",
            ])
    }

    @Test func sensorsOfAChipWithTheSameLabelAreServedOnce() throws {
        let chip = "sys/class/hwmon/hwmon0"
        let own = try TemporaryHost([
            "\(chip)/freq1_input": "3000000", "\(chip)/freq1_label": "GPU clock", "\(chip)/freq2_input": "4000000",
            "\(chip)/freq2_label": "GPU-Clock",
        ])
        var hwmon = try made(HwmonCollector.self, own.host)
        #expect(
            try samples(&hwmon) == [
                "node_hwmon_sensor_label{hwmon0,GPU clock,freq1} 1",
                "node_hwmon_sensor_label{hwmon0,GPU-Clock,freq2} 1", "node_hwmon_freq_freq_mhz{hwmon0,gpu_clock} 3",
            ])
    }

    /// Chips of one device: names of their drivers, and what they are called.
    @Test(
        arguments: [
            (["asus", "asus_wmi_sensors"], ["_asus", "_asus_wmi_sensors"]),
            (["asus", "asus"], ["_hwmon0", "_hwmon1"]),
            (["phy0-0", "phy0-1", "phy0-0"], ["_hwmon0", "_phy0_1", "_hwmon2"]), (["", "asus"], ["_hwmon0", "_asus"]),
            (["", ""], ["_hwmon0", "_hwmon1"]), (["asus"], [""]),
            // The name of one is that of the directory of another.
            (["hwmon1", "", ""], ["_hwmon0", "_hwmon1", "_hwmon2"]),
        ] as [([String], [String])])
    func chipsOfOneDeviceAreToldApart(names: [String], ends: [String]) throws {
        let own = try TemporaryHost(["sys/devices/platform/asus-nb-wmi/uevent": "DRIVER=asus\n"])
        for (number, name) in names.enumerated() {
            let path = "sys/class/hwmon/hwmon\(number)"
            if !name.isEmpty { try own.write("\(path)/name", "\(name)\n") }
            try own.write("\(path)/pwm1_enable", "\(number)")
            try FileManager.default.createSymbolicLink(
                atPath: "\(own.root)/\(path)/device", withDestinationPath: "../../../devices/platform/asus-nb-wmi")
        }
        var hwmon = try made(HwmonCollector.self, own.host)
        #expect(
            try samples(&hwmon).filter { $0.hasPrefix("node_hwmon_pwm_enable") }
                == ends.enumerated().map { "node_hwmon_pwm_enable{platform_asus_nb_wmi\($1),pwm1} \($0)" })
    }

    @Test func aFilterSeesTheNameThatIsServed() throws {
        let own = try TemporaryHost()
        for (chip, name) in [("hwmon0", "a"), ("hwmon1", "b")] {
            try own.write("sys/class/hwmon/\(chip)/name", "\(name)\n")
            try own.write("sys/class/hwmon/\(chip)/temp1_input", "1000")
            try FileManager.default.createSymbolicLink(
                atPath: "\(own.root)/sys/class/hwmon/\(chip)/device", withDestinationPath: "/")
        }
        var hwmon = try made(HwmonCollector.self, #"{"chip_exclude": "^a$"}"#, own.host)
        #expect(
            try samples(&hwmon) == ["node_hwmon_chip_names{b,b} 1", "node_hwmon_temp_celsius{b,temp1} 1"],
            "a device without a name leaves each the name of its driver")
    }

    @Test func aChipThatCannotBeReadCostsNoOther() throws {
        let own = try TemporaryHost([
            "sys/class/hwmon/hwmon0/temp1_input": "1000", "sys/class/hwmon/hwmon2/in1_input": "2000",
        ])
        try FileManager.default.createSymbolicLink(
            atPath: "\(own.root)/sys/class/hwmon/hwmon1", withDestinationPath: "/nonexistent")
        var hwmon = try made(HwmonCollector.self, own.host)
        #expect(
            try samples(&hwmon) == ["node_hwmon_temp_celsius{hwmon0,temp1} 1", "node_hwmon_in_volts{hwmon2,in1} 2"])
    }

    @Test func sensorsThatDoNotTellAreLeftOut() throws {
        let own = try TemporaryHost()
        let chip = "sys/class/hwmon/hwmon0"
        for (file, text) in [("in0_input", "12"), ("in1_input", ""), ("in2_input", "asleep")] {
            try own.write("\(chip)/\(file)", text)
        }
        // Reading it at its beginning is an error, as of a driver whose hardware does not answer.
        try FileManager.default.createSymbolicLink(
            atPath: "\(own.root)/\(chip)/in3_input", withDestinationPath: "/proc/self/mem")
        var hwmon = try made(HwmonCollector.self, own.host)
        #expect(try samples(&hwmon) == ["node_hwmon_in_volts{hwmon0,in0} 0.012"])
        try own.write("\(chip)/in2_input", "-3000")
        #expect(
            try samples(&hwmon) == [
                "node_hwmon_in_volts{hwmon0,in0} 0.012", "node_hwmon_in_volts{hwmon0,in2} -3",
            ], "it woke up")
    }

    @Test func chipsComeAndGo() throws {
        let own = try TemporaryHost(["sys/class/hwmon/hwmon0/temp1_input": "1000"])
        var hwmon = try made(HwmonCollector.self, own.host)
        #expect(try samples(&hwmon) == ["node_hwmon_temp_celsius{hwmon0,temp1} 1"])
        try own.write("sys/class/hwmon/hwmon1/fan1_input", "900")
        #expect(
            try samples(&hwmon) == [
                "node_hwmon_temp_celsius{hwmon0,temp1} 1", "node_hwmon_fan_rpm{hwmon1,fan1} 900",
            ])
        try FileManager.default.removeItem(atPath: "\(own.root)/sys/class/hwmon/hwmon0")
        #expect(try samples(&hwmon) == ["node_hwmon_fan_rpm{hwmon1,fan1} 900"])
    }

    @Test func inputBesideItsSensorIsAnotherFamily() throws {
        let own = try TemporaryHost([
            "sys/class/hwmon/hwmon0/fan1": "1", "sys/class/hwmon/hwmon0/fan1_input": "900",
        ])
        var hwmon = try made(HwmonCollector.self, own.host)
        #expect(
            try samples(&hwmon) == ["node_hwmon_fan{hwmon0,fan1} 1", "node_hwmon_fan_input_rpm{hwmon0,fan1} 900"])
    }

    // MARK: cpufreq

    @Test func cpusAreSwitchedOnAndOff() throws {
        let own = try TemporaryHost(["sys/devices/system/cpu/offline": "1\n"])
        let cpu = "sys/devices/system/cpu"
        for number in [0, 1] { try own.write("\(cpu)/cpu\(number)/topology/core_id", "\(number)") }
        var cpufreq = try made(CPUFreqCollector.self, own.host)
        #expect(throws: CollectError.absent("no CPU in \(own.root)/\(cpu) has cpufreq")) { try samples(&cpufreq) }
        // A driver is loaded, which has the policy of the CPU that is on.
        try own.write("\(cpu)/cpu0/cpufreq/scaling_cur_freq", "800000")
        try own.write("\(cpu)/cpufreq/policy0/affected_cpus", "0")
        #expect(try samples(&cpufreq) == ["node_cpu_scaling_frequency_hertz{0} 800000000"])
        try own.write("\(cpu)/offline", "\n")
        try own.write("\(cpu)/cpu1/cpufreq/scaling_cur_freq", "900000")
        #expect(try samples(&cpufreq).count == 2)
        try own.write("\(cpu)/offline", "0\n")
        #expect(try samples(&cpufreq) == ["node_cpu_scaling_frequency_hertz{1} 900000000"])
    }

    @Test func aGovernorThatIsNewIsLookedUp() throws {
        let cpufreq = "sys/devices/system/cpu/cpu0/cpufreq"
        let own = try TemporaryHost([
            "\(cpufreq)/scaling_governor": "powersave", "\(cpufreq)/scaling_available_governors": "powersave \n",
        ])
        var collector = try made(CPUFreqCollector.self, own.host)
        #expect(try samples(&collector) == ["node_cpu_scaling_governor{0,powersave} 1"])
        try own.write("\(cpufreq)/scaling_available_governors", "powersave ondemand\n")
        try own.write("\(cpufreq)/scaling_governor", "ondemand\n")
        #expect(
            try samples(&collector) == [
                "node_cpu_scaling_governor{0,powersave} 0", "node_cpu_scaling_governor{0,ondemand} 1",
            ])
    }

    // MARK: The others

    @Test func whatIsNoNumberLosesOnlyItself() throws {
        let own = try TemporaryHost([
            "sys/class/watchdog/watchdog0/timeout": "soon", "sys/class/watchdog/watchdog0/timeleft": "12",
            "sys/class/thermal/thermal_zone0/type": "acpitz", "sys/class/thermal/thermal_zone0/temp": "warm",
            "sys/class/thermal/thermal_zone1/type": "acpitz", "sys/class/thermal/thermal_zone1/temp": "-1500",
            "sys/class/thermal/thermal_zone2/temp": "1",
        ])
        var watchdog = try made(WatchdogCollector.self, own.host)
        var thermal = try made(ThermalZoneCollector.self, own.host)
        var snapshot = Snapshot()
        let odd = try leftOut(below: own.root) { try watchdog.collect(into: &snapshot) }
        #expect(odd == ["sys/class/watchdog/watchdog0/timeout: line 1: expected a number"])
        #expect(snapshot.samples.map(\.value) == [12, 1])
        snapshot.removeAll()
        let warm = try leftOut(below: own.root) { try thermal.collect(into: &snapshot) }
        #expect(warm == ["sys/class/thermal/thermal_zone0/temp: line 1: expected a number"])
        #expect(snapshot.samples.map(\.value) == [-1.5])
        #expect(snapshot.samples.map { snapshot.labels(of: $0) } == [["acpitz", "1"]])
    }

    @Test func energyThatOnlyRootMayReadIsAbsent() throws {
        let own = try TemporaryHost(["sys/class/powercap/intel-rapl:0/name": "package-0\n"])
        var rapl = try made(RaplCollector.self, own.host)
        #expect(throws: CollectError.self) { try samples(&rapl) }
        try own.write("sys/class/powercap/intel-rapl:0/energy_uj", "1500000\n")
        #expect(
            try samples(&rapl) == [
                "node_rapl_package_joules_total{0,\(own.root)/sys/class/powercap/intel-rapl:0} 1.5"
            ])
    }

    @Test func zonesHaveTheNumberOfTheirNames() {
        for (zone, name, number) in [
            ("package-1", "package", 1), ("core", "core", nil), ("package-0-die-1", "package-0-die-1", nil),
            ("dram-x", "dram-x", nil), ("", "", nil),
        ] {
            let parts = RaplCollector.parts(zone)
            #expect(parts.name == name && parts.number == number, "\(zone)")
        }
    }

    @Test func labelsOfModulesAreReadAgain() throws {
        let row = "sys/devices/system/edac/mc/mc0/csrow3"
        let own = try TemporaryHost(["\(row)/ch1_ce_count": "4", "\(row)/chX_ce_count": "5"])
        var edac = try made(EdacCollector.self, own.host)
        #expect(try samples(&edac) == ["node_edac_channel_correctable_errors_total{1,0,3,unknown} 4"])
        try own.write("\(row)/ch1_dimm_label", "A#1csrow#2channel#3 \n")
        #expect(try samples(&edac) == ["node_edac_channel_correctable_errors_total{1,0,3,A1_csrow2_channel3} 4"])
    }

    @Test func namesOfPCIDevicesFallBackToTheirNumbers() throws {
        var pci = try made(PCIDeviceCollector.self, #"{"names": true, "idsfile": "/nonexistent"}"#, Self.host)
        #expect(try text(&pci).contains(#"class_name="Unknown class (010802)""#))
        #expect(try text(&pci).contains(#"vendor_name="144d""#))
    }
}

extension HardwareCollectorsTests {
    private func made<Made: Collector>(_ type: Made.Type, _ host: Host) throws -> Made { try made(type, "{}", host) }
}
