// A chip of /sys/class/hwmon: what it is called, and which attributes it has. Documentation/hwmon/sysfs-interface.rst.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs

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

    init(_ label: String, _ chip: HwmonChipName, _ families: HwmonFamilies, _ problem: inout FirstProblem) {
        self.label = label
        name = chip.driverName
        var sensors: [Sensor] = []
        let found = Self.attributes(of: chip.path, &problem)
        for sensor in found.keys.sorted(by: isBefore) {
            guard let attributes = found[sensor] else { continue }
            let label = attributes.first { $0.name.element == "label" }.flatMap { labels in
                problem.noted { () throws(KernelFileError) in try Attribute(labels.path).text() }
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

    /// The attributes of each sensor. Old drivers have theirs in the directory of the device.
    private static func attributes(
        of path: String, _ problem: inout FirstProblem
    ) -> [String: [(name: HwmonName, path: String)]] {
        var found: [String: [(name: HwmonName, path: String)]] = [:]
        for directory in [path, "\(path)/device"] {
            let files = problem.noted { () throws(KernelFileError) in try entries(of: directory) }
            for file in (files ?? []).sorted() {
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
