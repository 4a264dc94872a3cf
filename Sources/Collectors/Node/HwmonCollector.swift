// Sensors of the hardware: chips of /sys/class/hwmon. See Documentation/hwmon/sysfs-interface.rst.
//
// What a chip has is looked at when it appears, and its attributes are then read again and again.

internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

struct HwmonCollector: Collector {
    static let name = "hwmon"
    static let isEnabledByDefault = true
    /// Besides these, each attribute of each kind of sensor is a family.
    static let metrics = [chipNames, sensorLabel] + HwmonFamilies.fixed

    private static let chipNames = MetricDescriptor(
        "node_hwmon_chip_names", .gauge, labels: ["chip", "chip_name"],
        help: "What the driver calls the chip; always 1.")
    private static let sensorLabel = MetricDescriptor(
        "node_hwmon_sensor_label", .gauge, labels: ["chip", "label", "sensor"],
        help: "What the driver or the board calls the sensor; always 1.")

    /// What is always 1: known when the chips are.
    private struct Info {
        let descriptor: MetricDescriptor
        let labels: [String]
    }

    private var chips: DeviceList<HwmonChip>
    private let sensors: NameFilter
    private let families = HwmonFamilies()
    /// Of all chips, made anew when these are.
    private var generation = -1
    private var infos: [Info] = []
    private var readings: [(chip: String, reading: HwmonChip.Reading)] = []

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        let chosen = try NameFilter(&section, "chip")
        sensors = try NameFilter(&section, "sensor")
        let families = families
        chips = DeviceList("\(host.sys)/class/hwmon") { name, path throws(KernelFileError) in
            let chip = HwmonChip.label(of: path, name: name)
            return chosen.takes(chip) ? try HwmonChip(chip, at: path, families) : nil
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try chips.refreshOrAbsent()
        if chips.generation != generation { lookAround() }
        for info in infos { snapshot.add(info.descriptor, 1, labels: info.labels) }
        var problem = FirstProblem()
        for (chip, reading) in readings {
            let number = problem.noted { () throws(KernelFileError) in try reading.attribute.numberIfAny() }
            guard let number else { continue }
            snapshot.add(reading.descriptor, reading.scale(number), chip, reading.sensor)
        }
        try problem.throwIfAny()
    }

    /// Two chips may have the same name when nothing in their paths tells them apart, and two sensors the same label.
    /// A series must not be served twice: the first is.
    private mutating func lookAround() {
        generation = chips.generation
        infos = []
        readings = []
        var seen: Set<[String]> = []
        for chip in chips.devices {
            if let name = chip.name, seen.insert([chip.label]).inserted {
                infos.append(Info(descriptor: Self.chipNames, labels: [chip.label, name]))
            }
            for sensor in chip.sensors where sensors.takes("\(chip.label);\(sensor.name)") {
                if let label = sensor.label, seen.insert([chip.label, sensor.name]).inserted {
                    infos.append(Info(descriptor: Self.sensorLabel, labels: [chip.label, label, sensor.name]))
                }
                for reading in sensor.readings
                where seen.insert([chip.label, reading.sensor, reading.descriptor.name]).inserted {
                    readings.append((chip.label, reading))
                }
            }
        }
    }
}

/// A chip as it was found when it appeared.
struct HwmonChip {
    struct Reading {
        let attribute: Attribute
        let descriptor: MetricDescriptor
        let scale: Scale
        /// The label: the sensor, or what stands for it.
        let sensor: String
    }

    struct Sensor {
        let name: String
        let label: String?
        let readings: [Reading]
    }

    let label: String
    let name: String?
    let sensors: [Sensor]

    init(_ label: String, at path: String, _ families: HwmonFamilies) throws(KernelFileError) {
        self.label = label
        name = try Self.cleanName(path)
        var sensors: [Sensor] = []
        let found = Self.attributes(of: path)
        for sensor in found.keys.sorted(by: isBefore) {
            guard let attributes = found[sensor] else { continue }
            let label = try attributes.first { $0.name.element == "label" }.flatMap { labels throws(KernelFileError) in
                try Attribute(labels.path).text()
            }
            let isBeside = attributes.contains { $0.name.element.isEmpty }
            var readings: [Reading] = []
            for (name, path) in attributes where name.element != "label" {
                guard
                    let (descriptor, scale) = families.family(
                        of: name, isBesideSensor: isBeside, isLabelled: label != nil)
                else { continue }
                let isFrequency = name.kind == .frequency && name.element == "input"
                readings.append(
                    Reading(
                        attribute: Attribute(path), descriptor: descriptor, scale: scale,
                        sensor: isFrequency ? HwmonName.cleaned(label ?? "") : sensor))
            }
            sensors.append(Sensor(name: sensor, label: label, readings: readings))
        }
        self.sensors = sensors
    }

    /// The chip's place among the devices, which stays when drivers are loaded in another order: `platform_coretemp_0`.
    /// A chip without a device has its own name, else that of its directory.
    static func label(of path: String, name: String) -> String {
        do throws(Errno) {
            let words = try realPath("\(path)/device").utf8.split(separator: UInt8(ascii: "/")).suffix(2)
            let cleaned = words.map { HwmonName.cleaned(String(Substring($0))) }.filter { !$0.isEmpty }
            if let device = cleaned.last, words.last.map({ HwmonName.cleaned(String(Substring($0))) }) == device {
                return cleaned.joined(separator: "_")
            }
        } catch {
            // It has no device: a virtual chip.
        }
        do throws(KernelFileError) { return try cleanName(path) ?? HwmonName.cleaned(name) } catch {
            return HwmonName.cleaned(name)
        }
    }

    private static func cleanName(_ path: String) throws(KernelFileError) -> String? {
        let name = HwmonName.cleaned(try Attribute("\(path)/name").text() ?? "")
        return name.isEmpty ? nil : name
    }

    /// The attributes of each sensor. Old drivers have theirs in the directory of the device.
    private static func attributes(of path: String) -> [String: [(name: HwmonName, path: String)]] {
        var found: [String: [(name: HwmonName, path: String)]] = [:]
        for directory in [path, "\(path)/device"] {
            var files: [String] = []
            do throws(Errno) { files = try directoryEntries(directory) } catch { continue }
            for file in files.sorted() {
                guard let name = HwmonName(file), isFile("\(directory)/\(file)") else { continue }
                found[name.sensor, default: []].removeAll { $0.name == name }
                found[name.sensor, default: []].append((name, "\(directory)/\(file)"))
            }
        }
        return found
    }

    /// Each device has a directory `power`, which is no sensor.
    private static func isFile(_ path: String) -> Bool {
        do throws(Errno) { return try FileStatus(of: path).kind == .regular } catch { return false }
    }
}
